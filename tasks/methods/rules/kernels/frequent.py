"""All frequent itemsets, depth first, on bits of the rows that have the first item."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tasks.methods.compiled import kernel
from tasks.methods.rules.kernels.bits import WORD, ones

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)
FIRST_BUFFER = 1 << 16
"""Itemsets, or words, that a buffer holds before it grows."""


@kernel
def turned(
    starts: NDArray[np.int64], codes: NDArray[np.int32], items: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return where each item's rows start (items + 1) and those rows, rising, from the items of each row."""
    places = np.zeros(items + 1, np.int64)
    for code in codes:
        places[code + 1] += 1
    for item in range(items):
        places[item + 1] += places[item]
    rows, filled = np.empty(codes.size, np.int32), places[:items].copy()
    for row in range(starts.size - 1):
        for place in range(starts[row], starts[row + 1]):
            code = codes[place]
            rows[filled[code]] = row
            filled[code] += 1
    return places, rows


@kernel
def grown(buffer: NDArray[T], needed: int) -> NDArray[T]:
    """Return the buffer, or a copy twice as long or longer, so that `needed` values have room."""
    if needed <= buffer.size:
        return buffer
    larger = np.empty(max(needed, 2 * buffer.size), buffer.dtype)
    larger[: buffer.size] = buffer
    return larger


@kernel
def choices(items: int, longest: int, most: int) -> int:
    """Return in how many ways at most `longest` of some items, or none, can be chosen, or a number above `most`."""
    ways = chosen = 1
    for length in range(1, min(items, longest) + 1):
        chosen = chosen * (items - length + 1) // length
        ways += chosen
        if ways > most:
            break
    return ways


@kernel
def deliver(
    first: int,
    starts: NDArray[np.int64],
    codes: NDArray[np.int32],
    rows: NDArray[np.int32],
    lowest: int,
    counts: NDArray[np.int64],
) -> None:
    """Count every item from `lowest` on, but for the first one, in some rows; items rise in a row."""
    counts[lowest:] = 0
    for row in rows:
        for place in range(starts[row + 1] - 1, starts[row] - 1, -1):
            code = codes[place]
            if code < lowest:
                break
            counts[code] += 1
    counts[first] = 0


@kernel
def project(
    starts: NDArray[np.int64],
    codes: NDArray[np.int32],
    rows: NDArray[np.int32],
    lowest: int,
    places: NDArray[np.int64],
    words: int,
    bits: NDArray[np.uint64],
) -> None:
    """Set the bit of every row in each item's words; `places` says which words are an item's, -1 for none."""
    for number in range(rows.size):
        row, word, bit = rows[number], number // WORD, np.uint64(1) << np.uint64(number % WORD)
        for place in range(starts[row + 1] - 1, starts[row] - 1, -1):
            code = codes[place]
            if code < lowest:
                break
            if places[code] >= 0:
                bits[places[code] * words + word] |= bit


@kernel
def frequent(  # noqa: C901, PLR0912, PLR0915 - one walk whose steps share all of their arrays
    starts: NDArray[np.int64],
    codes: NDArray[np.int32],
    columns: NDArray[np.int32],
    item_starts: NDArray[np.int64],
    item_rows: NDArray[np.int32],
    begin: int,
    end: int,
    least: int,
    longest: int,
    most: int,
    cubes: bool,  # noqa: FBT001 - a kernel's parameters have no names
) -> tuple[int, NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.uint16]]:
    """Return the frequent itemsets that begin with an item of begin to end - 1, as a tree of prefixes.

    Items are numbered by rising count. Returned are how many there are, and of each the position of the one with
    the last item less (-1 for none), the last item, the number of rows and the number of items; more than `most`
    end the search. With `cubes`, an item that all rows of an itemset have is not searched, but joined to all that
    comes of it; no row may then have two items of a column. (Zaki, IEEE Trans Knowl Data Eng 2000;12:372; Uno,
    Kiyomi and Arimura, FIMI 2004.)
    """
    items = columns.size
    parents, lasts = np.empty(FIRST_BUFFER, np.int32), np.empty(FIRST_BUFFER, np.int32)
    supports, lengths = np.empty(FIRST_BUFFER, np.int32), np.empty(FIRST_BUFFER, np.uint16)
    pool = np.empty(FIRST_BUFFER, np.uint64)
    tail, tail_counts = np.empty(FIRST_BUFFER, np.int32), np.empty(FIRST_BUFFER, np.int32)
    free = np.empty(items, np.int32)
    deep = items + 2
    low, at, high = np.zeros(deep, np.int64), np.zeros(deep, np.int64), np.zeros(deep, np.int64)
    base, node, cube = np.zeros(deep, np.int64), np.zeros(deep, np.int64), np.zeros(deep, np.int64)
    counts, places = np.zeros(items, np.int64), np.empty(items, np.int64)
    found = 0
    for first in range(begin, end):
        rows = item_rows[item_starts[first] : item_starts[first + 1]]
        if rows.size < least:
            continue
        words = (rows.size + WORD - 1) // WORD
        deliver(first, starts, codes, rows, first, counts)
        joined = tails = 0
        for item in range(first + 1, items):
            places[item] = -1
            if longest > 1 and counts[item] >= least and columns[item] != columns[first]:
                if cubes and counts[item] == rows.size:
                    free[joined] = item
                    joined += 1
                else:
                    tail[tails], tail_counts[tails], places[item] = item, counts[item], tails
                    tails += 1
        level = 0
        low[0], high[0], at[0], base[0], cube[0] = 0, tails, 0, 0, joined
        if tails:
            pool = grown(pool, tails * words)
            pool[: tails * words] = 0
            places[first] = -1
            project(starts, codes, rows, first, places, words, pool)
        new_item, new_count, new_parent = first, rows.size, -1
        while True:
            # The itemset that has just been made, with every choice of the items that all its rows have.
            joined = cube[level]
            room = found + choices(joined, longest - level - 1, most)
            if room > most:
                return most + 1, parents, lasts, supports, lengths
            if room > parents.size:
                parents, lasts = grown(parents, room), grown(lasts, room)
                supports, lengths = grown(supports, room), grown(lengths, room)
            parents[found], lasts[found], supports[found], lengths[found] = new_parent, new_item, new_count, level + 1
            node[level] = found
            made = found
            found += 1
            for place in range(joined):
                for before in range(made, found):
                    if lengths[before] < longest:
                        parents[found], lasts[found] = before, free[place]
                        supports[found], lengths[found] = new_count, lengths[before] + 1
                        found += 1
            # The next one: the next item of the deepest level that has one left.
            while level >= 0 and at[level] == high[level]:
                level -= 1
            if level < 0:
                break
            chosen = at[level]
            at[level] += 1
            new_item, new_count, new_parent = tail[chosen], tail_counts[chosen], node[level]
            own = base[level] + (chosen - low[level]) * words
            top, fresh, joined = base[level] + (high[level] - low[level]) * words, high[level], cube[level]
            if level + 2 < longest and chosen + 1 < high[level]:
                more = high[level] - chosen - 1
                if top + more * words > pool.size:
                    pool = grown(pool, top + more * words)
                if fresh + more > tail.size:
                    tail, tail_counts = grown(tail, fresh + more), grown(tail_counts, fresh + more)
                write = top
                for other in range(chosen + 1, high[level]):
                    item = tail[other]
                    if columns[item] == columns[new_item]:
                        continue
                    theirs = base[level] + (other - low[level]) * words
                    count = 0
                    for word in range(words):
                        both = pool[own + word] & pool[theirs + word]
                        pool[write + word] = both
                        count += ones(both)
                    if count < least:
                        continue
                    if cubes and count == new_count:
                        free[joined] = item
                        joined += 1
                    else:
                        tail[fresh], tail_counts[fresh] = item, count
                        fresh += 1
                        write += words
            level += 1
            low[level], at[level], high[level] = high[level - 1], high[level - 1], fresh
            base[level], cube[level] = top, joined
    return found, parents, lasts, supports, lengths
