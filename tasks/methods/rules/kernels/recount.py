"""How many rows have each of some given itemsets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel
from tasks.methods.rules.kernels.bits import WORD, ones

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def recounted(
    starts: NDArray[np.int64],
    codes: NDArray[np.int32],
    items: int,
    lasts: NDArray[np.int32],
    lengths: NDArray[np.uint16],
) -> NDArray[np.int64]:
    """Return how many rows have each itemset of a tree that lists every itemset right after its prefix's others.

    Held are the bits of every item, and those of one itemset of each length.
    """
    words = (starts.size - 1 + WORD - 1) // WORD
    bits = np.zeros((items, words), np.uint64)
    for row in range(starts.size - 1):
        for place in range(starts[row], starts[row + 1]):
            bits[codes[place], row // WORD] |= np.uint64(1) << np.uint64(row % WORD)
    longest = int(lengths.max()) if lengths.size else 0
    path, counts = np.empty((longest + 1, words), np.uint64), np.zeros(lasts.size, np.int64)
    path[0] = ~np.uint64(0)
    for node in range(lasts.size):
        length, item = np.int64(lengths[node]), lasts[node]
        count = 0
        for word in range(words):
            both = path[length - 1, word] & bits[item, word]
            path[length, word] = both
            count += ones(both)
        counts[node] = count
    return counts
