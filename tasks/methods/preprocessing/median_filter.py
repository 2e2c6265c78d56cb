"""The filter that removes single outlying voxels and keeps edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tasks.methods.preprocessing.step import OddSize, Step, as_voxels, require_complete

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple


class MedianFilter(Step):
    """Replace each voxel by the median of a box around it (Tukey 1977); the image is mirrored at its borders."""

    method: Literal["median_filter"] = "median_filter"
    size: tuple[OddSize, OddSize, OddSize] = (3, 3, 3)
    """Width of the box in voxels (z, y, x), odd; z does not count in an image of one plane."""

    def reach(self, spacing_mm: Triple) -> tuple[int, int, int]:  # noqa: ARG002 - the size is in voxels
        """Return half the box's width along (z, y, x), in voxels."""
        z, y, x = self.size
        return z // 2, y // 2, x // 2

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:  # noqa: ARG002 - as every step
        """Return the local medians, (z, y, x) float32, in the image's unit.

        Raises
        ------
        BadData
            `missing_voxels` when a voxel is missing: a median has no sensible weight for it.
        """
        from scipy import ndimage

        voxels = as_voxels(image)
        require_complete(voxels)
        size = (1, *self.size[1:]) if voxels.shape[0] == 1 else self.size
        filtered: NDArray[np.float32] = ndimage.median_filter(voxels, size=size, mode="reflect")
        return filtered
