"""Where neighbours are looked for: in one slice, in every slice by itself, or in the whole volume."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.neighbourhoods import count_neighbourhoods, count_wide_neighbourhoods
from tasks.methods.radiomics.kernels.neighbours import IN_SLICE, mark_equal
from tasks.methods.radiomics.kernels.zones import find_zones

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIRECTIONS = tuple(step for step in product((0, 1), (-1, 0, 1), (-1, 0, 1)) if step > (0, 0, 0))
"""The 13 directions (z, y, x) to a neighbour, opposite ones being one; the first 4 are those within a slice."""
MOST_NEIGHBOURS = 26


@dataclass(frozen=True)
class Domain:
    """Hold grey levels, and count on demand what several textures share.

    Parameters
    ----------
    padded : NDArray[np.uint16]
        Grey levels (z, y, x), 0 outside the region and at every voxel from which a direction could lead out.
    histogram : NDArray[np.int64]
        How many voxels each level has here; the index is the level.
    depth : NDArray[np.uint16]
        How many steps each voxel is from outside the morphological mask, padded alike.
    planar : bool
        Whether neighbours are of the same slice only.
    alpha : int
        By how much levels may differ for a neighbour to count as dependent.
    distance : int
        How many voxels away a neighbour may be, and a voxel's partner in a pair is.
    """

    padded: NDArray[np.uint16]
    histogram: NDArray[np.int64]
    depth: NDArray[np.uint16]
    planar: bool
    alpha: int
    distance: int

    @cached_property
    def voxels(self) -> int:
        """Number of voxels that have a level."""
        return int(self.histogram.sum())

    @property
    def flat(self) -> NDArray[np.uint16]:
        """The levels in one row."""
        return self.padded.reshape(-1)

    @property
    def steps(self) -> NDArray[np.int64]:
        """How far apart in that row the neighbours of each direction are."""
        return steps_in(self.padded.shape[1:], planar=self.planar)

    @cached_property
    def marks(self) -> NDArray[np.uint16]:
        """Which neighbours have a voxel's own level."""
        return mark_equal(self.flat, self.steps)

    def marks_of(self, steps: NDArray[np.int64]) -> NDArray[np.uint16]:
        """Return the marks for some of the directions only."""
        return self.marks if steps.size == self.steps.size else mark_equal(self.flat, steps)

    @cached_property
    def zones(self) -> tuple[NDArray[np.uint16], NDArray[np.int32], NDArray[np.uint16]]:
        """Level, number of voxels and least depth of each zone of touching voxels of one level."""
        apart = neighbours_apart()[: 1 << self.steps.size]
        return find_zones(self.flat, self.marks, self.depth.reshape(-1), self.steps, apart, self.voxels)

    @cached_property
    def widened(self) -> NDArray[np.uint16]:
        """The levels with a margin as wide as `distance`."""
        if self.distance == 1:
            return self.padded
        more = self.distance - 1
        return np.pad(self.padded, ((0 if self.planar else more,) * 2, (more, more), (more, more)))

    def pair_steps(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how far apart, in a row of the widened levels, members of a pair are along some of the directions."""
        if self.distance == 1:
            return steps
        wide = steps_in(self.widened.shape[1:], planar=self.planar)
        return self.distance * wide[np.isin(self.steps, steps)]

    @cached_property
    def neighbourhoods(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Differences to the neighbours and dependences, as `count_neighbourhoods` leaves them."""
        near = self.distance == 1 and self.alpha == 0
        offsets = _offsets(self.widened.shape[1:], self.distance, planar=self.planar)
        most = MOST_NEIGHBOURS if near else offsets.size
        differences = np.zeros((self.histogram.size, most + 1), dtype=np.int64)
        dependences = np.zeros((self.histogram.size, most + 2), dtype=np.int64)
        if near:
            count_neighbourhoods(self.flat, self.marks, self.steps, differences, dependences)
        else:
            count_wide_neighbourhoods(self.widened.reshape(-1), offsets, self.alpha, differences, dependences)
        return differences, dependences


@lru_cache(maxsize=1024)
def steps_in(shape: tuple[int, int], *, planar: bool) -> NDArray[np.int64]:
    """Return how far apart neighbours of each direction are in a row of all voxels of slices (y, x)."""
    high, wide = shape
    directions = DIRECTIONS[:IN_SLICE] if planar else DIRECTIONS
    return np.array([(z * high + y) * wide + x for z, y, x in directions])


@lru_cache(maxsize=1024)
def _offsets(shape: tuple[int, int], distance: int, *, planar: bool) -> NDArray[np.int64]:
    """Return the way, in such a row, to every voxel at most `distance` voxels away along each axis, ascending."""
    high, wide = shape
    near = range(-distance, distance + 1)
    places = ((z * high + y) * wide + x for z, y, x in product((0,) if planar else near, near, near))
    return np.array(sorted(set(places) - {0}))


@cache
def neighbours_apart() -> NDArray[np.uint16]:
    """Return, for each set of earlier neighbours, a smaller one that does without those that touch another of it.

    A set is a whole number of which bit d stands for the neighbour one step of direction d before a voxel.
    """
    touching = [
        sum(1 << k for k, other in enumerate(DIRECTIONS) if np.abs(np.subtract(one, other)).max() <= 1)
        for one in DIRECTIONS
    ]
    left = np.arange(1 << len(DIRECTIONS), dtype=np.int64)
    apart = np.zeros_like(left)
    while left.any():
        first = left & -left
        apart |= first
        group, before = first, np.zeros_like(left)
        while (group != before).any():
            before = group
            for d, those in enumerate(touching):
                group = group | np.where(group >> d & 1, those & left, 0)
        left = left & ~group
    return apart.astype(np.uint16)
