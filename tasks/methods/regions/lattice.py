"""Whether the pixels of something drawn are voxels of its image, and which: by place, without any resampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.geometry import SAME_GRID_TOLERANCE_MM
from data_catalog.verdicts import Correction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry, Triple

OFF_SHARE = 0.02
"""A pixel's centre is a voxel's when it is off by at most this share of the voxel: 1 % that the slices of an image
may be off their mean distance, and as much again for what was drawn, ..."""
OFF_MM = 0.02
"""... or by this: headers round positions to 0.01 mm, those of the image and those of what was drawn on it."""
FAR = 2**31
"""No grid has so many voxels along an axis."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Say which voxels of a grid some pixels are.

    Parameters
    ----------
    first : ndarray
        Index (z, y, x) of the voxel nearest to the first pixel.
    steps : ndarray
        (n, 3): how many voxels (z, y, x) a step along each axis of the pixels goes; a row is one voxel forth or back.
    shift_mm : ndarray
        How far (z, y, x) the first pixel is off that voxel.
    off_mm : float
        How far a pixel is off its voxel at the most, along an axis.
    limit_mm : ndarray
        How far it may be off, (z, y, x), to be taken for rounding.
    """

    first: NDArray[np.int64]
    steps: NDArray[np.int64]
    shift_mm: NDArray[np.float64]
    off_mm: float
    limit_mm: NDArray[np.float64]

    @property
    def is_shifted(self) -> bool:
        """Whether the pixels lie between voxels."""
        return bool((np.abs(self.shift_mm) > self.limit_mm).any())


def limit_mm(geometry: Geometry) -> NDArray[np.float64]:
    """Return how far (z, y, x) a pixel's centre may be off a voxel's to be taken for it, in mm."""
    return np.maximum(OFF_SHARE * np.array(geometry.spacing_mm), OFF_MM)


def steps_in_voxels(steps_mm: Sequence[Triple], geometry: Geometry) -> NDArray[np.float64]:
    """Return steps (n, 3) in the patient (z, y, x) as steps in voxels of a grid."""
    return geometry.to_index(np.array(steps_mm) + np.array(geometry.origin_mm))


def lattice_of(
    first_mm: Triple, steps_mm: Sequence[Triple], counts: Sequence[int], geometry: Geometry
) -> Lattice | None:
    """Return which voxels of a grid the pixels are that start at a place and go on by steps, so many along each axis.

    None where a step does not go from voxel to voxel, each along an axis of its own.
    """
    steps = steps_in_voxels(steps_mm, geometry)
    whole = np.where(np.array(counts)[:, None] > 1, np.rint(steps), _along(steps))
    spacing, limit = np.array(geometry.spacing_mm), limit_mm(geometry)
    drift_mm = (np.abs(steps - whole) * (np.array(counts) - 1)[:, None]).sum(axis=0) * spacing
    if not _are_axes(whole) or (drift_mm > limit).any():
        return None
    index = geometry.to_index(np.array(first_mm))
    first = np.clip(np.rint(index), -FAR, FAR)
    shift_mm = (index - first) * spacing
    off_mm = float((np.abs(shift_mm) + drift_mm).max())
    return Lattice(first.astype(np.int64), whole.astype(np.int64), shift_mm, off_mm, limit)


def _along(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one voxel along the axis each step goes most along: where there is one pixel, its size means nothing."""
    most = np.abs(steps) == np.abs(steps).max(axis=1, keepdims=True)
    return np.asarray(np.sign(steps) * most, dtype=np.float64)


def _are_axes(steps: NDArray[np.float64]) -> bool:
    """Say whether each step goes one voxel forth or back, along an axis of its own."""
    lengths = np.abs(steps)
    return bool((lengths.sum(axis=1) == 1).all() and lengths.sum(axis=0).max() == 1)


def rounding(off_mm: float) -> list[Correction]:
    """Return what a reader should know of pixels that lie so far off their voxels."""
    if off_mm <= SAME_GRID_TOLERANCE_MM:
        return []
    text = f"it lies up to {off_mm:.3f} mm off the voxels of its image, which was taken for rounding"
    return [Correction(name="positions_rounded", text=text)]
