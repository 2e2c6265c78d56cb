"""Which neighbours of a voxel have its own grey level: one bit each, the ground of runs, zones and dependence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

IN_SLICE = 4
"""How many directions lie within a slice: the first, by 1 along the row, and three to the row before."""
TILE = 1024
"""Voxels worked on at a time: what is kept of them stays in the processor's nearest cache."""
BEFORE = 3
"""How many of the longest steps lie before the first voxel in an array of marks, so that four steps back stay in it."""


@kernel
def at(place: int | np.integer[Any]) -> np.uint64:
    """Return an index that is known not to count from the end, which would have to be asked each time."""
    return np.uint64(place)


@kernel
def mark_equal(grey: NDArray[np.uint16], steps: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Return marks of which bit d is set where a voxel has the grey level of the voxel one `steps[d]` before it.

    `grey` is flat, 0 outside the region and wherever a step could leave it; `steps` are positive and ascending, and
    1, 4 or 13. Marks are 0 outside the region; the first voxel's is at BEFORE times the longest step.
    """
    farthest = steps[-1]
    lead = BEFORE * farthest
    none = np.uint16(0)
    marks = np.zeros(grey.size + lead, dtype=np.uint16)
    for first in range(farthest, grey.size - farthest, TILE):
        last = min(first + TILE, grey.size - farthest)
        here, found = grey[first:last], marks[lead + first : lead + last]
        for d in range(steps.size):
            before = grey[first - steps[d] : last - steps[d]]
            bit = np.uint16(1 << d)
            for x in range(here.size):
                found[x] |= bit if here[x] == before[x] else none
        for x in range(here.size):
            found[x] = found[x] if here[x] else none
    return marks


@kernel
def gather_marks(
    marks: NDArray[np.uint16], steps: NDArray[np.int64], start: int, size: int, along: int, found: NDArray[np.uint16]
) -> None:
    """Write bit d of the mark of the voxel `along` times `steps[d]` from each of a tile, which begins at `start`."""
    found[:size] = 0
    for d in range(steps.size):
        bit, there = np.uint16(1 << d), start + along * steps[d]
        of_there = marks[there : there + size]
        for x in range(size):
            found[x] |= of_there[x] & bit


@kernel
def bits_set(word: np.uint16) -> np.uint16:
    """Return how many bits of a word are set."""
    pairs = np.uint16(word - (word >> np.uint16(1) & np.uint16(0x5555)))
    fours = np.uint16((pairs & np.uint16(0x3333)) + (pairs >> np.uint16(2) & np.uint16(0x3333)))
    eights = np.uint16((fours + (fours >> np.uint16(4))) & np.uint16(0x0F0F))
    return np.uint16((eights + (eights >> np.uint16(8))) & np.uint16(0x1F))
