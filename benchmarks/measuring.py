"""How fast regions are measured, against other programs: in turns, each in its own process, the same features.

Run by `make bench`, or `python -m benchmarks.measuring --rounds 5`. Another program is measured where it is installed:
in this environment, or in the one whose interpreter is named (`--pictologics PYTHON`, which needs Python 3.12 or
later; `--pyradiomics PYTHON`, for instance of `pip install pyradiomics-bhklab`; `--mirp PYTHON`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measuring_regions import REGIONS, Region, write_regions

ONCE = Path(__file__).with_name("measuring_once.py")
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
        "PICTOLOGICS_NUM_THREADS",
    ),
    "1",
)
PROGRAMS = ("voxmine", "pictologics", "pyradiomics", "mirp")
SLOW = {"mirp": 1, "pyradiomics": 3}
"""Calls of a slow program in each process; a fast one is called as often as fits in a second or so."""
SAME = 0.02
"""Part by which programs may differ in the features that all of them have."""


class Claim(NamedTuple):
    """What is said of the speed: CPU time of ours over that of a program, on a region."""

    region: str
    program: str
    limit: float


CLAIMS = (
    Claim("S", "pictologics", 0.5),
    Claim("L", "pictologics", 1.0),
    Claim("M x 12", "pictologics", 1.0),
    Claim("M", "pyradiomics", 0.05),
    Claim("L", "pyradiomics", 0.05),
)


class Took(NamedTuple):
    """What one process measured."""

    ms: float
    """CPU time of a call when everything is warm; the least of the calls."""
    first_s: float
    """CPU time from the start of the process to the first result."""
    import_mb: float
    """Memory after the imports."""
    peak_mb: float
    features: int
    values: dict[str, float]


def main() -> None:
    """Measure and print; everything that is written goes to a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="times that every program is measured (3)")
    parser.add_argument("--regions", nargs="*", default=list(REGIONS), help=f"among {', '.join(REGIONS)}")
    for name in PROGRAMS[1:]:
        parser.add_argument(f"--{name}", default=sys.executable, help=f"interpreter in whose environment {name} is")
    chosen = parser.parse_args()
    programs = {"voxmine": sys.executable, **{name: getattr(chosen, name) for name in PROGRAMS[1:]}}
    there = {name: python for name, python in programs.items() if _is_there(name, python)}
    with tempfile.TemporaryDirectory(prefix="voxmine-bench-") as folder:
        regions = write_regions(Path(folder), chosen.regions)
        found = {region.name: _in_turns(region, there, chosen.rounds) for region in regions}
        for region in regions:
            _table(region, found[region.name])
        _start(found)
        _compiling(regions[0], Path(folder))
        _two_processes(regions[-1])
    _claims(found)


def _is_there(name: str, python: str) -> bool:
    module = {"pyradiomics": "radiomics"}.get(name, name)
    if name == "voxmine":
        return True
    asked = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
    if asked.returncode:
        print(f"{name} is not in the environment of {python}: left out.", file=sys.stderr)
    return asked.returncode == 0


def _in_turns(region: Region, programs: dict[str, str], rounds: int) -> dict[str, list[Took]]:
    found: dict[str, list[Took]] = {name: [] for name in programs}
    _once("voxmine", programs["voxmine"], region, 1)  # compiles what is not compiled yet
    for number in range(rounds):
        for name in (*list(programs)[number % len(programs) :], *list(programs)[: number % len(programs)]):
            if region.images > 1 and name == "mirp":
                continue
            print(f"\r\033[K{region.name}, round {number + 1}: {name}", end="", file=sys.stderr, flush=True)
            found[name].append(_once(name, programs[name], region, SLOW.get(name, 0)))
    print("\r\033[K", end="", file=sys.stderr)
    return {name: took for name, took in found.items() if took}


def _once(name: str, python: str, region: Region, calls: int, **environment: str) -> Took:
    command = [python, str(ONCE), name, str(region.path), str(region.images), str(calls)]
    around = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ONCE.parents[1]), **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=around)
    if done.returncode:
        raise RuntimeError(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return Took(**told)


def _table(region: Region, found: dict[str, list[Took]]) -> None:
    own = found["voxmine"]
    print(f"## {region.name}: {region.words}\n")
    print("| program | features | CPU ms a region | ms of voxmine / ms | peak MB |\n|---|--:|--:|--:|--:|")
    for name, took in found.items():
        ratios = [mine.ms / theirs.ms for mine, theirs in zip(own, took, strict=True)]
        cells = (_spread([one.ms for one in took], 1), _spread(ratios, 3), f"{max(one.peak_mb for one in took):.0f}")
        print(f"| {name} | {took[0].features} | {' | '.join(cells)} |")
    differing = [
        f"{feature} of {name}"
        for name, took in found.items()
        for feature, value in took[0].values.items()
        if abs(value - own[0].values[feature]) > SAME * max(abs(own[0].values[feature]), 1e-9)
    ]
    print(f"\nValues compared: {', '.join(own[0].values)}. Differing by more than {SAME:.0%}: {differing or 'none'}.\n")


def _start(found: dict[str, dict[str, list[Took]]]) -> None:
    region = next(iter(found))
    print(f"## From the start of a process to the first result ({region}), caches warm\n")
    print("| program | CPU s | MB after the imports |\n|---|--:|--:|")
    for name, took in found[region].items():
        cells = (_spread([one.first_s for one in took], 2), _spread([one.import_mb for one in took], 0))
        print(f"| {name} | {' | '.join(cells)} |")
    print()


def _compiling(region: Region, folder: Path) -> None:
    took = _once("voxmine", sys.executable, region, 1, NUMBA_CACHE_DIR=str(folder / "empty"))
    print(f"With an empty cache of machine code: {took.first_s:.1f} CPU s to the first result.\n")


def _two_processes(region: Region) -> None:
    """Measure what two processes on two cores do in the time of one."""
    command = [sys.executable, str(ONCE), "throughput", str(region.path), str(region.images), "4"]
    around = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ONCE.parents[1])}

    def run(processes: int) -> float:
        started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=around) for _ in range(processes)]
        return sum(float(one.communicate()[0]) for one in started)

    ratios = [run(2) / run(1) for _ in range(3)]
    print(f"Two processes on two cores measure {_spread(ratios, 2)} times as many regions ({region.name}) as one.\n")


def _claims(found: dict[str, dict[str, list[Took]]]) -> None:
    print("## What is claimed\n\n| region | CPU time, of that of | claimed | measured | |\n|---|---|--:|--:|---|")
    for claim in CLAIMS:
        held = found.get(claim.region, {})
        if claim.program in held:
            ratios = [mine.ms / theirs.ms for mine, theirs in zip(held["voxmine"], held[claim.program], strict=True)]
            verdict = "yes" if median(ratios) <= claim.limit else "NO"
            print(f"| {claim.region} | {claim.program} | ≤ {claim.limit:g} | {_spread(ratios, 3)} | {verdict} |")
    print("\nEach cell: least / median / most of the rounds.")


def _spread(values: list[float], digits: int) -> str:
    held = np.array(values)
    return " / ".join(
        f"{value:.{digits}f}" for value in dict.fromkeys((held.min(), float(np.median(held)), held.max()))
    )


if __name__ == "__main__":
    main()
