"""Dask workers for a study: of this machine, of a scheduler that runs already, or of a cluster that starts them."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import sys
import threading
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self

import dask
from distributed import Client, Future, Scheduler
from distributed.deploy.spec import SpecCluster
from distributed.deploy.subprocess import SubprocessWorker
from distributed.security import Security

from data_catalog.collector import paused
from data_catalog.errors import PlanError
from flows.workers import THREADS_OF_LIBRARIES, OneThread, differences, own_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flows.compute import Cluster, Compute, Tls

LOG = logging.getLogger(__name__)
CONNECT_SECONDS = 30
START_SECONDS = 120
"""Longest start of a worker of this machine; after that it ends, wherever it is."""
WORKER_SECONDS = 600
"""Longest wait for the first worker of a cluster: a queue may be long."""
ITEMS_OF_A_WORKER = 8
"""Items for which one worker of this machine is started, and not another: unless they take long."""
PATIENCE_SECONDS = 3.0
"""How long an item waits at least before all workers are started."""
KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(128 << 20), "MALLOC_MMAP_THRESHOLD_": str(64 << 20)}
"""How much freed memory a worker keeps for the next array (glibc). Dask has it give back all above 64 KiB at once, and
the system then hands out zeroed pages again."""
SETTINGS = {
    # Whatever was at a lost worker is tried again, each item alone (`tasks.batches`): Dask would count the loss against
    # those that only waited there too.
    "distributed.scheduler.allowed-failures": 0,
    # Dask would keep the last thousand messages to each worker, with all their jobs.
    "distributed.admin.low-level-log-length": 10,
}
EXTRAS = {"dask_jobqueue": "slurm", "dask_kubernetes": "kubernetes"}
"""Packages that start workers, by the extra of ours that installs them."""


class DetachedWorker(SubprocessWorker):  # type: ignore[misc]
    """A worker process that Ctrl-C at the terminal does not reach: the run ends it."""

    async def _start(self) -> None:
        spec = json.dumps({"cls": self.worker_class, "opts": self.worker_kwargs})
        command = [sys.executable, "-m", "dask", "spec", self.scheduler, "--spec", spec]
        environment = {**KEPT_MEMORY, **os.environ}
        self.process = await asyncio.create_subprocess_exec(*command, start_new_session=True, env=environment)


class Workers:
    """The workers of a run: those of this machine are started as items need them.

    A run that finds everything done starts none, and one that has few items to do no more than these keep busy: to
    start a worker takes as long as some small items. A scheduler or a cluster in the plan is reached at once: what is
    wrong with it is told before any work.

    Parameters
    ----------
    compute : Compute
        The part of the plan that says which workers.
    say : callable, optional
        Told what a reader should know while a run waits for workers elsewhere.

    Raises
    ------
    PlanError
        As `cluster` does.
    """

    def __init__(self, compute: Compute, say: Callable[[str], None] = LOG.warning) -> None:
        self._compute, self._say = compute, say
        self._lock = threading.Lock()
        self._opened = ExitStack()
        self._client: Client | None = None
        self._are_there = self._are_gone = False
        self._is_ours = compute.scheduler is None and compute.cluster is None
        self._most = _workers_of(compute) if self._is_ours else 0
        self._count = 0
        """How many workers of this machine were started."""
        self._waiting: frozenset[str] = frozenset()
        """What had no result at the last look."""
        self._looking: threading.Timer | None = None

    def __enter__(self) -> Self:
        if not self._is_ours:
            self(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._are_gone = True
        with self._lock:  # a thread may be starting them
            if self._looking is not None:
                self._looking.cancel()
            self._opened.close()

    def __call__(self, items: int) -> Client | None:
        """Return Dask's client, started by the first thread that asks; None where this process does the work.

        `items` is how many it will be given.
        """
        with self._lock:
            wanted = min(self._most, -(-items // ITEMS_OF_A_WORKER))
            if not self._are_there and not self._are_gone:
                self._client = self._opened.enter_context(cluster(self._compute, wanted, self._say))
                self._are_there, self._count = True, wanted
            if self._are_gone:
                raise CancelledError
            self._scale(wanted)
            self._look_later()
            return self._client

    def drop(self) -> None:
        """Drop what still waits for a worker, so that the threads that wait for it end; none gets one any more."""
        self._are_gone = True
        client = self._client
        if client is not None:
            client.cancel([Future(key, client) for key in list(client.futures)], force=True)

    def _scale(self, wanted: int) -> None:
        if self._client is not None and wanted > self._count:
            self._client.cluster.scale(wanted)
            self._count = wanted

    def _look_later(self) -> None:
        if self._looking is None and self._count < self._most:
            self._looking = threading.Timer(PATIENCE_SECONDS, self._look)
            self._looking.daemon = True
            self._looking.start()

    def _look(self) -> None:
        """Start all workers where an item has waited since the last look and would find one free."""
        with self._lock:
            self._looking = None
            if self._are_gone or self._client is None:
                return
            held = list(self._client.futures.items())
            waiting = frozenset(key for key, state in held if state.status == "pending")
            if len(waiting) > self._count and waiting & self._waiting:
                self._scale(self._most)
            self._waiting = waiting
            if waiting:
                self._look_later()


@contextmanager
def cluster(
    compute: Compute, first: int | None = None, say: Callable[[str], None] = LOG.warning
) -> Iterator[Client | None]:
    """Give a Dask client: of the scheduler or cluster in the plan, or of workers on this machine, which end with it.

    Of those of this machine only the `first` may be started, and `client.cluster.scale` starts more.

    The workers of this machine are processes of their own that import nothing of the calling script, so that a script
    needs no `if __name__ == "__main__"`, and that end when this process does, however it ends. Workers elsewhere are
    asked for their versions first, and each works on one item with one thread.

    Raises
    ------
    PlanError
        When the scheduler does not answer, the cluster's package is not installed, no worker comes, or one has other
        versions than this process.
    """
    if compute.workers == 0 and compute.scheduler is None and compute.cluster is None:
        yield None
        return
    with dask.config.set(SETTINGS):
        if compute.scheduler is not None:
            ways = _joined(compute.scheduler, compute.tls, say)
        elif compute.cluster is not None:
            ways = _started(compute.cluster, say)
        else:
            ways = _local(compute, first or _workers_of(compute))
        with ways as client:
            yield client


@contextmanager
def _joined(address: str, tls: Tls | None, say: Callable[[str], None]) -> Iterator[Client]:
    security = None
    if tls is not None:
        ends = {f"tls_client_{word}": str(path) for word, path in (("cert", tls.certificate), ("key", tls.key))}
        security = Security(tls_ca_file=str(tls.ca), require_encryption=True, **ends)
    try:
        with paused():  # a client that failed before, collected while this one starts, would wait for it for ever
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False, security=security)
    except (OSError, TimeoutError, ValueError, TypeError):
        raise PlanError(
            "compute.scheduler is the address of a Dask scheduler that runs, and compute.tls fits it",
            f"nothing answers at {address}" + (" with these certificates" if tls else ""),
            "Start one with `dask scheduler`, or leave the field empty.",
        ) from None
    with client:
        _prepare(client, say)
        yield client


@contextmanager
def _started(wanted: Cluster, say: Callable[[str], None]) -> Iterator[Client]:
    with _cluster_class(wanted.starts)(**wanted.arguments) as started, Client(started, set_as_default=False) as client:
        if wanted.least == wanted.most:
            started.scale(wanted.most)
        else:
            started.adapt(minimum=wanted.least, maximum=wanted.most)
        _prepare(client, say)
        yield client


def _cluster_class(name: str) -> Any:  # noqa: ANN401 - whatever Dask's packages offer
    module, _, word = name.rpartition(".")
    package = module.partition(".")[0]
    try:
        found = getattr(importlib.import_module(module), word, None)
    except ImportError:
        extra = EXTRAS.get(package)
        remedy = f'Install it: pip install "voxmine[{extra}]"' if extra else f"Install {package}."
        raise PlanError(f"{package}, which `compute.cluster.starts` names, is installed", "it is not", remedy) from None
    if found is None:
        raise PlanError(
            "`compute.cluster.starts` names a class of its package",
            f"{module} has none of that name",
            "Correct it, for instance to dask_jobqueue.SLURMCluster.",
        )
    return found


def _workers_of(compute: Compute) -> int:
    """Return how many workers a plan has on this machine; 0 where this process does the work."""
    return (os.cpu_count() or 1) if compute.workers is None else compute.workers


@contextmanager
def _local(compute: Compute, count: int) -> Iterator[Client]:
    options = {
        "host": "127.0.0.1",
        "nthreads": 1,
        "memory_limit": compute.memory_per_worker,
        "dashboard": False,
        "silence_logs": logging.CRITICAL,
        # One that is started while this process is killed would look for its scheduler for ever.
        "death_timeout": START_SECONDS,
        "env": {**dict.fromkeys(THREADS_OF_LIBRARIES, "1"), "PREFECT_API_URL": os.environ.get("PREFECT_API_URL", "")},
    }
    worker = {
        "cls": DetachedWorker,
        "options": {"worker_class": "distributed.Nanny", "worker_kwargs": options},
    }
    started = SpecCluster(
        scheduler={
            "cls": Scheduler,
            "options": {"host": "127.0.0.1", "port": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
        },
        worker=worker,
        workers=dict.fromkeys(range(count), worker),
        name="voxmine",
        silence_logs=logging.CRITICAL,
    )
    with started, Client(started, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=START_SECONDS)
        yield client


def _prepare(client: Client, say: Callable[[str], None]) -> None:
    """Wait for the first worker elsewhere, see that what is there has our versions, and let each use one thread."""
    remedy = "Look at the cluster's queue, or start `dask worker`."
    try:
        if not client.scheduler_info()["workers"]:
            say("The run waits for a worker of the cluster.")
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError:
        raise PlanError("The cluster has a worker", f"none came in {WORKER_SECONDS} s", remedy) from None
    except OSError:
        raise PlanError("The cluster has a worker", "its scheduler is gone before one came", remedy) from None
    _require_same(client)
    client.register_plugin(OneThread(), name="voxmine-one-thread")


def _require_same(client: Client) -> None:
    """Refuse workers that would give other results: with other versions of what computes, or none of voxmine."""
    try:
        told = client.run(own_parts)
    except (ImportError, AttributeError):
        raise PlanError(
            "voxmine is installed on every worker, in the version of this process",
            "a worker does not have it",
            "Install the same version there (`pip install voxmine`), in the environment that runs `dask worker`.",
        ) from None
    found = sorted({line for parts in told.values() for line in differences(own_parts(), parts)})
    if found:
        raise PlanError(
            "Workers have the versions of this process, so that a result does not depend on where it was made",
            "; ".join(found),
            "Install the versions of requirements.lock on both sides.",
        )
