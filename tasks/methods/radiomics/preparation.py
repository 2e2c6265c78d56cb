"""From an image and a mask to a region ready to be measured: resample, round, leave out (IBSI-1, chapter 2)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from data_catalog.errors import BadData
from tasks.methods.method import Parameters
from tasks.methods.radiomics.crop import box_of, widened
from tasks.methods.radiomics.region import Region
from tasks.methods.radiomics.resampling import (
    EXACT_DECIMALS,
    SPLINE_REACH,
    Axis,
    Interpolation,
    Part,
    axis_of,
    read_off,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.crop import Box, Crop

Millimetres = Annotated[float, Field(gt=0)]
MOST_INTENSITY = 1e30
MOST_VOXELS = 2_000_000_000
"""As many as a whole body at half a millimetre has."""
REACH: dict[str, int] = {"nearest": 1, "linear": 1, "cubic": SPLINE_REACH}
"""Old voxels on either side that a new one is read from."""


class Resampling(Parameters):
    """Read image and mask off on a grid of another spacing, both grids centred alike (IBSI 3WE3)."""

    spacing_mm: Millimetres | tuple[Millimetres | None, Millimetres, Millimetres]
    """Distance between voxel centres in mm: one number for every axis, or one each for (z, y, x); an empty z keeps
    the slices as they are. An image of one plane keeps its z."""
    interpolation: Interpolation = "linear"
    """How intensities are read off between voxels: `nearest`, `linear`, or the `cubic` spline."""
    mask_interpolation: Interpolation = "linear"
    """How the mask is read off."""
    mask_threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    """A new voxel is inside where the mask is read off as at least this."""
    round_to_integers: bool = False
    """Round the intensities read off to whole numbers, as IBSI does for CT in HU."""

    def axes(self, whole: tuple[int, ...], spacing_mm: Triple) -> tuple[Axis, ...]:
        """Return the new grid's axes (z, y, x)."""
        wanted: tuple[float | None, ...] = (
            self.spacing_mm if isinstance(self.spacing_mm, tuple) else (self.spacing_mm,) * 3
        )
        if whole[0] == 1:
            wanted = (None, *wanted[1:])
        return tuple(map(axis_of, whole, spacing_mm, wanted))

    def margin(self, seen: tuple[int, int, int], whole: tuple[int, ...], spacing_mm: Triple) -> tuple[int, int, int]:
        """Return how many old voxels (z, y, x) around a region are needed to see some new ones around it."""
        more = REACH[self.interpolation] + 2
        axes = self.axes(whole, spacing_mm)
        z, y, x = (int(np.ceil(axis.step * (count + 1))) + more for axis, count in zip(axes, seen, strict=True))
        return z, y, x


class Resegmentation(Parameters):
    """Leave out voxels of the region by their intensity, from all but its form (IBSI IFBV)."""

    lowest: float | None = None
    """Voxels of a lower intensity are left out, in the image's unit (USB3); empty leaves none out."""
    highest: float | None = None
    """Voxels of a higher intensity are left out."""
    outlier_sigma: Annotated[float, Field(gt=0)] | None = None
    """Voxels farther from the region's mean than so many standard deviations are left out (7ACA); 3 is usual."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.lowest is not None and self.highest is not None and self.lowest >= self.highest:
            raise ValueError(f"`lowest` lies below `highest`: {self.lowest:g} and {self.highest:g} do not. Swap them.")
        return self

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of the intensities (n,) of a region are kept; mean and deviation are those in the range."""
        kept = np.ones(values.shape, dtype=bool)
        if self.lowest is not None:
            kept &= values >= self.lowest
        if self.highest is not None:
            kept &= values <= self.highest
        if self.outlier_sigma is not None and kept.any():
            inside = values[kept]
            kept &= np.abs(values - inside.mean()) <= self.outlier_sigma * inside.std()
        return kept


@dataclass(frozen=True)
class Grid:
    """Say on which grid a region is measured, and where on it the region lies."""

    axes: tuple[Axis, ...]
    spacing_mm: Triple
    mask: NDArray[np.bool_]
    """The region's box of the mask."""
    box: Box
    """Where the box lies on the whole new grid."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the whole new grid."""
        z, y, x = (axis.count for axis in self.axes)
        return z, y, x


def grid_of(crop: Crop, resampling: Resampling | None) -> Grid:
    """Return the grid on which a region is measured, and its mask there.

    Raises
    ------
    BadData
        `empty_region` when the mask is empty, or when none of it is left on the new grid.
    """
    old = box_of(crop.mask)
    start = tuple(begin + part.start for begin, part in zip(crop.start, old, strict=True))
    if resampling is None:
        axes = tuple(Axis(0.0, 1.0, length) for length in crop.whole)
        mask = np.ascontiguousarray(crop.mask[old])
        z, y, x = (slice(first, first + length) for first, length in zip(start, mask.shape, strict=True))
        return Grid(axes, crop.spacing_mm, mask, (z, y, x))
    axes = resampling.axes(crop.whole, crop.spacing_mm)
    stop = tuple(begin + part.stop for begin, part in zip(crop.start, old, strict=True))
    wanted = tuple(slice(*axis.of_old(low, high)) for axis, low, high in zip(axes, start, stop, strict=True))
    _require_room(wanted, crop)
    around = widened(old, (REACH[resampling.mask_interpolation],) * 3, crop.mask.shape)
    part = _part(crop.mask.astype(np.float64), around, crop)
    share = read_off(part, axes, wanted, resampling.mask_interpolation)
    inside = np.round(share, EXACT_DECIMALS) >= resampling.mask_threshold
    if not inside.any():
        raise BadData(
            "empty_region",
            "A region has voxels on the grid it is measured on",
            f"none of its {int(crop.mask.sum())} voxels is left on it",
            "Resample to a smaller `spacing_mm`, or leave the region out.",
        )
    box = box_of(inside)
    z, y, x = (slice(w.start + b.start, w.start + b.stop) for w, b in zip(wanted, box, strict=True))
    sz, sy, sx = (mm * axis.step for mm, axis in zip(crop.spacing_mm, axes, strict=True))
    return Grid(axes, (sz, sy, sx), np.ascontiguousarray(inside[box]), (z, y, x))


def _require_room(wanted: tuple[slice, ...], crop: Crop) -> None:
    count = prod(one.stop - one.start for one in wanted)
    if count > MOST_VOXELS:
        raise BadData(
            "grid_too_large",
            f"The box of a region has at most {MOST_VOXELS:,} voxels on the grid it is measured on",
            f"it would have {count:,}, made of {crop.mask.size:,} in the image",
            "Resample to a larger `spacing_mm`.",
        )


def read_box(crop: Crop, grid: Grid, box: Box, resampling: Resampling | None) -> NDArray[np.float64]:
    """Return the intensities of a box of the new grid, (z, y, x) float64, NaN where half is missing."""
    if resampling is None:
        cut = tuple(slice(b.start - s, b.stop - s) for b, s in zip(box, crop.start, strict=True))
        return np.ascontiguousarray(crop.image[cut], dtype=np.float64)
    by = resampling.interpolation
    seen = [
        axis.seen_by(part.start, part.stop, 0 if axis.same else REACH[by], length)
        for axis, part, length in zip(grid.axes, box, crop.whole, strict=True)
    ]
    z, y, x = (
        slice(max(low - s, 0), min(high - s, length))
        for (low, high), s, length in zip(seen, crop.start, crop.image.shape, strict=True)
    )
    part = _part(crop.image, (z, y, x), crop)
    missing = np.isnan(part.voxels)
    if not missing.any():
        values = read_off(part, grid.axes, box, by)
    elif missing.all():
        return np.full([one.stop - one.start for one in box], np.nan)
    else:
        filled = Part(_filled(part.voxels, missing, crop.spacing_mm), part.start, part.whole)
        values = read_off(filled, grid.axes, box, by)
        share = read_off(Part(missing.astype(np.float64), part.start, part.whole), grid.axes, box, "linear")
        values[np.round(share, EXACT_DECIMALS) >= 0.5] = np.nan  # noqa: PLR2004 - a half
    return np.rint(np.round(values, EXACT_DECIMALS)) if resampling.round_to_integers else values


def _filled(voxels: NDArray[np.float64], missing: NDArray[np.bool_], spacing_mm: Triple) -> NDArray[np.float64]:
    """Return the voxels with each missing one given the value of the nearest one present, in mm."""
    from scipy import ndimage

    nearest = ndimage.distance_transform_edt(missing, sampling=spacing_mm, return_distances=False, return_indices=True)
    filled: NDArray[np.float64] = voxels[tuple(nearest)]
    return filled


def _part(voxels: NDArray[np.float64], box: Box, crop: Crop) -> Part:
    z, y, x = (begin + part.start for begin, part in zip(crop.start, box, strict=True))
    return Part(np.asarray(voxels[box], dtype=np.float64), (z, y, x), crop.whole)


def region_of(
    crop: Crop,
    grid: Grid,
    margin: tuple[int, int, int],
    resampling: Resampling | None,
    resegmentation: Resegmentation,
) -> Region:
    """Return the region on its grid, with `margin` voxels around it as far as the image goes.

    Raises
    ------
    BadData
        `infinite_voxels`; `empty_region` when every voxel is missing or left out by its intensity.
    """
    outer = widened(grid.box, margin, grid.shape)
    around = read_box(crop, grid, outer, resampling)
    z, y, x = (inner.start - out.start for inner, out in zip(grid.box, outer, strict=True))
    dz, dy, dx = grid.mask.shape
    values = np.ascontiguousarray(around[z : z + dz, y : y + dy, x : x + dx])
    inside = values[grid.mask]
    _require_finite(inside)
    present = ~np.isnan(inside)
    present[present] = resegmentation(inside[present])
    kept = np.zeros(grid.mask.shape, dtype=bool)
    kept[grid.mask] = present
    if not present.any():
        raise BadData(
            "empty_region",
            "A region has voxels that are not missing and whose intensities are in the range to keep",
            f"all {inside.size} are missing or out of it",
            "Check the image's unit and the recipe's `resegmentation`.",
        )
    return Region(values, grid.mask, kept, grid.spacing_mm, crop.planar, around, (z, y, x))


def _require_finite(values: NDArray[np.float64]) -> None:
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise BadData(
            "infinite_voxels",
            "Every voxel of a region is a finite number, or NaN where it is missing",
            f"{infinite} of its voxels are infinite",
            "Correct the rescale slope and intercept, or mark these voxels as missing.",
        )
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    if largest > MOST_INTENSITY:
        raise BadData(
            "too_large_values",
            f"An intensity is at most {MOST_INTENSITY:g} in size: squares of larger ones are no numbers any more",
            f"the largest is {largest:g}",
            "Correct the rescale slope and intercept, or mark these voxels as missing.",
        )
