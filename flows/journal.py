"""What a run notes down while it is going: in the store what it did, and in the catalogue what was made."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from data_catalog.catalog import Catalog
from data_catalog.catalog_engine import CatalogError
from data_catalog.collecting import is_collecting
from data_catalog.errors import StoreError
from data_catalog.held_runs import held
from data_catalog.runs import BEAT_SECONDS, CodeParts, Did, Run, Runs, moment, now
from flows.catalogs import note_catalog
from tasks.methods.code import code_digest, code_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from data_catalog.catalog import Spent
    from data_catalog.lineage import Record
    from data_catalog.refs import Ref
    from data_catalog.store import Store
    from flows.plan import Plan
    from tasks.stage import Job, Outcome

PLACES = {"workspace", "store", "catalog", "compute"}
"""Fields of a plan that say where, not what."""
WAIT_SECONDS = 600.0
"""How long a run waits for a collection of garbage to end."""
LOOK_SECONDS = 0.5


class Journal:
    """Notes what one run does.

    Parameters
    ----------
    store : Store
        Where it is noted.
    run : Run
        The run, as it begins.
    url : str
        The catalogue.
    say : callable
        Told when the catalogue is lost; the run goes on without it.
    """

    def __init__(self, store: Store, run: Run, url: str, say: Callable[[str], None]) -> None:
        self.run = run
        self._store, self._runs = store, Runs(store)
        self._say = say
        self._parts = 0
        self._codes: set[str] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._catalog = self._reached(url)

    def begin(self) -> None:
        """Note that the run is going, and go on noting it; wait for a collection of garbage that is going."""
        self._runs.write(self.run)
        limit = time.monotonic() + WAIT_SECONDS
        while is_collecting(self._store):
            if time.monotonic() > limit:
                self.end("failed")
                raise StoreError(
                    "Nobody removes artefacts from the store while a run is going",
                    f"`voxmine store gc` has been at it for {WAIT_SECONDS:.0f} s",
                    "Wait until it is done.",
                )
            time.sleep(LOOK_SECONDS)
        threading.Thread(target=self._beat, name="voxmine-beat", daemon=True).start()

    def note(self, jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
        """Note what became of some items; what failed is tried again by the next run, and is not noted."""
        did = [one for one in map(self._did, jobs, outcomes) if one is not None]
        if not did:
            return
        self._parts += 1
        self._runs.add(self.run.name, self._parts, did)
        for places in {job.places for job in jobs}:
            self._note_code(places)
        self._index(did)

    def gave(self, results: Mapping[str, Ref]) -> None:
        """Note what the run gave, by name."""
        with self._lock:
            self.run = self.run.model_copy(update={"results": dict(results)})

    def spent(self) -> list[Spent]:
        """Return what the run has spent on each stage; nothing where the catalogue is lost."""
        if self._catalog is None:
            return []
        try:
            return self._catalog.spent(self.run.name)
        except CatalogError as fault:
            self._close_lost(fault)
            return []

    def end(self, state: str) -> None:
        """Note how the run ended; what a catalogue that was replaced on the way has missed is added."""
        self._ended.set()
        with self._lock:
            self.run = self.run.model_copy(update={"state": state, "beat": moment()})
            self._runs.write(self.run)
        self._index(self._runs.did(self.run.name))
        if self._catalog is not None:
            self._catalog.close()

    def _did(self, job: Job, outcome: Outcome) -> Did | None:
        ref = outcome.ref
        if ref is None and outcome.refusal is not None and outcome.how != "failed":
            ref = self._store.given(job.key)
        if ref is None:
            return None
        return Did(job.stage.name, job.item, job.key, ref.kind, ref.digest, outcome.how)

    def _note_code(self, places: tuple[str, ...]) -> None:
        digest = code_digest(places)
        if digest not in self._codes:
            self._runs.write_code(CodeParts(digest=digest, parts=code_parts(places)))
            self._codes.add(digest)

    def _beat(self) -> None:
        """Say from time to time that the run is going; where the store does not take it, the run itself will tell."""
        while not self._ended.wait(BEAT_SECONDS):
            with self._lock:
                if self._ended.is_set():
                    return
                self.run = self.run.model_copy(update={"beat": moment()})
                try:
                    self._runs.write(self.run)
                except OSError:
                    continue

    def _reached(self, url: str) -> Catalog | None:
        try:
            return Catalog(url)
        except CatalogError as fault:
            self._lost(fault)
            return None

    def _index(self, did: Sequence[Did]) -> None:
        if self._catalog is None:
            return
        try:
            self._catalog.note(self.run, did, self._records)
        except CatalogError as fault:
            self._close_lost(fault)

    def _records(self, did: list[Did]) -> list[Record | None]:
        return self._store.each(lambda one: self._store.record(one.ref, one.key), did)

    def _close_lost(self, fault: CatalogError) -> None:
        if self._catalog is not None:
            self._catalog.close()
        self._catalog = None
        self._lost(fault)

    def _lost(self, fault: CatalogError) -> None:
        self._say(f"{fault} The run goes on without it.")


@contextmanager
def journal(plan: Plan, store: Store, flow: str, say: Callable[[str], None]) -> Iterator[Journal]:
    """Give the journal of a run that goes on in the block."""
    begun = now()
    run = Run(
        name=f"{plan.study}-{begun:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        study=plan.study,
        flow=flow,
        version=version("voxmine"),
        started=moment(),
        beat=moment(),
        plan=without_places(plan),
    )
    kept = Journal(store, run, note_catalog(plan), say)
    with held(store, run.name):
        kept.begin()
        try:
            yield kept
        except BaseException:
            with suppress(OSError):  # the store may be what failed: what ended the run is what a reader should know
                kept.end("failed")
            raise
        kept.end("completed")


def without_places(plan: Plan) -> dict[str, Any]:
    """Return what a plan asks for, without any field that names a file, a folder or a machine."""
    told = {name: getattr(plan, name) for name in type(plan).model_fields if name not in PLACES}
    told["sources"] = [{"method": source.method} for source in plan.sources]
    return {name: _plain(value) for name, value in told.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a plan holds
    """Return a value as JSON has it; fields that hold a path are left out."""
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return {name: _plain(held) for name, held in fields.items() if not isinstance(held, Path)}
    if isinstance(value, dict):
        return {str(name): _plain(held) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    return value
