"""How large a voxel of a TIFF file is, where ImageJ or OME says so in a unit of length."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping

MM_PER_UNIT = {
    "mm": 1.0,
    "millimeter": 1.0,
    "millimeters": 1.0,
    "cm": 10.0,
    "m": 1000.0,
    "meter": 1000.0,
    "um": 1e-3,
    "\u00b5m": 1e-3,
    "\u03bcm": 1e-3,
    "\\u00b5m": 1e-3,
    "micron": 1e-3,
    "microns": 1e-3,
    "micrometer": 1e-3,
    "nm": 1e-6,
    "in": 25.4,
    "inch": 25.4,
    "inches": 25.4,
}
SECONDS_PER_UNIT = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0}
LARGEST_MM = 1e6
"""No voxel is larger; a number beyond it is none."""


@dataclass(frozen=True)
class Scale:
    """Hold the size of a voxel in mm, and the time between volumes in s; None where it is not known.

    Parameters
    ----------
    row_mm, column_mm, slice_mm : float or None
        Step between rows, between columns and between slices.
    step_s : float or None
        Step between volumes.
    """

    row_mm: float | None = None
    column_mm: float | None = None
    slice_mm: float | None = None
    step_s: float | None = None


def stated_scale(file: Any) -> Scale:  # noqa: ANN401 - an open `tifffile.TiffFile`
    """Return what a file states; resolutions beside neither ImageJ nor OME are those of a printer, and do not count."""
    if file.is_ome:
        return ome_scale(file.ome_metadata)
    if file.is_imagej:
        return _imagej_scale(file.imagej_metadata, file.pages.first.tags)
    return Scale()


def ome_scale(text: str) -> Scale:
    """Return the size of a voxel that OME-XML states; um and s where it names no unit, as its schema says."""
    pixels = next((part for part in ET.fromstring(text).iter() if part.tag.rpartition("}")[2] == "Pixels"), None)
    if pixels is None:
        return Scale()

    def length(axis: str) -> float | None:
        unit = pixels.get(f"PhysicalSize{axis}Unit", "um")
        return _measured(pixels.get(f"PhysicalSize{axis}"), MM_PER_UNIT.get(unit.lower()))

    unit = pixels.get("TimeIncrementUnit", "s")
    return Scale(
        length("Y"), length("X"), length("Z"), _measured(pixels.get("TimeIncrement"), SECONDS_PER_UNIT.get(unit))
    )


def _imagej_scale(told: Mapping[str, Any], tags: Any) -> Scale:  # noqa: ANN401
    units = [told.get("unit", ""), told.get("yunit"), told.get("zunit")]
    x, y, z = (MM_PER_UNIT.get(str(units[0] if one is None else one).strip().lower()) for one in units)
    return Scale(
        row_mm=_measured(_per_pixel(tags, "YResolution"), y),
        column_mm=_measured(_per_pixel(tags, "XResolution"), x),
        slice_mm=_measured(told.get("spacing"), z),
        step_s=_measured(told.get("finterval"), SECONDS_PER_UNIT.get(str(told.get("tunit", "s")))),
    )


def _per_pixel(tags: Any, name: str) -> float | None:  # noqa: ANN401
    """Return the length of a pixel from the number of pixels in a unit of length."""
    count, lengths = tags[name].value if name in tags else (0, 0)
    return lengths / count if count else None


def _measured(number: object, factor: float | None) -> float | None:
    """Return a number in our unit, None where it is none, not above 0, or its unit is unknown."""
    if number is None or factor is None:
        return None
    value = abs(float(str(number))) * factor
    return value if isfinite(value) and 0 < value < LARGEST_MM else None
