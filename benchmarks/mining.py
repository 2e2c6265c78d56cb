"""How fast itemsets are mined, against other programs, and how often rules are found where there are none.

Run by `make bench`, or `python -m benchmarks.mining --data FOLDER --pyfim PYTHON --rounds 5`. The folder holds `mining`
and `idc_series` (see benchmarks/README.md); pyfim is measured in the environment whose interpreter is named.
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

ONCE = Path(__file__).with_name("mining_once.py")
SERIES = "benchmarks.mining_series"
NULLS = "benchmarks.mining_nulls"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
CALLS = {"mlxtend": 2}
"""Calls of a slow program in each process; others are called five times."""


class Case(NamedTuple):
    """Transactions with the least number of rows, and how many times faster than mlxtend we say we are."""

    name: str
    least: int
    found: int
    over_mlxtend: float


CASES = (
    Case("lgg", 46, 322_368, 30),
    Case("wdbc4", 35, 276_852, 30),
    Case("chess", 1918, 254_944, 30),
    Case("mushroom", 1625, 53_583, 15),
    Case("idc100k", 1000, 144_407, 15),
)


class Took(NamedTuple):
    """What one process measured."""

    s: float
    """CPU time of a call when everything is warm; the least of the calls."""
    first_s: float
    """CPU time of the first call."""
    start_s: float
    """CPU time of imports and of turning rows into the program's own input."""
    found: int
    before_mb: float
    peak_mb: float


def main() -> None:
    """Measure and print; everything that is written goes to a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of `mining` and `idc_series`")
    parser.add_argument("--pyfim", default="", help="interpreter in whose environment pyfim is")
    parser.add_argument("--rounds", type=int, default=3, help="times that every program is measured (3)")
    parser.add_argument("--permutations", type=int, default=1000, help="shuffled outcomes for the error rates (1,000)")
    chosen = parser.parse_args()
    if not (chosen.data / "mining").is_dir():
        print(f"No transactions in {chosen.data / 'mining'}: name their folder with --data.", file=sys.stderr)
        return
    programs = dict.fromkeys(("voxmine", "voxmine_frame", "mlxtend"), sys.executable)
    if chosen.pyfim:
        programs["pyfim"] = chosen.pyfim
    kept = [_table(case, _in_turns(case, chosen.data, programs, chosen.rounds)) for case in CASES]
    _compiling(chosen.data)
    for module, arguments in ((SERIES, []), (NULLS, ["--permutations", str(chosen.permutations)])):
        command = [sys.executable, "-m", module, "--data", str(chosen.data), *arguments]
        kept.append(not subprocess.run(command, check=False).returncode)
    sys.exit(not all(kept))


def _in_turns(case: Case, data: Path, programs: dict[str, str], rounds: int) -> dict[str, list[Took]]:
    found: dict[str, list[Took]] = {name: [] for name in programs}
    _once("voxmine", sys.executable, case, data)  # compiles what is not compiled yet
    for number in range(rounds):
        turn = number % len(programs)
        for name in (*list(programs)[turn:], *list(programs)[:turn]):
            print(f"\r\033[K{case.name}, round {number + 1}: {name}", end="", file=sys.stderr, flush=True)
            found[name].append(_once(name, programs[name], case, data))
    print("\r\033[K", end="", file=sys.stderr)
    return found


def _once(name: str, python: str, case: Case, data: Path, **environment: str) -> Took:
    path = data / "mining" / f"{case.name}.dat.gz"
    command = [python, str(ONCE), name, str(path), str(case.least), str(CALLS.get(name, 5))]
    around = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ONCE.parents[1]), **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=around)
    if done.returncode:
        raise RuntimeError(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return Took(**told)


def _table(case: Case, found: dict[str, list[Took]]) -> bool:
    """Print what was measured, and return whether it is as fast as we say."""
    print(f"## {case.name}, in {case.least:,} rows or more: {case.found:,} itemsets\n")
    print("| program | CPU ms | times ours | CPU s to start | MB more |\n|---|--:|--:|--:|--:|")
    own = found["voxmine"]
    for name, took in found.items():
        ratios = [theirs.s / mine.s for mine, theirs in zip(own, took, strict=True)]
        more = f"{max(one.peak_mb - one.before_mb for one in took):.0f}"
        cells = _spread([1000 * one.s for one in took]), _spread(ratios), _spread([one.start_s for one in took], 2)
        print(f"| {name} | {' | '.join(cells)} | {more} |")
        if name != "pyfim" and took[0].found != case.found:  # pyfim leaves out an item that every row has
            raise RuntimeError(f"{name} found {took[0].found} itemsets")
    aims = {"mlxtend": case.over_mlxtend} | ({"pyfim": 1} if "pyfim" in found else {})
    print()
    kept = [_kept(name, aim, own, found[name]) for name, aim in aims.items()]
    return all(kept)


def _kept(name: str, aim: float, own: list[Took], others: list[Took]) -> bool:
    """Print how many times as fast as another program we are, and return whether that is as many as we say."""
    times = median(theirs.s / mine.s for mine, theirs in zip(own, others, strict=True))
    told = "kept" if times >= aim else "NOT KEPT"
    print(f"As fast as {name} {aim:g} times or more: {times:.1f}, {told}.\n")
    return times >= aim


def _compiling(data: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="voxmine-bench-") as folder:
        took = [
            _once(name, sys.executable, CASES[0], data, NUMBA_CACHE_DIR=folder)
            for name in ("voxmine", "voxmine_closed")
        ]
    told = " and ".join(f"{one.first_s:.1f}" for one in took)
    print(f"With an empty cache of machine code the first call takes {told} CPU s (all itemsets; closed ones).\n")


def _spread(values: list[float], digits: int = 1) -> str:
    return " / ".join(f"{one:,.{digits}f}" for one in (min(values), median(values), max(values)))


if __name__ == "__main__":
    main()
