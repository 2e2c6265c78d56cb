"""Frames of nuclear medicine: which slice or moment each is, by the vectors that count them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.formats.dicom.binary import number, numbers
from tasks.formats.dicom.elements import another_count, bad_element
from tasks.formats.dicom.planes import axes_of, first_plane, reversed_

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet
    from tasks.formats.dicom.planes import Plane

Placed = tuple["Plane", dict[str, float]]
APART = ("EnergyWindowVector", "DetectorVector", "RotationVector")
"""Frames of several of these show different things."""
PHASES = ("TimeSlotVector", "RRIntervalVector")
TIMES = ("TimeSliceVector", "PhaseVector")
_KIND = 2
_MS = 1000.0


def nuclear_frames(dataset: DataSet, frames: int) -> list[Placed]:
    """Return the plane and the moment of each frame: slices of a reconstruction, or steps of a dynamic or gated one.

    Raises `BadData`: `multiframe_not_supported` for projections and for frames of several detectors or energy
    windows, `unknown_position`, `bad_element`.
    """
    for keyword in APART:
        if len(set(_vector(dataset, keyword, frames))) > 1:
            raise _not_supported("frames of several detectors, energy windows or rotations came as one image")
    kind = dataset.texts("ImageType")[_KIND : _KIND + 1]
    steps = _steps(dataset, frames)
    if kind and kind[0].upper() in {"RECON TOMO", "RECON GATED TOMO"}:
        where = _stacked(dataset, frames)
    elif kind and kind[0].upper() in {"DYNAMIC", "GATED"} and len(set(map(str, steps))) == frames:
        where = [first_plane(dataset)] * frames
    else:
        raise _not_supported("frames that are neither slices nor steps in time came as one image")
    return list(zip(where, steps, strict=True))


def _stacked(dataset: DataSet, frames: int) -> list[Plane]:
    """Return the plane of each frame: the first one's, moved along the normal, or against it by a negative step."""
    held = next(iter(dataset.items("DetectorInformationSequence")), dataset)
    position = held.numbers("ImagePositionPatient", count=3)
    cosines = held.numbers("ImageOrientationPatient", count=6)
    step = dataset.number("SpacingBetweenSlices") or dataset.number("SliceThickness")
    if not (position and cosines and step):
        raise BadData(
            "unknown_position",
            "Slices state position and orientation in the patient",
            "the reconstruction does not",
            "Export the series again with its detector information.",
        )
    down, across = axes_of(cosines)
    first = replace(first_plane(dataset), position_mm=reversed_(position), down=down, across=across)
    origin, normal = np.array(first.position_mm), np.array(first.normal)
    counted = [int(one) - 1 for one in _vector(dataset, "SliceVector", frames)] or list(range(frames))
    moved = [(origin + k * step * normal).tolist() for k in counted]
    return [replace(first, position_mm=(z, y, x)) for z, y, x in moved]


def _steps(dataset: DataSet, frames: int) -> list[dict[str, float]]:
    """Return the moment of each frame: `phase` counted over the cycle, `t` in s where the duration is stated."""
    out: list[dict[str, float]] = [{} for _ in range(frames)]
    for name, keywords in (("phase", PHASES), ("t_index", TIMES)):
        vectors = [vector for vector in (_vector(dataset, keyword, frames) for keyword in keywords) if vector]
        if any(len(set(vector)) > 1 for vector in vectors):
            together = list(zip(*vectors, strict=True))
            rank = {step: k for k, step in enumerate(sorted(set(together)))}
            for k, step in enumerate(together):
                out[k][name] = float(rank[step])
    duration = number(dataset, "ActualFrameDuration")
    if duration and len(dataset.items("PhaseInformationSequence")) < 2:  # noqa: PLR2004 - phases may differ in duration
        return [{**one, "t": one["t_index"] * duration / _MS} if "t_index" in one else one for one in out]
    return out


def _vector(dataset: DataSet, keyword: str, frames: int) -> tuple[float, ...]:
    vector = numbers(dataset, keyword)
    if vector and len(vector) != frames:
        raise bad_element(keyword, "has a number for each frame", another_count(len(vector), frames, "numbers"))
    return vector


def _not_supported(came: str) -> BadData:
    return BadData(
        "multiframe_not_supported",
        "The frames of a nuclear image are slices, or steps in time, of one detector and energy window",
        came,
        "Export each detector and energy window, or the reconstruction, alone.",
    )
