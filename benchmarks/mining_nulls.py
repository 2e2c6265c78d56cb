"""How often rules are called significant where there are none: shuffled outcomes, and a difference between centres."""

from __future__ import annotations

import argparse
import gzip
import sys
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.baskets import baskets_from
from tasks.methods.rules.class_rules import ClassRuleMiner
from tasks.methods.rules.items import Item, ItemTable
from tasks.methods.rules.significant_itemsets import significant_itemsets

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALPHA = 0.05
ROWS, ITEMS = 120, 6
"""Patients of two centres, and items."""


def main() -> None:
    """Count false discoveries and print their share beside what chance allows it to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--permutations", type=int, default=1000)
    chosen = parser.parse_args()
    number = chosen.permutations
    most = ALPHA + 3 * sqrt(ALPHA * (1 - ALPHA) / number)
    print(f"## Families with any false discovery, of {number:,}; at alpha {ALPHA:.0%} at most {most:.1%} by chance\n")
    print("| outcomes | control | share | |\n|---|---|--:|---|")
    broken = 0
    for name, share in _shuffled(chosen.data / "mining" / "lamp_idh1.tsv.gz", number).items():
        broken += share > most
        print(f"| LGG, IDH1 shuffled | {name} | {share:.1%} | {'kept' if share <= most else 'NOT KEPT'} |")
    for (name, strata), share in _centres(number).items():
        broken += bool(strata) and share > most
        told = "shown to fail" if not strata and share > most else "kept" if share <= most else "NOT KEPT"
        within = "within centres" if strata else "all together"
        print(f"| two centres that differ | {name}, {within} | {share:.1%} | {told} |")
    print()
    sys.exit(bool(broken))


def _shuffled(path: Path, number: int) -> dict[str, float]:
    with gzip.open(path, "rt") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    baskets = baskets_from([[int(item) for item in items.split()] for _, items in rows])
    in_class = np.array([label == "1" for label, _ in rows])
    rng = np.random.default_rng(0)
    false = {"lamp": 0, "westfall_young": 0}
    for one in range(number):
        shuffled = rng.permutation(in_class)
        false["lamp"] += bool(significant_itemsets(baskets, shuffled, control="lamp").significant.size)
        permuted = significant_itemsets(baskets, shuffled, control="westfall_young", seed=one)
        false["westfall_young"] += bool(permuted.significant.size)
    return {name: count / number for name, count in false.items()}


def _centres(number: int) -> dict[tuple[str, bool], float]:
    """Return the share of cohorts with a significant rule, where items and outcome depend on the centre alone."""
    rng = np.random.default_rng(0)
    centre = np.repeat([0, 1], ROWS // 2)
    names = [f"centre {one}" for one in centre.tolist()]
    keys = [str(row) for row in range(ROWS)]
    false: dict[tuple[str, bool], int] = {}
    for one in range(number):
        present = rng.random((ROWS, ITEMS)) < np.array([0.7, 0.3])[centre][:, None]
        ill = rng.random(ROWS) < np.array([0.7, 0.3])[centre]
        items, outcome = _items("item", present), _items("outcome", np.column_stack([~ill, ill]), one_column=True)
        for adjust in ("holm", "lamp", "westfall_young"):
            miner = ClassRuleMiner(adjust=adjust, min_support=0.1, permutations=199, seed=one, max_rules=1)
            for strata in (None, names):
                found = miner(items, outcome, keys, strata)
                place = adjust, strata is not None
                false[place] = false.get(place, 0) + bool(found.significant)
    return {place: count / number for place, count in false.items()}


def _items(name: str, present: NDArray[np.bool_], *, one_column: bool = False) -> ItemTable:
    columns = [name if one_column else f"{name}{place}" for place in range(present.shape[1])]
    items = tuple(Item(column=column, label=column, level=str(place)) for place, column in enumerate(columns))
    return ItemTable(items, present, np.ones_like(present))


if __name__ == "__main__":
    main()
