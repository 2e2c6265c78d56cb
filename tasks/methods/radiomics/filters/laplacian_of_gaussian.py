"""Blobs and edges of one size: the Laplacian of a Gaussian."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from tasks.methods.radiomics.filters.image_filter import Dimension, filter_name, number_word
from tasks.methods.radiomics.filters.separable import ONE, Part, Row, SeparableFilter, Term

if TYPE_CHECKING:
    from data_catalog.geometry import Triple

CUTOFF_SIGMA = 4.0
"""Where IBSI-2's reference filters end, in standard deviations."""


class LaplacianOfGaussian(SeparableFilter):
    """Respond to blobs and edges of one size: IBSI-2's Laplacian of Gaussian filter (L6PA).

    Bright blobs have negative responses. The filter is IBSI's for equal spacings, in units per squared voxel. Where
    spacings differ, which IBSI does not define, the Laplacian is that of the patient, the same in every direction
    in mm, per squared geometric mean of the spacings.
    """

    method: Literal["laplacian_of_gaussian"] = "laplacian_of_gaussian"
    sigma_mm: float = Field(default=3.0, gt=0, le=100)
    """Standard deviation of the Gaussian in mm: a ball of radius sigma times the square root of 3 answers most."""
    cutoff_sigma: float = Field(default=CUTOFF_SIGMA, gt=0, le=10)
    """Where the filter ends, in standard deviations, rounded to whole voxels."""
    dimension: Dimension = "3d"
    """`2d` filters each plane (y, x) by itself, `3d` the volume."""

    @property
    def name(self) -> str:
        """Word for the names of columns: `log_3mm`."""
        return filter_name(
            "log",
            "2d" if self.in_plane else "",
            f"{number_word(self.sigma_mm)}mm",
            "" if self.cutoff_sigma == CUTOFF_SIGMA else f"cut{number_word(self.cutoff_sigma)}",
            boundary=self.boundary,
        )

    @property
    def in_plane(self) -> bool:
        """Whether each plane (y, x) is filtered by itself."""
        return self.dimension == "2d"

    def parts(self, spacing_mm: Triple) -> tuple[Part, ...]:
        """Return the sum over axes of a second derivative along one and Gaussians along the others.

        On the box that IBSI's support is, this is its filter exactly.
        """
        spacings = spacing_mm[:0:-1] if self.in_plane else spacing_mm[::-1]
        sigma = self.sigma_mm / prod(spacings) ** (1 / len(spacings))
        rows = [self._rows(self.sigma_mm / spacing, sigma) for spacing in spacings]
        return (Part(tuple(_term(rows, axis) for axis in range(len(rows)))),)

    def _rows(self, sigma: float, mean_sigma: float) -> tuple[Row, Row]:
        """Return a Gaussian of standard deviation `sigma` voxels and its second derivative, scaled."""
        far = int(self.cutoff_sigma * sigma + 0.5)
        squared = (np.arange(-far, far + 1) / sigma) ** 2
        gaussian = np.exp(-squared / 2) / (np.sqrt(2 * np.pi) * sigma)
        return tuple(gaussian.tolist()), tuple(((squared - 1) * gaussian / mean_sigma**2).tolist())


def _term(rows: list[tuple[Row, Row]], derived: int) -> Term:
    """Return the term with the derivative along one axis."""
    x, y, z = (*(pair[axis == derived] for axis, pair in enumerate(rows)), ONE)[:3]
    return x, y, z
