"""From records and runs to rows of the catalogue."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections import defaultdict
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import select

from data_catalog import catalog_tables as tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Column, Connection, Table

    from data_catalog.lineage import Code, Record
    from data_catalog.runs import Did, Run

Row = dict[str, Any]
Rows = dict[str, Row]
"""Rows of a numbered table by their digest, without number and digest."""
ASKED = 5000
"""Digests asked for in one statement: SQLite takes 32,766 at most."""
OF_A_PATIENT = re.compile(r"(?P<patient>[^/]+)/v(?P<visit>\d+)/(?P<modality>[^/\[]+)")
"""The beginning of an item that is of one patient: pseudonym, visit, modality."""
MANY = 500
"""Rows from which on PostgreSQL takes them as a stream."""
KNOWN_TEXTS = 4096
PACKED = (tables.artefact, tables.record)
"""The long tables: the digests of their rows are held in half the memory."""


class Numbers(Protocol):
    """Gives rows their numbers."""

    def of(self, table: Table, rows: Rows) -> dict[str, int]:
        """Return the number of each row by its digest; rows that are new are added."""


class SharedNumbers:
    """Numbers that the database gives: other writers may add the same rows at the same time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, table: Table, rows: Rows) -> dict[str, int]:
        """Return the number of each row by its digest; rows that are new are added."""
        found = known(self._connection, table, rows)
        # in order: two writers that wait for each other's rows would wait for ever
        missing = [{"digest": digest, **rows[digest]} for digest in sorted(rows.keys() - found.keys())]
        if missing:
            insert_new(self._connection, table, missing)
            found |= known(self._connection, table, [row["digest"] for row in missing])
        return found


class OwnNumbers:
    """Numbers that are counted here: nobody else writes into the tables, which were empty."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, dict[bytes | str, int]] = defaultdict(dict)

    def of(self, table: Table, rows: Rows) -> dict[str, int]:
        """Return the number of each row by its digest; rows that are new are added."""
        held = self._known[table.name]
        new: list[Row] = []
        found: dict[str, int] = {}
        packed = table in PACKED
        for digest, row in rows.items():
            key = bytes.fromhex(digest) if packed else digest
            number = held.get(key)
            if number is None:
                number = held[key] = len(held) + 1
                new.append({"id": number, "digest": digest, **row})
            found[digest] = number
        if new:
            insert_new(self._connection, table, new)
        return found


def known(connection: Connection, table: Table, digests: Iterable[str]) -> dict[str, int]:
    """Return the numbers of those rows of a table that are there, by digest."""
    return dict(_rows_of(connection, (table.c.digest, table.c.id), digests))


def _rows_of(connection: Connection, columns: Sequence[Column[Any]], digests: Iterable[str]) -> Iterator[Any]:
    """Yield some columns of the rows of these digests that are there; the first column is the digest."""
    asked = list(digests)
    for start in range(0, len(asked), ASKED):
        yield from connection.execute(select(*columns).where(columns[0].in_(asked[start : start + ASKED])))


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add those rows that are not there yet; all have the same columns, two at least.

    The statement goes to the driver as it is: to bind each value by its name took a third of the time.
    """
    if not rows:
        return
    quoted, columns = connection.dialect.identifier_preparer.quote, list(rows[0])
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    names, marks = ", ".join(map(quoted, columns)), ", ".join([mark] * len(columns))
    values = list(map(itemgetter(*columns), rows))
    if connection.dialect.name == "postgresql" and len(rows) >= MANY:
        _copy(connection, quoted(table.name), names, values)
        return
    statement = f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    connection.exec_driver_sql(statement, values)


def _copy(connection: Connection, table: str, names: str, values: Iterable[tuple[Any, ...]]) -> None:
    """Add many rows to a table of PostgreSQL by way of one beside it: a catalogue is made anew in 15 s, not 26."""
    aside = f"new_{uuid.uuid4().hex}"
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE {aside} ON COMMIT DROP AS SELECT {names} FROM {table} LIMIT 0")
        with cursor.copy(f"COPY {aside} ({names}) FROM STDIN") as copy:
            for row in values:
                copy.write_row(row)
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {aside} ON CONFLICT DO NOTHING")
        cursor.execute(f"DROP TABLE {aside}")


def add_records(connection: Connection, numbers: Numbers, records: Sequence[Record]) -> None:
    """Add records, in the order of their keys, with all that they name."""
    held = sorted({record.key: record for record in records}.values(), key=lambda record: record.key)
    refs = {ref.digest: ref for record in held for ref in (record.output, *record.parents())}
    artefacts = numbers.of(tables.artefact, {digest: {"kind": ref.kind} for digest, ref in refs.items()})
    codes = {_code_digest(one.code, one.python): one for one in held}
    code_ids = numbers.of(tables.code, {digest: _code_row(one.code, one.python) for digest, one in codes.items()})
    texts = [_text(record) for record in held]
    methods = {_sha256(text): (text, record.parameters) for text, record in zip(texts, held, strict=True)}
    parameter_ids = numbers.of(tables.parameters, {digest: {"text": text} for digest, (text, _) in methods.items()})
    items = numbers.of(tables.item, {record.item: item_row(record.item) for record in held})
    rows = {
        record.key: {
            "artefact_id": artefacts[record.output.digest],
            "kind": record.output.kind,
            "stage": record.stage,
            "item_id": items[record.item],
            "modality": item_row(record.item)["modality"],
            "code_id": code_ids[_code_digest(record.code, record.python)],
            "parameters_id": parameter_ids[_sha256(text)],
            "started": record.started,
            "seconds": record.seconds,
            "cpu_seconds": record.cpu_seconds,
            "bytes": record.bytes,
            "peak_bytes": record.peak_bytes,
        }
        for text, record in zip(texts, held, strict=True)
    }
    ids = numbers.of(tables.record, rows)
    insert_new(
        connection,
        tables.method,
        [
            {"name": name, "parameters_id": parameter_ids[digest]}
            for digest, (_, parameters) in sorted(methods.items())
            for name in sorted(methods_in(parameters))
        ],
    )
    insert_new(connection, tables.used, list(_used(held, ids, artefacts)))
    insert_new(connection, tables.read, list(_read(held, ids)))
    insert_new(connection, tables.source, list(_sources(held, ids)))
    called = {(items[record.item], ids[record.key]) for record in held}
    insert_new(connection, tables.called, [{"item_id": one, "record_id": two} for one, two in sorted(called)])


def add_did(connection: Connection, numbers: Numbers, run: Run, did: Sequence[Did]) -> None:
    """Add a run and what it did, of the records that are there."""
    named = {"study": run.study, "started": run.started, "state": run.state}
    run_id = numbers.of(tables.run, {run.name: named})[run.name]
    connection.execute(tables.run.update().where(tables.run.c.id == run_id).values(state=run.state))
    columns = (tables.record.c.digest, tables.record.c.id, tables.record.c.started)
    there = {row.digest: row for row in _rows_of(connection, columns, {one.key for one in did})}
    held = [one for one in did if one.key in there]
    items = numbers.of(tables.item, {one.item: item_row(one.item) for one in held})
    rows = {
        there[one.key].id: {
            "run_id": run_id,
            "record_id": there[one.key].id,
            "stage": one.stage,
            "started": there[one.key].started,
            "how": one.how,
        }
        for one in reversed(held)
    }
    insert_new(connection, tables.did, [rows[number] for number in sorted(rows)])
    called = {(items[one.item], there[one.key].id) for one in held}
    insert_new(connection, tables.called, [{"item_id": one, "record_id": two} for one, two in sorted(called)])


@lru_cache(KNOWN_TEXTS)
def item_row(item: str) -> Row:
    """Return what an item's name tells."""
    told = OF_A_PATIENT.match(item)
    if told is None:
        return {"patient": None, "visit": None, "modality": None}
    return {"patient": told["patient"], "visit": int(told["visit"]), "modality": told["modality"]}


def methods_in(parameters: object) -> set[str]:
    """Return the names of all methods among some parameters, however deep."""
    found: set[str] = set()
    waiting = [parameters]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            if isinstance(name := value.get("method"), str):
                found.add(name)
        elif isinstance(value, list | tuple):
            waiting += value
    return found


def _text(record: Record) -> str:
    return json.dumps(record.parameters, sort_keys=True)


@lru_cache(KNOWN_TEXTS)
def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _code_row(code: Code, python: str) -> Row:
    return {"sha256": code.digest, "version": code.version, "python": python, "places": json.dumps(code.places)}


@lru_cache(KNOWN_TEXTS)
def _code_digest(code: Code, python: str) -> str:
    return _sha256(json.dumps(_code_row(code, python), sort_keys=True))


def _used(records: Iterable[Record], ids: dict[str, int], artefacts: dict[str, int]) -> Iterator[Row]:
    for record in records:
        named = ((name, ref) for name, refs in record.inputs.items() for ref in refs)
        for place, (name, ref) in enumerate(named):
            yield {
                "record_id": ids[record.key],
                "place": place,
                "name": name,
                "kind": ref.kind,
                "artefact_id": artefacts[ref.digest],
            }


def _read(records: Iterable[Record], ids: dict[str, int]) -> Iterator[Row]:
    for record in records:
        for place, (name, digests) in enumerate(record.sources.items()):
            packed = bytes.fromhex("".join(digests))
            yield {"record_id": ids[record.key], "place": place, "name": name, "digests": packed}


def _sources(records: Iterable[Record], ids: dict[str, int]) -> list[Row]:
    pairs = {
        (head, ids[record.key])
        for record in records
        for digests in record.sources.values()
        for head in tables.heads_of(digests)
    }
    return [{"head": head, "record_id": number} for head, number in sorted(pairs)]
