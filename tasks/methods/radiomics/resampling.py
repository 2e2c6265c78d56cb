"""A region's surroundings on a grid of another spacing: axis by axis, and only where it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tasks.methods.radiomics.kernels.interpolation import along_axis

if TYPE_CHECKING:
    from numpy.typing import NDArray

Interpolation = Literal["nearest", "linear", "cubic"]
EXACT_DECIMALS = 6
"""Interpolated values are rounded to this before they are compared with a half: many are exactly a half."""
SPLINE_REACH = 24
"""Voxels beyond which a cubic spline forgets: its weights fall to a quarter with each, below 1e-13 here."""
SAME_GRID = 1e-6
"""A part of a voxel by which a grid may miss a whole number of new voxels."""


@dataclass(frozen=True)
class Axis:
    """Say where the voxels of a new grid lie along one axis of an old one: at `first + step * j`, in old voxels."""

    first: float
    step: float
    count: int

    @property
    def same(self) -> bool:
        """Whether both grids are one."""
        return self.step == 1.0

    def of_old(self, start: int, stop: int) -> tuple[int, int]:
        """Return the range of new voxels that lie in a range of old ones, or beside it."""
        if self.same:
            return start, stop
        low = int(np.floor((start - 1 - self.first) / self.step))
        high = int(np.ceil((stop - self.first) / self.step)) + 1
        return max(low, 0), min(high, self.count)

    def seen_by(self, start: int, stop: int, reach: int, length: int) -> tuple[int, int]:
        """Return the range of old voxels that a range of new ones is read from, `reach` on either side."""
        if self.same:
            return start, stop
        low = int(np.floor(self.first + self.step * start)) - reach
        high = int(np.floor(self.first + self.step * (stop - 1))) + 2 + reach
        # Beyond the old grid its last voxel is repeated, so that this one is always among those read.
        return min(max(low, 0), length - 1), max(min(high, length), 1)


def axis_of(length: int, old_mm: float, new_mm: float | None) -> Axis:
    """Return the axis of a new grid over the same extent, both centred alike (IBSI 3WE3).

    `new_mm` None keeps the axis as it is.
    """
    if new_mm is None or new_mm == old_mm:
        return Axis(0.0, 1.0, length)
    count = int(np.ceil(length * old_mm / new_mm - SAME_GRID))
    step = new_mm / old_mm
    return Axis(0.5 * (length - 1 - step * (count - 1)), step, count)


@dataclass(frozen=True)
class Part:
    """Hold old voxels, where they begin in the whole image, and the whole image's shape."""

    voxels: NDArray[np.float64]
    start: tuple[int, int, int]
    whole: tuple[int, int, int]


def read_off(part: Part, axes: tuple[Axis, ...], wanted: tuple[slice, ...], by: Interpolation) -> NDArray[np.float64]:
    """Return the new voxels in a range, (z, y, x) float64; beyond the image its border is repeated.

    `part` must hold the old voxels that `Axis.seen_by` names, for the reach of the interpolation.
    """
    values = np.ascontiguousarray(part.voxels, dtype=np.float64)
    # Axes do not depend on each other; those that become coarser come first and leave less to do.
    for number in sorted(range(values.ndim), key=lambda number: -axes[number].step):
        values = _along(values, number, part, axes[number], wanted[number], by=by)
    return np.ascontiguousarray(values)


def _along(
    values: NDArray[np.float64], number: int, part: Part, axis: Axis, want: slice, *, by: Interpolation
) -> NDArray[np.float64]:
    offset, shape = part.start[number], values.shape
    if axis.same:
        cut = [slice(None)] * values.ndim
        cut[number] = slice(want.start - offset, want.stop - offset)
        return values[tuple(cut)]
    places, weights = _taps(axis, want, by)
    if by == "cubic" and shape[number] > 1:
        values = _coefficients(values, number)
        places = np.clip(places - offset + _PADDING, 0, values.shape[number] - 1)
    else:
        places = np.clip(np.clip(places, 0, part.whole[number] - 1) - offset, 0, shape[number] - 1)
    before, after = int(np.prod(shape[:number])), int(np.prod(shape[number + 1 :]))
    flat = np.ascontiguousarray(values).reshape(before, values.shape[number], after)
    return along_axis(flat, places, weights).reshape(*shape[:number], len(places), *shape[number + 1 :])


_PADDING = 12
"""Voxels by which the border is repeated before the spline is fitted, as SciPy does."""


def _coefficients(values: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """Return the coefficients of the cubic spline along an axis, its border repeated on both sides."""
    from scipy import ndimage

    width = [(0, 0)] * 3
    width[number] = (_PADDING, _PADDING)
    padded = np.pad(values, width, mode="edge")
    fitted: NDArray[np.float64] = ndimage.spline_filter1d(padded, order=3, axis=number, mode="nearest")
    return fitted


def _taps(axis: Axis, want: slice, by: Interpolation) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each new voxel the old ones that it is read from, and their weights."""
    at = axis.first + axis.step * np.arange(want.start, want.stop)
    if by == "nearest":
        return np.floor(np.round(at, EXACT_DECIMALS) + 0.5).astype(np.int64)[:, None], np.ones((len(at), 1))
    base = np.floor(at)
    t = at - base
    if by == "linear":
        weights = np.stack([1 - t, t], axis=1)
        offsets = np.arange(2)
    else:
        weights = np.stack(
            [(1 - t) ** 3 / 6, (4 - 6 * t**2 + 3 * t**3) / 6, (1 + 3 * t + 3 * t**2 - 3 * t**3) / 6, t**3 / 6], axis=1
        )
        offsets = np.arange(-1, 3)
    return base.astype(np.int64)[:, None] + offsets, weights
