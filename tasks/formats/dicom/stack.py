"""The grid that parallel slices form, or the named reason why they form none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry, Triple
from data_catalog.verdicts import Correction
from tasks.formats.dicom.planes import TOMOGRAPHIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.formats.dicom.pixel_size import Basis
    from tasks.formats.dicom.planes import Plane

UNEVEN = 0.01
"""Steps between slices may differ from their mean by this share."""
ROUNDING_MM = 0.01
"""Headers round positions; thin slices may be off a straight line by this much."""
_ONE_AND_A_HALF = 1.5
_STEP_DIGITS = 9
"""Decimals of a step that was found behind rounded positions."""
WHOLE_STEPS = 0.1
"""A gap is so many missing slices when it is within this of a whole number of steps."""
TILT_DEGREES = 0.1
"""A smaller angle between the stack and the slices' normal comes from rounding."""
EXTENT_MM = (1.0, 3000.0)
"""A slice of a patient is neither narrower nor wider: beyond, lengths are not in mm."""
MOST_DIGITS = 4
"""Positions may be rounded to so many decimals, at least one; with more, rounding explains no unevenness ..."""
COARSEST = 0.4
"""... nor where the last digit is a larger share of the step: with half of it, a missing slice looks like rounding."""
_EXACT_MM = 1e-6
_HALVINGS = 60
LISTED = 5

SIZES: dict[Basis, Correction] = {
    "detector": Correction(
        name="detector_pixel_size", text="the pixel size is that of the detector, not of the patient"
    ),
    "magnification": Correction(
        name="magnification_divided", text="the pixel size at the detector was divided by the estimated magnification"
    ),
    "scanner": Correction(name="scanner_pixel_size", text="the pixel size is that of the scanner which read the film"),
    "given": Correction(name="pixel_size_given", text="the pixel size was given with the source; the file states none"),
}
"""What is told of a pixel size by what it is known."""


def require_parallel(planes: Sequence[Plane]) -> None:
    """Raise `BadData` `mixed_orientation` unless all planes are turned alike."""
    others = sum(not plane.is_parallel(planes[0]) for plane in planes)
    if others:
        raise BadData(
            "mixed_orientation",
            "The slices of a series are parallel",
            f"{others} of {len(planes)} are turned against the first",
            "Read the orientations as series of their own; a localizer is best left out.",
        )


def require_one_size(planes: Sequence[Plane]) -> None:
    """Raise `BadData` unless all planes state the same pixel size: `unknown_pixel_size`, `mixed_pixel_size`."""
    first = planes[0].spacing_mm
    if first is None:
        raise BadData(
            "unknown_pixel_size",
            "An image states its pixel size in mm",
            "no element tells it: of patient, detector or film, or one that all ultrasound regions share",
            "Give the pixel size with the source, or leave the image out.",
        )
    unlike = {
        other
        for other in {plane.spacing_mm for plane in planes} - {first}
        if other is None or not np.allclose(other, first, rtol=1e-4, atol=0)
    }
    if unlike:
        raise BadData(
            "mixed_pixel_size",
            "The slices of a series share one pixel size",
            f"{sum(plane.spacing_mm in unlike for plane in planes)} of {len(planes)} have another than the first",
            "Export the series again, each reconstruction as a series of its own.",
        )


def grid_of(planes: Sequence[Plane], shape: tuple[int, int], modality: str) -> tuple[Geometry, list[Correction]]:
    """Return the grid that planes of `shape` (y, x) form in their order, and what has to be known of it.

    The step from slice to slice is (last - first) / (n - 1), so a tilted gantry keeps its shear; nothing is
    resampled. Of positions rounded to few decimals it is that of an even line which explains them, within half their
    last digit.

    Raises `BadData`: `unknown_position`, `missing_slice`, `uneven_slices`, `implausible_size`.
    """
    first = planes[0]
    notes = [SIZES[first.basis]] if first.basis in SIZES else []
    if modality in TOMOGRAPHIC:
        _require_placed(planes)
        _require_plausible(first, shape)
    if len(planes) == 1:
        if modality in TOMOGRAPHIC and first.depth_mm is None:
            notes.append(Correction(name="slice_depth_assumed", text="the slice does not state its depth: 1 mm"))
        return _grid(first, (1, *shape), np.array(first.normal) * (first.depth_mm or 1.0)), notes
    _require_placed(planes)
    positions = np.array([plane.position_mm for plane in planes])
    step, is_rounded = _step(positions, np.array(first.normal))
    if is_rounded:
        first = replace(first, position_mm=_middle_of_band(positions, step))
        text = "the slices are as uneven as the rounding of their positions explains, and were taken for even"
        notes.append(Correction(name="slice_positions_rounded", text=text))
    tilt = _tilt_degrees(step, np.array(first.normal))
    if tilt > TILT_DEGREES:
        notes.append(Correction(name="gantry_tilt", text=f"a gantry tilt of {tilt:.1f} degrees is kept as a shear"))
    return _grid(first, (len(planes), *shape), step), notes


def _require_placed(planes: Sequence[Plane]) -> None:
    odd = sum(plane.position_mm is None or plane.across is None for plane in planes)
    if odd:
        raise unknown_position(
            f"none of {len(planes)} does" if odd == len(planes) else f"{odd} of {len(planes)} do not"
        )


def unknown_position(came: str) -> BadData:
    """Return the refusal of slices that cannot be placed."""
    return BadData(
        "unknown_position",
        "Slices state position and orientation in the patient",
        came,
        "Export the series again with its image plane attributes.",
    )


def _require_plausible(plane: Plane, shape: tuple[int, int]) -> None:
    extents = [step * count for step, count in zip(plane.spacing_mm or (), shape, strict=True)]
    low, high = EXTENT_MM
    if min(extents) < low or max(extents) > high:
        raise BadData(
            "implausible_size",
            f"A slice of a patient measures {low:g} to {high:g} mm",
            f"{extents[0]:.3g} x {extents[1]:.3g} mm",
            "Check the unit of the pixel size: it has to be mm.",
        )


def _step(positions: NDArray[np.float64], normal: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Return the vector from slice to slice, (z, y, x) in mm, and whether it was found behind rounded positions."""
    steps = np.diff(positions @ normal)
    mean = float(steps.mean())
    tolerance = max(UNEVEN * mean, min(ROUNDING_MM, mean / 10))
    if np.abs(steps - mean).max() > tolerance:
        hidden = _rounded_step(positions, normal)
        if hidden is None:
            raise _uneven(steps, float(max(_last_digit_mm(along) for along in positions.T)))
        return hidden, True
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    line = positions[0] + np.arange(len(positions))[:, None] * step
    if np.abs(positions - line).max() > max(tolerance, ROUNDING_MM):
        raise crooked("their corners do not lie on a straight line")
    return np.asarray(step, dtype=np.float64), False


def _rounded_step(positions: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the step of an even line from which rounded positions differ by half their last digit at the most."""
    digits = np.array([_last_digit_mm(along) for along in positions.T])
    step = np.array([round(_evenest_step(along), _STEP_DIGITS) for along in positions.T])
    straight = (step @ normal) * normal
    if digits.max() > COARSEST * float(np.linalg.norm(step)):
        return None
    lines = (straight, step)
    return next((line for line in lines if (_widths(positions, line) <= digits + _EXACT_MM).all()), None)


def _last_digit_mm(numbers: NDArray[np.float64]) -> float:
    """Return the unit of the last decimal that numbers are written with; 0 where they have none, or too many."""
    for digits in range(MOST_DIGITS + 1):
        shifted = numbers * 10.0**digits
        if np.abs(shifted - np.rint(shifted)).max() < _EXACT_MM * 10.0**digits:
            return 10.0**-digits if digits else 0.0
    return 0.0


def _evenest_step(numbers: NDArray[np.float64]) -> float:
    """Return the slope of the line from which the farthest number is nearest; how far it is, is convex in the slope."""
    rough = float(numbers[-1] - numbers[0]) / (len(numbers) - 1)
    reach = float(np.abs(np.diff(numbers) - rough).max())
    low, high = rough - reach, rough + reach
    for _ in range(_HALVINGS):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if _width(numbers, left) <= _width(numbers, right):
            high = right
        else:
            low = left
    return (low + high) / 2


def _widths(positions: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([_width(along, slope) for along, slope in zip(positions.T, step.tolist(), strict=True)])


def _width(numbers: NDArray[np.float64], slope: float) -> float:
    """Return the width of the narrowest band of a slope that holds all numbers."""
    return float(np.ptp(numbers - slope * np.arange(len(numbers))))


def _middle_of_band(positions: NDArray[np.float64], step: NDArray[np.float64]) -> Triple:
    """Return where a line of a slope begins that is as near to its farthest position as can be."""
    offsets = positions - np.arange(len(positions))[:, None] * step
    return _triple(np.round((offsets.min(axis=0) + offsets.max(axis=0)) / 2, _STEP_DIGITS) + 0.0)


def _uneven(steps: NDArray[np.float64], rounding_mm: float) -> BadData:
    """Return the refusal of uneven steps: slices are missing where all are whole ones, as far as rounding shows it."""
    shortest = float(steps.min())
    unit = float(steps[steps < _ONE_AND_A_HALF * shortest].mean())
    gaps = steps / unit
    whole = np.rint(gaps)
    if np.abs(gaps - whole).max() > max(WHOLE_STEPS, rounding_mm / unit) or whole.max() == 1:
        return crooked(f"steps from {shortest:.3f} to {steps.max():.3f} mm come")
    missing = int(whole.sum()) - len(steps)
    places = [f"{k + 1} and {k + 2}" for k in np.flatnonzero(whole > 1)]
    more = ", and further on" if len(places) > LISTED else ""
    return BadData(
        "missing_slice",
        f"The slices of a series are {unit:.3f} mm apart, without gaps",
        f"{missing} of {len(steps) + 1 + missing} are missing: between slices {', '.join(places[:LISTED])}{more}",
        "Fetch the missing slices from the archive, or leave the series out.",
    )


def crooked(came: str) -> BadData:
    """Return the refusal of slices that form no grid."""
    return BadData(
        "uneven_slices",
        f"Slices are evenly spaced on a straight line, within {UNEVEN:.0%} of their distance",
        came,
        "Check whether the series mixes several acquisitions; nothing is resampled silently.",
    )


def _tilt_degrees(step: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    cosine = float(step @ normal) / float(np.linalg.norm(step))
    return float(np.degrees(np.arccos(min(1.0, cosine))))


def _grid(plane: Plane, shape: tuple[int, int, int], step: NDArray[np.float64]) -> Geometry:
    length = float(np.linalg.norm(step))
    down, across = plane.down or (0.0, 1.0, 0.0), plane.across or (0.0, 0.0, 1.0)
    columns = np.column_stack([step / length, down, across])
    z, y, x = (_triple(row) for row in columns)
    spacing = plane.spacing_mm or (1.0, 1.0)
    return Geometry(
        shape=shape,
        spacing_mm=(length, spacing[0], spacing[1]),
        origin_mm=plane.position_mm or (0.0, 0.0, 0.0),
        direction=(z, y, x),
    )


def _triple(vector: NDArray[np.float64]) -> Triple:
    z, y, x = vector
    return float(z), float(y), float(x)
