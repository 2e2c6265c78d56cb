"""The part of an image that a region's features can see, and where it lies in the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

Box = tuple[slice, slice, slice]
"""A part of a grid, (z, y, x)."""
AXES = ("z", "y", "x")
LEAST_MM, MOST_MM = 1e-2, 1e4
"""Bounds of a voxel's side: from that of a micro-CT to more than a body."""


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


def whole_crop(image: NDArray[Any], mask: NDArray[Any], spacing_mm: Sequence[float]) -> Crop:
    """Return a whole image as a part of itself.

    Raises
    ------
    BadData
        `not_an_image` unless it is of real numbers along (z, y, x), `other_grid` when shapes differ, `bad_spacing`
        unless it is three lengths in mm, `not_one_region` unless the mask holds 0 and one label.
    """
    voxels = np.asarray(image)
    if voxels.ndim != len(AXES) or voxels.dtype.kind not in "biuf" or voxels.size == 0:
        raise BadData(
            "not_an_image",
            "An image is of real numbers along (z, y, x)",
            f"its shape is {voxels.shape}, its type {voxels.dtype}",
            "Give an image of one plane as `image[None]`, and the steps of a series one by one.",
        )
    inside = _inside(np.asarray(mask))
    if voxels.shape != inside.shape:
        raise BadData(
            "other_grid",
            "Image and mask must share a grid",
            f"shapes {voxels.shape} and {inside.shape} differ",
            "Resample the mask onto the image's grid.",
        )
    z, y, x = voxels.shape
    return Crop(voxels, inside, _spacing(spacing_mm), (0, 0, 0), (z, y, x))


def _spacing(spacing_mm: Sequence[float]) -> Triple:
    given = np.asarray(spacing_mm, dtype=object).ravel().tolist()
    if len(given) != len(AXES) or not all(_is_length(mm) for mm in given):
        raise BadData(
            "bad_spacing",
            f"Voxel spacing is three lengths in mm along (z, y, x), each from {LEAST_MM:g} to {MOST_MM:g}",
            f"{spacing_mm!r}",
            "Give the distances between voxel centres, as (3.0, 1.0, 1.0).",
        )
    z, y, x = map(float, given)
    return z, y, x


def _is_length(mm: object) -> bool:
    return isinstance(mm, int | float | np.number) and LEAST_MM <= float(mm) <= MOST_MM


def _inside(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the voxels of the one region in a mask."""
    if mask.dtype.kind == "b":
        return mask
    if mask.dtype.kind in "iuf" and mask.size:
        highest = mask.max()
        if highest >= 0 and bool(((mask == 0) | (mask == highest)).all()):
            inside: NDArray[np.bool_] = mask == highest if highest > 0 else np.zeros(mask.shape, dtype=bool)
            if highest == np.floor(highest):
                return inside
    raise BadData(
        "not_one_region",
        "A mask holds 0 outside and one whole label inside",
        f"it holds other values, of type {mask.dtype}",
        "Choose a region of a label map: `labels == 3`.",
    )


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
