"""Neighbourhoods: how much a voxel differs from those around it, and how many of them are like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel
from tasks.methods.radiomics.kernels.neighbours import BEFORE, TILE, at, bits_set, gather_marks

if TYPE_CHECKING:
    from numpy.typing import NDArray

COUNT = 20
"""Bit from which on a sum of neighbours holds their number; below lies the sum of at most 26 levels of 4096."""
MOST_COARSE = 1e6
"""IBSI's coarseness of a region in which no voxel differs from its neighbours."""


@kernel
def count_neighbourhoods(  # noqa: C901 - one pass over a tile while it is near
    grey: NDArray[np.uint16],
    marks: NDArray[np.uint16],
    steps: NDArray[np.int64],
    differences: NDArray[np.int64],
    dependences: NDArray[np.int64],
) -> None:
    """Add up differences to the neighbours and count equal neighbours of every voxel, at distance 1.

    `marks` are `mark_equal`'s of the same `grey` and `steps`; `steps` are the 4 of a plane or the 13 of a volume.
    `differences[level, n]` gets |n level - sum of neighbours| of each voxel with n neighbours, and
    `differences[level, 0]` the number of voxels without any; `dependences[level, 1 + k]` the number of voxels
    with k neighbours of their own level.
    """
    farthest = steps[-1]
    lead = BEFORE * farthest
    of_tone, of_likes = differences.ravel(), dependences.ravel()
    after, like = np.empty(TILE, np.uint16), np.empty(TILE, np.uint16)
    column, around = np.empty(TILE + 2, np.int32), np.empty(TILE, np.int32)
    rows = np.zeros(1 + 2 * (steps.size // 3), np.int64)
    for r in range(steps.size // 3):
        rows[1 + 2 * r] = steps[2 + 3 * r]
        rows[2 + 2 * r] = -steps[2 + 3 * r]
    for first in range(farthest, grey.size - farthest, TILE):
        size = min(TILE, grey.size - farthest - first)
        levels = grey[first : first + size]
        here = marks[lead + first : lead + first + size]
        gather_marks(marks, steps, lead + first, size, 1, after)
        for x in range(size):
            like[x] = bits_set(here[x]) + bits_set(after[x])
        column[:] = 0
        for row in rows:
            beside = grey[first + row - 1 : first + row + size + 1]
            for x in range(size + 2):
                column[x] += np.int32(beside[x]) | (np.int32(1 << COUNT) if beside[x] else np.int32(0))
        for x in range(size):
            around[x] = column[x] + column[x + 1] + column[x + 2] - np.int32(levels[x]) - np.int32(1 << COUNT)
        for x in range(size):
            if levels[x]:
                level, number = np.int64(levels[x]), np.int64(around[x]) >> COUNT
                strayed = abs(number * level - (np.int64(around[x]) & ((1 << COUNT) - 1)))
                of_tone[at(level * differences.shape[1] + number)] += strayed if number else 1
                of_likes[at(level * dependences.shape[1] + 1 + like[x])] += 1


@kernel
def count_wide_neighbourhoods(
    grey: NDArray[np.uint16],
    offsets: NDArray[np.int64],
    alpha: int,
    differences: NDArray[np.int64],
    dependences: NDArray[np.int64],
) -> None:
    """Do what `count_neighbourhoods` does for neighbours at any offsets, alike where levels differ by `alpha` or less.

    `grey` is flat, and 0 wherever an offset could leave it.
    """
    margin = offsets[-1]
    for p in range(margin, grey.size - margin):
        level = np.int64(grey[p])
        if level:
            number, total, like = 0, 0, 0
            for offset in offsets:
                other = np.int64(grey[p + offset])
                number += int(other > 0)
                total += int(other)
                like += int(other > 0 and abs(other - level) <= alpha)
            differences[level, number] += abs(number * level - total) if number else 1
            dependences[level, 1 + like] += 1


@kernel
def tone_features(histogram: NDArray[np.int64], differences: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return IBSI's 5 features of differences to the neighbours: coarseness, contrast, busyness, complexity, strength.

    `histogram` says how many voxels each level has, and `differences` is as `count_neighbourhoods` leaves it. NaN when
    no voxel has a neighbour; without any difference coarseness is 10^6, as IBSI has it, and the others are 0.
    """
    found = np.full(5, np.nan)
    voxels, number = 0, 0
    levels, counts = np.empty(histogram.size, np.int64), np.empty(histogram.size, np.int64)
    for level in range(histogram.size):
        count = histogram[level] - differences[level, 0]
        if count:
            levels[number], counts[number] = level, count
            voxels += count
            number += 1
    if voxels == 0:
        return found
    strays = np.zeros(number)
    coarse, strayed = 0.0, 0.0
    for k in range(number):
        for n in range(1, differences.shape[1]):
            strays[k] += differences[levels[k], n] / n
        strayed += strays[k]
        coarse += strays[k] * counts[k] / voxels
    far, busy, complexity, strength = 0.0, 0, 0.0, 0.0
    for a in range(number):
        for b in range(a):
            apart, both = np.float64(levels[a] - levels[b]), np.float64(counts[a] + counts[b])
            far += 2 * counts[a] * counts[b] * apart**2
            busy += 2 * abs(levels[a] * counts[a] - levels[b] * counts[b])
            complexity += 2 * apart * (counts[a] * strays[a] + counts[b] * strays[b]) / both
            strength += 2 * both * apart**2
    found[0] = 1 / coarse if coarse > 0 else MOST_COARSE
    found[1] = far / (number * (number - 1)) / voxels**2 * strayed / voxels if number > 1 else 0.0
    found[2] = coarse * voxels / busy if busy > 0 else 0.0
    found[3] = complexity / voxels
    found[4] = strength / voxels / strayed if strayed > 0 else 0.0
    return found
