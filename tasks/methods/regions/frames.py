"""Drawn frames onto the voxels of their image: by place, exactly, and never by resampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.regions.lattice import lattice_of, rounding, steps_in_voxels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry, Triple
    from data_catalog.verdicts import Correction
    from tasks.methods.regions.lattice import Lattice


@dataclass(frozen=True, eq=False)
class DrawnFrame:
    """One frame of what was drawn.

    Parameters
    ----------
    inside : ndarray
        Which pixels (y, x) are inside.
    corner_mm : Triple or None
        Patient position (z, y, x) of the centre of the first pixel; None where the frame does not say it.
    down_mm, across_mm : Triple or None
        The steps (z, y, x) from row to row and from column to column.
    """

    inside: NDArray[np.bool_]
    corner_mm: Triple | None
    down_mm: Triple | None
    across_mm: Triple | None


def place_frames(frames: Sequence[DrawnFrame], geometry: Geometry) -> tuple[NDArray[np.bool_], list[Correction]]:
    """Return the (z, y, x) voxels of a grid that are inside in some frame, and what a reader should know.

    Frames may hold a part of the grid only, in any order, flipped or along another of its planes, as long as their
    pixels are its voxels. Voxels that no frame covers are outside. A frame without a pixel inside says nothing.

    Raises `BadData`: `other_grid` where pixels are no voxels of the grid, `frame_off_grid` where a frame lies between
    slices or reaches beyond the grid, `unknown_position`, `empty_mask`.
    """
    mask = np.zeros(geometry.shape, dtype=np.bool_)
    drawn = [frame for frame in frames if frame.inside.any()]
    if not drawn:
        raise BadData("empty_mask", "A region has a voxel inside", "it has none", "Draw it again, or leave it out.")
    off_mm = 0.0
    for frame in drawn:
        if frame.corner_mm is None and geometry.is_planar and frame.inside.shape == geometry.shape[1:]:
            mask[0] |= frame.inside
            continue
        lattice = _lattice(frame, geometry)
        _place(mask, frame.inside, lattice)
        off_mm = max(off_mm, lattice.off_mm)
    return mask, rounding(off_mm)


def _lattice(frame: DrawnFrame, geometry: Geometry) -> Lattice:
    if frame.corner_mm is None or frame.down_mm is None or frame.across_mm is None:
        raise BadData(
            "unknown_position",
            "The frames of a segmentation say where they lie",
            "one does not",
            "Export the segmentation again with its plane positions.",
        )
    steps_mm = (frame.down_mm, frame.across_mm)
    lattice = lattice_of(frame.corner_mm, steps_mm, frame.inside.shape, geometry)
    if lattice is None:
        raise _other_grid(steps_in_voxels(steps_mm, geometry), geometry)
    if lattice.is_shifted:
        raise _between(lattice)
    return lattice


def _other_grid(steps: NDArray[np.float64], geometry: Geometry) -> BadData:
    down, across = (", ".join(f"{part:.3f}" for part in step) for step in np.round(steps, 3) + 0.0)
    spacing = " x ".join(f"{step:.3f}" for step in geometry.spacing_mm)
    return BadData(
        "other_grid",
        f"Rows and columns of a segmentation step from voxel to voxel of its image ({spacing} mm)",
        f"a row steps ({down}) voxels and a column ({across})",
        "Export it on the grid of its image, or resample it on purpose.",
    )


def _between(lattice: Lattice) -> BadData:
    """Return the refusal of a frame that lies between slices, or else between rows or columns."""
    normal = int(np.argmin(np.abs(lattice.steps).sum(axis=0)))
    off_mm, allowed_mm = abs(lattice.shift_mm[normal]), lattice.limit_mm[normal]
    if off_mm > allowed_mm:
        return BadData(
            "frame_off_grid",
            f"The frames of a segmentation lie in slices of its image, within {allowed_mm:.3f} mm",
            f"one lies {off_mm:.3f} mm off the nearest",
            "Read the segmentation on the series it was drawn on.",
        )
    shift = ", ".join(f"{part:.3f}" for part in np.round(lattice.shift_mm, 3) + 0.0)
    return BadData(
        "other_grid",
        "The pixels of a segmentation are voxels of its image",
        f"they are shifted by ({shift}) mm",
        "Export it on the grid of its image, or resample it on purpose.",
    )


def _place(mask: NDArray[np.bool_], inside: NDArray[np.bool_], lattice: Lattice) -> None:
    """Set the voxels of a mask that the pixels inside are, all of one box of it."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    ends = np.array([(rows[0], columns[0]), (rows[-1], columns[-1])]) @ lattice.steps + lattice.first
    low, high = ends.min(axis=0), ends.max(axis=0) + 1
    if (low < 0).any() or (high > mask.shape).any():
        raise _beyond(lattice.first + np.argwhere(inside) @ lattice.steps, mask.shape)
    forth = [slice(None, None, int(step.sum())) for step in lattice.steps]
    box = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][tuple(forth)]
    down, across = np.abs(lattice.steps).argmax(axis=1)
    place = mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    place |= (box if down < across else box.T).reshape(place.shape)


def _beyond(voxels: NDArray[np.int64], shape: tuple[int, ...]) -> BadData:
    beyond = int(((voxels < 0) | (voxels >= np.array(shape))).any(axis=1).sum())
    return BadData(
        "frame_off_grid",
        "The pixels inside a segmentation lie within its image",
        f"{beyond} of {len(voxels)} in one frame lie beyond its edges or slices",
        "Read the segmentation on the series it was drawn on.",
    )
