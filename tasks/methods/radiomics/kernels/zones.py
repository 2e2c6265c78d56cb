"""Zones: touching voxels of one grey level, how many they are and how near to the region's border they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel
from tasks.methods.radiomics.kernels.neighbours import BEFORE, at

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def depths(mask: NDArray[np.bool_], planar: bool) -> NDArray[np.uint16]:  # noqa: C901, FBT001 - two sweeps; no keywords
    """Return how many erosions by the nearest voxels remove each voxel of a mask (z, y, x): 1 at its border.

    Padded by one voxel on every side as grey levels are. The nearest voxels are 6, or 4 when `planar`; they are as
    many steps away as the sum of the distances along the axes, so that one sweep there and one back find them.
    """
    deep, high, wide = mask.shape
    found = np.zeros((deep + 2, high + 2, wide + 2), dtype=np.uint16)
    for z in range(1, deep + 1):
        for y in range(1, high + 1):
            row, above, before, inside = (
                found[z, y, 1:-1],
                found[z, y - 1, 1:-1],
                found[z - 1, y, 1:-1],
                mask[z - 1, y - 1],
            )
            for x in range(wide):
                nearest = above[x] if planar else min(above[x], before[x])
                row[x] = nearest + 1 if inside[x] else 0
            last = np.uint16(0)
            for x in range(wide):
                last = min(row[x], np.uint16(last + 1))
                row[x] = last
    for z in range(deep, 0, -1):
        for y in range(high, 0, -1):
            row, below, after = found[z, y, 1:-1], found[z, y + 1, 1:-1], found[z + 1, y, 1:-1]
            for x in range(wide):
                nearest = below[x] if planar else min(below[x], after[x])
                row[x] = min(row[x], np.uint16(nearest + 1))
            last = np.uint16(0)
            for x in range(wide - 1, -1, -1):
                last = min(row[x], np.uint16(last + 1))
                row[x] = last
    return found


@kernel
def find_zones(  # noqa: C901 - one walk over the region
    grey: NDArray[np.uint16],
    marks: NDArray[np.uint16],
    depth: NDArray[np.uint16],
    steps: NDArray[np.int64],
    apart: NDArray[np.uint16],
    voxels: int,
) -> tuple[NDArray[np.uint16], NDArray[np.int32], NDArray[np.uint16]]:
    """Return the grey level, the number of voxels and the least depth of every zone.

    `marks` are `mark_equal`'s of the same `grey` and `steps`, `voxels` the number of voxels with a level. `apart`
    says for each mark which neighbours have to be looked at: of those that touch one another, one is enough.
    """
    farthest = steps[-1]
    lead = BEFORE * farthest
    around = 1
    while around <= farthest:
        around *= 2
    zone_at = np.empty(around, np.int32)
    step_of = np.zeros((1 << (steps.size - 1)) + 1, dtype=np.int64)
    for d in range(steps.size):
        step_of[1 << d] = steps[d]
    parent, size = np.empty(voxels, np.int32), np.empty(voxels, np.int32)
    level, nearest = np.empty(voxels, np.uint16), np.empty(voxels, np.uint16)
    count = 0
    for p in range(farthest, grey.size - farthest):
        if not grey[at(p)]:
            continue
        others = np.int64(apart[at(marks[at(lead + p)])])
        if others == 0:
            zone = count
            parent[at(zone)], size[at(zone)] = zone, 1
            level[at(zone)], nearest[at(zone)] = grey[at(p)], depth[at(p)]
            count += 1
        else:
            bit = others & -others
            zone = _first_of(parent, int(zone_at[at((p - step_of[at(bit)]) & (around - 1))]))
            others ^= bit
            while others:
                bit = others & -others
                others ^= bit
                other = _first_of(parent, int(zone_at[at((p - step_of[at(bit)]) & (around - 1))]))
                if other != zone:
                    zone, other = min(zone, other), max(zone, other)
                    parent[at(other)] = zone
                    size[at(zone)] += size[at(other)]
                    nearest[at(zone)] = min(nearest[at(zone)], nearest[at(other)])
            size[at(zone)] += 1
            nearest[at(zone)] = min(nearest[at(zone)], depth[at(p)])
        zone_at[at(p & (around - 1))] = zone
    kept = 0
    for zone in range(count):
        if parent[zone] == zone:
            level[kept], size[kept], nearest[kept] = level[zone], size[zone], nearest[zone]
            kept += 1
    return level[:kept], size[:kept], nearest[:kept]


@kernel
def _first_of(parent: NDArray[np.int32], zone: int) -> int:
    """Return the zone that a zone was joined to, and shorten the way there."""
    while parent[at(zone)] != zone:
        parent[at(zone)] = parent[at(parent[at(zone)])]
        zone = int(parent[at(zone)])
    return zone


@kernel
def count_zones(
    level: NDArray[np.uint16], extent: NDArray[np.int32 | np.uint16], table: NDArray[np.int64], large: NDArray[np.int64]
) -> int:
    """Count zones of each level and extent into `table[level, extent]`; return how many are too large for it.

    Those are written to `large` as extent (levels + 1) + level.
    """
    levels, extents = table.shape
    beyond = 0
    for zone in range(level.size):
        if extent[zone] < extents:
            table[level[zone], extent[zone]] += 1
        else:
            large[beyond] = np.int64(extent[zone]) * levels + level[zone]
            beyond += 1
    return beyond
