"""Single missing voxels, filled from the voxels around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.methods.preprocessing.smoothing import local_mean
from tasks.methods.preprocessing.step import OddSize, Step, as_voxels, present_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple


class FillMissing(Step):
    """Fill missing voxels from the voxels around them; the others keep their values."""

    method: Literal["fill_missing"] = "fill_missing"
    by: Literal["nearest", "local_mean"] = "nearest"
    """`nearest` takes the value of the nearest voxel present, in mm; `local_mean` the mean of the voxels
    present in a box, and the nearest where the box holds none."""
    size: tuple[OddSize, OddSize, OddSize] = (3, 3, 3)
    """Width of the box of `local_mean` in voxels (z, y, x), odd; z does not count in an image of one plane."""

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:
        """Return the image without missing voxels, (z, y, x) float32.

        Raises
        ------
        BadData
            `all_missing` when there is no voxel to fill from.
        """
        voxels = as_voxels(image)
        filled = fill_nearest(voxels, spacing_mm)
        if self.by == "local_mean":
            means = local_mean(voxels, [np.ones(width) for width in self.size])
            use = np.isnan(voxels) & ~np.isnan(means)
            filled[use] = means[use]
        return filled


def fill_nearest(voxels: NDArray[np.float32], spacing_mm: Triple) -> NDArray[np.float32]:
    """Return a copy with each missing voxel given the value of the nearest one present, in mm.

    Raises
    ------
    BadData
        `all_missing` when there is no voxel to fill from.
    """
    from scipy import ndimage

    present_values(voxels)
    missing = np.isnan(voxels)
    if not missing.any():
        return voxels.copy()
    nearest = ndimage.distance_transform_edt(missing, sampling=spacing_mm, return_distances=False, return_indices=True)
    filled: NDArray[np.float32] = voxels[tuple(nearest)]
    return filled
