"""What one run did, with the record of each step: what all exports are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from data_catalog.errors import StoreError
from data_catalog.runs import Runs

if TYPE_CHECKING:
    from data_catalog.lineage import Record
    from data_catalog.refs import Ref
    from data_catalog.runs import Did, Run
    from data_catalog.store import Store


@dataclass(frozen=True)
class Step:
    """One item of a run: what the run did, and the record of how it was made."""

    did: Did
    record: Record

    @property
    def ended(self) -> str:
        """When the making of it ended; UTC, ISO 8601."""
        end = datetime.fromisoformat(self.record.started) + timedelta(seconds=self.record.seconds)
        return end.isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class RunLineage:
    """One run, and its steps in the order in which they were done: inputs come before what was made from them."""

    run: Run
    steps: tuple[Step, ...]

    @property
    def refs(self) -> list[Ref]:
        """All artefacts of the run, each once, in order."""
        return list(dict.fromkeys(step.did.ref for step in self.steps))

    @property
    def sources(self) -> list[str]:
        """The SHA-256 of all source files, each once, in order."""
        return list(dict.fromkeys(digest for step in self.steps for digest in step.record.source_digests()))


def lineage_of(store: Store, name: str) -> RunLineage:
    """Return a run with its steps.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        The run's name, its beginning or end, or `last`.

    Raises
    ------
    StoreError
        When there is no such run, or records of it are no longer in the store.
    """
    runs = Runs(store)
    run = runs.find(name)
    did = list({one.key: one for one in runs.did(run.name)}.values())
    records = store.each(lambda one: store.record(one.ref, one.key), did)
    lost = sum(record is None for record in records)
    if lost:
        raise StoreError(
            f"The store holds every record of {run.name}",
            f"{lost} are lost",
            "Run the plan again, and export that run.",
        )
    return RunLineage(run, tuple(Step(one, record) for one, record in zip(did, records, strict=True) if record))
