"""A million series of the Imaging Data Commons mined in a fresh process, whole and in parts: time and memory."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from benchmarks.memory import memory_mb
from tasks.methods.rules.baskets import Baskets
from tasks.methods.rules.itemsets import least_rows, mine_itemsets
from tasks.methods.rules.partitioned import partitioned_itemsets

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 1_000_000
SHARE = 0.01
PARTS = 4
NUMBERS = {"instanceCount", "StudyDate", "PatientAge", "patient", "study"}
"""Columns that are no categories."""
LIMIT_MB = 2000


def main() -> None:
    """Mine in two processes, so that each has its own peak of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--how", choices=("whole", "parts"))
    chosen = parser.parse_args()
    path = chosen.data / "idc_series" / "idc_v25_series.parquet"
    if chosen.how:
        print(json.dumps(_mined(path, chosen.how)))
        return
    print(f"## {ROWS:,} series at {SHARE:.0%}\n\n| how | itemsets | CPU s | peak MB |\n|---|--:|--:|--:|")
    told = {}
    for how in ("whole", "parts"):
        command = [sys.executable, "-m", "benchmarks.mining_series", "--data", str(chosen.data), "--how", how]
        told[how] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(f"| {how} | {told[how]['found']:,} | {told[how]['s']:.2f} | {told[how]['peak_mb']:.0f} |")
    if told["whole"]["found"] != told["parts"]["found"]:
        raise RuntimeError("In parts there are other itemsets than in one")
    kept = all(one["peak_mb"] < LIMIT_MB for one in told.values())
    print(f"\nUnder {LIMIT_MB / 1000:g} GB: {'kept' if kept else 'NOT KEPT'}.\n")
    sys.exit(not kept)


def _mined(path: Path, how: str) -> dict[str, float]:
    mine = {"whole": _whole, "parts": _in_parts}[how]
    mine(path)  # compiles what is not compiled yet
    before = time.process_time()
    found = mine(path)
    return {"found": found, "s": time.process_time() - before, "peak_mb": memory_mb("VmHWM")}


def _whole(path: Path) -> int:
    return len(mine_itemsets(_baskets(path, 0, ROWS), least_rows(SHARE, ROWS)))


def _in_parts(path: Path) -> int:
    return len(partitioned_itemsets(partial(_parts, path), SHARE))


def _parts(path: Path) -> Iterator[Baskets]:
    for part in range(PARTS):
        yield _baskets(path, part, ROWS // PARTS)


def _baskets(path: Path, part: int, rows: int) -> Baskets:
    """Return some rows' items; every value of a column is one, a missing value is none."""
    names = [name for name in pq.read_schema(path).names if name not in NUMBERS]
    codes = np.full((rows, len(names)), -1, np.int32)
    items = 0
    for place, name in enumerate(names):
        column = pq.read_table(path, columns=[name])[name].cast("string").combine_chunks().dictionary_encode()
        own = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)[part * rows : (part + 1) * rows]
        codes[:, place] = np.where(own < 0, -1, own + items)
        items += len(column.dictionary)
    known = codes >= 0
    starts = np.concatenate([[0], np.cumsum(known.sum(axis=1))]).astype(np.int64)
    return Baskets(starts, codes[known], items)


if __name__ == "__main__":
    main()
