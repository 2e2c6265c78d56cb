"""Segmentation by the ridges of the gradient between markers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from tasks.methods.segmentation.otsu import otsu_threshold
from tasks.methods.segmentation.two_class import TwoClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

BACKGROUND, OBJECT = 1, 2


class Watershed(TwoClass):
    """Flood the gradient's magnitude from markers; object and background meet on its ridges.

    Beucher and Lantuejoul 1979; Meyer, Signal Processing 38 (1994) 113-125. Markers are found on both
    sides of Otsu's threshold, which need not be where the ridges are.
    """

    method: Literal["watershed"] = "watershed"
    markers: Literal["intensity", "distance"] = "intensity"
    """`intensity` marks what is beyond the median of its side of the threshold; `distance` marks what is
    deep within each connected piece of its side."""
    depth: float = Field(default=0.5, gt=0, le=1)
    """For `distance`: share of a piece's greatest distance from its border at which its marker begins."""

    def _inside(self, scaled: NDArray[np.float64], spacing_mm: tuple[float, ...]) -> NDArray[np.bool_]:
        from skimage.segmentation import watershed

        bright = scaled > otsu_threshold(scaled)
        markers = np.zeros(scaled.shape, dtype=np.int32)
        if self.markers == "intensity":
            markers[scaled <= np.median(scaled[~bright])] = BACKGROUND
            markers[scaled >= np.median(scaled[bright])] = OBJECT
        else:
            markers[_cores(~bright, spacing_mm, self.depth)] = BACKGROUND
            markers[_cores(bright, spacing_mm, self.depth)] = OBJECT
        inside: NDArray[np.bool_] = watershed(gradient_magnitude(scaled, spacing_mm), markers) == OBJECT
        return inside


def gradient_magnitude(image: NDArray[np.float64], spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the length of the gradient by central differences, in the image's unit per mm."""
    from scipy import ndimage

    squares = np.zeros(image.shape)
    for axis, spacing in enumerate(spacing_mm):
        squares += (ndimage.correlate1d(image, [-0.5, 0.0, 0.5], axis=axis, mode="nearest") / spacing) ** 2
    return np.sqrt(squares)


def _cores(mask: NDArray[np.bool_], spacing_mm: tuple[float, ...], depth: float) -> NDArray[np.bool_]:
    """Return the voxels at least `depth` of the way from the border to the deepest voxel of their piece."""
    from scipy import ndimage

    pieces, count = ndimage.label(mask)
    distance = ndimage.distance_transform_edt(mask, sampling=spacing_mm)
    deepest = np.concatenate(([0.0], ndimage.maximum(distance, pieces, np.arange(1, count + 1))))
    cores: NDArray[np.bool_] = mask & (distance >= depth * deepest[pieces])
    return cores
