"""Whether a crate is whole, and whether its steps, done again on this machine, give the same bytes."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from data_catalog.errors import BadData, MissingExtra, PlanError, StoreError
from data_catalog.exports.crate import METADATA, STORE
from data_catalog.exports.run_lineage import lineage_of
from data_catalog.kinds import MODEL, REFUSAL
from data_catalog.runs import Runs
from data_catalog.store import Store
from flows.audit import changes, parts_now, verify
from tasks.remade import NotAgain, remade_job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data_catalog.compression import Compression
    from data_catalog.exports.run_lineage import RunLineage, Step
    from tasks.stage import Job

COMPRESSIONS: tuple[Compression, ...] = ("zstd-1", "lz4", "zstd-3")


@dataclass
class Verified:
    """What was found in a crate."""

    run: str
    artefacts: int = 0
    """Artefacts whose bytes are as they were written."""
    left_out: int = 0
    """Artefacts that the crate names and does not hold."""
    again: int = 0
    """Steps that were done again, with the same bytes."""
    not_again: dict[str, int] = field(default_factory=dict)
    """Steps that could not be done again, by the reason."""
    differences: list[str] = field(default_factory=list)
    """What differs, the first in the order of the run first."""

    def lines(self) -> Iterator[str]:
        """Yield what a reader should know."""
        yield f"{self.run}: {self.artefacts:,} artefacts are as they were written, {self.left_out:,} were left out."
        yield f"{self.again:,} steps were done again and gave the same bytes."
        for reason, count in sorted(self.not_again.items()):
            yield f"{count:,} steps were not done again: {reason}"
        if self.differences:
            yield f"First difference: {self.differences[0]}"
            yield from (f"then: {difference}" for difference in self.differences[1:])
        else:
            yield "No difference was found."


def is_crate(path: Path) -> bool:
    """Return whether a path is of a crate."""
    return path.is_file() and zipfile.is_zipfile(path)


def verify_crate(crate: Path) -> Verified:
    """Check a crate: every byte, every record, and every step that can be done again from what it holds.

    A step is done again where the crate holds its inputs, none of which is a model (whoever opens one runs what its
    writer put there), and its record all its parameters. Its bytes must be those of the crate; where they are not, the
    first that differ in the order of the run are named, with the parts of the code that are others here.

    Raises
    ------
    StoreError
        When the file is no crate of voxmine.
    """
    with tempfile.TemporaryDirectory(prefix="voxmine-crate-") as folder:
        _unpack(crate, Path(folder))
        store = Store(Path(folder) / STORE)
        (name,) = Runs(store).names()
        found = Verified(name)
        lineage = lineage_of(store, name)
        _check_bytes(store, lineage, found)
        if not found.differences:
            for step in lineage.steps:
                _do_again(store, step, found)
        return found


def _unpack(crate: Path, folder: Path) -> None:
    """Unpack a crate; no member may lead out of the folder."""
    with zipfile.ZipFile(crate) as held:
        names = held.namelist()
        if any(PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts for name in names):
            raise StoreError("A crate holds files below it alone", "a member leads elsewhere", "Do not trust the file.")
        heads = [name for name in names if name.startswith(f"{STORE}/runs/") and name.endswith("/run.json")]
        if METADATA not in names or len(heads) != 1:
            raise StoreError(
                "The file is a crate of voxmine with one run",
                f"it has {len(heads)} runs, and {METADATA} is {'there' if METADATA in names else 'missing'}",
                "Make one: voxmine export crate last run.zip",
            )
        held.extractall(folder)


def _check_bytes(store: Store, lineage: RunLineage, found: Verified) -> None:
    held = [ref for ref, _ in store.sizes()]
    damages = verify(store, held, None)
    found.artefacts = len(held) - len({damage.what for damage in damages})
    found.differences += [f"{damage.what}: {damage.fault}" for damage in damages]
    named = {ref for step in lineage.steps for ref in (step.did.ref, *step.record.parents())}
    found.left_out = len(named - set(held))
    made = {step.did.ref for step in lineage.steps}
    for step in lineage.steps:
        stray = [ref.short for ref in step.record.parents() if ref not in made]
        if stray:
            found.differences.append(f"{step.record.stage} on {step.did.item} used {stray[0]}, which no step has made")


def _do_again(store: Store, step: Step, found: Verified) -> None:
    try:
        difference = _difference(store, step, _job(store, step))
    except NotAgain as reason:
        found.not_again[str(reason)] = found.not_again.get(str(reason), 0) + 1
        return
    if difference is None:
        found.again += 1
    else:
        found.differences.append(f"{step.record.stage} on {step.did.item} {difference}")


def _job(store: Store, step: Step) -> Job:
    """Return a step's job; raise `NotAgain` where it cannot be done from what the crate holds."""
    job = remade_job(step.record)
    if step.did.kind == REFUSAL.name:
        raise NotAgain("they gave a refusal")
    if any(ref.kind == MODEL.name for ref in step.record.parents()):
        raise NotAgain("they were made from a model, which is code: it is not opened to check it")
    if not all(store.holds(ref) for ref in step.record.parents()):
        raise NotAgain("what they were made from was left out of the crate")
    return job


def _difference(store: Store, step: Step, job: Job) -> str | None:
    """Do a step again; return how what it gives differs from what it gave, or None; raise `NotAgain` if it cannot."""
    try:
        value = job.again(store)
    except BadData as bad:
        return f"is refused here: {bad}. {_code_difference(store, step)}"
    except (PlanError, MissingExtra) as lacks:  # a network's weights are no part of a record
        raise NotAgain(f"what they need is not in the crate: {lacks.came}") from None
    for compression in COMPRESSIONS:
        if Store(store.root, compression).name_of(job.stage.kind, value) == step.did.ref:
            return None
    return f"gives other bytes here than {step.did.ref.short}. {_code_difference(store, step)}"


def _code_difference(store: Store, step: Step) -> str:
    then = Runs(store).code(step.record.code.digest)
    if then is None:
        return "What its code consisted of was not noted."
    changed = changes(then.parts, parts_now(step.record.code.places) or {})
    return f"Its code differs: {', '.join(changed)}." if changed else "Its code is the same here."
