"""Segmentation by the grey level that separates two classes best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from tasks.methods.segmentation.two_class import TwoClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_BINS = 256


class Otsu(TwoClass):
    """Mark the voxels beyond the threshold with the largest variance between classes.

    Otsu, IEEE Transactions on Systems, Man, and Cybernetics 9 (1979) 62-66.
    """

    method: Literal["otsu"] = "otsu"
    bins: int = Field(default=DEFAULT_BINS, ge=2)
    """Number of histogram bins between the lowest and the highest intensity."""

    def _inside(self, scaled: NDArray[np.float64], spacing_mm: tuple[float, ...]) -> NDArray[np.bool_]:  # noqa: ARG002
        inside: NDArray[np.bool_] = scaled > otsu_threshold(scaled, self.bins)
        return inside


def otsu_threshold(scaled: NDArray[np.float64], bins: int = DEFAULT_BINS) -> float:
    """Return the limit between two bins of a histogram from 0 to 1 that separates two classes best.

    Of limits that do as well, as in a gap of the histogram, it is the middle one. Both classes have
    voxels when the values reach from 0 to 1.
    """
    counts, edges = np.histogram(scaled, bins=bins, range=(0.0, 1.0))
    centres = 0.5 * (edges[:-1] + edges[1:])
    below = np.cumsum(counts)[:-1]
    weight_below = np.cumsum(counts * centres)[:-1]
    above, weight_above = scaled.size - below, (counts * centres).sum() - weight_below
    between = below * above * (weight_below / below - weight_above / above) ** 2
    best = np.flatnonzero(between == between.max())
    return float(edges[1 + best[best.size // 2]])
