"""The catalogue: an index of a store's records and runs in a database; the store is the truth."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, case, func, select

from data_catalog import catalog_tables as t
from data_catalog.catalog_engine import BATCH, bring_up_to_date, engine_of, reading, told
from data_catalog.catalog_rows import ASKED, SharedNumbers, add_did, add_records, known
from data_catalog.catalog_search import Asked, newest
from data_catalog.errors import StoreError
from data_catalog.refs import Ref
from data_catalog.store import SHORTEST_PREFIX
from data_catalog.ways import Some, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Select

    from data_catalog.lineage import Record
    from data_catalog.runs import Did, Run


MIB = 2**20


class Found(NamedTuple):
    """One record that a search has found."""

    ref: Ref
    stage: str
    item: str
    started: str
    version: str
    key: str


class Made(NamedTuple):
    """What was made from something, directly or through others."""

    ref: Ref
    stage: str
    item: str


class Spent(NamedTuple):
    """What a run spent on one stage; what it found made has cost it nothing."""

    stage: str
    steps: int
    computed: int
    """Steps that were done, not found done."""
    seconds: float
    cpu_seconds: float
    bytes: int
    """Written, of artefacts whose records tell it."""
    peak_bytes: int | None
    """Highest memory of a process during one step; None where no record tells it."""

    def row(self) -> dict[str, str | float | None]:
        """Return it as a row of a table, by headings."""
        return {
            "stage": self.stage,
            "steps": self.steps,
            "computed": self.computed,
            "seconds": round(self.seconds, 1),
            "CPU seconds": round(self.cpu_seconds, 1),
            "MiB written": round(self.bytes / MIB, 1),
            "MiB of memory": None if self.peak_bytes is None else round(self.peak_bytes / MIB),
        }


class Catalog:
    """An index of the records and runs of one store.

    Parameters
    ----------
    url : str
        `sqlite:///path/of/a/file`, or `postgresql://host/database`; who may go there says the environment (`PGUSER`,
        `PGPASSWORD`, `~/.pgpass`). The tables are made, or brought up to date, when they are first needed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        with told(), ExitStack() as unless_opened:
            self.engine = engine_of(url)
            unless_opened.callback(self.engine.dispose)
            bring_up_to_date(self.engine)
            unless_opened.pop_all()

    def close(self) -> None:
        """Let the connections go."""
        self.engine.dispose()

    def add(self, records: Sequence[Record]) -> None:
        """Add records; those that are there already are left. Several writers may add at the same time."""
        with told():
            for start in range(0, len(records), BATCH):
                with self.engine.begin() as connection:
                    add_records(connection, SharedNumbers(connection), records[start : start + BATCH])

    def note(self, run: Run, did: Sequence[Did], record_of: Callable[[list[Did]], list[Record | None]]) -> None:
        """Add a run with what it did, and those records of it that are missing here.

        `record_of` gives the records of what was done, None where there is none.
        """
        with told():
            with reading(self.engine) as connection:
                there = known(connection, t.record, {one.key for one in did})
            for start in range(0, max(len(did), 1), BATCH):  # a run that did nothing is one, too
                part = did[start : start + BATCH]
                missing = record_of([one for one in part if one.key not in there])
                with self.engine.begin() as connection:
                    numbers = SharedNumbers(connection)
                    add_records(connection, numbers, [one for one in missing if one is not None])
                    add_did(connection, numbers, run, part)

    def resolve(self, name: str) -> Ref:
        """Return the artefact that a name or the beginning of a digest stands for (`volume-3f9a1c2b`, `3f9a1c`).

        Raises
        ------
        StoreError
            When it names none that the catalogue knows, or more than one.
        """
        prefix = name.rpartition("-")[2]
        found: list[Ref] = []
        if len(prefix) >= SHORTEST_PREFIX and set(prefix) <= set("0123456789abcdef"):
            asked = select(t.artefact.c.kind, t.artefact.c.digest).where(_begins(t.artefact.c.digest, prefix)).limit(2)
            found = [Ref(kind=kind, digest=digest) for kind, digest in self._rows(asked)]
        if len(found) != 1:
            raise StoreError(
                f"{name!r} names one artefact",
                "several have a digest that begins so" if found else "none has a digest that begins so",
                f"Give at least {SHORTEST_PREFIX} characters of the digest, or more of them.",
            )
        return found[0]

    def knows(self, ref: Ref) -> bool:
        """Return whether there is a record of an artefact."""
        wanted = t.artefact.c.digest == ref.digest
        asked = select(t.record.c.id).join(t.artefact, t.record.c.artefact_id == t.artefact.c.id).where(wanted).limit(1)
        return bool(self._rows(asked))

    def ways(self, refs: Sequence[Ref], most: int | None) -> list[list[Way]]:
        """Return of each artefact how it was made, the oldest first, each with the first parents of each kind."""
        asked = (
            select(
                t.artefact.c.digest.label("made"),
                t.record.c.id,
                t.record.c.digest.label("key"),
                t.record.c.stage,
                t.item.c.digest.label("item"),
                t.record.c.started,
                t.record.c.seconds,
                t.code.c.version,
                t.code.c.sha256,
                t.code.c.python,
                t.parameters.c.text,
            )
            .join(t.artefact, t.record.c.artefact_id == t.artefact.c.id)
            .join(t.item, t.record.c.item_id == t.item.c.id)
            .join(t.code, t.record.c.code_id == t.code.c.id)
            .join(t.parameters, t.record.c.parameters_id == t.parameters.c.id)
            .order_by(t.record.c.started, t.record.c.digest)
        )
        found: dict[str, list[Way]] = {ref.digest: [] for ref in refs}
        digests = list(found)
        with told(), reading(self.engine) as connection:
            for start in range(0, len(digests), ASKED):
                some = asked.where(t.artefact.c.digest.in_(digests[start : start + ASKED]))
                rows: Sequence[Any] = connection.execute(some).all()
                for first in range(0, len(rows), ASKED):  # each may have been made in many ways
                    part = rows[first : first + ASKED]
                    for row, way in zip(part, _ways(connection, part, most), strict=True):
                        found[row.made].append(way)
        return [found[ref.digest] for ref in refs]

    def unknown(self, asked: Asked) -> list[tuple[str, str, list[str]]]:
        """Return what is asked for that nothing has: the field, what was asked, and what there is of it, sorted."""
        columns = {
            "modality": t.record.c.modality,
            "stage": t.record.c.stage,
            "method": t.method.c.name,
            "version": t.code.c.version,
            "kind": t.record.c.kind,
        }
        found = []
        with told(), reading(self.engine) as connection:
            for field, column in columns.items():
                value: str | None = getattr(asked, field)
                known = [] if value is None else sorted(filter(None, connection.scalars(select(column).distinct())))
                if value is not None and value not in known:
                    found.append((field, value, known))
        return found

    def search(self, asked: Asked, most: int = 50) -> list[Found]:
        """Return the newest records that are as asked for, at most so many."""
        with told(), reading(self.engine) as connection:
            numbers = newest(connection, asked, most)
            wanted = (
                select(t.record.c.kind, t.artefact.c.digest, *_ABOUT)
                .join(t.artefact, t.record.c.artefact_id == t.artefact.c.id)
                .join(t.item, t.record.c.item_id == t.item.c.id)
                .join(t.code, t.record.c.code_id == t.code.c.id)
                .where(t.record.c.id.in_(numbers))
                .order_by(t.record.c.started.desc(), t.record.c.digest)
            )
            rows = connection.execute(wanted).all()
        return [Found(Ref(kind=kind, digest=digest), *about) for kind, digest, *about in rows]

    def descendants(self, ref: Ref) -> list[Made]:
        """Return all that was made from an artefact, directly or through others; each once, the oldest first."""
        return self._made_from(select(t.artefact.c.id).where(t.artefact.c.digest == ref.digest))

    def made_of_file(self, beginning: str) -> list[Made]:
        """Return all that was made from the source files whose SHA-256 begins so, directly or through others."""
        if len(beginning) < SHORTEST_PREFIX or not set(beginning) <= set("0123456789abcdef"):
            return []
        low, high = (t.head_of(beginning[:16].ljust(16, fill)) for fill in "0f")
        asked = (
            select(t.record.c.artefact_id, t.read.c.digests)
            .join(t.source, t.source.c.record_id == t.record.c.id)
            .join(t.read, t.read.c.record_id == t.record.c.id)
            .where(t.source.c.head.between(low, high))
        )
        made = {number for number, digests in self._rows(asked) if _holds(digests, beginning)}
        first = self._told_of(select(t.artefact.c.id).where(t.artefact.c.id.in_(made)))
        further = self._made_from(select(t.artefact.c.id).where(t.artefact.c.id.in_(made)))
        return list(dict.fromkeys([*first, *further]))

    def run_names(self) -> list[str]:
        """Return the names of the runs, the oldest first."""
        return [name for (name,) in self._rows(select(t.run.c.digest).order_by(t.run.c.started, t.run.c.digest))]

    def spent(self, run: str) -> list[Spent]:
        """Return what a run spent on each of its stages, in the order in which they were begun."""
        done = case((t.did.c.how == "computed", 1), else_=0)
        record = t.record.c
        peak = case((t.did.c.how == "computed", record.peak_bytes))
        sums = [func.sum(done * what) for what in (record.seconds, record.cpu_seconds, func.coalesce(record.bytes, 0))]
        asked = (
            select(t.did.c.stage, func.count(), func.sum(done), *sums, func.max(peak))
            .join(t.run, t.did.c.run_id == t.run.c.id)
            .join(t.record, t.did.c.record_id == record.id)
            .where(t.run.c.digest == run)
            .group_by(t.did.c.stage)
            .order_by(func.min(t.did.c.started), t.did.c.stage)
        )
        return [
            Spent(stage, steps, int(computed), float(seconds), float(cpu), int(written), most)
            for stage, steps, computed, seconds, cpu, written, most in self._rows(asked)
        ]

    def codes(self) -> list[tuple[str, str, str]]:
        """Return of each code that has made something its digest, its places (JSON), and the last version it was of."""
        code = (t.code.c.sha256, t.code.c.places)
        asked = select(*code, func.max(t.code.c.version)).group_by(*code).order_by(*code)
        return [tuple(row) for row in self._rows(asked)]

    def made_by_code(self, digest: str, unless: Iterable[str] = ()) -> list[Made]:
        """Return all that a code has made, the oldest first, but for what the same stage has made with others too.

        Parameters
        ----------
        digest : str
            The code's.
        unless : iterable of str
            Digests of the others.
        """
        again, other = t.record.alias(), t.code.alias()
        too = (
            select(again.c.id)
            .join(other, again.c.code_id == other.c.id)
            .where(again.c.artefact_id == t.record.c.artefact_id, again.c.stage == t.record.c.stage)
            .where(other.c.sha256.in_(list(unless)))
        )
        made = _MADE.join(t.code, t.record.c.code_id == t.code.c.id).where(t.code.c.sha256 == digest)
        return self._each_once(made.where(~too.exists()))

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has."""
        with told(), reading(self.engine) as connection:
            tables = (t.artefact, t.record, t.run, t.item, t.code, t.parameters)
            return {one.name: connection.execute(select(func.count()).select_from(one)).scalar_one() for one in tables}

    def _made_from(self, first: Select[Any]) -> list[Made]:
        below = (
            select(t.record.c.artefact_id.label("id"))
            .join(t.used, t.used.c.record_id == t.record.c.id)
            .where(t.used.c.artefact_id.in_(first))
            .cte("below", recursive=True)
        )
        further = (
            select(t.record.c.artefact_id)
            .join(t.used, t.used.c.record_id == t.record.c.id)
            .join(below, t.used.c.artefact_id == below.c.id)
        )
        return self._told_of(select(below.union(further).c.id))

    def _told_of(self, artefacts: Select[Any]) -> list[Made]:
        """Return some artefacts with the stage and the item of the first record of each."""
        return self._each_once(_MADE.where(t.artefact.c.id.in_(artefacts)))

    def _each_once(self, asked: Select[Any]) -> list[Made]:
        made: dict[str, Made] = {}
        for kind, digest, stage, item in self._rows(asked.order_by(t.record.c.started, t.record.c.digest)):
            made.setdefault(digest, Made(Ref(kind=kind, digest=digest), stage, item))
        return list(made.values())

    def _rows(self, asked: Select[Any]) -> Sequence[Any]:
        with told(), reading(self.engine) as connection:
            rows: Sequence[Any] = connection.execute(asked).all()
        return rows


_MADE = (
    select(t.artefact.c.kind, t.artefact.c.digest, t.record.c.stage, t.item.c.digest)
    .join(t.record, t.record.c.artefact_id == t.artefact.c.id)
    .join(t.item, t.record.c.item_id == t.item.c.id)
)
_ABOUT = (t.record.c.stage, t.item.c.digest, t.record.c.started, t.code.c.version, t.record.c.digest)


def _begins(column: Any, prefix: str) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    """Return the condition that a digest begins so, as the index can answer it in any collation."""
    return and_(column >= prefix, column < prefix + "g")


def _ways(connection: Connection, rows: Sequence[Any], most: int | None) -> Iterator[Way]:
    numbers = [row.id for row in rows]
    parents, files = _parents(connection, numbers, most), _files(connection, numbers)
    for row in rows:
        sources = files.get(row.id, ())
        yield Way(
            key=row.key,
            stage=row.stage,
            item=row.item,
            started=row.started,
            seconds=row.seconds,
            version=row.version,
            code=row.sha256,
            python=row.python,
            parameters=row.text,
            parents=parents.get(row.id, {}),
            sources=tuple(sources)[:most],
            source_count=len(sources),
        )


def _parents(connection: Connection, numbers: Sequence[int], most: int | None) -> dict[int, dict[str, Some]]:
    """Return of each record the first artefacts of each kind that it was made from, in the order of the inputs."""
    used, place = t.used.c, func.min(t.used.c.place)
    each = (used.record_id, used.kind)
    ranked = (
        select(
            used.record_id,
            used.kind,
            used.artefact_id,
            place.label("place"),
            func.row_number().over(partition_by=each, order_by=place).label("rank"),
            func.count().over(partition_by=each).label("many"),
        )
        .where(used.record_id.in_(numbers))
        .group_by(used.record_id, used.kind, used.artefact_id)
        .subquery()
    )
    asked = (
        select(ranked.c.record_id, ranked.c.kind, ranked.c.many, t.artefact.c.digest)
        .join(ranked, ranked.c.artefact_id == t.artefact.c.id)
        .order_by(ranked.c.record_id, ranked.c.place)
    )
    if most is not None:
        asked = asked.where(ranked.c.rank <= most)
    firsts: dict[int, dict[str, list[str]]] = {}
    counts: dict[tuple[int, str], int] = {}
    for number, kind, many, digest in connection.execute(asked).tuples():
        firsts.setdefault(number, {}).setdefault(kind, []).append(digest)
        counts[number, kind] = many
    return {
        number: {
            kind: Some(tuple(Ref(kind=kind, digest=digest) for digest in digests), counts[number, kind])
            for kind, digests in kinds.items()
        }
        for number, kinds in firsts.items()
    }


def _files(connection: Connection, numbers: Sequence[int]) -> dict[int, dict[str, None]]:
    """Return of each record the source files that it has read, in order."""
    asked = select(t.read.c.record_id, t.read.c.digests).order_by(t.read.c.record_id, t.read.c.place)
    found: dict[int, dict[str, None]] = {}
    for number, packed in connection.execute(asked.where(t.read.c.record_id.in_(numbers))).tuples():
        found.setdefault(number, {}).update(dict.fromkeys(_unpacked([packed])))
    return found


def _unpacked(packed: Iterable[bytes]) -> Iterator[str]:
    for digests in packed:
        yield from (digests[start : start + 32].hex() for start in range(0, len(digests), 32))


def _holds(digests: bytes, beginning: str) -> bool:
    return any(digest.startswith(beginning) for digest in _unpacked([digests]))
