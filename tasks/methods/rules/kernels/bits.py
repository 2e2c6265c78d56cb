"""Sets of rows as bits of 64-bit words: how many rows are in a set, and which an itemset has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORD = 64
"""Rows in a word."""


@kernel
def ones(word: Any) -> Any:  # noqa: ANN401 - an unsigned word of 64 bits
    """Return how many bits of a word are set: sums of two bits, of four, and of bytes (Warren, Hacker's Delight 5-1).

    LLVM knows this by heart and has the processor's own instruction do it.
    """
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@kernel
def rows_of(parents: NDArray[np.int32], lasts: NDArray[np.int32], items: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return (nodes, words) bits of the rows of every itemset of a tree, from the (items, words) bits of its items."""
    rows = np.empty((parents.size, items.shape[1]), np.uint64)
    for node in range(parents.size):
        parent, item = parents[node], lasts[node]
        for word in range(items.shape[1]):
            rows[node, word] = items[item, word] if parent < 0 else rows[parent, word] & items[item, word]
    return rows
