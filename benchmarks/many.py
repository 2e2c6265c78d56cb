"""What many small items cost in the flow, against plain Dask: `python -m benchmarks.many --items 10000 --stages 3`.

Three ways, in turns, each in an empty store: the bare functions by `client.map`, which store nothing; the same under
the policy of `tasks.stage` (key, look-up, digest, record, rename) by `client.map`; the flow. The last less the second
is what Prefect, batches, the run's journal and the catalogue cost. Told too are the memory of the flow's process, and
whether Prefect's database has every task run. It ends with 1 where a promise is not kept.
"""

from __future__ import annotations

import argparse
import sys
from statistics import median
from typing import TYPE_CHECKING

import httpx

from benchmarks.home import home
from benchmarks.memory import memory_mb, start_peak

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distributed import Client

MOST_MS, MOST_MB = 5.0, 300.0
"""What orchestration may cost of each item of each stage, and what the flow's process may hold."""


def main() -> None:
    """Measure and print; everything that is written goes to a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000, help="items of about a millisecond (10000)")
    parser.add_argument("--stages", type=int, default=3, help="stages one after the other (3)")
    parser.add_argument("--rounds", type=int, default=3, help="times that every way is measured (3)")
    chosen = parser.parse_args()
    with home() as folder:
        sys.exit(_measured(folder, chosen.items, chosen.stages, chosen.rounds))


def _measured(folder: Path, items: int, stages: int, rounds: int) -> bool:
    """Print what was measured; return whether a promise was not kept."""
    # Prefect reads its environment when it is imported.
    from benchmarks.cases import fresh, plan_of_images  # noqa: PLC0415
    from benchmarks.meter import Meter  # noqa: PLC0415
    from benchmarks.tiny import tiny_items  # noqa: PLC0415
    from flows.api import api  # noqa: PLC0415
    from flows.clusters import cluster  # noqa: PLC0415
    from flows.compute import Compute  # noqa: PLC0415

    meter, broken = Meter(), False
    with api() as url:
        meter.servers = meter.children()
        with cluster(Compute()) as client:
            if client is None:
                raise AssertionError  # only without workers
            meter.workers = meter.children() - meter.servers
            address = client.scheduler.address
            (folder / "scans").mkdir()

            def flow(root: Path) -> None:
                done = tiny_items(plan_of_images(folder, root, address), items, stages)
                if done != items * stages:
                    message = f"The flow does {items * stages} items: it has done {done}."
                    raise RuntimeError(message)

            ways: dict[str, Callable[[Path], object]] = {
                "flow": flow,  # first, so that what its process holds is its own
                "policy": lambda root: _policy(client, root, items, stages),
                "bare": lambda _: _bare(client, items, stages),
            }
            with fresh(folder) as root:
                tiny_items(plan_of_images(folder, root, address), 100, stages)  # the workers import everything
            times: dict[str, list[float]] = {way: [] for way in ways}
            walls: dict[str, list[float]] = {way: [] for way in ways}
            held, before_items = 0.0, memory_mb("VmRSS")
            for number in range(rounds):
                for way, work in ways.items():
                    with fresh(folder) as root:
                        start_peak()
                        before, recorded = meter.read(), _task_runs(url)
                        work(root)
                        spent = meter.read() - before
                        times[way].append(1000 * spent.cpu / items / stages)
                        walls[way].append(spent.wall)
                        if way == "flow":
                            held = memory_mb("VmHWM") if not number else held
                            batches = min(100, -(-items // 50))
                            expected = stages * (batches + (batches > 1))  # one looks up what is done
                            told = _task_runs(url) - recorded
                            broken |= told != expected
                            print(f"Task runs in Prefect's database: {told} of {expected}.", flush=True)
    print(f"\n{items} items in {stages} stages; least / median / most of {rounds}:\n")
    print("| way | CPU ms of an item and stage | wall s in all |\n|---|--:|--:|")
    for way in ways:
        print(f"| {way} | {_spread(times[way], 2)} | {_spread(walls[way], 0)} |")
    more = [flow - policy for flow, policy in zip(times["flow"], times["policy"], strict=True)]
    broken |= median(more) > MOST_MS or held > MOST_MB
    print(f"\nOrchestration (flow less policy): {_spread(more, 2)} ms of CPU (at most {MOST_MS:g}).")
    print(f"The flow's process held {held:.0f} MB at most, Dask's scheduler with it (promised: {MOST_MB:g}),")
    print(f"{before_items:.0f} of them before the first of these items.")
    print("NOT KEPT" if broken else "Kept.")
    return broken


def _bare(client: Client, items: int, stages: int) -> None:
    from benchmarks.tiny import derive, follow  # noqa: PLC0415

    def first(number: int) -> object:
        return derive.function(number=number)

    def further(before: object, stage: int) -> object:
        return follow.function(before, stage=stage)

    done = client.gather(client.map(first, range(items), pure=False))
    for stage in range(1, stages):
        done = client.gather(client.map(further, done, [stage] * items, pure=False))


def _policy(client: Client, root: Path, items: int, stages: int) -> None:
    from benchmarks.tiny import first_jobs, next_jobs  # noqa: PLC0415
    from tasks.stage import perform  # noqa: PLC0415

    done = client.gather(client.map(perform, [root / "store"] * items, first_jobs(items), pure=False))
    for stage in range(1, stages):
        jobs = next_jobs([one.ref for one in done], stage)
        done = client.gather(client.map(perform, [root / "store"] * items, jobs, pure=False))


def _task_runs(url: str) -> int:
    ended = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    return int(httpx.post(f"{url}/task_runs/count", json=ended, timeout=60).raise_for_status().json())


def _spread(values: list[float], digits: int) -> str:
    return " / ".join(f"{value:.{digits}f}" for value in (min(values), median(values), max(values)))


if __name__ == "__main__":
    main()
