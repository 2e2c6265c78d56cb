"""Rules X before Y and closed patterns at scale, and how often chance alone makes a discovery.

.venv/bin/python -m benchmarks.sequences speed    # with the transactions in time beside the project
.venv/bin/python -m benchmarks.sequences false    # families without any true effect, 1,000 of each kind
"""

from __future__ import annotations

import gzip
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binom

from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.events import History
from tasks.methods.rules.items import ColumnLabel, Item, ItemTable
from tasks.methods.rules.pattern_search import PatternLimits, closed_patterns, visits_of
from tasks.methods.rules.readings import ReadingMiner
from tasks.methods.rules.sequence_search import Limits, happenings, orders
from tasks.methods.rules.sequences import SequenceMiner
from tasks.methods.rules.subgroups import SubgroupMiner
from tasks.methods.rules.targets import number_target

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "mining" / "idc_sequences.txt.gz"
JAR = os.environ.get("SPMF_JAR")
"""SPMF, GPL: never a part of the project; where it is named here and Java is there, it is timed beside."""
CASES = ((762, 1_527), (191, 5_291))
CONFIDENCE = 0.3
REPEATS = 5
FAMILIES = 1_000
ALPHA = 0.05
HALF, POSITIVES = 0.5, 6


def read() -> tuple[list[History], int]:
    """Return the sequences of the SPMF file, the number of a visit as its day, and how many events there are."""
    held = []
    with gzip.open(DATA, "rt") as file:
        for line in file:
            numbers = np.array(line.split(), np.int64)
            visit = np.cumsum(numbers == -1)
            held.append(History(str(len(held)), visit[numbers > 0].astype(float), numbers[numbers > 0]))
    return held, 1 + max(int(one.codes.max()) for one in held)


def speed() -> None:
    held, number = read()
    for least, expected in CASES:

        def search(least: int = least) -> int:
            return sum(1 for _ in orders(happenings(held, number, least), Limits(least, CONFIDENCE)))

        search()  # compiles
        runs, others = [], []
        for _ in range(REPEATS):
            start = time.process_time()
            found = search()
            runs.append(time.process_time() - start)
            assert found == expected, (found, expected)
            if JAR and shutil.which("java"):
                others.append(spmf(least, len(held)))
        beside = f"; SPMF ERMiner {min(others):.2f} s" if others else "; SPMF is not here"
        print(f"rules, support {least}: {found} found, {min(runs):.2f} s of CPU (best of {REPEATS}){beside}")
    for least in (3_808, 1_904):
        limits = PatternLimits(least, steps=3, events=4)
        start = time.process_time()
        found = closed_patterns(visits_of(held, number, least), limits)
        seconds = time.process_time() - start
        print(f"patterns, support {least}: {len(found.closed)} closed of {len(found.frequent)}, {seconds:.2f} s of CPU")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def spmf(least: int, patients: int) -> float:
    """Return the CPU seconds of SPMF's ERMiner with its virtual machine."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "sequences.txt", Path(folder) / "rules.txt"
        source.write_bytes(gzip.decompress(DATA.read_bytes()))
        support = f"{least / patients:.6f}"
        command = ["java", "-jar", str(JAR), "run", "ERMiner", str(source), str(target), support, str(CONFIDENCE)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def shuffled_histories(rng: np.random.Generator) -> pd.DataFrame:
    """Return events of 15 patients in no order, one of them twice."""
    rows = [
        (f"p{patient}", int(day), event)
        for patient in range(15)
        for day, event in zip(rng.choice(60, 5), rng.permutation(list("aabcd")), strict=True)
    ]
    return pd.DataFrame(rows, columns=["patient", "day", "event"])


def false_order(rng: np.random.Generator, seed: int) -> bool:
    return bool(SequenceMiner(permutations=199, seed=seed, max_before=2)(shuffled_histories(rng)).significant)


def false_pattern(rng: np.random.Generator, seed: int) -> bool:
    outcome = pd.Series((rng.permutation(15) < POSITIVES).astype(float), [f"p{patient}" for patient in range(15)])
    found = SequenceMiner(min_support=2, permutations=199, seed=seed)(shuffled_histories(rng), outcome, "x")
    return any(one.with_outcome is not None and one.with_outcome.significant for one in found.patterns)


def false_subgroup(rng: np.random.Generator, seed: int) -> bool:
    values = rng.random((40, 4)) < HALF
    present = np.concatenate([values, ~values], axis=1)
    items = tuple(
        Item(column=str(column), label=str(column), level=level) for level in ("yes", "no") for column in range(4)
    )
    table = ItemTable(items, present, np.ones_like(present))
    target = number_target("x", "", rng.exponential(size=40))
    found = SubgroupMiner(permutations=199, seed=seed)(table, target, [f"p{row}" for row in range(40)])
    return any(one.significant for one in found.subgroups)


def false_reading_rule(rng: np.random.Generator, seed: int) -> bool:
    rows = []
    for patient in range(40):
        ratings = rng.choice(["x", "y"]), rng.choice(["x", "y"]), rng.choice(["x", "y"])
        rows += [(patient, case, reader, *ratings) for case in range(4) for reader in "AB"]
    table = pd.DataFrame(rows, columns=["patient", "case", "reader", "one", "two", "end"])
    columns = {name: ColumnLabel(label=name) for name in ("one", "two", "end")}
    found = ReadingMiner(ends_in="end", permutations=199, seed=seed)(table, columns, QuantileBins())
    return any(rule.significant for rule in found.rules)


def false() -> None:
    kinds = {
        "order of events": false_order,
        "patterns and outcome": false_pattern,
        "subgroups": false_subgroup,
        "rules over readings": false_reading_rule,
    }
    most = int(binom.ppf(0.999, FAMILIES, ALPHA))
    broken = 0
    for name, kind in kinds.items():
        rng = np.random.default_rng(1)
        count = sum(kind(rng, seed) for seed in range(FAMILIES))
        broken += count > most
        verdict = "as promised" if count <= most else "MORE THAN PROMISED"
        print(
            f"{name}: {count} of {FAMILIES} families have any discovery (at most {most} allowed): {verdict}", flush=True
        )
    sys.exit(bool(broken))


if __name__ == "__main__":
    {"speed": speed, "false": false}[sys.argv[1]]()
