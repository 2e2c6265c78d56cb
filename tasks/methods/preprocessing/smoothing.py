"""Linear filters that average each voxel with its surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from tasks.methods.preprocessing.step import OddSize, Step, as_voxels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

TRUNCATE_SIGMA = 4.0
"""A Gaussian ends this many standard deviations from its centre; beyond lie 0.006 % of its weight."""


class MeanFilter(Step):
    """Replace each voxel by the mean of the voxels present in a box around it.

    Missing voxels weigh nothing and stay missing; the image is mirrored at its borders, as IBSI-2's
    mean filter (S60F) is with mirror padding.
    """

    method: Literal["mean_filter"] = "mean_filter"
    size: tuple[OddSize, OddSize, OddSize] = (3, 3, 3)
    """Width of the box in voxels (z, y, x), odd; z does not count in an image of one plane."""

    def reach(self, spacing_mm: Triple) -> tuple[int, int, int]:  # noqa: ARG002 - the size is in voxels
        """Return half the box's width along (z, y, x), in voxels."""
        z, y, x = self.size
        return z // 2, y // 2, x // 2

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:  # noqa: ARG002 - as every step
        """Return the local means, (z, y, x) float32, in the image's unit."""
        return _smoothed(as_voxels(image), [np.ones(width) for width in self.size])


class GaussianFilter(Step):
    """Replace each voxel by the Gaussian-weighted mean of the voxels present around it.

    Missing voxels weigh nothing and stay missing; the image is mirrored at its borders and the
    Gaussian ends at four standard deviations, as in IBSI-2.
    """

    method: Literal["gaussian_filter"] = "gaussian_filter"
    sigma_mm: float = Field(default=1.0, gt=0)
    """Standard deviation of the Gaussian in mm, the same along every axis."""

    def reach(self, spacing_mm: Triple) -> tuple[int, int, int]:
        """Return four standard deviations along (z, y, x), rounded to voxels."""
        z, y, x = (int(TRUNCATE_SIGMA * self.sigma_mm / spacing + 0.5) for spacing in spacing_mm)
        return z, y, x

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:
        """Return the smoothed image, (z, y, x) float32, in the image's unit."""
        return _smoothed(
            as_voxels(image),
            [
                gaussian_weights(self.sigma_mm / spacing, radius)
                for spacing, radius in zip(spacing_mm, self.reach(spacing_mm), strict=True)
            ],
        )


def gaussian_weights(sigma: float, radius: int) -> NDArray[np.float64]:
    """Return a Gaussian sampled at -radius, ..., radius with standard deviation `sigma`, of sum 1."""
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.asarray(weights / weights.sum())


def local_mean(voxels: NDArray[np.float32], weights: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the weighted mean of the voxels present around each voxel, NaN where there is none.

    `weights` are one odd and symmetric kernel per axis (z, y, x). Sums are not running, so a result
    does not depend on how far from the array's start its voxel lies.
    """
    axes = [axis for axis in range(3) if weights[axis].size > 1 and not (axis == 0 and voxels.shape[0] == 1)]
    present = ~np.isnan(voxels)
    # where nothing is missing the weight is one number, and worth the same to the last bit
    weighed = np.ones((1, 1, 1)) if present.all() else present.astype(np.float64)
    mass = _correlate(weighed, weights, axes)
    sums = _correlate(np.where(present, voxels, 0.0).astype(np.float64), weights, axes)
    means: NDArray[np.float64] = np.divide(sums, mass, out=np.full(voxels.shape, np.nan), where=mass > 0)
    return means


def _correlate(values: NDArray[np.float64], weights: list[NDArray[np.float64]], axes: list[int]) -> NDArray[np.float64]:
    from scipy import ndimage

    for axis in axes:
        values = ndimage.correlate1d(values, weights[axis], axis=axis, mode="reflect")
    return values


def _smoothed(voxels: NDArray[np.float32], weights: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    smooth = local_mean(voxels, weights).astype(np.float32)
    smooth[np.isnan(voxels)] = np.nan
    return smooth
