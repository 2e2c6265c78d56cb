"""The convex hull of a region's surface, in whole numbers and so without rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = np.array([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, 1]])
"""From the end of a row to the surface, in half voxels (z, y, and x outward)."""


@kernel
def _in_row(ends: NDArray[np.int32], z: int, y: int, x: int) -> bool:
    """Return whether a place lies between the ends of its row, so that what is half way to it is inside the hull."""
    if not (0 <= z < ends.shape[0] and 0 <= y < ends.shape[1]):
        return False
    within: bool = 0 <= ends[z, y, 0] <= x <= ends[z, y, 1]
    return within


@kernel
def surface_extremes(  # noqa: C901 - one walk over the rows
    ends: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Return corners of the surface, in half voxels (n, z y x), among which are all those of its convex hull.

    The surface goes half a voxel beyond a voxel's centre along each axis. Of a plane only the corners of the convex
    hull of its voxels count. `ends` (z, y, 2) are the first and last voxel of each row, -1 where there is none.
    """
    depth, height, _ = ends.shape
    points = np.empty((2 * len(STEPS) * depth * height, 3), dtype=np.int64)
    chain = np.empty((height, 2), dtype=np.int64)
    count = 0
    for z in range(depth):
        for side in range(2):
            sign = 2 * side - 1
            size = 0
            for y in range(height):
                x = np.int64(ends[z, y, side])
                if x < 0:
                    continue
                # drop what lies on or inside the line from the corner before it to this row's end
                while size > 1:
                    run, rise = chain[size - 1, 0] - chain[size - 2, 0], chain[size - 1, 1] - chain[size - 2, 1]
                    if sign * (rise * (y - chain[size - 2, 0]) - run * (x - chain[size - 2, 1])) > 0:
                        break
                    size -= 1
                chain[size, 0] = y
                chain[size, 1] = x
                size += 1
            for which in range(size):
                y, x = chain[which, 0], chain[which, 1]
                for step in range(len(STEPS)):
                    dz, dy, dx = STEPS[step, 0], STEPS[step, 1], sign * STEPS[step, 2]
                    if not _in_row(ends, z + dz, y + dy, x + dx):
                        points[count, 0], points[count, 1], points[count, 2] = 2 * z + dz, 2 * y + dy, 2 * x + dx
                        count += 1
    return points[:count].copy()


@kernel
def _plane(points: NDArray[np.int64], a: int, b: int, c: int) -> tuple[int, int, int, int]:
    """Return the normal (z, y, x) of a triangle, out of the side from which it runs anticlockwise, and its offset."""
    z, y, x = points[a, 0], points[a, 1], points[a, 2]
    bz, by, bx = points[b, 0] - z, points[b, 1] - y, points[b, 2] - x
    cz, cy, cx = points[c, 0] - z, points[c, 1] - y, points[c, 2] - x
    nz, ny, nx = by * cx - bx * cy, bx * cz - bz * cx, bz * cy - by * cz
    return nz, ny, nx, nz * z + ny * y + nx * x


@kernel
def _first_four(points: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """Return four points that are not in one plane, in such an order that the fourth is below the first three."""
    count = len(points)
    a = b = c = d = count - 1
    for which in range(count):
        if points[which, 2] < points[a, 2]:
            a = which
        if points[which, 2] > points[b, 2]:
            b = which
    far = -1.0
    for which in range(count):
        nz, ny, nx, _ = _plane(points, a, b, which)
        away = float(nz) * float(nz) + float(ny) * float(ny) + float(nx) * float(nx)
        if away > far:
            far, c = away, which
    nz, ny, nx, offset = _plane(points, a, b, c)
    height = 0
    for which in range(count):
        above = nz * points[which, 0] + ny * points[which, 1] + nx * points[which, 2] - offset
        if abs(above) > abs(height):
            height, d = above, which
    return (a, b, c, d) if height < 0 else (b, a, c, d)


@kernel
def convex_hull(  # noqa: C901, PLR0912, PLR0915 - steps that share all of their arrays
    points: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the triangles of the convex hull of points (n, z y x) that are not all in one plane.

    Each (n, 6) is its three corners, anticlockwise seen from outside, and the triangle behind each of its edges, the
    first from its first corner to its second. Quickhull (Barber, Dobkin and Huhdanpaa, ACM Transactions on Mathematical
    Software 22 (1996) 469-483); a point sees a triangle if it is truly above it, so that points in the plane of a
    face need no care.
    """
    count = len(points)
    room = 2 * count + 8
    corner = np.empty((room, 3), dtype=np.int64)
    across = np.empty((room, 3), dtype=np.int64)  # the triangle behind the edge from corner i to corner i + 1
    normal = np.empty((room, 4), dtype=np.int64)
    first = np.full(room, -1, dtype=np.int64)  # points above a triangle are a chain through `after`
    after = np.empty(count, dtype=np.int64)
    highest = np.zeros(room, dtype=np.int64)
    height = np.zeros(room, dtype=np.int64)
    seen = np.zeros(room, dtype=np.int64)  # the last point that looked at a triangle: + it sees it, - it does not
    alive = np.zeros(room, dtype=np.bool_)
    free = np.arange(room - 1, -1, -1)
    free_count = room
    waiting = np.empty(room, dtype=np.int64)
    is_waiting = np.zeros(room, dtype=np.bool_)
    visible = np.empty(room, dtype=np.int64)
    edge = np.empty((room, 3), dtype=np.int64)
    leaving = np.empty(count, dtype=np.int64)  # the new triangle whose edge of the horizon begins at a point
    fresh = np.empty(room, dtype=np.int64)

    a, b, c, d = _first_four(points)
    edge_count = 0
    apex = d
    # the first triangle stands alone: its edges are the horizon that the fourth point sees
    base = free[free_count - 1]
    free_count -= 1
    corner[base, 0], corner[base, 1], corner[base, 2] = a, b, c
    normal[base, 0], normal[base, 1], normal[base, 2], normal[base, 3] = _plane(points, a, b, c)
    alive[base] = True
    for which in range(3):
        edge[which, 0] = corner[base, (which + 1) % 3]
        edge[which, 1] = corner[base, which]
        edge[which, 2] = base
    edge_count = 3
    orphans = -1
    for which in range(count - 1, -1, -1):
        after[which] = orphans
        orphans = which
    waiting_count = 0
    fresh_count = 1
    fresh[0] = base
    turn = 0
    while True:
        # the new triangles join the apex to the horizon
        for which in range(edge_count):
            new = free[free_count - 1]
            free_count -= 1
            start, end, behind = edge[which, 0], edge[which, 1], edge[which, 2]
            corner[new, 0], corner[new, 1], corner[new, 2] = start, end, apex
            nz, ny, nx, offset = _plane(points, start, end, apex)
            normal[new, 0], normal[new, 1], normal[new, 2], normal[new, 3] = nz, ny, nx, offset
            across[new, 0] = behind
            for side in range(3):
                if corner[behind, side] == end and corner[behind, (side + 1) % 3] == start:
                    across[behind, side] = new
            leaving[start] = new
            alive[new] = True
            first[new] = -1
            height[new] = 0
            seen[new] = 0
            fresh[fresh_count] = new
            fresh_count += 1
        for which in range(edge_count):
            new = leaving[edge[which, 0]]
            following = leaving[edge[which, 1]]
            across[new, 1] = following
            across[following, 2] = new
        # points that saw what was taken away look at what came instead
        while orphans >= 0:
            point = orphans
            orphans = after[point]
            for which in range(fresh_count):
                new = fresh[which]
                above = (
                    normal[new, 0] * points[point, 0]
                    + normal[new, 1] * points[point, 1]
                    + normal[new, 2] * points[point, 2]
                    - normal[new, 3]
                )
                if above > 0:
                    after[point] = first[new]
                    first[new] = point
                    if above > height[new]:
                        height[new] = above
                        highest[new] = point
                    break
        for which in range(fresh_count):
            new = fresh[which]
            if first[new] >= 0 and not is_waiting[new]:
                waiting[waiting_count] = new
                is_waiting[new] = True
                waiting_count += 1
        start_at = -1
        while waiting_count and start_at < 0:
            waiting_count -= 1
            new = waiting[waiting_count]
            is_waiting[new] = False
            # what waited may be gone by now, and its place taken by a triangle that no point is above
            if alive[new] and first[new] >= 0:
                start_at = new
        if start_at < 0:
            break
        apex = highest[start_at]
        turn += 1
        # walk over the triangles that the point sees, up to the horizon
        visible[0] = start_at
        visible_count = 1
        seen[start_at] = turn
        edge_count = 0
        looked = 0
        while looked < visible_count:
            here = visible[looked]
            looked += 1
            for side in range(3):
                there = across[here, side]
                if seen[there] != turn and seen[there] != -turn:
                    above = (
                        normal[there, 0] * points[apex, 0]
                        + normal[there, 1] * points[apex, 1]
                        + normal[there, 2] * points[apex, 2]
                        - normal[there, 3]
                    )
                    if above > 0:
                        seen[there] = turn
                        visible[visible_count] = there
                        visible_count += 1
                    else:
                        seen[there] = -turn
                if seen[there] == -turn:
                    edge[edge_count, 0] = corner[here, side]
                    edge[edge_count, 1] = corner[here, (side + 1) % 3]
                    edge[edge_count, 2] = there
                    edge_count += 1
        orphans = -1
        for which in range(visible_count):
            gone = visible[which]
            alive[gone] = False
            point = first[gone]
            while point >= 0:
                following = after[point]
                after[point] = orphans
                orphans = point
                point = following
            free[free_count] = gone
            free_count += 1
        fresh_count = 0
    triangles = np.empty((room - free_count, 6), dtype=np.int64)
    kept = 0
    for which in range(room):
        if alive[which]:
            seen[which] = kept
            kept += 1
    for which in range(room):
        if alive[which]:
            for side in range(3):
                triangles[seen[which], side] = corner[which, side]
                triangles[seen[which], 3 + side] = seen[across[which, side]]
    return triangles


@kernel
def hull_size(
    points: NDArray[np.int64], triangles: NDArray[np.int64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the volume in a closed surface and its area, of points in steps as long as `scale` (z, y, x)."""
    volume = 0
    area = 0.0
    origin = points[triangles[0, 0]]
    for which in range(len(triangles)):
        nz, ny, nx, offset = _plane(points, triangles[which, 0], triangles[which, 1], triangles[which, 2])
        volume += offset - (nz * origin[0] + ny * origin[1] + nx * origin[2])
        az, ay, ax = nz * scale[1] * scale[2], ny * scale[0] * scale[2], nx * scale[0] * scale[1]
        area += np.sqrt(az * az + ay * ay + ax * ax)
    return np.array([volume * scale[0] * scale[1] * scale[2] / 6, area / 2])


@kernel
def largest_distance(points: NDArray[np.float64], radii: NDArray[np.float64]) -> float:
    """Return the largest distance between any two points (n, 3).

    `radii` are their distances from any one place, by which they stand, the largest first: no two points are farther
    from each other than both radii together.
    """
    largest = 0.0
    for one in range(len(points)):
        if 2 * radii[one] <= largest:
            break
        for other in range(one + 1, len(points)):
            if radii[one] + radii[other] <= largest:
                break
            z, y = points[one, 0] - points[other, 0], points[one, 1] - points[other, 1]
            x = points[one, 2] - points[other, 2]
            largest = max(largest, np.sqrt(z * z + y * y + x * x))
    return largest
