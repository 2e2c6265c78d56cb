"""What a run of a flow notes of itself in the store: what it did, what it gave, and that it is still going."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_catalog.errors import StoreError
from data_catalog.held_runs import is_killed
from data_catalog.refs import Digest, Ref
from data_catalog.store import CODES, RUNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from data_catalog.store import Store

HEAD = "run.json"
PART = "did-{:05d}.jsonl"
PINNED = "pinned"
"""A file of a run that is to be kept for ever."""
BEAT_SECONDS = 60.0
"""How often a run that is going says so."""
SILENT = timedelta(minutes=30)
"""A run that has not said for so long that it is going was killed, whatever machine it was on."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}-\d{8}T\d{6}-[0-9a-f]{6}$")]
"""Study, when it was begun (UTC), and six digits by chance: `lungs-20261128T221904-3f9a1c`."""


class Run(BaseModel):
    """One run of a flow: of which study, when, and what it gave."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    study: str
    flow: str
    version: str
    """Version of voxmine."""
    started: str
    """UTC, ISO 8601, as all times here."""
    beat: str
    """When it last said that it is going, or when it ended."""
    state: Literal["going", "completed", "failed"] = "going"
    results: dict[str, Ref] = {}
    """What it gave, by name (`report`, `cohort.cohort`)."""
    plan: dict[str, Any] = {}
    """The fields of the plan that name no place: neither sources, nor folders, nor machines."""

    def is_going(self, now: datetime) -> bool:
        """Return whether it has not ended, and has said so lately."""
        return self.state == "going" and now - datetime.fromisoformat(self.beat) < SILENT


class Did(NamedTuple):
    """One item of a run: which stage made, or found made, which artefact of it."""

    stage: str
    item: str
    key: str
    kind: str
    digest: str
    how: str
    """`computed` or `reused`."""

    @property
    def ref(self) -> Ref:
        """The artefact."""
        return Ref(kind=self.kind, digest=self.digest)


class CodeParts(BaseModel):
    """What one digest of code stands for, part by part, so that a change of it can be named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Digest
    parts: dict[str, str]
    """SHA-256 of the statements of each module or function; of each library its version."""


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def moment() -> str:
    """Return the time as it is written down."""
    return now().isoformat(timespec="milliseconds")


class Runs:
    """The runs that a store knows.

    A run is a folder `runs/<name>` with `run.json`, which says what it is, and parts `did-00001.jsonl` of one line an
    item, which are added while it is going: of a run that was killed is known what it had done.

    Parameters
    ----------
    store : Store
        The store.
    """

    def __init__(self, store: Store) -> None:
        self._store, self._shelf = store, store.shelf

    def write(self, run: Run) -> None:
        """Write what a run is, in place of what was written before."""
        self._shelf.write(f"{RUNS}/{run.name}/{HEAD}", run.model_dump_json(indent=1).encode())

    def add(self, name: str, number: int, did: Iterable[Did]) -> None:
        """Write the part of this number of what a run did."""
        lines = "".join(json.dumps(one) + "\n" for one in did)
        self._shelf.write(f"{RUNS}/{name}/{PART.format(number)}", lines.encode())

    def names(self) -> list[str]:
        """Return the names of all runs, sorted."""
        return sorted({name.partition("/")[0] for name in self._shelf.listing(RUNS) if name.endswith(f"/{HEAD}")})

    def all(self) -> list[Run]:
        """Return all runs, the oldest first."""
        return sorted(self._shelf.each(self.read, self.names()), key=lambda run: (run.started, run.name))

    def read(self, name: str) -> Run:
        """Return a run by its name.

        Raises
        ------
        StoreError
            When there is none, or its file is cut.
        """
        try:
            return Run.model_validate_json(self._shelf.read(f"{RUNS}/{name}/{HEAD}"))
        except (FileNotFoundError, ValidationError):
            raise StoreError(
                f"{name!r} is a run that the store knows",
                "there is none, or its file is cut",
                "`voxmine runs` lists them.",
            ) from None

    def find(self, beginning: str) -> Run:
        """Return the run whose name is, begins, or ends so; `last` is the one that was begun last.

        Raises
        ------
        StoreError
            When it is none, or several.
        """
        known = self.names()
        if beginning == "last" and known:
            return self.all()[-1]
        exact = [name for name in known if name == beginning]
        found = exact or [name for name in known if beginning and name.startswith(beginning)]
        found = found or [name for name in known if beginning and name.endswith(beginning)]
        if len(found) != 1:
            raise StoreError(
                f"{beginning!r} names one run",
                f"it names {len(found)}",
                "`voxmine runs` lists them; `last` is the last.",
            )
        return self.read(found[0])

    def did(self, name: str) -> list[Did]:
        """Return what a run did, in order, each key of each item once."""
        parts = sorted(part for part in self._shelf.listing(f"{RUNS}/{name}") if part.startswith("did-"))
        texts = self._shelf.each(self._shelf.read, [f"{RUNS}/{name}/{part}" for part in parts])
        lines = (Did(*json.loads(line)) for text in texts for line in text.splitlines())
        return list({(one.key, one.item): one for one in lines}.values())

    def pin(self, name: str, *, pinned: bool = True) -> None:
        """Keep a run for ever, or no longer."""
        self.read(name)
        if pinned:
            self._shelf.write(f"{RUNS}/{name}/{PINNED}", b"")
        elif self.is_pinned(name):
            self._shelf.remove(f"{RUNS}/{name}/{PINNED}")

    def is_pinned(self, name: str) -> bool:
        """Return whether a run is kept for ever."""
        return bool(self._shelf.sizes(f"{RUNS}/{name}", [PINNED]))

    def going(self) -> list[Run]:
        """Return the runs that are going."""
        return [run for run in self.all() if self.is_going(run)]

    def is_going(self, run: Run) -> bool:
        """Return whether a run has not ended, has said so lately, and its process was not seen to be gone."""
        return run.is_going(now()) and not is_killed(self._store, run.name)

    def remove(self, name: str) -> None:
        """Forget a run; what it made is left. Its head goes first: what lacks it is no run."""
        files = sorted(self._shelf.listing(f"{RUNS}/{name}"), key=lambda file: file != HEAD)
        for file in files:
            self._shelf.remove(f"{RUNS}/{name}/{file}")

    def write_code(self, code: CodeParts) -> None:
        """Write what a digest of code stands for, unless it is there."""
        name = f"{code.digest}.json"
        if not self._shelf.sizes(CODES, [name]):
            self._shelf.write(f"{CODES}/{name}", code.model_dump_json(indent=1).encode())

    def code(self, digest: str) -> CodeParts | None:
        """Return what a digest of code stands for, or None where nobody has noted it."""
        try:
            return CodeParts.model_validate_json(self._shelf.read(f"{CODES}/{digest}.json"))
        except (FileNotFoundError, ValidationError):
            return None
