"""How an image goes on beyond its border, for filters that look further than the image reaches."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

Boundary = Literal["zero", "nearest", "periodic", "mirror"]
"""IBSI-2's four boundary conditions; `mirror` repeats the outermost voxel, as `symmetric` of numpy.pad does."""
Box = tuple[slice, slice, slice]
"""Voxels from start to stop along (z, y, x)."""
Places = tuple["NDArray[np.intp]", "NDArray[np.intp]", "NDArray[np.intp]"]
"""Index of the voxel to read along (z, y, x); `NOWHERE` for one that is zero."""
NOWHERE = -1
LARGEST_VALUE = 1e30
"""Far beyond any unit, and so far below the largest float32 that a sum over a filter's surroundings remains one."""
MOST_VOXELS = 2**31
"""How many voxels a filter reads at most: 16 GiB of float64."""


def whole_box(shape: tuple[int, ...]) -> Box:
    """Return the box of all voxels of a (z, y, x) image."""
    z, y, x = (slice(0, length) for length in shape)
    return z, y, x


def places_around(shape: tuple[int, ...], box: Box, reach: tuple[int, int, int], boundary: Boundary) -> Places:
    """Return where the voxels of a box, and those up to `reach` (z, y, x) voxels away, are read in an image.

    Raises
    ------
    BadData
        `grid_too_large` when they are more than 2^31.
    """
    shape_read = tuple(part.stop - part.start + 2 * far for part, far in zip(box, reach, strict=True))
    if prod(shape_read) > MOST_VOXELS:
        raise BadData(
            "grid_too_large",
            f"An image and the margin that a filter needs have at most {MOST_VOXELS:,} voxels",
            f"a box of shape {tuple(part.stop - part.start for part in box)} grows to {shape_read}",
            "Use a smaller filter or padding, or resample the image to larger voxels.",
        )
    z, y, x = (
        _along(np.arange(part.start - far, part.stop + far), length, boundary)
        for length, part, far in zip(shape, box, reach, strict=True)
    )
    return z, y, x


def _along(index: NDArray[np.intp], length: int, boundary: Boundary) -> NDArray[np.intp]:
    if boundary == "periodic":
        return index % length
    if boundary == "nearest":
        return index.clip(0, length - 1)
    if boundary == "zero":
        return np.where((index >= 0) & (index < length), index, NOWHERE)
    folded = index % (2 * length)
    return np.minimum(folded, 2 * length - 1 - folded)


def box_of(places: Places) -> Box:
    """Return the smallest box that holds every voxel to be read."""
    z, y, x = (slice(int(axis[axis != NOWHERE].min()), int(axis.max()) + 1) for axis in places)
    return z, y, x


def read_at(values: NDArray[Any], places: Places, box: Box) -> NDArray[np.float64]:
    """Return the voxels at some places, as a new float64 array; `values` are those of the image in `box`."""
    if all(axis[0] != NOWHERE and (np.diff(axis) == 1).all() for axis in places):
        z, y, x = (
            slice(axis[0] - part.start, axis[-1] + 1 - part.start) for axis, part in zip(places, box, strict=True)
        )
        return np.array(values[z, y, x], dtype=np.float64, order="C")
    inside = [np.maximum(axis - part.start, 0) for axis, part in zip(places, box, strict=True)]
    read = np.array(values[np.ix_(*inside)], dtype=np.float64, order="C")
    for axis, place in enumerate(places):
        read[(slice(None),) * axis + (place == NOWHERE,)] = 0.0
    return read


def continued(image: NDArray[Any], box: Box, reach: tuple[int, int, int], boundary: Boundary) -> NDArray[np.float64]:
    """Return the voxels of a box and those up to `reach` (z, y, x) voxels away, beyond the image's border too.

    Raises
    ------
    BadData
        `missing_voxels`, `infinite_voxels` or `too_large_values` when a voxel that is read is NaN, infinite or
        beyond 1e30, and `grid_too_large` when more than 2^31 are read.
    """
    read = read_at(image, places_around(image.shape, box, reach, boundary), whole_box(image.shape))
    require_finite(read)
    return read


def require_finite(voxels: NDArray[np.float64]) -> None:
    """Raise `BadData` unless every voxel is a finite number that is not too large for sums in float32.

    Its verdict is `missing_voxels`, `infinite_voxels` or `too_large_values`.
    """
    largest = largest_magnitude(voxels)
    if largest <= LARGEST_VALUE:
        return
    missing = int(np.isnan(voxels).sum())
    if missing:
        raise BadData(
            "missing_voxels",
            "A filter needs an image without missing voxels as far as it sees",
            f"{missing} of the {voxels.size} voxels it reads are NaN",
            "Put `fill_missing` before it.",
        )
    infinite = int(np.isinf(voxels).sum())
    if infinite:
        raise BadData(
            "infinite_voxels",
            "Every voxel is a finite number, or NaN where it is missing",
            f"{infinite} of the {voxels.size} voxels it reads are infinite",
            "Correct the rescale slope and intercept, or mark these voxels as missing.",
        )
    raise BadData(
        "too_large_values",
        f"A filter needs values between -{LARGEST_VALUE:g} and {LARGEST_VALUE:g}, as responses are float32",
        f"{int((np.abs(voxels) > LARGEST_VALUE).sum())} of the {voxels.size} voxels it reads are beyond, up to a "
        f"magnitude of {largest:.3g}",
        "Correct the rescale slope and intercept, or mark these voxels as missing.",
    )


def largest_magnitude(voxels: NDArray[np.float64]) -> float:
    """Return the largest absolute value, or NaN where one is missing."""
    return max(float(voxels.max(initial=0.0)), -float(voxels.min(initial=0.0)))
