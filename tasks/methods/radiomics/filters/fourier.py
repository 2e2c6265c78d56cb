"""Filters that are a product in the frequencies of the whole image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tasks.methods.radiomics.filters.boundary import require_finite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Transfer(Protocol):
    """What a filter multiplies each frequency by, given its coordinate along (z, y, x), or (y, x), broadcast."""

    def __call__(self, coordinates: Sequence[NDArray[np.float64]]) -> NDArray[Any]:
        """Return the factor of each frequency."""


class Spectrum:
    """Hold the frequencies of an image, for filters to multiply them.

    Coordinates of frequency run from -1 to 1 over an axis's length, as in IBSI-2: voxel i of n has
    (i - (n - 1) / 2) / ((n - 1) / 2). They are not quite those of a discrete Fourier transform; with the latter the
    reference maps of the second and third level of Simoncelli's wavelet are missed.
    """

    def __init__(self, image: NDArray[Any], *, in_plane: bool) -> None:
        from scipy import fft

        voxels = np.asarray(image, dtype=np.float64)
        require_finite(voxels)
        self._axes = (1, 2) if in_plane else (0, 1, 2)
        self._shape = [image.shape[axis] for axis in self._axes]
        self._values = fft.rfftn(voxels, axes=self._axes)

    def filtered(self, transfer: Transfer) -> NDArray[np.float64]:
        """Return the real part of the image whose frequencies are multiplied, (z, y, x) float64."""
        from scipy import fft

        here = [_coordinates(length) for length in self._shape]
        opposite = [np.roll(axis[::-1], 1) for axis in here]
        # the real part is what a factor that is conjugate at opposite frequencies gives
        factor = (transfer(self._half(here)) + np.conj(transfer(self._half(opposite)))) / 2
        # IBSI's coordinates of frequency 0 are not 0 where a length is even; no filter here answers to a constant
        factor[(0,) * factor.ndim] = 0.0
        return np.asarray(fft.irfftn(self._values * factor, s=self._shape, axes=self._axes))

    def _half(self, coordinates: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        """Return the coordinates of the frequencies that are held, to be broadcast; the others are conjugate."""
        held = [*coordinates[:-1], coordinates[-1][: self._shape[-1] // 2 + 1]]
        return list(np.meshgrid(*held, indexing="ij", sparse=True))


def _coordinates(length: int) -> NDArray[np.float64]:
    """Return the coordinate of each frequency along an axis, frequency 0 first."""
    from scipy import fft

    return np.asarray(fft.ifftshift(np.linspace(-1.0, 1.0, length) if length > 1 else np.zeros(1)))


def distance(coordinates: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the distance of each frequency from frequency 0."""
    return np.asarray(np.sqrt(sum(axis**2 for axis in coordinates)))
