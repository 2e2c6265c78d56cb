"""Ways to turn intensities into a few grey levels, before texture is counted."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from data_catalog.errors import BadData
from tasks.methods.method import Choice, Method
from tasks.methods.radiomics.kernels.levels import fill_levels, lowest_and_highest

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_LEVELS = 4096
"""As many as a CT scan has at 1 HU each; more make matrices that no region fills."""


class Scale(NamedTuple):
    """Say which grey level an intensity has: floor((x - low) steps / width) + 1, at most `last`."""

    low: float
    steps: float
    """Multiplied before the division, so that a whole quotient of whole numbers is never missed by rounding."""
    width: float
    last: int


class Levels(NamedTuple):
    """Hold the grey levels of a box, with one voxel more on every side."""

    padded: NDArray[np.uint16]
    """(z + 2, y + 2, x + 2), 0 where no voxel was kept."""
    histogram: NDArray[np.int64]
    """How many voxels each level has; the index is the level, and [0] is 0."""


class _Binned(Method):
    """What all ways share: a scale found from a region's intensities, and grey levels read off it."""

    @abstractmethod
    def scale(self, values: NDArray[np.float64], kept: NDArray[np.bool_]) -> Scale:
        """Return the scale for the kept voxels of a box (z, y, x)."""

    def in_box(self, values: NDArray[np.float64], kept: NDArray[np.bool_]) -> Levels:
        """Return the grey levels of the kept voxels of a box (z, y, x).

        Raises
        ------
        BadData
            `empty_region` when no voxel is kept, and whatever the way of binning refuses.
        """
        # a kernel is compiled anew for every kind of array: with gaps, or not to be written to
        values, kept = np.require(values, np.float64, ["C", "W"]), np.require(kept, np.bool_, ["C", "W"])
        scale = self.scale(values, kept)
        depth, height, width = values.shape
        padded = np.zeros((depth + 2, height + 2, width + 2), dtype=np.uint16)
        histogram = np.zeros(scale.last + 1, dtype=np.int64)
        fill_levels(values, kept, (scale.low, scale.steps, scale.width, scale.last), padded, histogram)
        return Levels(padded, histogram)

    def levels(self, values: NDArray[np.float64]) -> NDArray[np.uint16]:
        """Return the grey level of each of a region's intensities (1-D), from 1."""
        box = np.asarray(values, dtype=np.float64)[None, None]
        return self.in_box(box, np.ones(box.shape, dtype=np.bool_)).padded[1, 1, 1:-1]


class FixedNumber(_Binned):
    """Divide each region's own range into bins of one width (IBSI K15C), for arbitrary units, as in MR."""

    method: Literal["fixed_number"] = "fixed_number"
    number: int = Field(default=32, ge=2, le=MOST_LEVELS)
    """How many grey levels; 32 is that of IBSI's configurations B, D and E. Of one intensity all levels are 1."""

    def scale(self, values: NDArray[np.float64], kept: NDArray[np.bool_]) -> Scale:
        """Return a scale from the lowest to the highest kept intensity, the highest in the last bin."""
        low, high = _range(values, kept)
        return Scale(low, float(self.number), high - low if high > low else np.inf, self.number)


class FixedSize(_Binned):
    """Make bins of one width for all regions (IBSI Q3RU), for calibrated units, as in CT and PET."""

    method: Literal["fixed_size"] = "fixed_size"
    size: float = Field(default=25.0, gt=0)
    """Width of a bin, in the image's unit; 25 HU is that of IBSI's configurations A and C."""
    start: float | None = None
    """Lower end of the first bin, in the image's unit; without it each region's lowest intensity, with which levels
    of different regions do not compare. Levels are counted from here, whether or not the first ones occur."""

    def scale(self, values: NDArray[np.float64], kept: NDArray[np.bool_]) -> Scale:
        """Return a scale that ends with the level of the highest kept intensity.

        Raises
        ------
        BadData
            `below_first_bin` when an intensity lies below `start`, `too_many_bins` beyond 4096 levels.
        """
        low, high = _range(values, kept)
        start = low if self.start is None else self.start
        if low < start:
            inside = values[kept]
            raise BadData(
                "below_first_bin",
                f"Every intensity of the region is at least the `start` of the first bin ({start:g})",
                f"{int((inside < start).sum())} of {inside.size} voxels lie below it",
                "Leave out what lies below by a range of intensities, or lower `start`.",
            )
        highest = np.floor((high - start) / self.size) + 1
        if highest > MOST_LEVELS:
            raise BadData(
                "too_many_bins",
                f"There are at most {MOST_LEVELS} grey levels",
                f"bins of {self.size:g} make {highest:g} levels",
                "Use a larger `size`, or binning `fixed_number`.",
            )
        return Scale(start, 1.0, self.size, int(highest))


class AsIs(_Binned):
    """Take the intensities for grey levels, as in an image that is already of a few whole numbers from 1."""

    method: Literal["as_is"] = "as_is"

    def scale(self, values: NDArray[np.float64], kept: NDArray[np.bool_]) -> Scale:
        """Return the scale on which every level is its intensity.

        Raises
        ------
        BadData
            `not_grey_levels` when an intensity is not a whole number from 1, `too_many_bins` beyond 4096.
        """
        low, high = _range(values, kept)
        inside = values[kept]
        broken = int((inside != np.floor(inside)).sum())
        if low < 1 or broken:
            raise BadData(
                "not_grey_levels",
                "Intensities that are taken for grey levels are whole numbers from 1",
                f"{broken} of {inside.size} voxels are not whole, and the lowest is {low:g}",
                "Use binning `fixed_size` or `fixed_number`.",
            )
        if high > MOST_LEVELS:
            raise BadData(
                "too_many_bins",
                f"There are at most {MOST_LEVELS} grey levels",
                f"the highest is {high:g}",
                "Use binning `fixed_size` or `fixed_number`.",
            )
        return Scale(1.0, 1.0, 1.0, int(high))


Binning = Annotated[FixedSize | FixedNumber | AsIs, Choice()]


def _range(values: NDArray[np.float64], kept: NDArray[np.bool_]) -> tuple[float, float]:
    low, high = lowest_and_highest(values, kept)
    if low > high:
        raise BadData("empty_region", "A region has voxels", "none of its voxels is kept", "Check the segmentation.")
    return low, high
