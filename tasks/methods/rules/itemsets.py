"""Frequent itemsets and their splits into rules, through mlxtend."""

from __future__ import annotations

import warnings
from collections import Counter
from itertools import combinations
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from data_catalog.errors import BadData

with warnings.catch_warnings():  # mlxtend changes the whole process's warning filters when it is imported
    from mlxtend.frequent_patterns import association_rules, fpgrowth

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.methods.rules.items import ItemTable

ROUNDING = 1e-9
"""A minimum count this little above a whole number is that number: 0.07 of 100 rows are 7."""


def least_rows(min_support: float, rows: int) -> int:
    """Return the smallest number of rows that is at least the share `min_support`, 1 or more."""
    return max(1, ceil(min_support * rows - ROUNDING))


def frequent_itemsets(
    table: ItemTable, min_support: float, max_length: int | None, max_candidates: int
) -> list[tuple[int, ...]]:
    """Return the itemsets present in at least a share of all rows, by length and then by position.

    An itemset has at most one item of a column. Rows where an item is not known count among all rows:
    the rows needed are the same for every itemset, and a part of a frequent itemset is always frequent.

    Raises
    ------
    BadData
        If more than `max_candidates` are frequent; pairs are counted before the search.

    References
    ----------
    Han, Pei and Yin, SIGMOD 2000, p. 1 (FP-growth), as in mlxtend.
    """
    if not table.items or not len(table):
        return []
    rows = least_rows(min_support, len(table))
    _require_few(_frequent_pairs(table, rows) if max_length != 1 else 0, max_candidates)
    # Half a row below the count: a share would be rounded up to one row more at times (0.07 of 100 to 8).
    found = fpgrowth(_frame(table), min_support=(rows - 0.5) / len(table), max_len=max_length)
    itemsets = sorted((tuple(sorted(map(int, one))) for one in found["itemsets"]), key=lambda one: (len(one), one))
    kept = [one for one in itemsets if _one_per_column(table, one)]
    _require_few(len(kept), max_candidates)
    return kept


def splits(itemsets: Sequence[tuple[int, ...]]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return every split of every itemset into antecedent and consequent, neither of them empty, in order."""
    if not itemsets:
        return []
    frame = pd.DataFrame({"support": 1.0, "itemsets": [frozenset(one) for one in itemsets]})
    rules = association_rules(frame, num_itemsets=1, metric="support", min_threshold=0.0, support_only=True)
    pairs = zip(rules["antecedents"], rules["consequents"], strict=True)
    return sorted((tuple(sorted(left)), tuple(sorted(right))) for left, right in pairs)


def pairs_apart(table: ItemTable, itemsets: Sequence[tuple[int, ...]], longest: int) -> int:
    """Return how many ordered pairs of itemsets have no column in common and at most `longest` items together.

    The pairs are counted and not made, as there may be billions: by inclusion and exclusion over the
    columns they could have in common. An itemset has one item of a column at most.
    """
    alike = Counter(tuple(sorted(table.items[item].column for item in itemset)) for itemset in itemsets)
    holding: Counter[tuple[int, tuple[str, ...]]] = Counter()
    for columns, times in alike.items():
        for part in _parts(columns):
            holding[len(columns), part] += times
    return sum(
        times * (-1) ** len(part) * holding[length, part]
        for columns, times in alike.items()
        for part in _parts(columns)
        for length in range(1, longest - len(columns) + 1)
    )


def _parts(columns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return (part for length in range(len(columns) + 1) for part in combinations(columns, length))


def _frame(table: ItemTable) -> pd.DataFrame:
    return pd.DataFrame(table.present)


def _frequent_pairs(table: ItemTable, rows: int) -> int:
    present = table.present.astype(np.float64)
    together = np.triu(present.T @ present, k=1)
    return int(np.count_nonzero(together >= rows))


def _one_per_column(table: ItemTable, itemset: tuple[int, ...]) -> bool:
    return len({table.items[item].column for item in itemset}) == len(itemset)


def _require_few(candidates: int, most: int) -> None:
    if candidates > most:
        raise BadData(
            "too_many_candidates",
            f"At most {most} itemsets are searched",
            f"{candidates} or more are frequent",
            "Raise min_support, take fewer columns or levels, or shorten max_length.",
        )
