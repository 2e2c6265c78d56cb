"""Make a catalogue anew from what lies in the store."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url, text

from data_catalog import catalog_tables as t
from data_catalog.catalog import Catalog
from data_catalog.catalog_engine import BATCH, bring_up_to_date, engine_of, migrate, sqlite_url, told
from data_catalog.catalog_rows import OwnNumbers, add_did, add_records
from data_catalog.collector import paused
from data_catalog.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine

    from data_catalog.lineage import Record
    from data_catalog.store import Store


def rebuild(store: Store, url: str, progress: Callable[[int], None] | None = None) -> Catalog:
    """Make a catalogue anew from the records and runs of a store; whatever it held before is gone.

    A SQLite file is written aside and then takes the old one's place, whatever state that is in. A PostgreSQL database
    is filled in one transaction: nobody ever sees it half full.

    Parameters
    ----------
    store : Store
        The store.
    url : str
        The catalogue.
    progress : callable
        Told from time to time how many records have been added.

    Raises
    ------
    CatalogError
        When the database cannot be reached or written.
    """
    tell = progress or (lambda _: None)
    parts = make_url(url)
    with told():
        if parts.get_backend_name() == "sqlite" and parts.database:
            _rebuild_file(store, Path(parts.database), tell)
        else:
            engine = engine_of(url)
            bring_up_to_date(engine)
            with engine.begin() as connection:
                names = ", ".join(table.name for table in t.metadata.sorted_tables)
                connection.execute(text(f"TRUNCATE {names}"))
                with _indexed_later(connection):
                    _fill(connection, store, tell)
                for table in t.NUMBERED:
                    last = f"GREATEST((SELECT max(id) FROM {table.name}), 1)"
                    connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {last})"))
            with engine.begin() as connection:
                connection.execute(text("ANALYZE"))
            engine.dispose()
    return Catalog(url)


def _rebuild_file(store: Store, file: Path, tell: Callable[[int], None]) -> None:
    aside = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    try:
        engine = engine_of(sqlite_url(aside), careful=False)
        _fill_file(engine, store, tell)
        # a writer that was killed left it: the next who opens the new file would play it back into it
        file.with_name(f"{file.name}-journal").unlink(missing_ok=True)
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)


def _fill_file(engine: Engine, store: Store, tell: Callable[[int], None]) -> None:
    with engine.connect() as connection:
        migrate(connection)
        with _indexed_later(connection):
            _fill(connection, store, tell)
        connection.exec_driver_sql("PRAGMA analysis_limit=10000")
        connection.exec_driver_sql("ANALYZE")
        connection.commit()


@contextmanager
def _indexed_later(connection: Connection) -> Iterator[None]:
    """Have the indexes that no uniqueness needs made when the block is through, which takes a third of the time."""
    indexes = [index for table in t.metadata.sorted_tables for index in table.indexes]
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)


def _fill(connection: Connection, store: Store, tell: Callable[[int], None]) -> None:
    numbers, count = OwnNumbers(connection), 0
    with paused():
        for records in _batches(store):
            add_records(connection, numbers, records)
            count += len(records)
            tell(count)
    runs = Runs(store)
    for run in runs.all():
        did = runs.did(run.name)
        for start in range(0, max(len(did), 1), BATCH):
            add_did(connection, numbers, run, did[start : start + BATCH])


def _batches(store: Store) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in store.every_record():
        batch.append(record)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    yield batch
