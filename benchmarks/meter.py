"""CPU and wall seconds of a piece of work: in this process, in Dask's workers, in Prefect's server."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Spent:
    """Seconds that a piece of work took."""

    wall: float
    own: float
    """CPU of this process, all threads."""
    workers: float
    server: float

    @property
    def cpu(self) -> float:
        """CPU of all processes."""
        return self.own + self.workers + self.server

    def __sub__(self, before: Spent) -> Spent:
        """Return what was spent between two readings."""
        return Spent(
            self.wall - before.wall,
            self.own - before.own,
            self.workers - before.workers,
            self.server - before.server,
        )


class Meter:
    """Read the clocks of this process and of its descendants, which it is told apart by who started when."""

    def __init__(self) -> None:
        self.this = psutil.Process()
        self.servers: set[int] = set()
        self.workers: set[int] = set()

    def children(self) -> set[int]:
        """Return the processes that this one has started and that run."""
        return {child.pid for child in self.this.children()}

    def read(self) -> Spent:
        """Return the clocks as they stand."""
        own = self.this.cpu_times()
        return Spent(time.perf_counter(), own.user + own.system, _cpu(self.workers), _cpu(self.servers))


def _cpu(roots: set[int]) -> float:
    """Return the CPU seconds of some processes and their descendants, those that have ended included."""
    return sum(_one(process) for pid in roots for process in _family(pid))


def _family(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _one(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
