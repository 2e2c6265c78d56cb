"""Where a frame of a DICOM image lies in the patient, and how its stored values become physical ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from data_catalog.errors import BadData
from data_catalog.geometry import Triple
from tasks.formats.dicom.elements import DataSet, Without, bad_element, changed
from tasks.formats.dicom.pixel_size import Basis, pixel_size

UNIT_TOLERANCE = 1e-3
"""Direction cosines are written with few digits: their length and product may be off by this."""
SAME_DIRECTION = 1e-3
"""Two planes are parallel and turned alike when no cosine differs by more than this."""
MAX_FRAMES = 100_000
_POSITION = "ImagePositionPatient"
TOMOGRAPHIC = frozenset({"CT", "MR", "PT"})
"""Modalities whose slice must say where it lies, even a single one."""


@dataclass(frozen=True)
class Plane:
    """Place one frame; triples are (z, y, x) in the patient frame (LPS), in mm.

    Parameters
    ----------
    position_mm : Triple or None
        Centre of the first pixel.
    down, across : Triple or None
        Unit vectors along which the row index and the column index grow.
    spacing_mm : tuple of float or None
        Step between rows and between columns, (y, x).
    depth_mm : float or None
        Distance to the next slice as the header states it; used for a single slice only.
    slope, intercept : float
        Physical value = slope * stored value + intercept.
    basis : str
        By what the pixel size is known.
    """

    position_mm: Triple | None
    down: Triple | None
    across: Triple | None
    spacing_mm: tuple[float, float] | None
    depth_mm: float | None
    slope: float
    intercept: float
    basis: Basis = "patient"

    @property
    def normal(self) -> Triple:
        """Unit vector in which slices are stacked, so that (normal, down, across) follows LPS's (z, y, x)."""
        if self.down is None or self.across is None:
            return (1.0, 0.0, 0.0)
        return _across(self.down, self.across)

    @property
    def height_mm(self) -> float:
        """How far up the stack the slice lies: its position along the normal; 0 where it has none."""
        if self.position_mm is None:
            return 0.0
        (z, y, x), (along_z, along_y, along_x) = self.position_mm, self.normal
        return z * along_z + y * along_y + x * along_x

    def is_parallel(self, other: Plane) -> bool:
        """Say whether both planes have the same orientation, or both have none."""
        mine, theirs = (self.down, self.across), (other.down, other.across)
        if mine == theirs or None in mine or None in theirs:
            return mine == theirs
        return bool(np.allclose(np.array(mine), np.array(theirs), rtol=0, atol=SAME_DIRECTION))


@lru_cache(256)
def _across(down: Triple, across: Triple) -> Triple:
    """Return the vector product of two vectors (z, y, x) of a plane, which many slices share.

    In (x, y, z) it is across x down: the product of reversed vectors is the reversed, negated one.
    """
    z, y, x = np.cross(down, across)
    return float(z), float(y), float(x)


def frame_count(dataset: DataSet) -> int:
    """Return how many frames the file holds."""
    frames = dataset.number("NumberOfFrames")
    if frames is None:
        return 1
    if not 1 <= frames <= MAX_FRAMES or frames != int(frames):
        came = "less" if frames < 1 else "more" if frames > MAX_FRAMES else "a fraction"
        raise bad_element("NumberOfFrames", f"is a whole number from 1 to {MAX_FRAMES}", came)
    return int(frames)


def not_supported(came: str) -> BadData:
    """Return the refusal of frames that cannot be placed."""
    return BadData(
        "multiframe_not_supported",
        "Each frame of a multi-frame image says where or when it lies",
        came,
        "Convert it to single-frame DICOM or NIfTI.",
    )


def first_plane(dataset: DataSet) -> Plane:
    """Return the plane of the first frame, without reading those of the others.

    All but the position is the same for many slices, and made once for them.
    """
    plane = dataset.remembered(plane_elsewhere)
    if plane.position_mm is not None:
        return plane
    position = dataset.numbers(_POSITION, count=3)
    return changed(plane, position_mm=reversed_(position)) if position else plane


def plane_elsewhere(dataset: DataSet) -> Plane:
    """Return the plane of the first frame but for the position that the top level states."""
    top = Without(dataset, _POSITION)
    return plane_of(top, next(iter(top.items("PerFrameFunctionalGroupsSequence")), top))


def plane_of(dataset: DataSet, frame: DataSet) -> Plane:
    """Return the plane of a frame: its functional groups, or the top level itself where there are none.

    Raises `BadData` `bad_element`.
    """
    measures = group_of(dataset, frame, "PixelMeasuresSequence")
    scale = group_of(dataset, frame, "PixelValueTransformationSequence")
    position = group_of(dataset, frame, "PlanePositionSequence").numbers(_POSITION, count=3)
    cosines = group_of(dataset, frame, "PlaneOrientationSequence").numbers("ImageOrientationPatient", count=6)
    spacing, basis = pixel_size(dataset, measures)
    depth = measures.number("SpacingBetweenSlices") or measures.number("SliceThickness")
    down, across = axes_of(cosines) if cosines else (None, None)
    return Plane(
        position_mm=reversed_(position) if position else None,
        down=down,
        across=across,
        spacing_mm=spacing,
        depth_mm=abs(depth) if depth else None,
        slope=_slope(scale),
        intercept=scale.number("RescaleIntercept") or 0.0,
        basis=basis,
    )


def group_of(dataset: DataSet, frame: DataSet, sequence: str) -> DataSet:
    """Return the macro of the frame, else the one all frames share, else the top level itself."""
    shared = dataset.items("SharedFunctionalGroupsSequence")
    for level in (frame, *shared):
        items = level.items(sequence)
        if items:
            return items[0]
    return dataset


def axes_of(cosines: tuple[float, ...]) -> tuple[Triple, Triple]:
    """Return the unit vectors (down, across) in (z, y, x) of an Image Orientation Patient."""
    across, down = np.array(cosines[2::-1]), np.array(cosines[:2:-1])
    lengths = np.array([np.linalg.norm(across), np.linalg.norm(down)])
    if np.abs(lengths - 1).max() > UNIT_TOLERANCE or abs(float(across @ down)) > UNIT_TOLERANCE:
        came = f"lengths of {lengths[1]:.4g} and {lengths[0]:.4g}, and a product of {float(across @ down):.4g}"
        raise bad_element("ImageOrientationPatient", "holds two unit vectors at a right angle", came)
    return _triple(down / lengths[1]), _triple(across / lengths[0])


def _slope(scale: DataSet) -> float:
    slope = scale.number("RescaleSlope")
    if slope == 0:
        raise bad_element("RescaleSlope", "is not 0", "it is 0")
    return 1.0 if slope is None else slope


def reversed_(numbers: tuple[float, ...]) -> Triple:
    """Return (x, y, z) as (z, y, x)."""
    x, y, z = numbers
    return z, y, x


def _triple(vector: np.ndarray) -> Triple:
    z, y, x = vector
    return float(z), float(y), float(x)
