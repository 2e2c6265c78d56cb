"""Images and labels read off between their voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.methods.preprocessing.fill_missing import fill_nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

Order = Literal[0, 1, 2, 3]
"""Degree of the interpolating spline: 0 nearest, 1 linear, 2 quadratic, 3 cubic."""
EXACT_DECIMALS = 6
"""Interpolated shares are rounded to this before they are compared with a half: many are exactly a half."""


@dataclass(frozen=True)
class Places:
    """Say where in an old grid the voxels of a new grid lie: at `matrix @ (k, j, i) + offset`.

    Parameters
    ----------
    matrix : NDArray[np.float64]
        3 x 3, from steps in the new grid to steps in the old, both in voxels (z, y, x).
    offset : NDArray[np.float64]
        Index in the old grid of the new grid's first voxel.
    shape : tuple of int
        Number of voxels of the new grid along (z, y, x).
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]
    shape: tuple[int, int, int]

    def read(self, voxels: NDArray[Any], order: int) -> NDArray[Any]:
        """Return the values of a spline through `voxels` at these places, its border repeated beyond it."""
        from scipy import ndimage

        values: NDArray[Any] = ndimage.affine_transform(
            voxels, self.matrix, offset=self.offset, output_shape=self.shape, order=order, mode="nearest"
        )
        return values


def interpolate(voxels: NDArray[np.float32], spacing_mm: Triple, places: Places, order: Order) -> NDArray[np.float32]:
    """Return an image read off at other places, (z, y, x) float32.

    Beyond the image its border is repeated. A result is missing where missing voxels have at least
    half of its (linear) weight; elsewhere they count as their nearest neighbour present.

    Raises
    ------
    BadData
        `all_missing` when every voxel is missing.
    """
    missing = np.isnan(voxels)
    values = places.read(fill_nearest(voxels, spacing_mm), order)
    if missing.any():
        share = places.read(missing.astype(np.float64), min(order, 1))
        values[np.round(share, EXACT_DECIMALS) >= 0.5] = np.nan  # noqa: PLR2004 - a half
    return values


def interpolate_labels(labels: NDArray[Any], places: Places, by: Literal["nearest", "linear"]) -> NDArray[Any]:
    """Return labels read off at other places, (z, y, x), in their own type.

    With `linear` a voxel is inside where labels together have at least half of its linear weight, and
    gets the one with most; of equals, the lower.
    """
    if by == "nearest":
        return places.read(labels, order=0)
    result = np.zeros(places.shape, dtype=labels.dtype)
    inside, most = np.zeros(places.shape), np.zeros(places.shape)
    for label in np.unique(labels[labels != 0]):
        share = np.round(places.read((labels == label).astype(np.float64), order=1), EXACT_DECIMALS)
        result[share > most] = label
        inside, most = inside + share, np.maximum(most, share)
    result[np.round(inside, EXACT_DECIMALS - 1) < 0.5] = 0  # noqa: PLR2004 - a half
    return result
