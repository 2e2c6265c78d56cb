"""What chance alone would have found: the control of false discoveries by permuting who has which outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.kernels.exact import AS_LIKELY, smallest_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.methods.rules.row_bits import RowBits

AT_ONCE = 1000
"""Permutations worked on at once."""


def permuted_classes(
    classes: NDArray[np.intp], strata: NDArray[np.intp], permutations: Sequence[int], seed: int
) -> NDArray[np.intp]:
    """Return (permutations, rows) classes given to other rows of the same stratum.

    Every permutation has a generator of its own, seeded by `seed` and its number, so that permutations may be worked
    on anywhere and in any order.
    """
    places = np.argsort(strata, kind="stable")
    permuted = np.empty((len(permutations), classes.size), classes.dtype)
    for one, number in enumerate(permutations):
        drawn = np.random.default_rng([seed, number]).random(classes.size)
        permuted[one, places] = classes[np.lexsort((drawn, strata))]
    return permuted


def smallest_p_values(
    bits: RowBits,
    present: NDArray[np.uint64],
    known: NDArray[np.uint64],
    permuted: NDArray[np.intp],
    values: Sequence[int],
    log_factorial: NDArray[np.float64],
    *,
    two_sided: bool = False,
) -> NDArray[np.float64]:
    """Return for each of (permutations, rows) classes the smallest p-value of any itemset and any of some classes.

    `present` and `known` are (itemsets, words) bits of the rows that have an itemset, and of whom it is known.
    """
    order = np.lexsort(bits.counted(present).T)
    present, known = np.ascontiguousarray(present[order]), np.ascontiguousarray(known[order])
    smallest = np.ones(len(permuted))
    for start in range(0, len(permuted), AT_ONCE):
        block = slice(start, start + AT_ONCE)
        for value in values:
            labels = np.ascontiguousarray(bits.packed((permuted[block] == value).T).T)
            found = smallest_p(present, known, bits.strata, bits.sizes, labels, two_sided, log_factorial)
            smallest[block] = np.minimum(smallest[block], found)
    return smallest


def westfall_young_adjusted(p: NDArray[np.float64], smallest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each p-value the share of permutations whose smallest p-value is as small.

    The data themselves count as a permutation, so that no share is 0 and the chance of any false discovery is at
    most alpha however few permutations are drawn. That bound needs the outcome to be independent of all items, or
    the p-values of the rules that are not true to depend on each other alike whether or not others are true (subset
    pivotality): the other adjustments need neither.

    Westfall and Young, Resampling-based multiple testing, 1993. Phipson and Smyth, Stat Appl Genet Mol Biol
    2010;9:39, for counting the data.
    """
    rising = np.sort(smallest)
    as_small = np.searchsorted(rising, p * AS_LIKELY, side="right")
    return np.minimum(1.0, (as_small + 1) / (smallest.size + 1))


def permutation_delta(smallest: NDArray[np.float64], alpha: float) -> float:
    """Return the largest of the smallest p-values that is significant; 0 where the permutations are too few for any."""
    rising = np.sort(smallest)
    significant = westfall_young_adjusted(rising, smallest) <= alpha
    return float(rising[significant].max(initial=0.0))
