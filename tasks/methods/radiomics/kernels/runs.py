"""Runs: how many voxels of one grey level lie in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel
from tasks.methods.radiomics.kernels.neighbours import BEFORE, TILE, at, bits_set, gather_marks

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEEN = 4
"""A voxel's place in a run shows in the marks up to this one."""
FIELD = 21
"""Bits of each of the sums, of voxels that are second, third and fourth, that are kept in one whole number."""
TILES = (1 << FIELD) // (13 * TILE)
"""How many tiles of 13 directions such sums can hold."""


@kernel
def count_runs(  # noqa: C901 - one pass over a tile while it is near
    grey: NDArray[np.uint16],
    marks: NDArray[np.uint16],
    steps: NDArray[np.int64],
    histogram: NDArray[np.int64],
    table: NDArray[np.int64],
) -> None:
    """Count the runs of each grey level and length along every step into a zeroed `table[level, length]`.

    `marks` are `mark_equal`'s of the same `grey` and `steps`, `histogram` tells how many voxels each level has. What
    is counted first is voxels, by their place in the run: there are as many third voxels as runs of three or more, and
    first voxels are those that are not in another place. The next places show in the marks, many voxels at a time;
    beyond, all runs of a tile are walked along together, one voxel each in turn, so that the processor need
    not guess where one ends. `table` has a length more than the longest run, and at least 5.
    """
    farthest = steps[-1]
    lead = BEFORE * farthest
    step_of = np.zeros((1 << (steps.size - 1)) + 1, dtype=np.int64)
    for d in range(steps.size):
        step_of[1 << d] = steps[d]
    places, beyond = np.empty(TILE, np.uint16), np.empty(TILE, np.uint16)
    longer = np.empty(TILE, np.int64)
    most = TILE * steps.size
    walkers = np.empty(most, np.int64), np.empty(most, np.uint16), np.empty(most, np.int64)
    sums = np.zeros(table.shape[0], np.int64)
    tiles = 0
    for first in range(farthest, grey.size - farthest, TILE):
        size = min(TILE, grey.size - farthest - first)
        levels = grey[first : first + size]
        _see_places(marks, steps, lead + first, size, places, beyond)
        waiting = 0
        for x in range(size):
            if levels[x]:
                seen = np.int64(places[x])
                sums[at(levels[x])] += seen & 15 | (seen & 240) << (FIELD - 4) | (seen & 3840) << (2 * FIELD - 8)
                longer[at(waiting)] = x
                waiting += beyond[x] != 0
        _walk(marks, step_of, table, lead + first, levels, beyond, longer[:waiting], walkers)
        tiles += 1
        if tiles == TILES:
            _add_sums(table, sums)
            tiles = 0
    _add_sums(table, sums)
    for level in range(1, sums.size):
        table[level, 1] = steps.size * histogram[level]
        for length in range(2, table.shape[1]):
            table[level, 1] -= table[level, length]
        for length in range(1, table.shape[1] - 1):
            table[level, length] -= table[level, length + 1]


@kernel
def _see_places(
    marks: NDArray[np.uint16],
    steps: NDArray[np.int64],
    start: int,
    size: int,
    places: NDArray[np.uint16],
    beyond: NDArray[np.uint16],
) -> None:
    """Write in how many runs each voxel of a tile comes second, third or fourth, 4 bits each, and in which fifth."""
    here, before, in_place = marks[start : start + size], np.empty(TILE, np.uint16), np.empty(TILE, np.uint16)
    for x in range(size):
        beyond[x] = here[x]
        places[x] = 0
    for k in range(SEEN):
        gather_marks(marks, steps, start, size, -(k + 1), before)
        for x in range(size):
            in_place[x] = beyond[x] & ~before[x]
            beyond[x] &= before[x]
        if k < SEEN - 1:
            shift = np.uint16(4 * k)
            for x in range(size):
                places[x] |= np.uint16(bits_set(in_place[x]) << shift)
    for x in range(size):
        beyond[x] = in_place[x]


@kernel
def _add_sums(table: NDArray[np.int64], sums: NDArray[np.int64]) -> None:
    for level in range(sums.size):
        for k in range(SEEN - 1):
            table[level, k + 2] += sums[level] >> (k * FIELD) & ((1 << FIELD) - 1)
        sums[level] = 0


@kernel
def _walk(
    marks: NDArray[np.uint16],
    step_of: NDArray[np.int64],
    table: NDArray[np.int64],
    start: int,
    levels: NDArray[np.uint16],
    beyond: NDArray[np.uint16],
    longer: NDArray[np.int64],
    walkers: tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.int64]],
) -> None:
    """Count the fifth and further voxels of the runs that have their fifth voxel in a tile, which begins at `start`."""
    places, bits, rows = walkers
    counts, width = table.ravel(), table.shape[1]
    walking = 0
    for x in longer:
        left, row = np.int64(beyond[at(x)]), np.int64(levels[at(x)]) * width
        while left:
            bit = left & -left
            left ^= bit
            places[at(walking)], bits[at(walking)], rows[at(walking)] = start + x, bit, row
            walking += 1
    length = SEEN + 1
    while walking:
        on = 0
        for walker in range(walking):
            place, bit, row = places[walker], bits[walker], rows[walker]
            counts[at(row + length)] += 1
            place += step_of[at(bit)]
            places[at(on)], bits[at(on)], rows[at(on)] = place, bit, row
            on += (marks[at(place)] & bit) != 0
        walking = on
        length += 1
