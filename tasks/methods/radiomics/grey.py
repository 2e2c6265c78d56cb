"""A region in grey levels: the small volume that every texture is counted in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tasks.methods.radiomics.binning import Binning


@dataclass(frozen=True)
class GreyVolume:
    """Hold the grey levels of a region's box.

    Parameters
    ----------
    padded : NDArray[np.uint16]
        Grey levels from 1, (z + 2, y + 2, x + 2): one voxel more on every side than the box, and 0 there and wherever
        a voxel is not of the region or was left out, so that a neighbour can be looked at without asking where it is.
    histogram : NDArray[np.int64]
        How many voxels each level has; the index is the level, and [0] is 0.
    """

    padded: NDArray[np.uint16]
    histogram: NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of grey levels that could occur: the highest level."""
        return self.histogram.size - 1

    @property
    def voxels(self) -> int:
        """Number of voxels that have a level."""
        return int(self.histogram.sum())


def grey_volume(values: NDArray[np.float64], kept: NDArray[np.bool_], binning: Binning) -> GreyVolume:
    """Return the grey levels of the kept voxels of a box (z, y, x).

    Raises
    ------
    BadData
        `empty_region`, `below_first_bin`, `too_many_bins` or `not_grey_levels`, as the binning refuses.
    """
    return GreyVolume(*binning.in_box(values, kept))
