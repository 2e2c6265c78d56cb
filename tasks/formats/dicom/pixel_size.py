"""The size of a pixel in mm, and by what it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tasks.formats.dicom.binary import number
from tasks.formats.dicom.elements import bad_element

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet

Pair = tuple[float, float]
"""(y, x): step between rows, and between columns."""
Basis = Literal["patient", "detector", "magnification", "region", "scanner", "given"]
"""Stated for the patient; at the detector; at the detector, divided by the magnification; by the calibrated region of
an ultrasound image; by the scanner of a film; given with the source."""

PROJECTIONS = frozenset({"CR", "DX", "MG", "PX", "IO", "RF", "XA", "RG"})
"""Modalities whose detector lies behind the patient."""
_CENTIMETRES = 3
_MM_PER_CM = 10.0
_IMAGE = 1
_SEEN = frozenset({1, 2})
"""Data types of a region: tissue, and flow in colours over it."""


def pixel_size(dataset: DataSet, measures: DataSet) -> tuple[Pair | None, Basis]:
    """Return the pixel size, None where nothing says it; `measures` is where the frame's stands.

    Raises `BadData` `bad_element` where a step is not above 0.
    """
    stated = _pair(measures, "PixelSpacing")
    at_detector = _pair(dataset, "ImagerPixelSpacing")
    if stated is not None:
        is_raw = at_detector is not None and stated == at_detector and dataset.text("Modality") in PROJECTIONS
        return stated, "detector" if is_raw and not dataset.text("PixelSpacingCalibrationType") else "patient"
    if region := _region(dataset):
        return region, "region"
    if at_detector is not None:
        factor = dataset.number("EstimatedRadiographicMagnificationFactor")
        if factor is not None and factor >= 1:
            return (at_detector[0] / factor, at_detector[1] / factor), "magnification"
        return at_detector, "detector"
    return _pair(dataset, "NominalScannedPixelSpacing"), "scanner"


def _pair(dataset: DataSet, keyword: str) -> Pair | None:
    numbers = dataset.numbers(keyword, count=2)
    if not numbers:
        return None
    if min(numbers) <= 0:
        raise bad_element(keyword, "is positive", "a step of 0 or less")
    return numbers[0], numbers[1]


def _region(dataset: DataSet) -> Pair | None:
    """Return the pixel size that all regions of tissue share, None where there are none or they differ."""
    sizes = set()
    for region in dataset.items("SequenceOfUltrasoundRegions"):
        is_image = number(region, "RegionSpatialFormat") == _IMAGE and number(region, "RegionDataType") in _SEEN
        units = {number(region, f"PhysicalUnits{axis}Direction") for axis in "XY"}
        steps = [number(region, f"PhysicalDelta{axis}") for axis in "YX"]
        if is_image and units == {_CENTIMETRES} and all(steps):
            sizes.add(tuple(abs(step) * _MM_PER_CM for step in steps if step))
    if len(sizes) != 1:
        return None
    rows, columns = sizes.pop()
    return rows, columns
