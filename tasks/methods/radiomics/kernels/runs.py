"""Runs: how many voxels of one grey level lie in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.compiled import kernel
from tasks.methods.radiomics.kernels.neighbours import BEFORE, TILE, bits_set

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIELD = 20
"""Bits of each of the three sums that are kept in one whole number."""
SHORTEST_WALKED = 4
"""Runs of fewer voxels are counted without walking along them; a table of runs has at least this many lengths."""
TILES = (1 << FIELD) // (13 * TILE)
"""How many tiles of 13 directions such a sum can hold."""


@kernel
def count_runs(
    grey: NDArray[np.uint16], marks: NDArray[np.uint16], steps: NDArray[np.int64], table: NDArray[np.int64]
) -> None:
    """Count the runs of each grey level and length along every step into `table[level, length]`.

    `marks` are `mark_equal`'s of the same `grey` and `steps`. A voxel is the first of its run where its mark is not
    set, the second where that of the voxel before it is not, and so on up to the fourth: counted as they stand, they
    tell how many runs are of 1, 2 and 3 voxels. Only runs of 4 or more are walked along.
    """
    farthest = steps[-1]
    lead = BEFORE * farthest
    directions = np.uint16(steps.size)
    step_of = np.zeros((1 << (steps.size - 1)) + 1, dtype=np.int64)
    for d in range(steps.size):
        step_of[1 << d] = steps[d]
    one, two, three = np.empty(TILE, np.uint16), np.empty(TILE, np.uint16), np.empty(TILE, np.uint16)
    places = np.empty(TILE, np.int64)
    sums = np.zeros(table.shape[0], np.int64)
    tiles = 0
    for first in range(farthest, grey.size - farthest, TILE):
        size = min(TILE, grey.size - farthest - first)
        here = marks[lead + first : lead + first + size]
        levels = grey[first : first + size]
        one[:] = 0
        two[:] = 0
        three[:] = 0
        for d in range(steps.size):
            bit, start, step = np.uint16(1 << d), lead + first, steps[d]
            before = marks[start - step : start - step + size]
            for x in range(size):
                one[x] |= before[x] & bit
            before = marks[start - 2 * step : start - 2 * step + size]
            for x in range(size):
                two[x] |= before[x] & bit
            before = marks[start - 3 * step : start - 3 * step + size]
            for x in range(size):
                three[x] |= before[x] & bit
        for x in range(size):
            second = here[x] & ~one[x]
            third = here[x] & one[x] & ~two[x]
            three[x] = here[x] & one[x] & two[x] & ~three[x]
            starts = np.int64(directions - bits_set(here[x]))
            places[x] = starts | np.int64(bits_set(second)) << FIELD | np.int64(bits_set(third)) << 2 * FIELD
        for x in range(size):
            level = np.int64(levels[x])
            if level:
                sums[level] += places[x]
                fourth = np.int64(three[x])
                while fourth:
                    bit = fourth & -fourth
                    fourth ^= bit
                    step, length, there = step_of[bit], 4, lead + first + x + step_of[bit]
                    while marks[there] & bit:
                        length += 1
                        there += step
                    table[level, length] += 1
        tiles += 1
        if tiles == TILES or first + TILE >= grey.size - farthest:
            _add_sums(table, sums)
            tiles = 0
    _take_differences(table)


@kernel
def _add_sums(table: NDArray[np.int64], sums: NDArray[np.int64]) -> None:
    field = (1 << FIELD) - 1
    for level in range(sums.size):
        for k in range(3):
            table[level, k + 1] += sums[level] >> (k * FIELD) & field
        sums[level] = 0


@kernel
def _take_differences(table: NDArray[np.int64]) -> None:
    """Turn how many runs have a first, a second and a third voxel into how many have no more than these."""
    for level in range(table.shape[0]):
        longer = 0
        for length in range(4, table.shape[1]):
            longer += table[level, length]
        table[level, 1] -= table[level, 2]
        table[level, 2] -= table[level, 3]
        table[level, 3] -= longer
