"""How an image and its mask are read off at places between their voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

Interpolation = Literal["linear", "cubic"]
Outside = Literal["border", "nothing"]
"""What lies beyond the image: its border repeated, or zeros."""
REACH: dict[str, int] = {"linear": 1, "cubic": 9}
"""Voxels on either side that a value is read from; of a cubic spline, those whose weight is above 1e-5."""
EXACT_DECIMALS = 6
"""Values read off a mask are rounded to this before they are compared with a half: many are exactly a half."""
HALF = 0.5


class Move(Protocol):
    """Read an array off at moved places."""

    def __call__(self, values: NDArray[np.float64], by: Interpolation, outside: Outside) -> NDArray[np.float64]:
        """Return the array (z, y, x), read off between its voxels."""


def moved(
    image: NDArray[np.float64], mask: NDArray[np.bool_], spacing_mm: Triple, move: Move, by: Interpolation
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return image and mask after a move.

    Beyond the image its border is repeated, and there is no region. A cubic spline swings over at edges. A voxel is
    missing where half of what it is read from is.
    """
    inside = np.round(move(mask.astype(np.float64), "linear", "nothing"), EXACT_DECIMALS) >= HALF
    missing = np.isnan(image)
    if missing.all():
        return image.copy(), inside
    filled = image if not missing.any() else _filled(image, missing, spacing_mm)
    values = move(filled, by, "border")
    if missing.any():
        values[np.round(move(missing.astype(np.float64), "linear", "border"), EXACT_DECIMALS) >= HALF] = np.nan
    return values, inside


def _filled(image: NDArray[np.float64], missing: NDArray[np.bool_], spacing_mm: Triple) -> NDArray[np.float64]:
    """Return the image with each missing voxel given the value of the nearest one present."""
    from scipy import ndimage

    nearest = ndimage.distance_transform_edt(missing, sampling=spacing_mm, return_distances=False, return_indices=True)
    filled: NDArray[np.float64] = image[tuple(nearest)]
    return filled
