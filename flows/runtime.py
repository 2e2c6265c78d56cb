"""Where a study runs: which Prefect API, which Dask, and how the items of a stage are sent there."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import dask
from distributed import Client, Future, Scheduler
from distributed.deploy.spec import SpecCluster
from distributed.deploy.subprocess import SubprocessWorker
from prefect import Flow, get_run_logger
from prefect.context import FlowRunContext
from prefect.exceptions import TerminationSignal
from prefect.logging.handlers import APILogWorker
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import quote

from data_catalog.errors import BadData, PlanError
from flows import api
from flows.journal import journal
from flows.stores import open_store
from tasks.ingest import keep_study
from tasks.stage import Workplace, at, current_workplace, run_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from data_catalog.refs import Ref, Refusal, Study
    from flows.compute import Compute
    from flows.journal import Journal
    from flows.plan import Plan
    from tasks.stage import Job, Outcome

P = ParamSpec("P")
R = TypeVar("R")

BATCHES = 100
"""Most task runs that one stage makes: Prefect's server is there to show progress, not to count images."""
THREADS_OF_LIBRARIES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
CONNECT_SECONDS = 30
LOG_SECONDS = 10


@dataclass
class Tally:
    """How many items of each stage were computed, reused, refused, and failed."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    listeners: list[Callable[[str, Counter[str]], None]] = field(default_factory=list)

    def expect(self, stage: str, items: int) -> None:
        """Count items that are about to be worked on."""
        self._add(stage, {"items": items})

    def add(self, stage: str, outcome: Outcome) -> None:
        """Count what became of one item."""
        refused = {"refused": 1} if outcome.refusal is not None and outcome.how != "failed" else {}
        self._add(stage, {outcome.how: 1, **refused})

    def _add(self, stage: str, more: dict[str, int]) -> None:
        with self.lock:
            counter = self.counts.setdefault(stage, Counter())
            counter.update(more)
            for listener in self.listeners:
                listener(stage, counter)

    def total(self, what: str) -> int:
        """Return how many items of all stages were `computed`, `reused`, `refused` or `failed`."""
        return sum(counter[what] for counter in self.counts.values())

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a stage."""
        columns = ("items", "computed", "reused", "refused", "failed")
        return [{"stage": name, **{c: counter[c] for c in columns}} for name, counter in self.counts.items()]

    def __str__(self) -> str:
        words = ("computed", "reused", "refused", "failed")
        return ", ".join(
            f"{self.total(word)} items {word}" if word == "computed" else f"{self.total(word)} {word}" for word in words
        )


LISTENERS: list[Callable[[str, Counter[str]], None]] = []
"""Told of every change of a running study's tally; the command line shows its progress this way."""
SAID: list[Callable[[str], None]] = []
"""Told of every sentence that a reader should know."""


@dataclass
class Work(Workplace):
    """The workplace of a running study, with its tally and the runs it has made in Prefect."""

    tally: Tally = field(default_factory=Tally)
    batch: int = 50
    journal: Journal | None = None
    """Notes what the run does; None where nothing is to be noted."""


class StudyFlow(Flow[P, R]):
    """A Prefect flow that brings an API of its own along when it is called where none is configured.

    Called from a deployment or inside another flow it is a flow like any other.
    """

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:  # type: ignore[override]  # noqa: ANN401 - as Flow's own
        """Run the flow; return what it returns."""
        if FlowRunContext.get() is not None:
            return super().__call__(*args, **kwargs)
        os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        with api.api() as url:
            runs = _Runs()
            with _collect(runs):
                try:
                    result = super().__call__(*args, **kwargs)
                finally:
                    APILogWorker.drain_all(timeout=LOG_SECONDS)
                if not api.drain(url, runs.flow_runs, runs.task_runs):
                    logging.getLogger(__name__).warning("Prefect has not recorded the end of every task run.")
                return result


KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(128 << 20), "MALLOC_MMAP_THRESHOLD_": str(64 << 20)}
"""How much freed memory a worker keeps for the next array (glibc). Dask has it give back all above 64 KiB at once, and
the system then hands out zeroed pages again: regions take up to twice as long."""


class DetachedWorker(SubprocessWorker):  # type: ignore[misc]
    """A worker process that Ctrl-C at the terminal does not reach: the run ends it."""

    async def _start(self) -> None:
        spec = json.dumps({"cls": self.worker_class, "opts": self.worker_kwargs})
        command = [sys.executable, "-m", "dask", "spec", self.scheduler, "--spec", spec]
        environment = {**KEPT_MEMORY, **os.environ}
        self.process = await asyncio.create_subprocess_exec(*command, start_new_session=True, env=environment)


def study_flow(name: str) -> Callable[[Callable[P, R]], StudyFlow[P, R]]:
    """Make a function a flow of a study; its docstring is what the UI shows."""

    def decorate(function: Callable[P, R]) -> StudyFlow[P, R]:
        return StudyFlow(
            function,
            name=name,
            task_runner=ThreadPoolTaskRunner(max_workers=4),  # type: ignore[arg-type]
            validate_parameters=True,
            persist_result=False,
            log_prints=False,
        )

    return decorate


@dataclass
class _Runs:
    """What the running flows have made in Prefect, to wait for at the end."""

    flow_runs: list[UUID] = field(default_factory=list)
    task_runs: int = 0


_RUNS: list[_Runs] = []


@contextmanager
def _collect(runs: _Runs) -> Iterator[None]:
    _RUNS.append(runs)
    try:
        yield
    finally:
        _RUNS.remove(runs)


@contextmanager
def work(plan: Plan) -> Iterator[Work]:
    """Give the workplace of a plan: the one the surrounding flow has opened, else a new one.

    At the end of the outermost flow the tally becomes a line of the log.
    """
    here = current_workplace()
    context = FlowRunContext.get()
    for runs in _RUNS:
        if context is not None and context.flow_run is not None:
            runs.flow_runs.append(context.flow_run.id)
    if isinstance(here, Work):
        yield here
        return
    tally = Tally(listeners=list(LISTENERS))
    store = open_store(plan)
    store.sweep()
    with cluster(plan.compute) as client:
        opened = Work(store=store, client=client, done=tally.add, tally=tally, batch=plan.compute.batch)
        with at(opened):
            try:
                with journal(plan, store, _flow_name(), say) as opened.journal:
                    yield opened
            finally:
                get_run_logger().info("%s", tally)


def run_stage(jobs: Sequence[Job]) -> list[Outcome]:
    """Work on the jobs of one stage in batches; return what became of each, in order."""
    here = current_workplace()
    if not jobs or not isinstance(here, Work):
        return []
    name = jobs[0].stage.name
    size = max(here.batch, -(-len(jobs) // BATCHES))
    batches = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    here.tally.expect(name, len(jobs))
    for runs in _RUNS:
        runs.task_runs += len(batches)
    futures = [
        run_batch.submit(f"{name} {number}/{len(batches)}", quote(batch)) for number, batch in enumerate(batches, 1)
    ]
    outcomes: list[Outcome] = []
    try:
        for batch, future in zip(batches, futures, strict=True):
            done = future.result()
            outcomes += done
            if here.journal is not None:
                here.journal.note(batch, done)
    except (KeyboardInterrupt, TerminationSignal):
        _let_go(here)
        raise
    counter = here.tally.counts[name]
    get_run_logger().info(
        "%s: %d items, %d computed, %d reused, %d refused",
        name,
        counter["items"],
        counter["computed"],
        counter["reused"],
        counter["refused"],
    )
    return outcomes


def _flow_name() -> str:
    context = FlowRunContext.get()
    return "" if context is None or context.flow is None else context.flow.name


def _let_go(here: Work) -> None:
    """Drop what still waits for a worker, so that the threads that wait for it end."""
    if here.client is not None:
        here.client.cancel([Future(key, here.client) for key in list(here.client.futures)], force=True)


def refusals_in(outcomes: Sequence[Outcome]) -> list[Refusal]:
    """Return what was refused, in the order of the items."""
    return [outcome.refusal for outcome in outcomes if outcome.refusal is not None]


def one(job: Job) -> Ref:
    """Work on the one job of a stage that is of the whole study; return its artefact.

    Raises
    ------
    BadData
        When the job is refused: nothing after it can go on.
    """
    (outcome,) = run_stage([job])
    if outcome.ref is None:
        refusal = outcome.refusal
        if refusal is None:
            raise AssertionError  # an outcome is one of the two
        raise BadData(refusal.verdict, f"{job.stage.name}: {refusal.expected}", refusal.came, refusal.remedy)
    return outcome.ref


def keep(plan: Plan, study: Study, step: str) -> Ref:
    """Keep the study as it stands after a step, and return its name."""
    made = {scan.image for scan in study.scans} | {region.mask for scan in study.scans for region in scan.regions}
    made |= {scan.detections for scan in study.scans if scan.detections is not None}
    made |= {recording.signal for recording in study.recordings}
    made |= {ref for report in study.reports for ref in (report.findings, report.numbers) if ref is not None}
    refs = tuple(sorted(made, key=lambda ref: ref.digest))
    return one(keep_study.job(f"{plan.study}/{step}", {"made": refs}, {"study": study}))


def say(sentence: str) -> None:
    """Tell the run's log, and the terminal, what a reader should know; never a patient's name, id or path."""
    get_run_logger().warning("%s", sentence)
    for listener in SAID:
        listener(sentence)


@contextmanager
def cluster(compute: Compute) -> Iterator[Client | None]:
    """Give a Dask client: of the scheduler in the plan, or of workers on this machine that end with the block.

    The workers are processes of their own that import nothing of the calling script, so that a script
    needs no `if __name__ == "__main__"`, and that end when this process does, however it ends.

    Raises
    ------
    PlanError
        When the scheduler does not answer.
    """
    if compute.workers == 0 and compute.scheduler is None:
        yield None
        return
    # One lost worker may be chance; an item that loses two is what loses them.
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
        if compute.scheduler is not None:
            with _joined(compute.scheduler) as client:
                yield client
        else:
            with _local(compute) as client:
                yield client


@contextmanager
def _joined(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError):
        raise PlanError(
            "compute.scheduler is the address of a Dask scheduler that runs",
            f"nothing answers at {address}",
            "Start one with `dask scheduler`, or leave the field empty.",
        ) from None
    with client:
        yield client


@contextmanager
def _local(compute: Compute) -> Iterator[Client]:
    count = compute.workers or os.cpu_count() or 1
    options = {
        "host": "127.0.0.1",
        "nthreads": 1,
        "memory_limit": compute.memory_per_worker,
        "dashboard": False,
        "silence_logs": logging.CRITICAL,
        "env": {**dict.fromkeys(THREADS_OF_LIBRARIES, "1"), "PREFECT_API_URL": os.environ.get("PREFECT_API_URL", "")},
    }
    started = SpecCluster(
        scheduler={
            "cls": Scheduler,
            "options": {"host": "127.0.0.1", "port": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
        },
        workers={
            number: {
                "cls": DetachedWorker,
                "options": {"worker_class": "distributed.Nanny", "worker_kwargs": options},
            }
            for number in range(count)
        },
        name="voxmine",
        silence_logs=logging.CRITICAL,
    )
    with started, Client(started, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=120)
        yield client
