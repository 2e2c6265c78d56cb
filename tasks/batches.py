"""Many items of one step: a batch is one task of Prefect, which sends what the store lacks to Dask."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from distributed import KilledWorker, as_completed
from distributed.comm.core import CommClosedError
from prefect import task
from prefect.cache_policies import NO_CACHE

from data_catalog.errors import BadData
from tasks.stage import Outcome, look_up, perform, refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from distributed import Client, Future
    from prefect.client.schemas.objects import State, TaskRun

    from data_catalog.store import Store
    from tasks.stage import Job

TRANSIENT = (OSError, CommClosedError)
"""What may pass on a second try: input, output, a lost connection. Bad data never does."""


TRIES_ALONE = 2
"""Tries of an item that was lost with its worker; a worker that somebody or the system has killed is bad luck."""


@dataclass
class Workplace:
    """Where the items of the running study are worked on."""

    store: Store
    workers: Callable[[int], Client | None]
    """Gives Dask's client, or None where this process does the work; asked when there is some, with how many items."""
    done: Callable[[str, Outcome], None]
    """Told of every item as soon as it is done: the stage's name, and what became of the item."""
    refresh: frozenset[str] = frozenset()
    """Names of the stages whose items are computed again although the store holds them."""
    alone: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """Held while an item is tried alone that was lost with its worker."""


_WORKPLACE: ContextVar[Workplace | None] = ContextVar("workplace", default=None)


@contextmanager
def at(workplace: Workplace) -> Iterator[Workplace]:
    """Work at a workplace inside the block."""
    token = _WORKPLACE.set(workplace)
    try:
        yield workplace
    finally:
        _WORKPLACE.reset(token)


def current_workplace() -> Workplace | None:
    """Return the workplace of the running study, or None outside one."""
    return _WORKPLACE.get()


def _may_pass(_task: object, _run: TaskRun, state: State[Any]) -> bool:
    """Return whether a failed batch may pass on a second try."""
    try:
        state.result()
    except TRANSIENT:
        return True
    except BaseException:  # noqa: BLE001 - only asked for its kind; Prefect itself raises it
        return False
    return False


_POLICY: dict[str, Any] = {
    "task_run_name": "{label}",
    "retries": 2,
    "retry_delay_seconds": [1, 4],
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": _may_pass,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}


@task(name="look-up", **_POLICY)
def find_done(label: str, jobs: Sequence[Job]) -> list[Outcome | None]:  # noqa: ARG001 - the label names the run
    """Return the outcomes of the jobs whose result the store holds, in the jobs' order, and None for the others."""
    items = _Items(jobs, _here())
    items.tell_done()
    return [items.outcomes.get(place) for place in range(len(jobs))]


@task(name="batch", **_POLICY)
def run_batch(label: str, jobs: Sequence[Job]) -> list[Outcome]:  # noqa: ARG001 - the label names the run
    """Work on the jobs whose result the store does not hold yet; return the outcomes in the jobs' order."""
    workplace = _here()
    items = _Items(jobs, workplace)
    for key, outcome in _work(workplace, items.tell_done()):
        items.tell(key, outcome)
    return [items.outcomes[place] for place in range(len(jobs))]


def _here() -> Workplace:
    workplace = _WORKPLACE.get()
    if workplace is None:
        message = "A batch runs inside a flow of voxmine: call a flow of `flows`, or use `tasks.batches.at`."
        raise RuntimeError(message)
    return workplace


class _Items:
    """Some jobs by key, and what became of them: two items with the same content are one piece of work."""

    def __init__(self, jobs: Sequence[Job], workplace: Workplace) -> None:
        self._jobs, self._workplace = jobs, workplace
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, job in enumerate(jobs):
            self._places[job.key].append(place)
        self.outcomes: dict[int, Outcome] = {}

    def tell(self, key: str, outcome: Outcome) -> None:
        """Note what became of the items of a key."""
        places = self._places[key]
        for place in places:
            self.outcomes[place] = outcome.of(self._jobs[place], again=place != places[0])
            self._workplace.done(self._jobs[place].stage.name, self.outcomes[place])

    def tell_done(self) -> dict[str, Job]:
        """Note what the store holds; return a job of each key that it does not hold, or that is to be done again."""
        firsts = {key: self._jobs[places[0]] for key, places in self._places.items()}
        known = [job for job in firsts.values() if job.stage.name not in self._workplace.refresh]
        answers = self._workplace.store.each(partial(look_up, self._workplace.store), known)
        for job, found in zip(known, answers, strict=True):
            if found is not None:
                self.tell(job.key, found)
                del firsts[job.key]
        return firsts


def _work(workplace: Workplace, missing: Mapping[str, Job]) -> Iterator[tuple[str, Outcome]]:
    if not missing:
        return
    store, client = workplace.store, workplace.workers(len(missing))
    again = any(job.stage.name in workplace.refresh for job in missing.values())  # a batch is of one stage
    work = partial(perform, store.root, compression=store.compression, again=again)
    if client is None:
        yield from ((key, work(job)) for key, job in missing.items())
        return
    futures = client.map(work, list(missing.values()), pure=False, key="item")
    of = {future.key: key for future, key in zip(futures, missing, strict=True)}
    lost = []
    for future in as_completed(futures, loop=client.loop, raise_errors=False):
        key = of[future.key]
        if _lost_its_worker(future):
            lost.append(key)
        else:
            yield key, future.result()
    for key in lost:
        yield key, _alone(workplace, client, work, missing[key])


def _alone(workplace: Workplace, client: Client, work: Callable[[Job], Outcome], job: Job) -> Outcome:
    """Try again an item whose worker was lost, and no other that was: another one may have been what killed it."""
    with workplace.alone:
        for _ in range(TRIES_ALONE):
            (future,) = client.map(work, [job], pure=False, key="item-alone")
            if not _lost_its_worker(future):
                outcome: Outcome = future.result()
                return outcome
    return _lost(job)


def _lost_its_worker(future: Future) -> bool:
    """Wait for a result; return whether there is none because the worker that had it was lost."""
    return isinstance(future.exception(), KilledWorker)


def _lost(job: Job) -> Outcome:
    refusal = refusal_of(
        job,
        BadData(
            "worker_lost",
            "The item fits into a worker",
            "the workers that took it were lost",
            "Give the workers more memory (compute.memory_per_worker), or leave the item out. It is tried again at the"
            " next run.",
        ),
    )
    return Outcome(job.item, "failed", refusal=refusal)
