"""A region ready to be measured: its bounding box of a prepared image, and which of its voxels count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple


@dataclass(frozen=True)
class Region:
    """Hold the bounding box of a region of an image that is resampled, rounded and re-segmented.

    Parameters
    ----------
    values : NDArray[np.float64]
        Intensities of the box, (z, y, x), in the image's unit, NaN where a voxel is missing.
    mask : NDArray[np.bool_]
        IBSI's morphological mask (G5KJ): the voxels of the region, whatever their intensity. Every face of the box
        touches it.
    kept : NDArray[np.bool_]
        IBSI's intensity mask (SEFI): those of `mask` that are not missing and not left out by re-segmentation.
    spacing_mm : tuple of float
        Distance of voxel centres along (z, y, x).
    planar : bool
        Whether the whole image is of one plane.
    around : NDArray
        Intensities of a larger box with this one inside, (z, y, x), for features that look beyond the region; its
        faces are at least `local_intensity.RADIUS_MM` away, or the image's own. NaN where a voxel is missing.
    place : tuple of int
        Index in `around` of the first voxel of the box.
    """

    values: NDArray[np.float64]
    mask: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    spacing_mm: Triple
    planar: bool
    around: NDArray[Any]
    place: tuple[int, int, int]
