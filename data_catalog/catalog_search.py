"""Find the newest records that are as asked for, without a look at all the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, union_all

from data_catalog import catalog_tables as t

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection, Select

PARTS = 100
"""Sets of parameters, or codes, of which the newest are looked up one by one, as an index gives them; of more, all that
match are sorted."""


@dataclass(frozen=True)
class Asked:
    """What is searched for; what is None does not count."""

    patient: str | None = None
    modality: str | None = None
    stage: str | None = None
    method: str | None = None
    version: str | None = None
    run: str | None = None
    kind: str | None = None


def newest(connection: Connection, asked: Asked, most: int) -> list[int]:
    """Return the numbers of the newest records that are as asked for, at most so many."""
    record = t.record.c
    wanted = select(record.id, record.started, record.digest).where(*_conditions(asked))
    if asked.run is not None:
        wanted = select(record.id, t.did.c.started, record.digest).join_from(
            t.did, t.record, t.did.c.record_id == record.id
        )
        wanted = wanted.where(*_of_run(asked), *_conditions(asked))
    if asked.patient is not None:
        called = select(t.called.c.record_id).join(t.item, t.called.c.item_id == t.item.c.id)
        wanted = wanted.where(record.id.in_(called.where(t.item.c.patient == asked.patient)))
    rows = connection.execute(_limited(_split(connection, asked, wanted, most), most)).all()
    return [number for number, _, _ in rows]


def _conditions(asked: Asked) -> Iterator[ColumnElement[bool]]:
    if asked.stage is not None and asked.run is None:
        yield t.record.c.stage == asked.stage
    if asked.kind is not None:
        yield t.record.c.kind == asked.kind
    if asked.modality is not None:
        yield t.record.c.modality == asked.modality


def _of_run(asked: Asked) -> Iterator[ColumnElement[bool]]:
    yield t.did.c.run_id == select(t.run.c.id).where(t.run.c.digest == asked.run).scalar_subquery()
    if asked.stage is not None:
        yield t.did.c.stage == asked.stage


def _split(connection: Connection, asked: Asked, wanted: Select[Any], most: int) -> Select[Any]:
    """Narrow a search to a method and a version: the newest of each set of parameters, or code, then of all these."""
    codes = parameters = None
    if asked.version is not None:
        codes = list(connection.scalars(select(t.code.c.id).where(t.code.c.version == asked.version)))
    if asked.method is not None:
        named = select(t.method.c.parameters_id).where(t.method.c.name == asked.method)
        parameters = list(connection.scalars(named))
    if parameters is not None:
        wanted = wanted if codes is None else wanted.where(t.record.c.code_id.in_(codes))
        return _newest_of_each(wanted, t.record.c.parameters_id, parameters, most)
    return wanted if codes is None else _newest_of_each(wanted, t.record.c.code_id, codes, most)


def _newest_of_each(wanted: Select[Any], column: ColumnElement[int], numbers: list[int], most: int) -> Select[Any]:
    if len(numbers) == 1:
        return wanted.where(column == numbers[0])
    if not 0 < len(numbers) <= PARTS:
        return wanted.where(column.in_(numbers))
    parts = [select(_limited(wanted.where(column == number), most).subquery()) for number in numbers]
    return select(union_all(*parts).subquery())


def _limited(wanted: Select[Any], most: int) -> Select[Any]:
    _, started, digest = wanted.selected_columns
    return wanted.order_by(started.desc(), digest).limit(most)
