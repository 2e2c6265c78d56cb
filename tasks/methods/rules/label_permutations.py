"""Control of false discoveries over everything searched, by shuffling the outcome between patients."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CELLS_AT_ONCE = 20_000_000
"""Counts held at once in a matrix of hypotheses x shuffles, so that memory stays bounded."""
ROUNDING = 1e-7
"""P-values that differ by less than this share are the same, but for rounding."""


def westfall_young(
    members: NDArray[np.bool_],
    positive: NDArray[np.bool_],
    permutations: int,
    seed: int,
    strata: NDArray[np.intp] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two-sided Fisher p-values, and the same adjusted by the smallest p-value of shuffled outcomes.

    The outcome is shuffled between patients, within `strata` where they are given, and the smallest p-value over all
    hypotheses is taken each time. An adjusted p-value is the share of shuffles, the true outcome among them, whose
    smallest is as small. Calling significant what is at most alpha keeps the chance of any false discovery at most
    alpha, however hypotheses hang together, if patients are exchangeable (within strata).

    Parameters
    ----------
    members : NDArray[np.bool_]
        (patients, hypotheses): whom each is about.
    positive : NDArray[np.bool_]
        (patients,): in whom the outcome came true.
    strata : NDArray[np.intp], optional
        (patients,): the stratum of each.

    References
    ----------
    Westfall and Young, Resampling-Based Multiple Testing, Wiley 1993. Fisher, J R Stat Soc 1935;98:39; two-sided is
    the chance of every table that is no more likely than the one seen.
    """
    tails = _Tails(members, positive)
    columns = members.T.astype(np.float32)
    p = tails.p_values(columns @ positive.astype(np.float32)[:, None])[:, 0]
    smallest = np.concatenate(
        [
            tails.p_values(columns @ shuffled).min(axis=0, initial=1.0)
            for shuffled in _shuffles(positive, permutations, seed, strata, columns.shape[0])
        ]
    )
    rank = np.searchsorted(np.sort(smallest), p * (1 + ROUNDING), side="right")
    return p, (rank + 1) / (permutations + 1)


def shuffled_within(
    rng: np.random.Generator, number: int, rows: int, strata: NDArray[np.intp] | None
) -> NDArray[np.intp]:
    """Return (rows, number): in each column the positions of the rows, shuffled within their strata."""
    orders = rng.permuted(np.tile(np.arange(rows)[:, None], (1, number)), axis=0)
    if strata is None:
        return orders
    by_stratum = np.argsort(strata, kind="stable")
    places = np.argsort(strata[orders], axis=0, kind="stable")
    result = np.empty_like(orders)
    result[by_stratum] = np.take_along_axis(orders, places, axis=0)
    return result


def _shuffles(
    positive: NDArray[np.bool_], permutations: int, seed: int, strata: NDArray[np.intp] | None, hypotheses: int
) -> Iterator[NDArray[np.float32]]:
    """Yield (patients, shuffles) blocks of shuffled outcomes, so many that a block's counts fit into memory."""
    rng = np.random.default_rng(seed)
    step = max(1, CELLS_AT_ONCE // max(1, hypotheses, positive.size))
    for first, last in pairwise([*range(0, permutations, step), permutations]):
        yield positive[shuffled_within(rng, last - first, positive.size, strata)].astype(np.float32)


class _Tails:
    """Hold the two-sided p-value of every count that could be, for hypotheses of given sizes."""

    def __init__(self, members: NDArray[np.bool_], positive: NDArray[np.bool_]) -> None:
        rows, positives = positive.size, int(np.count_nonzero(positive))
        sizes, self.which = np.unique(np.count_nonzero(members, axis=0), return_inverse=True)
        self.table = np.array([_two_sided(int(size), positives, rows) for size in sizes]).reshape(-1, positives + 1)

    def p_values(self, counts: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the p-values of (hypotheses, shuffles) counts of positive members."""
        found: NDArray[np.float64] = self.table[self.which.reshape(-1, 1), counts.astype(np.intp)]
        return found


def _two_sided(size: int, positives: int, rows: int) -> NDArray[np.float64]:
    """Return the p-value of 0, 1, ... positive rows among `size` of all rows; 1 where that cannot be."""
    counts = np.arange(positives + 1)
    possible = (counts <= size) & (size - counts <= rows - positives)
    here = counts[possible]
    log_factorial = gammaln(np.arange(rows + 1) + 1.0)
    cells = np.stack([here, size - here, positives - here, rows - positives - size + here])
    margins = log_factorial[[size, rows - size, positives, rows - positives]].sum() - log_factorial[rows]
    chance = np.exp(margins - log_factorial[cells].sum(axis=0))
    rising = np.sort(chance)
    tails = np.cumsum(rising)[np.searchsorted(rising, chance * (1 + ROUNDING), side="right") - 1]
    p = np.ones(positives + 1)
    p[possible] = np.minimum(tails, 1.0)
    return p
