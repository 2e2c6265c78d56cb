"""Frequent itemsets by mlxtend's FP-growth: the same as ours, by other people's code."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from tasks.methods.rules.itemsets import least_rows, require_few

if TYPE_CHECKING:
    from tasks.methods.rules.items import ItemTable


def frequent_itemsets(
    table: ItemTable, min_support: float, max_length: int | None, max_candidates: int
) -> list[tuple[int, ...]]:
    """Return the itemsets present in at least a share of all rows, or a count, by length and then by position.

    What `table_itemsets.frequent_itemsets` returns, to be compared with it; it takes many times as long
    (`benchmarks.mining`), and memory for every set of items before those of one column are left out.

    Raises
    ------
    BadData
        If more than `max_candidates` are frequent; they are counted after the search.

    References
    ----------
    Han, Pei and Yin, SIGMOD 2000, p. 1 (FP-growth); Raschka, J Open Source Softw 2018;3:638 (mlxtend).
    """
    import pandas as pd

    with warnings.catch_warnings():  # mlxtend changes the whole process's warning filters when it is imported
        from mlxtend.frequent_patterns import fpgrowth

    if not table.items or not len(table):
        return []
    # Half a row below the count: a share would be rounded up to one row more at times (0.07 of 100 to 8).
    share = (least_rows(min_support, len(table)) - 0.5) / len(table)
    found = fpgrowth(pd.DataFrame(table.present), min_support=share, max_len=max_length)
    itemsets = sorted((tuple(sorted(map(int, one))) for one in found["itemsets"]), key=lambda one: (len(one), one))
    columns = [item.column for item in table.items]
    kept = [one for one in itemsets if len({columns[item] for item in one}) == len(one)]
    require_few(len(kept), max_candidates)
    return kept
