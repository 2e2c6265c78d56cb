"""How the catalogue's database is reached: SQLite or PostgreSQL, made or brought up to date when first needed."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import NullPool, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from data_catalog.errors import MissingExtra, PlanError, VoxmineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

REVISION = "0002"
"""The newest version of the tables (`migrations/versions`)."""
WAIT_SECONDS = 60
"""How long a writer waits for others."""
TURN = 0x766F78
"""Number of the lock under which PostgreSQL lets one process at a time make the tables."""
BATCH = 2000
"""Records that are added in one transaction."""
PAGE_KIB = 128 * 1024
"""Memory for the pages of a SQLite file."""


class CatalogError(VoxmineError):
    """Say that the catalogue could not be reached, read or written; no result depends on it."""


def bring_up_to_date(engine: Engine) -> None:
    """Make the tables, or change those of an older version to the newest."""
    with reading(engine) as connection:
        if revision(connection) == REVISION:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({TURN})"))
        if revision(connection) != REVISION:  # else another process was first
            migrate(connection)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that writes nothing: readers do not wait for each other."""
    with engine.execution_options(writes=False).connect() as connection:
        yield connection


def migrate(connection: Connection) -> None:
    """Bring the tables to the newest version.

    Raises
    ------
    CatalogError
        When they are of a version that is not known here.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise CatalogError(
            f"The catalogue's tables are of version {REVISION} or an older one",
            f"they are of version {revision(connection)}",
            "Use the newer voxmine that has made them, or another database; a file is made anew by"
            " voxmine catalog rebuild. No result depends on it.",
        ) from None


def sqlite_url(file: Path) -> str:
    """Return the URL of a catalogue in a file."""
    return f"sqlite:///{file}"


def require_catalog_url(url: str) -> None:
    """Refuse what is no URL of a PostgreSQL database, or holds a password; its text is not repeated.

    Raises
    ------
    PlanError
        As said.
    """
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number is the latter
        parts = None
    if parts is None or parts.get_backend_name() != "postgresql":
        raise PlanError(
            "The catalogue that a plan names is a PostgreSQL database",
            "its URL is of none",
            "Write postgresql://host/database; or leave the field empty, which keeps a file in the workspace.",
        )
    if parts.password or any("password" in name.lower() for name in parts.query):
        raise PlanError(
            "The catalogue's URL names a place and at most a user",
            "it holds a password",
            "Give it by the environment (PGPASSWORD), or in ~/.pgpass.",
        )


def engine_of(url: str, *, careful: bool = True) -> Engine:
    """Return what connects to a database; a SQLite file is opened for each transaction, as it may be replaced.

    A file that nobody reads before it is whole, and that is thrown away if it does not come so far, needs no care.
    """
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite":
        parts = parts.set(drivername="postgresql+psycopg")
        try:
            return create_engine(parts, pool_pre_ping=True, connect_args={"connect_timeout": WAIT_SECONDS})
        except ModuleNotFoundError as missing:
            raise MissingExtra(
                "PostgreSQL is reached with psycopg",
                f"{missing.name} is not installed",
                'Install it: pip install "voxmine[postgres]"',
            ) from None
    if parts.database:
        _own(Path(parts.database))
    engine = create_engine(parts, poolclass=NullPool, connect_args={"timeout": WAIT_SECONDS})
    event.listen(engine, "connect", _settle if careful else _settle_carelessly)
    event.listen(engine, "begin", _begin)
    return engine


def _own(file: Path) -> None:
    """Make a file for its owner alone, unless it is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return


def _settle(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    """Set up a connection to a SQLite file: transactions are begun by `_begin` alone.

    The journal stays the plain one: that of the write-ahead kind does not work on network drives.
    """
    connection.isolation_level = None
    for setting in ("synchronous=NORMAL", f"cache_size=-{PAGE_KIB}", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {setting}")


def _settle_carelessly(connection: Any, record: object) -> None:  # noqa: ANN401 - the driver's own
    _settle(connection, record)
    for setting in ("synchronous=OFF", "journal_mode=OFF"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    """Begin a transaction that may write, so that two of them wait for each other instead of failing half-way."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes", True) else "BEGIN")


@contextmanager
def told() -> Iterator[None]:
    """Turn what the database raises into what a reader can act on."""
    try:
        yield
    except (SQLAlchemyError, OSError) as fault:
        cause = getattr(fault, "orig", None) or fault
        raise CatalogError(
            "The catalogue can be reached, and is whole",
            f"{type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else ''}",
            "No result depends on it. Once the database answers: voxmine catalog rebuild",
        ) from None


def revision(connection: Connection) -> str | None:
    """Return the version of the tables, or None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
