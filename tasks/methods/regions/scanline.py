"""Contours to voxels by scan line: a voxel belongs to a region when its centre does."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry

HALF_SLICE = 0.5
"""A contour belongs to the slice it lies within half a step of."""
MOST_COMPARED = 100
"""Contours of a slice that are compared with each other."""
MARGIN = 1.0
"""In its slice, a contour may reach this many voxels beyond the outermost centres."""


def rasterise(contours: Sequence[NDArray[np.float64]], geometry: Geometry) -> NDArray[np.bool_]:
    """Return the (z, y, x) voxels whose centres lie inside closed planar contours.

    Contours are (n, 3) patient positions (z, y, x) in mm. Those of one slice are combined even-odd: a
    contour within another cuts a hole, and two that overlap leave their overlap out. An edge covers the
    rows lo <= y < hi, and a centre on a left border is inside, so that neighbours that share a border
    share no voxel. Slices between contours stay empty.

    Raises `BadData` `contour_off_grid` where contours lie off the slices or outside the grid.

    References
    ----------
    Foley JD, van Dam A, Feiner SK, Hughes JF (1996) Computer Graphics: Principles and Practice, 3.6.
    """
    indices = [geometry.to_index(contour) for contour in contours]
    _require_on_grid(indices, geometry)
    slices = np.array([_slice_of(index) for index in indices])
    mask = np.zeros(geometry.shape, dtype=np.bool_)
    for k in np.unique(slices):
        edges = np.concatenate([_edges(indices[n][:, 1:]) for n in np.flatnonzero(slices == k)])
        _fill(mask[k], edges)
    return mask


def crossing(contours: Sequence[NDArray[np.float64]], geometry: Geometry) -> int:
    """Return how many contours cross another one of their slice: neither lies within the other, nor beside it.

    A slice of more than `MOST_COMPARED` contours is not looked at.
    """
    by_slice: dict[int, list[NDArray[np.float64]]] = defaultdict(list)
    for contour in contours:
        index = geometry.to_index(contour)
        by_slice[_slice_of(index)].append(index[:, 1:])
    several = (polygons for polygons in by_slice.values() if 1 < len(polygons) <= MOST_COMPARED)
    return sum(_crossing(polygons, geometry.shape[1:]) for polygons in several)


def _crossing(polygons: Sequence[NDArray[np.float64]], shape: tuple[int, int]) -> int:
    low, high = np.array([one.min(axis=0) for one in polygons]), np.array([one.max(axis=0) for one in polygons])
    near = [
        (a, b)
        for a, b in combinations(range(len(polygons)), 2)
        if (low[a] <= high[b]).all() and (low[b] <= high[a]).all()
    ]
    planes = {n: _filled(polygons[n], shape) for n in {n for pair in near for n in pair}}
    crossed = set()
    for a, b in near:
        shared = int((planes[a] & planes[b]).sum())
        if 0 < shared < min(int(planes[a].sum()), int(planes[b].sum())):
            crossed.add(b)
    return len(crossed)


def _filled(polygon: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    plane = np.zeros(shape, dtype=np.bool_)
    _fill(plane, _edges(polygon))
    return plane


def _slice_of(index: NDArray[np.float64]) -> int:
    return int(np.floor(index[:, 0].mean() + HALF_SLICE))


def _require_on_grid(indices: Sequence[NDArray[np.float64]], geometry: Geometry) -> None:
    last = np.array(geometry.shape) - 1
    off = sum(not _is_on_grid(index, last) for index in indices)
    if off:
        raise BadData(
            "contour_off_grid",
            "Contours lie in the slices of their image and within its edges",
            f"{off} of {len(indices)} do not",
            "Read the region on the series it was drawn on.",
        )


def _is_on_grid(index: NDArray[np.float64], last: NDArray[np.int_]) -> bool:
    k = _slice_of(index)
    is_flat = 0 <= k <= last[0] and np.abs(index[:, 0] - k).max() <= HALF_SLICE
    inside = (index[:, 1:] >= -MARGIN) & (index[:, 1:] <= last[1:] + MARGIN)
    return bool(is_flat and inside.all())


def _edges(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (n, 4) edges (y, x, next y, next x) of a polygon (n, 2), closed."""
    return np.hstack([polygon, np.roll(polygon, -1, axis=0)])


def _fill(plane: NDArray[np.bool_], edges: NDArray[np.float64]) -> None:
    """Set the pixels of an empty (y, x) plane with an odd number of edges at or left of their centre."""
    height, width = plane.shape
    low, high = np.minimum(edges[:, 0], edges[:, 2]), np.maximum(edges[:, 0], edges[:, 2])
    first = np.clip(np.ceil(low), 0, height).astype(np.int64)
    count = np.clip(np.ceil(high), 0, height).astype(np.int64) - first
    edge = np.repeat(np.arange(len(edges)), count)
    if not edge.size:
        return
    row = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    y0, x0, y1, x1 = edges[edge].T
    crossing = x0 + (row - y0) * (x1 - x0) / (y1 - y0)
    column = np.clip(np.ceil(crossing), 0, width).astype(np.int64)
    top, left = row.min(), column.min()
    box = (row.max() + 1 - top, column.max() + 1 - left)
    toggles = np.bincount((row - top) * box[1] + column - left, minlength=box[0] * box[1]).reshape(box)
    # Each row has an even number of crossings: behind the last of them, all is outside.
    plane[top : row.max() + 1, left : column.max()] = np.cumsum(toggles, axis=1)[:, :-1] & 1
