"""How much of a region reaches an intensity, and which intensity a part of it reaches (IBSI's P88C)."""

from __future__ import annotations

from math import ceil, floor, inf
from typing import TYPE_CHECKING, NamedTuple

from tasks.methods.radiomics.binning import FixedNumber, FixedSize
from tasks.methods.radiomics.kernels.intensities import count_from

if TYPE_CHECKING:
    from tasks.methods.radiomics.binning import Binning
    from tasks.methods.radiomics.kept import KeptVoxels

FEATURES = (
    ("v10", "Volume at 10 % of the intensity", "BC2M", "1", "The part of the region above a tenth of the range."),
    ("v90", "Volume at 90 % of the intensity", "BC2M", "1", "The part of the region above nine tenths of the range."),
    ("i10", "Intensity at 10 % of the volume", "GBPN", "image", "At most a tenth of the region is as bright."),
    ("i90", "Intensity at 90 % of the volume", "GBPN", "image", "At most nine tenths of the region are as bright."),
    ("v10_v90", "Difference of the volumes", "DDTU", "1", "The part of the region between both parts of the range."),
    ("i10_i90", "Difference of the intensities", "CNV2", "image", "High when intensities are widely spread."),
    ("auc", "Area under the intensity-volume curve", "9CMM", "1", "High when most of the region is bright."),
)
UNDEFINED: dict[str, str] = {}
"""No feature is: where the range is one intensity, all of the region is above any part of it; an intensity that no
voxel may have (fewer than ten voxels, at most a tenth of them) is the next after the highest."""
UNCONFIRMED = frozenset({"auc"})
"""Features that IBSI defines, but has no reference value of."""
COLUMNS = tuple(f"ivh_{word}" for word, *_ in FEATURES)
SHARES = (0.1, 0.9)
DECIMALS = 9
"""To how many decimals a place on the range of intensities is exact: 0.1 of 900 HU is step 90 and not the next."""


class _Steps(NamedTuple):
    """Say in which step an intensity is: step k begins at start + k width / parts, and stands for base + k rise."""

    start: float
    parts: float
    width: float
    lowest: float
    """Step of the low end of the range, from which parts of the range are counted."""
    highest: float
    last: float
    """Step in which those after it are counted."""
    base: float
    rise: float

    def of(self, value: float) -> float:
        """Return the step of an intensity."""
        return min(floor((value - self.start) * self.parts / self.width), self.last)

    def at(self, share: float) -> float:
        """Return the first step at or above a share of the range."""
        return self.lowest + ceil(round(share * (self.highest - self.lowest), DECIMALS))

    def area(self, mean: float, at_top: float) -> float:
        """Return the area under the part of the region over the part of the range, by trapezia; 0 for one step.

        `mean` is that of the voxels' steps, `at_top` the part of them in the last. All are in the first or above it,
        so that the parts of all steps sum up to the mean step, counted from 1.
        """
        steps = self.highest - self.lowest
        return (mean - self.lowest + 1 - (1 + at_top) / 2) / steps if steps > 0 else 0.0


def volume_histogram(
    kept: KeptVoxels, binning: Binning, lowest: float | None = None, highest: float | None = None
) -> dict[str, float]:
    """Return `ivh_<word>` of the kept voxels.

    The range of intensities runs from `lowest` to `highest`, the bounds of re-segmentation, where there are any,
    and else to the region's own extremes. `as_is` goes from its low end up in whole units; `fixed_size` takes a bin
    for the intensity at its centre, `fixed_number` for its number, over the region's own range.
    """
    steps = _steps(kept, binning, lowest, highest)
    count = kept.values.size
    low, high = (float(min(steps.at(share), steps.last)) for share in SHARES)
    scale = (float(steps.start), steps.parts, float(steps.width))
    above_low, above_high, above_top, total = count_from(kept.values, scale, (low, high, float(steps.highest)))
    v10, v90 = above_low / count, above_high / count
    # one step above the brightest voxel that must stay below
    i90, i10 = (steps.base + steps.rise * (steps.of(value) + 1) for value in kept.of_shares)
    area = steps.area(total / count, above_top / count)
    return dict(zip(COLUMNS, (v10, v90, i10, i90, v10 - v90, i10 - i90, area), strict=True))


def _steps(kept: KeptVoxels, binning: Binning, lowest: float | None, highest: float | None) -> _Steps:
    bottom = kept.lowest if lowest is None else lowest
    top = kept.highest if highest is None else highest
    if isinstance(binning, FixedNumber):
        last, spread = binning.number - 1.0, kept.highest - kept.lowest
        if spread == 0:
            return _Steps(kept.lowest, 1.0, 1.0, 0.0, 0.0, last, 1.0, 1.0)
        return _Steps(kept.lowest, float(binning.number), spread, 0.0, last, last, 1.0, 1.0)
    if isinstance(binning, FixedSize):
        start, size = bottom if binning.start is None else binning.start, binning.size
        first = floor((bottom - start) / size)
        # a bound of the range closes the bin below it; a voxel just there is in the bin above
        end = floor((top - start) / size) if highest is None else ceil((top - start) / size) - 1
        return _Steps(start, 1.0, size, first, max(first, end), inf, start + size / 2, size)
    return _Steps(bottom, 1.0, 1.0, 0.0, top - bottom, inf, bottom, 1.0)
