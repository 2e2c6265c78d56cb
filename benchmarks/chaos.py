"""Whether a run that is killed again and again ends with what an undisturbed run gives: digest by digest.

Run by hand, `python -m benchmarks.chaos --rounds 20`; about a minute a round on two cores. In each round processes of
the run are killed (-9) at random times: a worker, Prefect's server, the flow process itself. The run is started again
until it ends; its store must then equal that of the undisturbed run, every byte must have its digest, no run may show
as running, and no process may be left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import yaml

from data_catalog.store import Store
from flows.clusters import START_SECONDS
from tasks.synthetic.cohort import write_cohort

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENTS = 12
KILLS = 3
"""Processes killed in a round."""
FIRST_SECONDS, LAST_SECONDS = 4.0, 20.0
"""After the start of the run, one is killed between these."""
STARTS = 10
"""Starts after which a run that has not ended counts as lost."""
KINDS = ("worker", "server", "flow")


def main() -> None:
    """Run undisturbed once, then disturbed in rounds; say of each what was killed and whether the stores are equal."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=20, help="runs to disturb (20)")
    asked.add_argument("--seed", type=int, default=0, help="of what is killed, and when (0)")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"PREFECT_HOME": str(folder / "prefect"), "VOXMINE_KEY": "a key for the chaos"}
        plan = _plan(folder)
        _finish(plan, folder / "undisturbed")
        wanted = _held(folder / "undisturbed")
        print(f"Undisturbed: {len(wanted)} artefacts.\n\n| round | killed | starts | equal |\n|--:|---|--:|---|")
        unequal = 0
        for number in range(given.rounds):
            workspace = folder / f"round-{number}"
            killed, starts = _disturbed(plan, workspace, random.Random(given.seed + number))
            faults = _faults(workspace, wanted, folder)
            unequal += bool(faults)
            print(f"| {number + 1} | {killed} | {starts} | {'; '.join(faults) or 'yes'} |", flush=True)
    print(f"\n{given.rounds - unequal} of {given.rounds} stores equal that of the undisturbed run.")
    sys.exit(bool(unequal))


def _plan(folder: Path) -> Path:
    """Write an invented cohort and the demo's plan on it, without models; return the plan's file."""
    write_cohort(folder / "cohort", patients=PATIENTS)
    held = yaml.safe_load((files("deployments") / "plans" / "demo.yaml").read_text(encoding="utf-8"))
    held["sources"] = [{"method": "dicom", "path": "cohort/scans"}]
    held["clinical"]["path"], held["events"]["path"] = "cohort/clinical.csv", "cohort/events.csv"
    held |= {"learn": None, "compute": {"workers": 2, "batch": 5}}
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(held), encoding="utf-8")
    return path


def _start(plan: Path, workspace: Path) -> psutil.Popen:
    command = [sys.executable, "-m", "flows.cli", "run", str(plan), "--set", f"workspace={workspace}"]
    return psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _finish(plan: Path, workspace: Path) -> None:
    if _start(plan, workspace).wait():
        message = "The undisturbed run ends well: it did not."
        raise RuntimeError(message)


def _disturbed(plan: Path, workspace: Path, generator: random.Random) -> tuple[str, int]:
    """Run, killing as it goes, until the run has ended well; return what was killed, and how often it was started."""
    killed: Counter[str] = Counter()
    for starts in range(1, STARTS + 1):
        process = _start(plan, workspace)
        while sum(killed.values()) < KILLS and process.poll() is None:
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(generator.uniform(FIRST_SECONDS, LAST_SECONDS))
            kind = generator.choice(KINDS)
            victims = list(_of_kind(process, kind)) if process.poll() is None else []
            if victims:
                with contextlib.suppress(psutil.NoSuchProcess):
                    generator.choice(victims).send_signal(signal.SIGKILL)
                    killed[kind] += 1
        if process.wait() == 0:
            return ", ".join(f"{count} {kind}" for kind, count in sorted(killed.items())), starts
    return "it never ended", STARTS


def _of_kind(process: psutil.Popen, kind: str) -> Iterator[psutil.Process]:
    """Yield the processes of a run that are of a kind."""
    if kind == "flow":
        yield psutil.Process(process.pid)
        return
    word = {"worker": "multiprocessing.spawn", "server": "flows.own_server"}[kind]
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if word in " ".join(child.cmdline()):
                    yield child


def _held(workspace: Path) -> dict[str, str]:
    return {ref.digest: ref.kind for ref in Store(workspace / "store").artefacts()}


def _faults(workspace: Path, wanted: dict[str, str], folder: Path) -> list[str]:
    """Return what is wrong with what a disturbed run has left."""
    store, held = Store(workspace / "store"), _held(workspace)
    for ref in store.artefacts():
        store.verify(ref)
    found = [f"{len(wanted.keys() - held.keys())} missing"] if wanted.keys() - held.keys() else []
    found += [f"{len(held.keys() - wanted.keys())} more"] if held.keys() - wanted.keys() else []
    with contextlib.closing(sqlite3.connect(folder / "prefect" / "prefect.db")) as database:
        (running,) = database.execute("select count(*) from flow_run where state_type = 'RUNNING'").fetchone()
    found += [f"{running} runs show as running"] if running else []
    left = _left(folder / "prefect")
    return found + ([f"{left} processes are left"] if left else [])


def _left(home: Path) -> int:
    """Return how many processes of the runs are there longer after their end than a worker may take to start."""
    limit = time.monotonic() + START_SECONDS + 60
    while left := sum(_is_of(one, home) for one in psutil.process_iter()):
        if time.monotonic() > limit:
            return left
        time.sleep(1)
    return 0


def _is_of(process: psutil.Process, home: Path) -> bool:
    """Return whether a process was started by a run: it has the run's environment."""
    try:
        told = process.environ().get("PREFECT_HOME") == str(home)
    except psutil.Error:
        return False
    return told and process.pid != os.getpid()


if __name__ == "__main__":
    main()
