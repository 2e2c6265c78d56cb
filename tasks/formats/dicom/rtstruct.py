"""Regions drawn as contours in a DICOM RTSTRUCT, as polygons in the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from data_catalog.verdicts import Correction
from tasks.formats.dicom.elements import bad_element
from tasks.formats.dicom.labels import identity_tokens, region_name
from tasks.formats.dicom.parse import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.formats.dicom.elements import DataSet

CLOSED = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
"""Kinds of contour that enclose voxels."""
POINTS = 3
"""A polygon has so many corners at least."""


def region_names(data: bytes) -> list[str]:
    """Return the names of the regions an RTSTRUCT defines, `ROI n` where one could hold an identity."""
    return names_of(parse(data).dataset)


def names_of(header: DataSet) -> list[str]:
    """Return the names of the regions that an RTSTRUCT's elements define."""
    tokens = identity_tokens(header)
    return [region_name(_number(roi), roi.text("ROIName"), tokens) for roi in header.items("StructureSetROISequence")]


def read_contours(data: bytes, region: str) -> tuple[list[NDArray[np.float64]], list[Correction]]:
    """Return the closed contours of a region, each (n, 3): patient positions (z, y, x) in mm, and what was left out.

    `region` is a name as `region_names` gives it. Points and open lines beside closed contours enclose nothing and
    are left out. Raises `BadData`: those of `parse`, `unknown_region`, `ambiguous_region`, `empty_region`,
    `not_a_closed_contour` where none is closed, `bad_element`.
    """
    header = parse(data).dataset
    names = names_of(header)
    found = [roi for roi, name in zip(header.items("StructureSetROISequence"), names, strict=True) if name == region]
    if len(found) != 1:
        raise BadData(
            "ambiguous_region" if found else "unknown_region",
            "The structure set has the region asked for, once",
            f"{len(found)} of its {len(names)} regions have that name",
            "Correct the region in the plan.",
        )
    number = _number(found[0])
    held = [
        contour
        for roi in header.items("ROIContourSequence")
        if roi.number("ReferencedROINumber") == number
        for contour in roi.items("ContourSequence")
    ]
    if not held:
        raise BadData("empty_region", "A region has contours", "it has none", "Draw it again, or leave it out.")
    return _closed(held)


def _closed(held: Sequence[DataSet]) -> tuple[list[NDArray[np.float64]], list[Correction]]:
    polygons = [_points(contour) for contour in held if contour.text("ContourGeometricType") in CLOSED]
    closed = [polygon for polygon in polygons if len(polygon) >= POINTS]
    if not closed:
        raise BadData(
            "not_a_closed_contour",
            "A region is drawn as closed planar contours",
            f"{len(held)} points and open lines came",
            "Choose a region that encloses voxels.",
        )
    left_out = len(held) - len(closed)
    text = f"{left_out} of {len(held)} contours are points or open lines: they enclose nothing and were left out"
    return closed, [Correction(name="open_contours_left_out", text=text)] if left_out else []


def _number(roi: DataSet) -> int:
    number = roi.number("ROINumber")
    if number is None or number != int(number):
        raise bad_element("ROINumber", "is a whole number", "it has a fraction, or is missing")
    return int(number)


def _points(contour: DataSet) -> NDArray[np.float64]:
    numbers = np.array(contour.numbers("ContourData"))
    stated = contour.number("NumberOfContourPoints")
    if numbers.size == 0 or numbers.size % 3 or (stated is not None and numbers.size != 3 * stated):
        came = f"{numbers.size} numbers, for another number of points"
        raise bad_element("ContourData", "holds three numbers for each point stated", came)
    return np.ascontiguousarray(numbers.reshape(-1, 3)[:, ::-1])
