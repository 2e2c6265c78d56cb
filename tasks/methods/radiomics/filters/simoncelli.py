"""Detail of one scale in all directions alike: Simoncelli's wavelet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field

from tasks.methods.radiomics.filters.fourier import Spectrum, distance
from tasks.methods.radiomics.filters.image_filter import Dimension, ImageFilter, filter_name

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.filters.boundary import Box


class Simoncelli(ImageFilter):
    """Respond with one band-pass map of Simoncelli's non-separable wavelet (IBSI-2: PRT7).

    The filter is a product in the frequencies of the whole image, which is periodic by that; frequencies are per
    voxel, so that spacings should be equal.
    """

    method: Literal["simoncelli"] = "simoncelli"
    level: int = Field(default=1, ge=1, le=10)
    """Level of decomposition; the band of each is an octave below the one before."""
    dimension: Dimension = "3d"
    """`2d` filters each plane (y, x) by itself, `3d` the volume."""

    @property
    def name(self) -> str:
        """Word for the names of columns: `simoncelli_1`."""
        return filter_name("simoncelli", "2d" if self.in_plane else "", str(self.level))

    @property
    def in_plane(self) -> bool:
        """Whether each plane (y, x) is filtered by itself."""
        return self.dimension == "2d"

    def shared_with(self, spacing_mm: Triple) -> Hashable:  # noqa: ARG002 - frequencies are per voxel
        """Return what filters must have in common to share the frequencies of the image."""
        return self.dimension

    @classmethod
    def in_box(
        cls,
        filters: Sequence[Self],
        image: NDArray[Any],
        box: Box,
        spacing_mm: Triple,  # noqa: ARG003
    ) -> Iterator[NDArray[np.float32]]:
        """Yield each filter's response in a box of an image; the frequencies are found once."""
        spectrum = Spectrum(image, in_plane=filters[0].in_plane)
        for each in filters:
            yield each.rounded(each.band(spectrum)[box])

    def band(self, spectrum: Spectrum) -> NDArray[np.float64]:
        """Return the image of the frequencies in the band."""
        return spectrum.filtered(partial(_band_pass, highest=2.0 ** (1 - self.level)))


def _band_pass(coordinates: Sequence[NDArray[np.float64]], highest: float) -> NDArray[np.float64]:
    """Return cos(pi / 2 log2(2 nu / highest)) from a quarter of the highest frequency to it, else 0."""
    frequency = distance(coordinates)
    inside = (frequency >= highest / 4) & (frequency <= highest)
    octaves = np.log2(2 * frequency / highest, out=np.ones_like(frequency), where=inside)
    return np.where(inside, np.cos(np.pi / 2 * octaves), 0.0)
