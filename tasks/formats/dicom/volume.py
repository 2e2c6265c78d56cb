"""A DICOM series as a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data_catalog.errors import BadData
from tasks.formats.dicom.labels import code
from tasks.formats.dicom.stack import stack_planes, unknown_position
from tasks.formats.dicom.values import physical_values, read_frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry
    from tasks.formats.dicom.values import Frame

TOMOGRAPHIC = frozenset({"CT", "MR", "PT"})
"""Modalities whose slice must say where it lies, even a single one."""


def read_series(files: Sequence[bytes]) -> tuple[NDArray[Any], Geometry, dict[str, Any]]:
    """Return a series as voxels, the grid they lie on, and attributes.

    Voxels are (z, y, x), or (c, z, y, x) for colour: int16 where they are whole numbers that fit, else
    float32 with NaN for padding. Attributes: `modality`, `unit` (HU, SUV, Bq/ml or 1), `dims`, and
    `corrections`, sentences on what was changed. The files may come in any order.

    Raises `BadData`: those of `parse`, of `stored_values` and of `stack_planes`; `mixed_series`.
    """
    frames = [frame for data in files for frame in read_frames(data)]
    _require_alike(frames)
    meaning = frames[0].meaning
    if meaning.modality in TOMOGRAPHIC and frames[0].plane.position_mm is None:
        raise unknown_position("they do not")
    stack = stack_planes(
        [frame.plane for frame in frames],
        (meaning.shape[0], meaning.shape[1]),
        lambda first, second: frames[first].is_copy(frames[second]),
    )
    values, notes = physical_values([frames[index] for index in stack.order])
    attributes = {
        "modality": code(meaning.modality),
        "unit": meaning.unit,
        "dims": ["c", "z", "y", "x"][4 - values.ndim :],
        "corrections": [*stack.corrections, *notes],
    }
    return values, stack.geometry, attributes


def _require_alike(frames: Sequence[Frame]) -> None:
    if not frames:
        raise BadData("empty_series", "A series has at least one file", "it has none", "Check the source.")
    odd = sum(frame.meaning != frames[0].meaning for frame in frames)
    if odd:
        raise BadData(
            "mixed_series",
            "The slices of a series share modality, unit, size and frame of reference",
            f"{odd} of {len(frames)} differ from the first",
            "Export the series again, without the files of others.",
        )
