"""Detail of one scale and direction: undecimated separable wavelets."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from tasks.methods.radiomics.filters.image_filter import Dimension, filter_name
from tasks.methods.radiomics.filters.rotations import Rotations, parts_of
from tasks.methods.radiomics.filters.separable import Part, Row, SeparableFilter
from tasks.methods.radiomics.filters.wavelet_coefficients import LOW_PASS, high_pass

if TYPE_CHECKING:
    from data_catalog.geometry import Triple

Wavelet = Literal["haar", "db2", "db3", "db4", "coif1", "coif2", "coif3"]
"""Haar's wavelet, Daubechies' with 2 to 4 vanishing moments, and coiflets."""


class SeparableWavelet(SeparableFilter):
    """Respond with one subband of an undecimated wavelet decomposition: IBSI-2's separable wavelets (25BO).

    The image is continued beyond its border once, also for the levels after the first.
    """

    method: Literal["separable_wavelet"] = "separable_wavelet"
    plane_form: ClassVar[str] = "a `subband` of two letters, as `LH`"
    wavelet: Wavelet = "coif1"
    """Name of the wavelet."""
    subband: str = Field(default="LLH", pattern=r"^[LH]{2,3}$")
    """Low-pass (L) or high-pass (H) along each of x, y and z, as `LLH`; for x and y alone, as `LH`, it is 2-D."""
    level: int = Field(default=1, ge=1, le=6)
    """Level of decomposition; each level sees twice as far as the one before."""
    rotations: Rotations = "none"
    """Which response counts of the subband's filter and its turns by right angles: its own, the greatest (`max`) or
    the mean."""

    @property
    def name(self) -> str:
        """Word for the names of columns: `wavelet_coif1_llh_1`."""
        return filter_name(
            "wavelet",
            self.wavelet,
            self.subband.lower(),
            str(self.level),
            "" if self.rotations == "none" else self.rotations,
            boundary=self.boundary,
        )

    @property
    def in_plane(self) -> bool:
        """Whether each plane (y, x) is filtered by itself."""
        return len(self.subband) == 2  # noqa: PLR2004 - x and y

    def parts(self, spacing_mm: Triple) -> tuple[Part, ...]:  # noqa: ARG002 - wavelets are in voxels
        """Return the subband's filter, turned as asked for."""
        return parts_of(tuple(self._row(letter) for letter in self.subband), self.rotations)

    def _row(self, letter: str) -> Row:
        """Return the low-pass filters of all levels before, and the letter's filter of this one, as one row."""
        low = LOW_PASS[self.wavelet]
        row = np.ones(1)
        for level in range(1, self.level):
            row = np.convolve(row, _dilated(low, level))
        row = np.convolve(row, _dilated(low if letter == "L" else high_pass(low), self.level))
        return tuple(row.tolist())


def subbands(
    wavelet: Wavelet = "coif1", level: int = 1, dimension: Dimension = "3d", rotations: Rotations = "none"
) -> tuple[SeparableWavelet, ...]:
    """Return all subbands of a level: 8 filters, or 4 in a plane.

    They come in the order in which they best share their passes: LLL, HLL, LHL, ... HHH.
    """
    letters = product("LH", repeat=2 if dimension == "2d" else 3)
    return tuple(
        SeparableWavelet(wavelet=wavelet, subband="".join(each[::-1]), level=level, rotations=rotations)
        for each in letters
    )


def _dilated(taps: tuple[float, ...], level: int) -> Row:
    """Return a filter of a level: zeros after each number, the last too, and one more where the count is even.

    The zeros at the end put the centre where IBSI-2 has it (section 3.6).
    """
    apart = 2 ** (level - 1)
    length = len(taps) * apart
    row = np.zeros(length + 1 - length % 2)
    row[:length:apart] = taps
    return tuple(row.tolist())
