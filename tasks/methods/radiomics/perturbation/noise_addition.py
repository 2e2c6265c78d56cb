"""A scan with the same noise once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.methods.radiomics.perturbation.perturber import Perturber, Values, checked, drawn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.perturbation.perturber import Voxels

COIFLET_1 = np.array(
    [
        0.07273261951252645,
        0.3378976624574818,
        -0.8525720202116004,
        0.3848648468648578,
        0.07273261951252645,
        -0.015655728135791993,
    ]
)
"""High-pass filter of the first coiflet (Daubechies, Ten Lectures on Wavelets, table 8.1)."""
MEDIAN_OF_NORMAL = 0.6744897501960817
"""Median of the absolute value of a standard normal; the code that goes with the paper has 0.6754."""


class NoiseAddition(Perturber):
    """Add normal noise of the strength that the image has already.

    The strength is estimated from the image around the region: the median absolute coefficient of the diagonal
    (HH) band of its stationary wavelet transform in the plane, by the first coiflet.

    References
    ----------
    Zwanenburg et al. Assessing robustness of radiomic features by image perturbation. Scientific Reports 9
    (2019) 614. Chang, Yu, Vetterli. Adaptive wavelet thresholding for image denoising and compression. IEEE
    Transactions on Image Processing 9 (2000) 1532-1546.
    """

    method: Literal["noise_addition"] = "noise_addition"
    factors: Values = (1.0,)
    """Multiples of the image's own noise of which each repetition draws one."""

    def __call__(
        self,
        image: NDArray[Any],
        mask: NDArray[np.bool_],
        spacing_mm: Triple,  # noqa: ARG002 - as every one
        seed: int,
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the image with noise, and the mask as it is."""
        voxels, inside = checked(image, mask)
        generator = np.random.default_rng(seed)
        strength = drawn(self.factors, generator) * noise_level(voxels)
        return voxels + generator.normal(0.0, strength, voxels.shape), inside.copy()

    def margin(self, spacing_mm: Triple, box: Voxels, *, planar: bool) -> Voxels:  # noqa: ARG002 - as every one
        """Return none: a voxel's noise is its own."""
        return 0, 0, 0


def noise_level(image: NDArray[np.float64]) -> float:
    """Return the standard deviation of the noise in an image (z, y, x); 0 where every voxel is missing."""
    from scipy import ndimage

    along_y = ndimage.convolve1d(image, COIFLET_1, axis=1, mode="mirror")
    diagonal = ndimage.convolve1d(along_y, COIFLET_1, axis=2, mode="mirror")
    present = diagonal[~np.isnan(diagonal)]
    return float(np.median(np.abs(present)) / MEDIAN_OF_NORMAL) if present.size else 0.0
