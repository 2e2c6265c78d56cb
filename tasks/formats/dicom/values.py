"""What the stored values of a DICOM image mean: unit, padding and the scale of each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from tasks.formats.dicom.elements import corrupt
from tasks.formats.dicom.parse import parse
from tasks.formats.dicom.pixels import COLOUR_SAMPLES, stored_values
from tasks.formats.dicom.planes import planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.formats.dicom.elements import DataSet
    from tasks.formats.dicom.planes import Plane

ARBITRARY = "1"
"""The unit of values that have none."""
PET_UNITS = {"GML": "SUV", "BQML": "Bq/ml"}
INT16 = np.iinfo(np.int16)


@dataclass(frozen=True)
class Meaning:
    """What all frames of a series share.

    Parameters
    ----------
    modality : str
        Modality as DICOM spells it (CT, MR, PT).
    unit : str
        HU, SUV, Bq/ml, or 1 for arbitrary values.
    is_negative : bool
        Whether high stored values are dark (MONOCHROME1).
    frame_of_reference : str
        UID of the coordinates; compared, never written.
    shape : tuple of int
        (y, x), and 3 for colour.
    """

    modality: str
    unit: str
    is_negative: bool
    frame_of_reference: str
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice: where it lies, what it stores and what that means.

    Parameters
    ----------
    plane : Plane
        Where it lies, and its scale.
    meaning : Meaning
        What it shares with the others.
    stored : ndarray
        Stored values (y, x), or (y, x, 3) for colour.
    padding : tuple of int or None
        Lowest and highest stored value that means outside the image.
    highest : int
        Sum of the lowest and the highest value that can be stored; turns a negative.
    """

    plane: Plane
    meaning: Meaning
    stored: NDArray[Any]
    padding: tuple[int, int] | None
    highest: int

    def is_copy(self, other: Frame) -> bool:
        """Say whether both hold the same physical values."""
        same_scale = (self.plane.slope, self.plane.intercept) == (other.plane.slope, other.plane.intercept)
        return same_scale and np.array_equal(self.stored, other.stored)


def read_frames(data: bytes) -> list[Frame]:
    """Return the frames of one DICOM file."""
    file = parse(data)
    if file.is_cut:
        raise corrupt("it ends before its pixels do")
    header = file.dataset
    where = planes(header)
    stored = stored_values(file)
    meaning = Meaning(
        modality=header.text("Modality"),
        unit=_unit(header),
        is_negative=stored.dtype.kind != "f" and header.text("PhotometricInterpretation") == "MONOCHROME1",
        frame_of_reference=header.text("FrameOfReferenceUID"),
        shape=stored.shape[1:],
    )
    highest = -1 if header.integer("PixelRepresentation") == 1 else (1 << (header.integer("BitsStored") or 0)) - 1
    padding = _padding(header)
    return [Frame(plane, meaning, frame, padding, highest) for plane, frame in zip(where, stored, strict=True)]


def _unit(header: DataSet) -> str:
    modality = header.text("Modality")
    if modality == "CT":
        return "HU" if header.text("RescaleType") in {"", "HU"} else ARBITRARY
    if modality == "PT":
        unit = PET_UNITS.get(header.text("Units"), ARBITRARY)
        return "SUV by lean mass or area" if unit == "SUV" and header.text("SUVType") not in {"", "BW"} else unit
    return ARBITRARY


def _padding(header: DataSet) -> tuple[int, int] | None:
    signed = header.integer("PixelRepresentation") == 1
    value = header.integer("PixelPaddingValue", signed=signed)
    if value is None:
        return None
    limit = header.integer("PixelPaddingRangeLimit", signed=signed)
    other = value if limit is None else limit
    return min(value, other), max(value, other)


def physical_values(frames: Sequence[Frame]) -> tuple[NDArray[Any], list[str]]:
    """Return (z, y, x) values, or (c, z, y, x) for colour, and notes on what was changed.

    Whole numbers that fit stay int16; all else is float32, with NaN outside the image. Raises `BadData`
    `infinite_values`.
    """
    meaning = frames[0].meaning
    notes: list[str] = []
    turned = meaning.is_negative and meaning.unit == ARBITRARY
    if turned:
        notes.append("the image was stored as a negative and was turned")
    stored = [frame.highest - frame.stored.astype(np.int64) if turned else frame.stored for frame in frames]
    outside = [_outside(frame) for frame in frames]
    padded = sum(int(mask.sum()) for mask in outside if mask is not None)
    if padded:
        notes.append(f"{padded} voxels of padding were made missing")
    elif all(_fits_int16(frame, values) for frame, values in zip(frames, stored, strict=True)):
        return _colour_first(_whole(frames, stored)), notes
    return _colour_first(_scaled(frames, stored, outside)), notes


def _outside(frame: Frame) -> NDArray[np.bool_] | None:
    if frame.padding is None or frame.stored.dtype.kind == "f":
        return None
    low, high = frame.padding
    return np.asarray((frame.stored >= low) & (frame.stored <= high))


def _fits_int16(frame: Frame, values: NDArray[Any]) -> bool:
    plane = frame.plane
    if values.dtype.kind == "f" or plane.slope != 1 or plane.intercept != int(plane.intercept):
        return False
    low, high = int(values.min()) + plane.intercept, int(values.max()) + plane.intercept
    return bool(INT16.min <= low and high <= INT16.max)


def _whole(frames: Sequence[Frame], stored: Sequence[NDArray[Any]]) -> NDArray[np.int16]:
    out = np.empty((len(frames), *frames[0].meaning.shape), dtype=np.int16)
    for k, (frame, values) in enumerate(zip(frames, stored, strict=True)):
        out[k] = values.astype(np.int64) + int(frame.plane.intercept)
    return out


def _scaled(
    frames: Sequence[Frame], stored: Sequence[NDArray[Any]], outside: Sequence[NDArray[np.bool_] | None]
) -> NDArray[np.float32]:
    out = np.empty((len(frames), *frames[0].meaning.shape), dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for k, (frame, values) in enumerate(zip(frames, stored, strict=True)):
            out[k] = frame.plane.slope * values.astype(np.float64) + frame.plane.intercept
            mask = outside[k]
            if mask is not None:
                out[k][mask] = np.nan
    if np.isinf(out).any():
        raise BadData(
            "infinite_values",
            "Voxels are finite numbers, or missing",
            f"{int(np.isinf(out).sum())} are infinite",
            "Export the series again.",
        )
    return out


def _colour_first(values: NDArray[Any]) -> NDArray[Any]:
    has_colour = values.ndim > COLOUR_SAMPLES
    return np.ascontiguousarray(np.moveaxis(values, -1, 0)) if has_colour else values
