"""The tables of the catalogue: an index of the records and runs of a store, the same in SQLite and PostgreSQL.

Whatever stands here can be read from the store again. What many records share (code, parameters, the names of items)
stands once; what is searched by stands beside the time, so that the newest are found without a look at all. Times are
text in ISO 8601, UTC, which sorts as it should.
"""

from __future__ import annotations

from struct import iter_unpack
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

DIGEST = 64
"""Characters of a SHA-256."""
metadata = MetaData()

artefact = Table(
    "artefact",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(DIGEST), nullable=False, unique=True),
    Column("kind", Text, nullable=False),
)
code = Table(
    "code",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(DIGEST), nullable=False, unique=True),  # of all that follows
    Column("sha256", String(DIGEST), nullable=False),
    Column("version", Text, nullable=False),
    Column("python", Text, nullable=False),
    Column("places", Text, nullable=False),  # JSON
)
parameters = Table(
    "parameters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(DIGEST), nullable=False, unique=True),
    Column("text", Text, nullable=False),  # JSON, sorted
)
method = Table(
    "method",
    metadata,
    Column("name", Text, nullable=False),
    Column("parameters_id", Integer, ForeignKey("parameters.id"), nullable=False),
    PrimaryKeyConstraint("name", "parameters_id"),
    sqlite_with_rowid=False,
)
item = Table(
    "item",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),  # its name
    Column("patient", Text),
    Column("visit", Integer),
    Column("modality", Text),
    Index("item_of_patient", "patient"),
)
record = Table(
    "record",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(DIGEST), nullable=False, unique=True),  # its key
    Column("artefact_id", Integer, ForeignKey("artefact.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("item_id", Integer, ForeignKey("item.id"), nullable=False),
    Column("modality", Text),
    Column("code_id", Integer, ForeignKey("code.id"), nullable=False),
    Column("parameters_id", Integer, ForeignKey("parameters.id"), nullable=False),
    Column("started", String(32), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("cpu_seconds", Float, nullable=False),
    Column("bytes", BigInteger),
    Column("peak_bytes", BigInteger),
    Index("record_of_artefact", "artefact_id"),
    Index("record_by_time", "started"),
    Index("record_by_kind", "kind", "started"),
    Index("record_by_stage", "stage", "started"),
    Index("record_by_stage_and_modality", "stage", "modality", "started"),
    Index("record_by_modality", "modality", "started"),
    Index("record_by_code", "code_id", "started"),
    Index("record_by_parameters", "parameters_id", "started"),
)
used = Table(
    "used",
    metadata,
    Column("record_id", Integer, ForeignKey("record.id"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("artefact_id", Integer, ForeignKey("artefact.id"), nullable=False),
    PrimaryKeyConstraint("record_id", "place"),
    Index("used_artefact", "artefact_id", "record_id"),
    sqlite_with_rowid=False,
)
read = Table(
    "read",
    metadata,
    Column("record_id", Integer, ForeignKey("record.id"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("digests", LargeBinary, nullable=False),  # the SHA-256 of the source files, 32 bytes each
    PrimaryKeyConstraint("record_id", "place"),
)
source = Table(  # from a file to what was made of it: eight bytes of the digest find it, `read` tells whether it is it
    "source",
    metadata,
    Column("head", BigInteger, nullable=False),
    Column("record_id", Integer, ForeignKey("record.id"), nullable=False),
    PrimaryKeyConstraint("head", "record_id"),
    sqlite_with_rowid=False,
)
called = Table(  # the names that runs knew a record's item by: one content may be of several items
    "called",
    metadata,
    Column("item_id", Integer, ForeignKey("item.id"), nullable=False),
    Column("record_id", Integer, ForeignKey("record.id"), nullable=False),
    PrimaryKeyConstraint("item_id", "record_id"),
    sqlite_with_rowid=False,
)
run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),  # its name
    Column("study", Text, nullable=False),
    Column("started", String(32), nullable=False),
    Column("state", Text, nullable=False),
)
did = Table(
    "did",
    metadata,
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False),
    Column("record_id", Integer, ForeignKey("record.id"), nullable=False),
    Column("stage", Text, nullable=False),
    Column("started", String(32), nullable=False),
    Column("how", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "record_id"),
    Index("did_by_time", "run_id", "started"),
    Index("did_by_stage", "run_id", "stage", "started"),
    sqlite_with_rowid=False,
)
NUMBERED = (artefact, code, parameters, item, record, run)
"""Tables whose rows have a number, and a `digest` by which they are known outside."""
OTHERS = (method, used, read, source, called, did)
HEAD_BYTES = 8


def head_of(digest: str) -> int:
    """Return the number that the beginning of a digest is, as databases have it: 64 bits with a sign."""
    return int.from_bytes(bytes.fromhex(digest[: 2 * HEAD_BYTES]), "big", signed=True)


def heads_of(digests: Iterable[str]) -> set[int]:
    """Return `head_of` of many digests of 64 characters, each once."""
    packed = bytes.fromhex("".join(digests))
    return {head for (head,) in iter_unpack(f">q{DIGEST // 2 - HEAD_BYTES}x", packed)}
