"""The part of an image that a region's features can see, and where it lies in the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

Box = tuple[slice, slice, slice]
"""A part of a grid, (z, y, x)."""


@dataclass(frozen=True)
class Crop:
    """Hold a part of an image with a region inside.

    Parameters
    ----------
    image : NDArray
        Intensities (z, y, x), NaN where a voxel is missing.
    mask : NDArray[np.bool_]
        Voxels of the region; all of the region lies in this part.
    spacing_mm : tuple of float
        Distance of voxel centres along (z, y, x).
    start : tuple of int
        Index in the whole image of the part's first voxel.
    whole : tuple of int
        Shape (z, y, x) of the whole image.
    """

    image: NDArray[Any]
    mask: NDArray[np.bool_]
    spacing_mm: Triple
    start: tuple[int, int, int]
    whole: tuple[int, int, int]

    @property
    def planar(self) -> bool:
        """Whether the whole image is of one plane."""
        return self.whole[0] == 1


def whole_crop(image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple) -> Crop:
    """Return a whole image as a part of itself.

    Raises
    ------
    BadData
        `other_grid` when shapes differ.
    """
    if image.shape != mask.shape:
        raise BadData(
            "other_grid",
            "Image and mask must share a grid",
            f"shapes {image.shape} and {mask.shape} differ",
            "Resample the mask onto the image's grid.",
        )
    z, y, x = image.shape
    return Crop(image, np.asarray(mask, dtype=bool), spacing_mm, (0, 0, 0), (z, y, x))


def box_of(mask: NDArray[np.bool_]) -> Box:
    """Return the smallest box (z, y, x) that holds all voxels of a mask.

    Raises
    ------
    BadData
        `empty_region` when the mask has none.
    """
    planes = np.flatnonzero(mask.any(axis=(1, 2)))
    if planes.size == 0:
        raise BadData("empty_region", "A region has voxels", "the mask is empty", "Check the segmentation.")
    z = slice(int(planes[0]), int(planes[-1]) + 1)
    flat: NDArray[np.bool_] = np.any(mask[z], axis=0)
    rows, columns = np.flatnonzero(np.any(flat, axis=1)), np.flatnonzero(np.any(flat, axis=0))
    return z, slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def widened(box: Box, margin: tuple[int, int, int], shape: tuple[int, ...]) -> Box:
    """Return the box with a margin on every side, as far as the grid goes."""
    z, y, x = (
        slice(max(part.start - more, 0), min(part.stop + more, length))
        for part, more, length in zip(box, margin, shape, strict=True)
    )
    return z, y, x
