"""Exact p-values of stratified two-by-two tables, and the smallest of many under permuted labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel
from tasks.methods.rules.kernels.bits import ones

if TYPE_CHECKING:
    from numpy.typing import NDArray

AS_LIKELY = 1 + 1e-7
"""Two tables whose chances differ by less than this factor are as likely: their sums were rounded."""
NEGLIGIBLE = 1e-18
"""A chance so small a part of those added up changes their sum no more."""
KEPT_CELLS = 1 << 21
"""P-values kept of one itemset, one for each number that the class may have among the rows known (16 MB)."""


@kernel
def tails(
    having: NDArray[np.int64],
    known: NDArray[np.int64],
    classed: NDArray[np.int64],
    two_sided: bool,  # noqa: FBT001 - a kernel's parameters have no names
    log_factorial: NDArray[np.float64],
    chances: NDArray[np.float64],
    scratch: NDArray[np.float64],
    p: NDArray[np.float64],
) -> tuple[int, int]:
    """Write the p-value of every number of rows that both have an itemset and are of the class, over all strata.

    Given are for each stratum the rows that have the itemset, those of whom it is known, and of these the rows of the
    class. The number is a sum of independent hypergeometric ones; their chances are folded. Returned are the smallest
    and the largest possible number; p is 1 below, or as far as it is written. `chances`, `scratch` and `p` have room
    for one number more than rows of the class. (Fisher, J R Stat Soc 1935;98:39, of one stratum; Mehta, Patel and
    Gray, J Am Stat Assoc 1985;80:969, of several.)
    """
    low = high = 0
    chances[0] = 1.0
    for stratum in range(having.size):
        x, n, m = having[stratum], known[stratum], classed[stratum]
        begin, end = max(0, x + m - n), min(x, m)
        fixed = log_factorial[x] + log_factorial[n - x] + log_factorial[m] + log_factorial[n - m] - log_factorial[n]
        scratch[: high - low + end - begin + 1] = 0.0
        for number in range(begin, end + 1):
            rest = log_factorial[number] + log_factorial[x - number] + log_factorial[m - number]
            chance = np.exp(fixed - rest - log_factorial[n - x - m + number])
            for place in range(high - low + 1):
                scratch[place + number - begin] += chances[place] * chance
        low, high = low + begin, high + end
        chances[: high - low + 1] = scratch[: high - low + 1]
    p[:low] = 1.0
    total, first, last = 0.0, 0, high - low
    while first <= last:
        if not two_sided:
            total += chances[last]
            p[low + last] = min(1.0, total)
            last -= 1
            continue
        likely = min(chances[first], chances[last]) * AS_LIKELY
        first_before, last_before = first, last
        while first <= last and chances[first] <= likely:
            total += chances[first]
            first += 1
        while last >= first and chances[last] <= likely:
            total += chances[last]
            last -= 1
        p[low + first_before : low + first] = min(1.0, total)
        p[low + last + 1 : low + last_before + 1] = min(1.0, total)
    return low, high


@kernel
def upper_tails(counts: NDArray[np.int64], log_factorial: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance of as many rows of both or more, for (tables, 4) counts: both, left only, right only, neither.

    Added is the tail that falls, from the observed number on, or below it where it is no more than expected; each
    chance follows from the one before, and adding ends where the rest no longer changes the sum.
    """
    p = np.empty(len(counts))
    for table in range(len(counts)):
        a, b, c, d = counts[table]
        rows = a + b + c + d
        above = a * rows > (a + b) * (a + c)
        step = 1 if above else -1
        if not above:
            a, b, c, d = a - 1, b + 1, c + 1, d - 1
        total = 0.0
        if min(a, d) >= 0:
            margins = log_factorial[a + b] + log_factorial[c + d] + log_factorial[a + c] + log_factorial[b + d]
            cells = log_factorial[a] + log_factorial[b] + log_factorial[c] + log_factorial[d]
            chance = np.exp(margins - cells - log_factorial[rows])
            while chance > total * NEGLIGIBLE:
                total += chance
                chance *= (b * c) / ((a + 1) * (d + 1)) if above else (a * d) / ((b + 1) * (c + 1))
                a, b, c, d = a + step, b - step, c - step, d + step
        p[table] = min(1.0, total if above else 1.0 - total)
    return p


@kernel
def exact(
    having: NDArray[np.int64],
    known: NDArray[np.int64],
    classed: NDArray[np.int64],
    both: NDArray[np.int64],
    two_sided: bool,  # noqa: FBT001 - a kernel's parameters have no names
    log_factorial: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the p-value of each of (tables, strata) counts with so many rows of both.

    Tables that follow each other with the same margins are worked out once.
    """
    room = classed.sum(axis=1).max() + 1 if len(both) else 1
    chances, scratch, row = np.empty(room), np.empty(room), np.empty(room)
    p = np.empty(len(both))
    for table in range(len(both)):
        same = table > 0
        for stratum in range(having.shape[1]):
            if not same:
                break
            same = (
                having[table, stratum] == having[table - 1, stratum]
                and known[table, stratum] == known[table - 1, stratum]
                and classed[table, stratum] == classed[table - 1, stratum]
            )
        if not same:
            margins = having[table], known[table], classed[table]
            tails(*margins, two_sided, log_factorial, chances, scratch, row)
        p[table] = row[both[table]]
    return p


@kernel
def smallest_p(  # noqa: C901, PLR0912, PLR0915 - the counts, their p-values and their smallest, one itemset after the other
    present: NDArray[np.uint64],
    known: NDArray[np.uint64],
    strata: NDArray[np.int64],
    everyone: NDArray[np.int64],
    labels: NDArray[np.uint64],
    two_sided: bool,  # noqa: FBT001 - a kernel's parameters have no names
    log_factorial: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return for each permutation of the labels the smallest p-value of all itemsets.

    `present` and `known` are (itemsets, words) bits of rows, `strata` (words,) the stratum of the rows of a word,
    `everyone` (strata,) its rows, and `labels` (words, permutations) bits of the rows of the class, as many in a
    stratum in every permutation. P-values stay while the margins stay; those of an itemset that is not known of
    everyone are kept for each number of rows of the class among the known, if these are few.
    """
    words, permutations = labels.shape
    number = everyone.size
    smallest = np.ones(permutations)
    in_class = np.zeros(number, np.int64)
    for word in range(words):
        in_class[strata[word]] += np.int64(ones(labels[word, 0]))
    room = in_class.sum() + 1
    chances, scratch = np.empty(room), np.empty(room)
    having, rows, classed = np.zeros(number, np.int64), np.zeros(number, np.int64), np.zeros(number, np.int64)
    before = np.full(number, -1, np.int64)
    lowest, sizes, steps = np.zeros(number, np.int64), np.zeros(number, np.int64), np.zeros(number, np.int64)
    counts, kinds = np.zeros(permutations, np.int64), np.zeros(permutations, np.int64)
    shared, table, done = np.empty(room), np.empty((1, room)), np.zeros(1, np.bool_)
    for itemset in range(len(present)):
        having[:] = 0
        rows[:] = 0
        for word in range(words):
            having[strata[word]] += np.int64(ones(present[itemset, word]))
            rows[strata[word]] += np.int64(ones(known[itemset, word]))
        counts[:] = 0
        for word in range(words):
            own = present[itemset, word]
            if own:
                for one in range(permutations):
                    counts[one] += np.int64(ones(own & labels[word, one]))
        complete = cells = 1
        for stratum in range(number):
            missing = everyone[stratum] - rows[stratum]
            complete &= missing == 0
            lowest[stratum] = max(0, in_class[stratum] - missing)
            sizes[stratum] = min(in_class[stratum], rows[stratum]) - lowest[stratum] + 1
            steps[stratum] = cells
            cells = min(cells * sizes[stratum], KEPT_CELLS)
        if complete:
            fresh = False
            for stratum in range(number):
                fresh |= having[stratum] != before[stratum]
                before[stratum] = having[stratum]
            if fresh:
                tails(having, rows, in_class, two_sided, log_factorial, chances, scratch, shared)
            for one in range(permutations):
                smallest[one] = min(smallest[one], shared[counts[one]])
            continue
        few = cells * room <= KEPT_CELLS
        if few:
            kinds[:] = 0
            for word in range(words):
                own, step = known[itemset, word], steps[strata[word]]
                for one in range(permutations):
                    kinds[one] += step * np.int64(ones(own & labels[word, one]))
            if cells > len(table):
                table, done = np.empty((cells, room)), np.empty(cells, np.bool_)
            done[:cells] = False
        for one in range(permutations):
            kind = 0
            if few:
                kind = kinds[one] - (lowest * steps).sum()
            if not few or not done[kind]:
                classed[:] = 0
                for word in range(words):
                    classed[strata[word]] += np.int64(ones(known[itemset, word] & labels[word, one]))
                tails(having, rows, classed, two_sided, log_factorial, chances, scratch, table[kind])
                done[kind] = few
            smallest[one] = min(smallest[one], table[kind, counts[one]])
    return smallest
