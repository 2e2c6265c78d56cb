"""Rows as bits of 64-bit words, the rows of a stratum in words of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.contingency import CELLS_AT_ONCE
from tasks.methods.rules.kernels.bits import WORD

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RowBits:
    """Say which bit is a row's.

    Parameters
    ----------
    places
        (rows,): the bit of each row, counted over all words.
    strata
        (words,): the stratum whose rows a word holds.
    sizes
        (strata,): rows of each stratum.
    """

    places: NDArray[np.intp]
    strata: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def packed(self, sets: NDArray[np.bool_]) -> NDArray[np.uint64]:
        """Return (sets, words) bits of (rows, sets) truth values."""
        step = max(1, CELLS_AT_ONCE // max(1, self.strata.size * WORD))
        packed = np.empty((sets.shape[1], self.strata.size), np.uint64)
        for start in range(0, sets.shape[1], step):
            part = sets[:, start : start + step]
            spread = np.zeros((part.shape[1], self.strata.size * WORD), bool)
            spread[:, self.places] = part.T
            packed[start : start + step] = np.packbits(spread, axis=1, bitorder="little").view("<u8")
        return packed

    def counted(self, bits: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return (sets, strata) rows of each set in each stratum."""
        ones = np.bitwise_count(bits)
        counts = [ones[:, self.strata == stratum].sum(axis=1, dtype=np.int64) for stratum in range(self.sizes.size)]
        return np.stack(counts, axis=1) if counts else np.zeros((len(bits), 0), np.int64)


def row_bits(strata: NDArray[np.intp]) -> RowBits:
    """Return where rows go whose strata are numbered from 0."""
    sizes = np.bincount(strata, minlength=1).astype(np.int64)
    words = -(-sizes // WORD)
    first_bits = np.concatenate([[0], np.cumsum(words)])[:-1] * WORD
    order = np.argsort(strata, kind="stable")
    places = np.empty(strata.size, np.intp)
    within = np.arange(strata.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    places[order] = first_bits[strata[order]] + within
    return RowBits(places, np.repeat(np.arange(sizes.size), words).astype(np.int64), sizes)
