"""An image carried from its own grid onto that of another image of the same patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.preprocessing.interpolation import Places, interpolate
from tasks.methods.preprocessing.step import as_voxels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry
    from tasks.methods.preprocessing.interpolation import Order

BORDER_TOLERANCE = 1e-6
"""A voxel this far outside another's border, in voxels, is on the border: positions are rounded."""


def onto_grid(
    moving: NDArray[Any], moving_geometry: Geometry, fixed_geometry: Geometry, order: Order
) -> NDArray[np.float32]:
    """Return `moving` interpolated at the voxels of `fixed_geometry`, (z, y, x) float32.

    Voxels reach half a spacing around their centres; a result outside all of them is NaN. Both images
    must lie in one frame of reference: nothing is registered.

    Raises
    ------
    BadData
        `other_grid` when array and geometry disagree, `no_overlap` when no result lies inside.
    """
    require_shape(moving, moving_geometry)
    to_moving = np.linalg.inv(moving_geometry.affine()) @ fixed_geometry.affine()
    places = Places(to_moving[:3, :3], to_moving[:3, 3], fixed_geometry.shape)
    inside = _inside(places, moving_geometry.shape)
    if not inside.any():
        raise BadData(
            "no_overlap",
            "Two images that are fused show the same part of the body",
            f"none of the {inside.size} voxels of the first grid lies inside the second",
            "Check that both have one frame of reference, or register them first.",
        )
    values = interpolate(as_voxels(moving), moving_geometry.spacing_mm, places, order)
    values[~inside] = np.nan
    return values


def require_shape(image: NDArray[Any], geometry: Geometry) -> None:
    """Raise `BadData` `other_grid` unless the array has the shape of its geometry."""
    if image.shape != geometry.shape:
        raise BadData(
            "other_grid",
            "An image has the shape of its geometry",
            f"shapes {image.shape} and {geometry.shape} differ",
            "Read both from the same artefact.",
        )


def _inside(places: Places, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which places lie within half a voxel of the centres of a grid of `shape`."""
    k, j, i = np.ogrid[tuple(slice(n) for n in places.shape)]
    inside = np.ones(places.shape, dtype=bool)
    for row, start, length in zip(places.matrix, places.offset, shape, strict=True):
        index = row[0] * k + row[1] * j + row[2] * i + start
        inside &= (index >= -0.5 - BORDER_TOLERANCE) & (index <= length - 0.5 + BORDER_TOLERANCE)
    return inside
