"""Counts of two-by-two tables for many rules at once, and what is computed from one table."""

from __future__ import annotations

from itertools import pairwise
from math import exp, inf, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.kernels.exact import upper_tails

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.methods.rules.items import ItemTable

Z_95 = 1.959963984540054
"""Standard normal value that leaves 2.5 % above it."""
HALDANE = 0.5
"""Added to each cell of the table before odds are formed."""
CELLS_AT_ONCE = 20_000_000
"""Cells held at once of a matrix of rows x rules, or rules x shuffles, so that memory stays bounded."""


def rule_counts(
    table: ItemTable,
    antecedents: Sequence[tuple[int, ...]],
    consequents: Sequence[tuple[int, ...]],
    within: Sequence[tuple[int, ...]] | None = None,
) -> NDArray[np.int64]:
    """Return (rules, 4) counts of rows: both, antecedent only, consequent only, neither.

    Rules are given by positions of items. A rule counts the rows where every one of its items is known,
    and, with `within`, where all of those items are present.
    """
    base = within or [()] * len(antecedents)
    step = max(1, CELLS_AT_ONCE // max(1, len(table)))
    starts = [*range(0, len(antecedents), step), len(antecedents)]
    parts = [_counts(table, antecedents[a:b], consequents[a:b], base[a:b]) for a, b in pairwise(starts)]
    return np.concatenate(parts) if parts else np.zeros((0, 4), np.int64)


def covered(table: ItemTable, itemsets: Sequence[tuple[int, ...]]) -> NDArray[np.bool_]:
    """Return (rows, itemsets): every item of the itemset is present in the row; an empty one is in all."""
    return _all_of(table.present, itemsets)


def fully_known(table: ItemTable, itemsets: Sequence[tuple[int, ...]]) -> NDArray[np.bool_]:
    """Return (rows, itemsets): it is known of every item of the itemset whether the row has it."""
    return _all_of(table.known, itemsets)


def surely_without(table: ItemTable, itemset: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the positions of the rows known to lack an item of the itemset, whether or not all others are known."""
    places = list(itemset)
    return np.flatnonzero((table.known[:, places] & ~table.present[:, places]).any(axis=1))


def _counts(
    table: ItemTable,
    antecedents: Sequence[tuple[int, ...]],
    consequents: Sequence[tuple[int, ...]],
    within: Sequence[tuple[int, ...]],
) -> NDArray[np.int64]:
    counted = fully_known(table, antecedents) & fully_known(table, consequents) & covered(table, within)
    left, right = covered(table, antecedents), covered(table, consequents)
    cells = (left & right, left & ~right, ~left & right, ~left & ~right)
    return np.stack([np.count_nonzero(cell & counted, axis=0) for cell in cells], axis=1).astype(np.int64)


def _all_of(matrix: NDArray[np.bool_], itemsets: Sequence[tuple[int, ...]]) -> NDArray[np.bool_]:
    """Return the rows where all columns of an itemset are true; an all-true column fills up short itemsets."""
    rows, filler = matrix.shape
    filled = np.hstack([matrix, np.ones((rows, 1), bool)])
    longest = max((len(itemset) for itemset in itemsets), default=0)
    positions = np.full((len(itemsets), longest), filler, np.intp)
    for row, itemset in enumerate(itemsets):
        positions[row, : len(itemset)] = itemset
    result = np.ones((rows, len(itemsets)), bool)
    for step in range(longest):
        result &= filled[:, positions[:, step]]
    return result


def fisher_greater(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return Fisher's exact one-sided p-value of each row of (tables, 4) counts.

    It is the chance of as many rows with both as there are, or more, were antecedent and consequent
    independent, given how many rows have each. A table without rows has p = 1.

    Fisher, J R Stat Soc 1935;98:39.
    """
    from scipy.special import gammaln

    most = int(counts.sum(axis=1).max(initial=0))
    return upper_tails(np.ascontiguousarray(counts, np.int64), gammaln(np.arange(most + 1.0) + 1.0))


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share; 0 to 1 where there are no trials.

    Wilson, J Am Stat Assoc 1927;22:209.
    """
    if trials == 0:
        return 0.0, 1.0
    share, spread = successes / trials, Z_95**2 / trials
    centre = (share + spread / 2) / (1 + spread)
    half = Z_95 * sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def odds_ratio(a: int, b: int, c: int, d: int) -> float:
    """Return the odds ratio with a half added to each cell, so that it is finite.

    Haldane, Ann Hum Genet 1956;20:309. Anscombe, Biometrika 1956;43:461.
    """
    return (a + HALDANE) * (d + HALDANE) / ((b + HALDANE) * (c + HALDANE))


def odds_ratio_interval(a: int, b: int, c: int, d: int) -> tuple[float, float]:
    """Return the 95 % interval of `odds_ratio`, symmetric about its logarithm.

    Woolf, Ann Hum Genet 1955;19:251, with Haldane's half in each cell.
    """
    centre = log(odds_ratio(a, b, c, d))
    half = Z_95 * sqrt(sum(1 / (cell + HALDANE) for cell in (a, b, c, d)))
    return exp(centre - half), exp(centre + half)


def lift_interval(a: int, b: int, c: int, d: int) -> tuple[float, float]:
    """Return the 95 % interval of the lift, symmetric about its logarithm; 0 to infinity where no row has both.

    The four counts are taken as one multinomial sample, and the variance of the logarithm as its first-order
    expansion (the delta method: Oehlert, Am Stat 1992;46:27).
    """
    if a == 0:
        return 0.0, inf
    rows, left, right = a + b + c + d, a + b, a + c
    variance = 1 / a - 1 / left - 1 / right + 2 * a / (left * right) - 1 / rows
    half = Z_95 * sqrt(max(0.0, variance))
    lift = a * rows / (left * right)
    return lift * exp(-half), lift * exp(half)
