"""Measure each way of doing the same work, in turns, and print what it took."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.cases import as_plain, as_stages, fresh, on_dask, require_same, scans, seen, tiny
from benchmarks.meter import Meter, Spent
from flows.api import api
from flows.clusters import cluster
from flows.compute import Compute
from tasks.synthetic.cohort import write_cohort

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from distributed import Client

    from benchmarks.cases import Case

WAYS = {
    "plain": "plain loop: read, call, write",
    "stages": "loop of stages: key, look-up, digest, record too",
    "dask": "those on Dask, by `client.map`",
    "flow": "the flow: Prefect and Dask",
    "again": "the flow again: everything is reused",
}
MEASURED_ALONE = ("plain", "stages", "dask", "flow")
"""`again` follows on each `flow`, in its folder."""
SETTLE_SECONDS = 1.0
"""After a flow the server writes on: for so long its CPU is still the flow's. The wall time ends before."""

Times = dict[str, list[Spent]]


@dataclass(frozen=True)
class Bench:
    """Where the work is measured: a folder for everything that is written, workers and a server that run."""

    folder: Path
    client: Client
    meter: Meter

    def compare(self, case: Case, rounds: int) -> None:
        """Run a case's flow once to see its items, measure every way of doing them, and print."""
        with fresh(self.folder) as root:
            before = self.meter.read()
            warm = seen(case, root)
            spent = self.meter.read() - before
            require_same(warm, root, self.folder)
        print(f"## {case.name}: {len(warm.items)} items\n")
        print(f"First run of the flow, in which the workers import everything: {_seconds(spent)}.\n", flush=True)
        times: Times = {way: [] for way in WAYS}
        for number in range(rounds):
            turn = number % len(MEASURED_ALONE)
            for way in (*MEASURED_ALONE[turn:], *MEASURED_ALONE[:turn]):  # each round begins with another way
                _tell(f"round {number + 1} of {rounds}: {WAYS[way]}")
                self._measure(times, way, warm)
        _tell("")
        _report(times, len(warm.items))

    def _measure(self, times: Times, way: str, case: Case) -> None:
        with fresh(self.folder) as root:
            if way == "flow":
                times["flow"].append(self._flow(case, root))
                times["again"].append(self._flow(case, root))
                return
            before = self.meter.read()
            if way == "dask":
                on_dask(case, root, self.client)
            else:
                (as_plain if way == "plain" else as_stages)(case, root)
            spent = self.meter.read() - before
        # What has no part in a way only idles meanwhile.
        times[way].append(replace(spent, server=0.0, workers=spent.workers if way == "dask" else 0.0))

    def _flow(self, case: Case, root: Path) -> Spent:
        before = self.meter.read()
        case.flow(root)
        wall = self.meter.read().wall
        time.sleep(SETTLE_SECONDS)
        return replace(self.meter.read(), wall=wall) - before


def compare(folder: Path, *, rounds: int, patients: int, items: int) -> None:
    """Measure everything below a folder, and print."""
    meter = Meter()
    write_cohort(folder / "cohort", patients=patients)
    before = meter.read()
    with api():
        meter.servers = meter.children()
        print(f"First use: Prefect's server with a new database, {_seconds(meter.read() - before)}.")
    meter.servers = set()
    before = meter.read()
    with api():
        meter.servers = meter.children()
        print(f"Each run: Prefect's server with a database, {_seconds(meter.read() - before)}.")
        before = meter.read()
        with cluster(Compute()) as client:
            if client is None:
                raise AssertionError  # only without workers
            meter.workers = meter.children() - meter.servers
            print(f"Each run: {len(meter.workers)} Dask workers, {_seconds(meter.read() - before)}.\n")
            bench, address = Bench(folder, client, meter), client.scheduler.address
            bench.compare(scans(folder / "cohort", address, patients), rounds)
            bench.compare(tiny(folder / "cohort", address, items), rounds)
    print("Each cell: least / median / most of the rounds. A busy machine shows in wall time first: read the ratios.")


def _tell(text: str) -> None:
    """Show on a terminal what is being measured; a file of the output is spared."""
    if sys.stderr.isatty():
        print(f"\r{text:<78}\r", end="", file=sys.stderr, flush=True)


def _report(times: Times, items: int) -> None:
    plain = times["plain"]
    print("| way | CPU ms an item | wall ms an item | CPU, times plain | wall, times plain |")
    print("|---|--:|--:|--:|--:|")
    for way, words in WAYS.items():
        spent = times[way]
        cells = (
            _spread([1000 * one.cpu / items for one in spent], 1),
            _spread([1000 * one.wall / items for one in spent], 1),
            _spread([one.cpu / base.cpu for one, base in zip(spent, plain, strict=True)], 2),
            _spread([one.wall / base.wall for one, base in zip(spent, plain, strict=True)], 2),
        )
        print(f"| {words} | {' | '.join(cells)} |")
    parts = {
        "this process": [one.own for one in times["flow"]],
        "the workers": [one.workers for one in times["flow"]],
        "Prefect's server": [one.server for one in times["flow"]],
    }
    said = ", ".join(f"{name} {1000 * median(values) / items:.1f}" for name, values in parts.items())
    print(f"\nCPU ms an item of the flow, medians: {said}.\n", flush=True)


def _spread(values: Sequence[float], digits: int) -> str:
    return " / ".join(f"{value:.{digits}f}" for value in (min(values), median(values), max(values)))


def _seconds(spent: Spent) -> str:
    return f"{spent.wall:.1f} s wall, {spent.cpu:.1f} s CPU"
