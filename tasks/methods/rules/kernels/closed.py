"""Closed itemsets, depth first: those to which no item can be added without losing a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel
from tasks.methods.rules.kernels.bits import WORD, ones
from tasks.methods.rules.kernels.frequent import FIRST_BUFFER, deliver, grown, project

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def raised(level: int, histogram: NDArray[np.int64], attainable: NDArray[np.float64], alpha: float) -> int:
    """Return the least rows, from `level` on, at which the testable itemsets so far could all be tested.

    `histogram` counts the itemsets by their rows, `attainable` holds the smallest p-value that an itemset in so many
    rows can have. Testable at a level are the itemsets whose smallest p-value is not above that of the level; they
    could be tested if their number times that p-value is at most alpha.
    """
    while level + 1 < attainable.size:
        testable = 0
        for rows in range(level, attainable.size):
            if attainable[rows] <= attainable[level]:
                testable += histogram[rows]
        if testable * attainable[level] <= alpha:
            break
        level += 1
    return level


@kernel
def closed(  # noqa: C901, PLR0912, PLR0915 - one walk whose steps share all of their arrays
    starts: NDArray[np.int64],
    codes: NDArray[np.int32],
    item_starts: NDArray[np.int64],
    item_rows: NDArray[np.int32],
    begin: int,
    end: int,
    least: int,
    longest: int,
    most: int,
    positives: int,
    maximal: bool,  # noqa: FBT001 - a kernel's parameters have no names
    attainable: NDArray[np.float64],
    alpha: float,
) -> tuple[
    int,
    int,
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.uint16],
]:
    """Return the closed itemsets that begin with an item of begin to end - 1, as a tree of prefixes.

    Items are numbered by rising count, none is in all rows, and the first `positives` rows are those of a class.
    Returned are the number of nodes (more than `most` end the search), the least rows in the end, how many closed
    itemsets are in each number of rows, and of each node the position of the one with the last item less, the last
    item, the number of rows (0 of a node that only leads to others), of rows of the class, and of items. With
    `maximal`, only itemsets that no item can be added to are given.

    With `attainable`, nodes are not kept; the least rows rise instead until what is left is testable (`raised`).
    (Uno, Kiyomi and Arimura, FIMI 2004, for the test against items already passed; Minato et al., ECML PKDD 2014,
    p. 422, for the rise.)
    """
    items = item_starts.size - 1
    counting = attainable.size > 0
    parents, lasts = np.empty(FIRST_BUFFER, np.int32), np.empty(FIRST_BUFFER, np.int32)
    supports, classed = np.empty(FIRST_BUFFER, np.int32), np.empty(FIRST_BUFFER, np.int32)
    lengths = np.empty(FIRST_BUFFER, np.uint16)
    histogram = np.zeros(starts.size, np.int64)
    pool = np.empty(FIRST_BUFFER, np.uint64)
    tail, tail_counts = np.empty(FIRST_BUFFER, np.int32), np.empty(FIRST_BUFFER, np.int32)
    passed = np.empty(items + 1, np.int64)
    joined = np.empty(items, np.int32)
    deep = items + 2
    low, at, high = np.zeros(deep, np.int64), np.zeros(deep, np.int64), np.zeros(deep, np.int64)
    base, node, passed_low = np.zeros(deep, np.int64), np.zeros(deep, np.int64), np.zeros(deep, np.int64)
    size = np.zeros(deep, np.int64)
    counts, places = np.zeros(items, np.int64), np.empty(items, np.int64)
    made = seen = 0
    for first in range(begin, end):
        rows = item_rows[item_starts[first] : item_starts[first + 1]]
        if rows.size < least:
            continue
        words = (rows.size + WORD - 1) // WORD
        own_positives = int(np.searchsorted(rows, positives))
        whole, rest = own_positives // WORD, (np.uint64(1) << np.uint64(own_positives % WORD)) - np.uint64(1)
        deliver(first, starts, codes, rows, 0, counts)
        tails = joins = passes = 0
        is_closed = is_largest = True
        for item in range(items):
            places[item] = -1
            if item < first and counts[item] == rows.size:
                is_closed = False
                break
            if item > first and counts[item] == rows.size:
                joined[joins] = item
                joins += 1
            elif item > first and counts[item] >= least:
                tail[tails], tail_counts[tails], places[item] = item, counts[item], tails
                tails += 1
        if not is_closed:
            continue
        for item in range(first):
            if counts[item] >= least:
                is_largest = False
                places[item] = tails + passes
                passed[passes] = places[item] * words
                passes += 1
        pool = grown(pool, (tails + passes) * words)
        pool[: (tails + passes) * words] = 0
        project(starts, codes, rows, 0, places, words, pool)
        level = 0
        low[0], at[0], high[0], base[0], passed_low[0] = 0, 0, tails, 0, passes
        top, parent, count, item, classes = (tails + passes) * words, -1, rows.size, first, own_positives
        length = 1 + joins
        is_largest &= tails == 0
        while True:
            # The closed itemset that has just been found: its own item, and those that all of its rows have.
            histogram[count] += 1
            if counting:
                seen += 1
                if seen * attainable[least] > alpha:
                    before, least = least, raised(least, histogram, attainable, alpha)
                    if least > before:
                        seen = histogram[least:].sum()
            else:
                if made + 1 + joins > most:
                    return most + 1, least, histogram, parents, lasts, supports, classed, lengths
                room = made + 1 + joins
                if room > parents.size:
                    parents, lasts, supports = grown(parents, room), grown(lasts, room), grown(supports, room)
                    classed, lengths = grown(classed, room), grown(lengths, room)
                for step in range(joins + 1):
                    last = item if step == 0 else joined[step - 1]
                    parents[made], lasts[made], supports[made], classed[made] = parent, last, 0, classes
                    lengths[made] = length - joins + step
                    parent = made
                    made += 1
                if length <= longest and (is_largest or not maximal):
                    supports[made - 1] = count
            node[level], size[level] = parent, length
            # The next closed itemset.
            found = False
            while not found:
                while level >= 0 and at[level] == high[level]:
                    level -= 1
                if level < 0:
                    break
                chosen = at[level]
                at[level] += 1
                item, count, parent = tail[chosen], tail_counts[chosen], node[level]
                passes = passed_low[level] + chosen - low[level]
                if chosen > low[level]:
                    passed[passes - 1] = places[tail[chosen - 1]] * words
                if count < least:
                    continue
                own = base[level] + (chosen - low[level]) * words
                found = True
                for place in range(passes):
                    covered = True
                    for word in range(words):
                        if pool[own + word] & ~pool[passed[place] + word]:
                            covered = False
                            break
                    if covered:
                        found = False
                        break
            if not found:
                break
            top = (tails + passed_low[0] if level == 0 else high[level] - low[level]) * words + base[level]
            fresh, more, joins = high[level], high[level] - chosen - 1, 0
            pool = grown(pool, top + more * words)
            if fresh + more > tail.size:
                tail, tail_counts = grown(tail, fresh + more), grown(tail_counts, fresh + more)
            write, is_largest = top, True
            for other in range(chosen + 1, high[level]):
                theirs = base[level] + (other - low[level]) * words
                both_count = 0
                for word in range(words):
                    both = pool[own + word] & pool[theirs + word]
                    pool[write + word] = both
                    both_count += ones(both)
                if both_count == count:
                    joined[joins] = tail[other]
                    joins += 1
                elif both_count >= least:
                    tail[fresh], tail_counts[fresh] = tail[other], both_count
                    fresh += 1
                    write += words
                    is_largest = False
            if maximal and is_largest:
                for place in range(passes):
                    both_count = 0
                    for word in range(words):
                        both_count += ones(pool[own + word] & pool[passed[place] + word])
                    if both_count >= least:
                        is_largest = False
                        break
            classes = 0
            for word in range(whole):
                classes += ones(pool[own + word])
            if rest:
                classes += ones(pool[own + whole] & rest)
            length = size[level] + 1 + joins
            level += 1
            low[level], at[level], high[level] = high[level - 1], high[level - 1], fresh
            base[level], passed_low[level] = top, passes
    return made, least, histogram, parents, lasts, supports, classed, lengths
