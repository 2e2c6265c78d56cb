"""Mine one set of transactions with one program in this process, and print what it took as JSON."""

from __future__ import annotations

import gzip
import json
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.memory import memory_mb

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Rows = list[list[int]]
    Mine = Callable[[], int]


def main() -> None:
    program, path, least, calls = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    rows = _rows(path)
    read = time.process_time()
    mine = PROGRAMS[program](rows, least)
    ready = time.process_time()
    imports_mb = memory_mb("VmHWM")
    took, found = [], 0
    for _ in range(calls):
        before = time.process_time()
        found = mine()
        took.append(time.process_time() - before)
    print(json.dumps({
        "s": min(took),
        "first_s": took[0],
        "start_s": ready - read,
        "found": found,
        "before_mb": imports_mb,
        "peak_mb": memory_mb("VmHWM"),
    }))  # fmt: skip


def _rows(path: str) -> Rows:
    with gzip.open(path, "rt") as lines:
        return [[int(item) for item in line.split()] for line in lines]


def _present(rows: Rows) -> NDArray[np.bool_]:
    import numpy as np

    present = np.zeros((len(rows), max(map(max, rows)) + 1), bool)
    for row, items in enumerate(rows):
        present[row, items] = True
    return present


def voxmine(rows: Rows, least: int) -> Mine:
    from tasks.methods.rules.baskets import baskets_of
    from tasks.methods.rules.itemsets import mine_itemsets

    present = _present(rows)
    return lambda: len(mine_itemsets(baskets_of(present), least))


def voxmine_closed(rows: Rows, least: int) -> Mine:
    from tasks.methods.rules.baskets import baskets_of
    from tasks.methods.rules.itemsets import mine_itemsets

    present = _present(rows)
    return lambda: len(mine_itemsets(baskets_of(present), least, kind="closed"))


def voxmine_frame(rows: Rows, least: int) -> Mine:
    import pandas as pd

    from tasks.methods.rules.frames import frequent_itemsets

    frame = pd.DataFrame(_present(rows))
    return lambda: len(frequent_itemsets(frame, least))


def mlxtend(rows: Rows, least: int) -> Mine:
    import pandas as pd
    from mlxtend.frequent_patterns import fpgrowth

    frame = pd.DataFrame(_present(rows))
    return lambda: len(fpgrowth(frame, min_support=(least - 0.5) / len(frame)))


def pyfim(rows: Rows, least: int) -> Mine:
    import fim

    return lambda: len(fim.eclat(rows, target="s", supp=-least, report="a"))


PROGRAMS = {one.__name__: one for one in (voxmine, voxmine_closed, voxmine_frame, mlxtend, pyfim)}

if __name__ == "__main__":
    main()
