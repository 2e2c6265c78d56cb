"""The work that is measured: flows, the items that each was seen to do, and the other ways to do the same."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.tiny import tiny_items
from data_catalog import layout
from data_catalog.errors import BadData
from data_catalog.kinds import KINDS
from data_catalog.refs import Ref
from data_catalog.store import Store
from flows.plan_files import load_plan
from flows.radiomics_study import radiomics_study
from tasks import stage
from tasks.stage import Job, Listing, Sources, perform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from distributed import Client

    from flows.plan import Plan
    from tasks.stage import Input


@dataclass(frozen=True)
class Item:
    """A job that a flow has done, and what it gave: None where it refused the item."""

    job: Job
    ref: Ref | None


@dataclass(frozen=True)
class Case:
    """Some work: the flow that does it, and the items that this flow was seen to do."""

    name: str
    flow: Callable[[Path], object]
    items: tuple[Item, ...] = ()


def scans(cohort: Path, address: str, patients: int) -> Case:
    """Return the demo's work on images: from the files of some patients to the table of features."""

    def flow(root: Path) -> object:
        return radiomics_study(plan_of_images(cohort, root, address))

    return Case(f"Scans of {patients} patients, from files to the table of features", flow)


def tiny(cohort: Path, address: str, count: int) -> Case:
    """Return work whose items take about a millisecond each."""

    def flow(root: Path) -> object:
        return tiny_items(plan_of_images(cohort, root, address), count)

    return Case("Items of about a millisecond", flow)


def plan_of_images(cohort: Path, root: Path, address: str) -> Plan:
    """Return the demo's plan as far as its images go, on workers that run already."""
    changes = (f"sources.0.path={cohort / 'scans'}", f"workspace={root}", f"compute.scheduler={address}")
    empty = tuple(f"{field}=null" for field in ("clinical", "events", "outcome", "learn", "mine"))
    with as_file(files("deployments") / "plans" / "demo.yaml") as path:
        return load_plan(path, (*changes, *empty))


@contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """Give an empty folder, so that nothing is reused, and remove it afterwards."""
    root = Path(tempfile.mkdtemp(dir=folder))
    try:
        yield root
    finally:
        shutil.rmtree(root)


def seen(case: Case, root: Path) -> Case:
    """Run the case's flow and return the case with the items that it did, each once."""
    with _listening() as jobs:
        case.flow(root)
    store = Store(root / "store")
    unique = {job.key: job for job in jobs}.values()
    found = [(job, store.find(job.key)) for job in unique]
    made = [Item(job, ref if ref is not None and ref.kind == job.stage.kind.name else None) for job, ref in found]
    return replace(case, items=tuple(made))


@contextmanager
def _listening() -> Iterator[list[Job]]:
    """Note the jobs that a flow looks up in its store, in their order."""
    jobs: list[Job] = []
    original = stage.look_up

    def noting(store: Store, job: Job) -> Any:  # noqa: ANN401 - as the original
        jobs.append(job)
        return original(store, job)

    stage.look_up = noting
    try:
        yield jobs
    finally:
        stage.look_up = original


def as_plain(case: Case, root: Path) -> None:
    """Read, call, write: all there is to do if nothing is to be reused, resumed or explained."""
    store = Store(root / "store")
    for number, item in enumerate(case.items):
        job = item.job
        opened = {name: _opened(store, given, job) for name, given in job.inputs.items()}
        try:
            value = job.stage.function(**opened, **job.parameters)
        except BadData:
            continue
        if item.ref is not None:
            target = store.folder(item.ref.digest)
            if target.exists():  # another item has given the same
                target = root / f"again-{number}"
            target.mkdir(parents=True)
            layout.write(job.stage.kind, value, target)


def _opened(store: Store, given: Input, job: Job) -> Any:  # noqa: ANN401 - each kind has a type of its own
    if isinstance(given, Sources | Listing):
        return given.read()
    if not job.stage.opens:
        return given
    if isinstance(given, Ref):
        return layout.read(KINDS[given.kind], store.folder(given.digest))
    return [_opened(store, ref, job) for ref in given]


def as_stages(case: Case, root: Path) -> None:
    """Do the same under the policy of `tasks.stage`: key, look-up, digest, record, rename; one after the other."""
    for item in case.items:
        perform(root / "store", replace(item.job))  # a copy: a job remembers its key


def on_dask(case: Case, root: Path, client: Client) -> None:
    """Send the items of each stage to the workers, stage after stage, as they depend on each other."""
    for _, held in groupby(case.items, key=lambda item: item.job.stage.name):
        jobs = [replace(item.job) for item in held]
        client.gather(client.map(perform, [root / "store"] * len(jobs), jobs, pure=False, key="item"))


def require_same(case: Case, root: Path, folder: Path) -> None:
    """Stop unless the plain loop writes the very bytes that the flow has written below `root`."""
    with fresh(folder) as elsewhere:
        as_plain(case, elsewhere)
        plain, store = Store(elsewhere / "store"), Store(root / "store")
        for item in case.items:
            if item.ref is not None and _bytes(plain, item.ref) != _bytes(store, item.ref):
                message = f"The plain loop writes what the flow writes: {item.ref.short} differs."
                raise RuntimeError(message)


def _bytes(store: Store, ref: Ref) -> dict[str, bytes]:
    data = store.data_file(ref)
    held = [path for path in (data, *data.rglob("*")) if path.is_file()]
    return {path.relative_to(data.parent).as_posix(): path.read_bytes() for path in held}
