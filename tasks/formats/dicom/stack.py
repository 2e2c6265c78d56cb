"""The grid that parallel slices form, or the named reason why they form none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry, Triple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from tasks.formats.dicom.planes import Plane

UNEVEN = 0.01
"""Steps between slices may differ from their mean by this share."""
ROUNDING_MM = 0.01
"""Headers round positions; thin slices may be off a straight line by this much."""
SAME_PLACE_MM = 1e-3
"""Slices closer than this lie at one position."""
WHOLE_STEPS = 0.1
"""A gap is so many missing slices when it is within this of a whole number of steps."""
TILT_DEGREES = 0.1
"""A smaller angle between the stack and the slices' normal comes from rounding."""
LISTED = 5


@dataclass(frozen=True)
class Stack:
    """Say which planes to take in which order, and the grid they form.

    Parameters
    ----------
    order : tuple of int
        Indices of the planes, from the first slice to the last along the normal.
    geometry : Geometry
        The grid of the stacked slices.
    corrections : tuple of str
        What a reader should know: copies left out, a tilt, a pixel size taken at the detector.
    """

    order: tuple[int, ...]
    geometry: Geometry
    corrections: tuple[str, ...]


def stack_planes(planes: Sequence[Plane], shape: tuple[int, int], is_copy: Callable[[int, int], bool]) -> Stack:
    """Return the stack that planes of `shape` (y, x) form.

    `is_copy(i, j)` says whether two planes hold the same values. The step from slice to slice is
    (last - first) / (n - 1), so a tilted gantry keeps its shear; nothing is resampled.

    Raises `BadData`: `mixed_orientation`, `mixed_pixel_size`, `unknown_pixel_size`, `unknown_position`,
    `conflicting_slices`, `missing_slice`, `uneven_slices`.
    """
    _require_parallel(planes)
    spacing = _pixel_size(planes)
    notes = ["the pixel size is that of the detector, not of the patient"] if planes[0].at_detector else []
    if len(planes) == 1:
        return Stack((0,), _single(planes[0], shape, spacing), tuple(notes))
    positions = _positions(planes)
    order, copies = _ordered(positions @ np.array(planes[0].normal), is_copy)
    if copies:
        notes.append(f"{copies} slices stored twice were read once")
    if len(order) == 1:
        return Stack(order, _single(planes[order[0]], shape, spacing), tuple(notes))
    step = _step(positions[list(order)], np.array(planes[0].normal))
    tilt = _tilt_degrees(step, np.array(planes[0].normal))
    if tilt > TILT_DEGREES:
        notes.append(f"a gantry tilt of {tilt:.1f} degrees is kept as a shear")
    return Stack(order, _grid(planes[order[0]], (len(order), *shape), spacing, step), tuple(notes))


def _require_parallel(planes: Sequence[Plane]) -> None:
    others = sum(not plane.is_parallel(planes[0]) for plane in planes)
    if others:
        raise BadData(
            "mixed_orientation",
            "The slices of a series are parallel",
            f"{others} of {len(planes)} are turned against the first",
            "Read the orientations as series of their own; a localizer is best left out.",
        )


def _pixel_size(planes: Sequence[Plane]) -> tuple[float, float]:
    sizes = [plane.spacing_mm for plane in planes]
    if sizes[0] is None:
        raise BadData(
            "unknown_pixel_size",
            "An image states its pixel size in mm",
            "it has neither PixelSpacing nor ImagerPixelSpacing",
            "Give the pixel size with the source, or leave the image out.",
        )
    if any(size is None or not np.allclose(size, sizes[0], rtol=1e-4, atol=0) for size in sizes):
        raise BadData(
            "mixed_pixel_size",
            "The slices of a series share one pixel size",
            "they have several",
            "Export the series again, each reconstruction as a series of its own.",
        )
    return sizes[0]


def _positions(planes: Sequence[Plane]) -> NDArray[np.float64]:
    known = [plane.position_mm for plane in planes if plane.position_mm is not None and plane.across is not None]
    if len(known) < len(planes):
        raise unknown_position(f"{len(planes) - len(known)} of {len(planes)} do not")
    return np.array(known)


def unknown_position(came: str) -> BadData:
    """Return the refusal of slices that cannot be placed."""
    return BadData(
        "unknown_position",
        "Slices state position and orientation in the patient",
        came,
        "Export the series again with its image plane attributes.",
    )


def _ordered(along: NDArray[np.float64], is_copy: Callable[[int, int], bool]) -> tuple[tuple[int, ...], int]:
    """Return the planes by position, one for each, and how many copies were left out."""
    order = [int(index) for index in np.argsort(along, kind="stable")]
    kept = order[:1]
    conflicts = 0
    for index in order[1:]:
        if along[index] - along[kept[-1]] > SAME_PLACE_MM:
            kept.append(index)
        elif not is_copy(kept[-1], index):
            conflicts += 1
    if conflicts:
        raise BadData(
            "conflicting_slices",
            "A series has one slice at each position",
            f"{len(order)} slices lie at {len(kept)} positions, {conflicts} of them with other values",
            "Read each time, echo or b-value as a series of its own.",
        )
    return tuple(kept), len(order) - len(kept)


def _step(positions: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the vector from slice to slice, (z, y, x) in mm."""
    steps = np.diff(positions @ normal)
    mean = float(steps.mean())
    tolerance = max(UNEVEN * mean, ROUNDING_MM)
    if np.abs(steps - mean).max() > tolerance:
        raise _uneven(steps)
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    line = positions[0] + np.arange(len(positions))[:, None] * step
    if np.abs(positions - line).max() > tolerance:
        raise _crooked("their corners do not lie on a straight line")
    return np.asarray(step, dtype=np.float64)


def _uneven(steps: NDArray[np.float64]) -> BadData:
    shortest = float(steps.min())
    gaps = steps / shortest
    whole = np.rint(gaps)
    if np.abs(gaps - whole).max() > WHOLE_STEPS or whole.max() == 1:
        return _crooked(f"steps from {shortest:.3f} to {steps.max():.3f} mm come")
    missing = int(whole.sum()) - len(steps)
    places = [f"{k + 1} and {k + 2}" for k in np.flatnonzero(whole > 1)]
    more = ", and further on" if len(places) > LISTED else ""
    return BadData(
        "missing_slice",
        f"The slices of a series are {shortest:.3f} mm apart, without gaps",
        f"{missing} of {len(steps) + 1 + missing} are missing: between slices {', '.join(places[:LISTED])}{more}",
        "Fetch the missing slices from the archive, or leave the series out.",
    )


def _crooked(came: str) -> BadData:
    return BadData(
        "uneven_slices",
        f"Slices are evenly spaced on a straight line, within {UNEVEN:.0%} of their distance",
        came,
        "Check whether the series mixes several acquisitions; nothing is resampled silently.",
    )


def _tilt_degrees(step: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    cosine = float(step @ normal) / float(np.linalg.norm(step))
    return float(np.degrees(np.arccos(min(1.0, cosine))))


def _single(plane: Plane, shape: tuple[int, int], spacing: tuple[float, float]) -> Geometry:
    return _grid(plane, (1, *shape), spacing, np.array(plane.normal) * (plane.depth_mm or 1.0))


def _grid(
    plane: Plane, shape: tuple[int, int, int], spacing: tuple[float, float], step: NDArray[np.float64]
) -> Geometry:
    length = float(np.linalg.norm(step))
    down, across = plane.down or (0.0, 1.0, 0.0), plane.across or (0.0, 0.0, 1.0)
    columns = np.column_stack([step / length, down, across])
    z, y, x = (_triple(row) for row in columns)
    return Geometry(
        shape=shape,
        spacing_mm=(length, spacing[0], spacing[1]),
        origin_mm=plane.position_mm or (0.0, 0.0, 0.0),
        direction=(z, y, x),
    )


def _triple(vector: NDArray[np.float64]) -> Triple:
    z, y, x = vector
    return float(z), float(y), float(x)
