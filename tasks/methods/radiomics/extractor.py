"""What every extractor shares: which voxels of a region count, and which regions are refused."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field
from scipy import ndimage

from data_catalog.errors import BadData
from tasks.methods.method import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.definition import FeatureDefinition


class RegionFeatures(Method):
    """Describe one region of an image; every region of one image gets the same columns."""

    minimum_voxels: int = Field(default=8, ge=1)
    """Regions of fewer voxels are refused: numbers from a handful of voxels say little of the tissue."""

    @abstractmethod
    def __call__(self, image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple) -> dict[str, float]:
        """Return the value of each column for the voxels where the (z, y, x) `mask` is True.

        Raises
        ------
        BadData
            `empty_region`, `region_too_small`, `infinite_voxels`, or `other_grid` when shapes differ.
        """

    @abstractmethod
    def definitions(self, *, planar: bool = False) -> tuple[FeatureDefinition, ...]:
        """Return what each column means, in the columns' order; `planar` for images of one plane."""


@dataclass(frozen=True)
class Region:
    """Hold the bounding box of a region.

    Parameters
    ----------
    values : NDArray[np.float64]
        Intensities of the box, (z, y, x), NaN where a voxel is missing.
    mask : NDArray[np.bool_]
        Voxels of the region, missing ones among them.
    spacing_mm : tuple of float
        Distance of voxel centres along (z, y, x).
    planar : bool
        Whether the whole image is of one plane.
    """

    values: NDArray[np.float64]
    mask: NDArray[np.bool_]
    spacing_mm: Triple
    planar: bool

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Voxels of the region that are not missing."""
        return self.mask & ~np.isnan(self.values)

    @property
    def missing_count(self) -> int:
        """Number of the region's voxels that are missing."""
        return int((self.mask & np.isnan(self.values)).sum())


def cut_out(image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple) -> Region:
    """Return the bounding box of a region.

    Raises
    ------
    BadData
        `other_grid` when shapes differ, `empty_region` when the mask is empty, `infinite_voxels`.
    """
    if image.shape != mask.shape:
        raise BadData(
            "other_grid",
            "Image and mask must share a grid",
            f"shapes {image.shape} and {mask.shape} differ",
            "Resample the mask onto the image's grid.",
        )
    inside = np.asarray(mask, dtype=bool)
    if not inside.any():
        raise BadData("empty_region", "A region has voxels", "the mask is empty", "Check the segmentation.")
    box = ndimage.find_objects(inside.astype(np.uint8))[0]
    values = np.asarray(image[box], dtype=np.float64)
    infinite = int(np.isinf(values[inside[box]]).sum())
    if infinite:
        raise BadData(
            "infinite_voxels",
            "Every voxel of a region is a finite number, or NaN where it is missing",
            f"{infinite} of its voxels are infinite",
            "Correct the rescale slope and intercept, or mark these voxels as missing.",
        )
    return Region(values, inside[box], spacing_mm, planar=image.shape[0] == 1)


def require_size(count: int, minimum: int) -> None:
    """Raise `BadData` unless a region has at least `minimum` voxels: `empty_region` for none at all."""
    if count == 0:
        raise BadData(
            "empty_region", "A region has voxels", "all voxels of the mask are missing in the image", "Check the image."
        )
    if count < minimum:
        raise BadData(
            "region_too_small",
            f"A region has at least {minimum} voxels that are not missing",
            f"it has {count}",
            "Leave the region out, or lower `minimum_voxels`.",
        )
