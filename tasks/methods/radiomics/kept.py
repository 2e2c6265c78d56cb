"""The kept voxels of a region in a row, gathered once for every feature that does not ask where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.intensities import gather, of_rank
from tasks.methods.radiomics.percentiles import between, places, ranks_of_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.methods.radiomics.region import Region


@dataclass(frozen=True)
class KeptVoxels:
    """Hold the intensities of a region's kept voxels, and what one walk over them tells.

    Parameters
    ----------
    values : NDArray[np.float64]
        Intensities in the image's unit, row by row; at least one.
    lowest, highest : float
        The extremes of `values`.
    mean : float
        The average of `values`.
    missing_count : int
        Voxels of the region's mask that are missing in the image.
    center : tuple of float
        Index (z, y, x) in the box of the centre of mass of the intensities; NaN where they sum up to 0.
    """

    values: NDArray[np.float64]
    lowest: float
    highest: float
    mean: float
    missing_count: int
    center: tuple[float, float, float]

    @cached_property
    def percentiles(self) -> list[float]:
        """The 10th, 25th, 50th, 75th and 90th percentile."""
        return self._standing[0]

    @cached_property
    def of_shares(self) -> list[float]:
        """The intensity above which at most nine tenths of the voxels are, and that for one tenth."""
        return self._standing[1]

    @cached_property
    def _standing(self) -> tuple[list[float], list[float]]:
        # sought together, since each search walks over all voxels
        ranks, parts = places(self.values.size)
        shares = ranks_of_shares(self.values.size)
        found = of_rank(self.values, self.lowest, self.highest, np.array([*ranks, *shares]))
        return between(found[: len(ranks)], parts), found[len(ranks) :].tolist()


def kept_voxels(region: Region) -> KeptVoxels:
    """Return the kept voxels of a region; there is at least one."""
    out = np.empty(np.count_nonzero(region.kept))
    values = np.ascontiguousarray(region.values)
    sums, counts = gather(values, np.ascontiguousarray(region.mask), np.ascontiguousarray(region.kept), out)
    total, z, y, x, lowest, highest = sums.tolist()
    center = (z / total, y / total, x / total) if total != 0 else (np.nan, np.nan, np.nan)
    number, missing = counts.tolist()
    return KeptVoxels(out[:number], lowest, highest, total / number, missing, center)
