"""Where a study runs: which Prefect API, which Dask, and how the items of a stage are sent there."""

from __future__ import annotations

import logging
import os
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from inspect import Signature
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prefect import Flow, get_run_logger
from prefect.context import FlowRunContext
from prefect.exceptions import TerminationSignal
from prefect.settings import PREFECT_API_URL
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import quote
from prefect.utilities.callables import parameter_schema

from data_catalog.errors import BadData, RunInterrupted
from flows import api
from flows.clusters import Workers
from flows.item_logs import log_outcomes
from flows.journal import journal
from flows.left_runs import alive, end_left_runs, process_alive
from flows.progress_artifacts import progress_artifacts
from flows.stores import open_store
from flows.tally import Tally
from tasks.batches import Workplace, at, current_workplace, find_done, run_batch
from tasks.ingest import keep_study
from tasks.stage import read_code, require_stages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from prefect import Task
    from prefect.futures import PrefectFuture
    from prefect.utilities.callables import ParameterSchema

    from data_catalog.refs import Ref, Refusal, Study
    from flows.journal import Journal
    from flows.plan import Plan
    from tasks.stage import Job, Outcome

P = ParamSpec("P")
R = TypeVar("R")
Told = TypeVar("Told")

BATCHES = 100
"""Most task runs that one stage makes: Prefect's server is there to show progress, not to count images."""
FAILED_SECONDS = 5.0
"""How long the records of a run that has failed are waited for: some never come."""

LISTENERS: list[Callable[[str, Counter[str]], None]] = []
"""Told of every change of a running study's tally; the command line shows its progress this way."""
SAID: list[Callable[[str], None]] = []
"""Told of every sentence that a reader should know."""


@dataclass
class Work(Workplace):
    """The workplace of a running study, with its tally and the runs it has made in Prefect."""

    workers: Workers
    tally: Tally = field(default_factory=Tally)
    batch: int = 50
    journal: Journal | None = None
    """Notes what the run does; None where nothing is to be noted."""


class StudyFlow(Flow[P, R]):
    """A Prefect flow that brings an API of its own along when it is called where none is configured.

    Called from a deployment or inside another flow it is a flow like any other.
    """

    _parameters: ParameterSchema | None = None

    def __init__(self, fn: Callable[P, R], **options: Any) -> None:  # noqa: ANN401 - as Flow's own
        # Prefect writes the schema of all parameters when a flow is declared. That of a plan takes half a second and
        # only a deployment wants it: the parameters are hidden as long as Flow looks at the function.
        fn.__signature__ = Signature()  # type: ignore[attr-defined]
        super().__init__(fn, **options)
        del fn.__signature__, self.__signature__  # type: ignore[attr-defined]

    @property
    def parameters(self) -> ParameterSchema:
        """The schema of the parameters, of which a form is made."""
        if self._parameters is None:
            self._parameters = parameter_schema(self.fn)
        return self._parameters

    @parameters.setter
    def parameters(self, _: ParameterSchema) -> None:
        self._parameters = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:  # type: ignore[override]  # noqa: ANN401 - as Flow's own
        """Run the flow; return what it returns."""
        if FlowRunContext.get() is not None:
            _expect_task_run()
            with api.without_heartbeats():
                return super().__call__(*args, **kwargs)
        os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        wanted = _wanted_api(kwargs.get("plan", args[0] if args else None))
        is_own = not (wanted or PREFECT_API_URL.value())
        with api.api(wanted, meanwhile=_prepare) as url:
            runs = _Runs(server=api.OWN if is_own else url)
            left = end_left_runs(url, runs.server)
            if left:
                logging.getLogger(__name__).warning("%d runs that were killed are marked as crashed.", left)
            heartbeats = api.without_heartbeats() if is_own else nullcontext()
            with _collect(runs), process_alive(runs.server), api.required_throughout(url), heartbeats:
                seconds = FAILED_SECONDS
                try:
                    result = super().__call__(*args, **kwargs)
                    seconds = api.DRAIN_SECONDS
                finally:
                    api.send_events(url)
                    recorded = api.drain(url, runs.flow_runs, runs.task_runs, seconds)
                if not recorded:
                    logging.getLogger(__name__).warning("Prefect has not recorded the end of every task run.")
                return result


def _prepare() -> None:
    """Import and read what every run needs, while its server starts."""
    import pandas as pd  # noqa: F401 - for the tables
    import pyarrow.parquet as pq  # noqa: F401 - for those in the store

    read_code()


def _wanted_api(plan: object) -> str | None:
    """Return the API that a plan names; Prefect has not looked yet whether it is a plan."""
    for name in ("compute", "prefect_api"):
        plan = plan.get(name) if isinstance(plan, dict) else getattr(plan, name, None)
    return plan if isinstance(plan, str) else None


def study_flow(name: str) -> Callable[[Callable[P, R]], StudyFlow[P, R]]:
    """Make a function a flow of a study; its docstring is what the UI shows."""

    def decorate(function: Callable[P, R]) -> StudyFlow[P, R]:
        return StudyFlow(
            function,
            name=name,
            task_runner=ThreadPoolTaskRunner(max_workers=4),
            validate_parameters=True,
            persist_result=False,
            log_prints=False,
        )

    return decorate


@dataclass
class _Runs:
    """What the running flows have made in Prefect, to wait for at the end."""

    server: str
    """Which server it reports to."""
    flow_runs: list[UUID] = field(default_factory=list)
    task_runs: int = 0
    """Those of batches, and the one that Prefect makes in the outer flow for each flow inside another."""


_RUNS: list[_Runs] = []


def _expect_task_run() -> None:
    for runs in _RUNS:
        runs.task_runs += 1


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
    with _reported():
        if isinstance(here, Work):
            yield here
            return
        with _opened(plan) as opened:
            yield opened


@contextmanager
def _reported() -> Iterator[None]:
    """Note the run that Prefect has made of a flow; show that it is alive where nobody does for the whole process."""
    context = FlowRunContext.get()
    run = None if context is None or context.flow_run is None else context.flow_run.id
    if run is not None:
        for runs in _RUNS:
            runs.flow_runs.append(run)
    if run is None or _RUNS:
        yield
        return
    with alive(str(run), PREFECT_API_URL.value() or api.OWN):
        yield


@contextmanager
def _opened(plan: Plan) -> Iterator[Work]:
    refresh = frozenset(plan.compute.refresh)
    require_stages(refresh)
    tally = Tally(listeners=list(LISTENERS))
    store = open_store(plan)
    store.sweep()
    with Workers(plan.compute, say) as workers:
        opened = Work(
            store=store,
            workers=workers,
            done=tally.add,
            refresh=refresh,
            tally=tally,
            batch=plan.compute.batch,
        )
        with at(opened):
            try:
                with (
                    journal(plan, store, _flow_name(), say) as opened.journal,
                    progress_artifacts(plan.study, tally.counts, say),
                ):
                    yield opened
            finally:
                get_run_logger().info("%s", tally)


def run_stage(jobs: Sequence[Job]) -> list[Outcome]:
    """Work on the jobs of one stage in batches; return what became of each, in order.

    Of many jobs one task finds what is done already: a batch that has nothing to do would cost as much as one that has.
    """
    here = current_workplace()
    if not jobs or not isinstance(here, Work):
        return []
    name = jobs[0].stage.name
    here.tally.expect(name, len(jobs))
    outcomes: list[Outcome | None] = [None] * len(jobs)
    try:
        if len(jobs) > here.batch:
            _note(here, jobs, outcomes, [(range(len(jobs)), _submitted(find_done, f"{name}: look up", jobs))])
        missing = [place for place, outcome in enumerate(outcomes) if outcome is None]
        size = max(here.batch, -(-len(missing) // BATCHES))
        batches = [missing[start : start + size] for start in range(0, len(missing), size)]
        awaited = [
            (places, _submitted(run_batch, f"{name} {number}/{len(batches)}", [jobs[place] for place in places]))
            for number, places in enumerate(batches, 1)
        ]
        _note(here, jobs, outcomes, awaited)
    except (KeyboardInterrupt, TerminationSignal):
        here.workers.drop()
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
    return [outcome for outcome in outcomes if outcome is not None]  # of each there is one


def _submitted(work: Task[..., list[Told]], label: str, jobs: Sequence[Job]) -> PrefectFuture[list[Told]]:
    """Give a task of Prefect some jobs to work on."""
    _expect_task_run()
    submitted: PrefectFuture[list[Told]] = work.submit(label, quote(jobs))
    return submitted


def _note(
    here: Work,
    jobs: Sequence[Job],
    outcomes: list[Outcome | None],
    awaited: Sequence[tuple[Sequence[int], PrefectFuture[list[Any]]]],
) -> None:
    """Wait for what became of some jobs, by their places, and note it where that is told."""
    for places, future in awaited:
        told = [(place, outcome) for place, outcome in zip(places, _result(future), strict=True) if outcome is not None]
        for place, outcome in told:
            outcomes[place] = outcome
        done = [outcome for _, outcome in told]
        log_outcomes(jobs[0].stage.name, done)
        if here.journal is not None:
            here.journal.note([jobs[place] for place, _ in told], done)


def _result(future: PrefectFuture[list[Told]]) -> list[Told]:
    """Return what a batch gave; where reading or writing failed at every try, say so as a reader can act on it.

    Raises
    ------
    RunInterrupted
        When the disk is full, the store cannot be written to, or a drive or the workers cannot be reached any longer.
    """
    try:
        return future.result()
    except OSError as fault:  # its own text may hold a path
        raise RunInterrupted(
            "Sources and workers can be reached, and the store takes what is written",
            fault.strerror or type(fault).__name__,
            "Mend that, for instance make room; then run the same plan again: what is done is kept and reused.",
        ) from None


def _flow_name() -> str:
    context = FlowRunContext.get()
    return "" if context is None or context.flow is None else context.flow.name


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
    ref = one(keep_study.job(f"{plan.study}/{step}", {"made": refs}, {"study": study}))
    plan.tolerance.require(study)
    return ref


def say(sentence: str) -> None:
    """Tell the run's log, and the terminal, what a reader should know; never a patient's name, id or path."""
    get_run_logger().warning("%s", sentence)
    for listener in SAID:
        listener(sentence)
