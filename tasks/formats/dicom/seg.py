"""Regions held as the frames of a DICOM segmentation: binary, fractional, or a map of labels."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from data_catalog.errors import BadData
from data_catalog.verdicts import Correction
from tasks.formats.dicom.binary import number
from tasks.formats.dicom.elements import another_count, bad_element, missing_element
from tasks.formats.dicom.labels import identity_tokens, region_name
from tasks.formats.dicom.parse import parse_header
from tasks.formats.dicom.pixels import pixels_of
from tasks.formats.dicom.planes import frame_count, plane_of
from tasks.methods.regions.frames import DrawnFrame

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.formats.content import Content
    from tasks.formats.dicom.elements import DataSet
    from tasks.formats.dicom.planes import Plane

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
HALF = 0.5
"""The part of the largest fraction from which a voxel is inside: more likely than not, or filled by half."""
_COPY = re.compile(r" \[\d+\]")


def segment_names(header: DataSet) -> list[str]:
    """Return the names of the regions a segmentation holds, in the order of its segments, each of them once.

    `ROI n` stands for a label that could hold an identity, `Lesion [2]` for the second of several called `Lesion`.
    The background of a label map is no region.
    """
    tokens = identity_tokens(header)
    names = [region_name(of, segment.text("SegmentLabel"), tokens) for of, segment in _segments(header)]
    counts = Counter(names)
    seen: Counter[str] = Counter()
    seen_names = []
    for name in names:
        seen[name] += 1
        seen_names.append(f"{name} [{seen[name]}]" if counts[name] > 1 else name)
    return seen_names


def plain_name(name: str) -> str:
    """Return the label of a segment without what tells it from others of that label."""
    return _COPY.sub("", name)


def read_segment(content: Content, region: str) -> tuple[list[DrawnFrame], list[Correction]]:
    """Return the frames of one region of a segmentation, and what a reader should know.

    `region` is a name as `segment_names` gives it. Only the frames of that region are read. Fractions are inside
    from half the largest.

    Raises `BadData`: those of `parse_header`, `pixels_of` and `plane_of`; `unknown_region`, `empty_mask` where no
    frame holds it, `microscopy_not_supported`, `bad_element`, `missing_element`.
    """
    file = parse_header(content)
    header = file.dataset
    _require_patient_space(header)
    wanted, kind = _number_of(header, region), _kind_of(header)
    which = _frames_of(header, wanted, kind)
    if not which:
        raise BadData("empty_mask", "A region has a voxel inside", "it has no frame", "Draw it again, or leave it out.")
    pixels = pixels_of(file, content)
    opened = pixels.opened()
    inside, corrections = _inside((pixels.stored(frame, opened) for frame in which), header, kind, wanted)
    groups = header.items("PerFrameFunctionalGroupsSequence")
    where = [plane_of(header, groups[frame] if groups else header) for frame in which]
    return [_drawn(frame, plane) for frame, plane in zip(inside, where, strict=True)], corrections


def _number_of(header: DataSet, region: str) -> int:
    names = segment_names(header)
    if region not in names:
        raise BadData(
            "unknown_region",
            "The segmentation has the region asked for",
            f"none of its {len(names)} regions has that name",
            "Correct the region in the plan.",
        )
    return _segments(header)[names.index(region)][0]


def _kind_of(header: DataSet) -> str:
    kind = header.require_text("SegmentationType")
    if kind not in {"BINARY", "FRACTIONAL", "LABELMAP"}:
        raise bad_element("SegmentationType", "is BINARY, FRACTIONAL or LABELMAP", "it is none of them")
    return kind


def _segments(header: DataSet) -> list[tuple[int, DataSet]]:
    """Return the segments that are regions, with their numbers."""
    held = [(_whole(number(one, "SegmentNumber"), "SegmentNumber"), one) for one in header.items("SegmentSequence")]
    background = {0, int(number(header, "PixelPaddingValue") or 0)} if _is_label_map(header) else set()
    return [(of, segment) for of, segment in held if of not in background]


def _is_label_map(header: DataSet) -> bool:
    return header.text("SegmentationType") == "LABELMAP"


def _whole(value: float | None, keyword: str) -> int:
    if value is None:
        raise missing_element(keyword)
    return int(value)


def _require_patient_space(header: DataSet) -> None:
    """Refuse a segmentation of a slide: its frames are tiles of one plane, and it has no place in a patient."""
    first = next(iter(header.items("PerFrameFunctionalGroupsSequence")), header)
    is_tiled = header.text("DimensionOrganizationType").startswith("TILED")
    if is_tiled or first.items("PlanePositionSlideSequence"):
        raise BadData(
            "microscopy_not_supported",
            "A segmentation is of an image of the patient",
            "it is of a slide under a microscope, in tiles",
            "Leave it out.",
        )


def _frames_of(header: DataSet, wanted: int, kind: str) -> list[int]:
    """Return which frames may hold a segment: those that say so, of a label map all."""
    frames = frame_count(header)
    groups = header.items("PerFrameFunctionalGroupsSequence")
    if len(groups) != frames and (groups or kind != "LABELMAP"):
        came = another_count(len(groups), frames, "items")
        raise bad_element("PerFrameFunctionalGroupsSequence", "has an item for each frame", came)
    if kind == "LABELMAP":
        return list(range(frames))
    shared = _named_segment(header.items("SharedFunctionalGroupsSequence"))
    named = [_named_segment([frame]) or shared for frame in groups]
    if None in named:
        raise missing_element("ReferencedSegmentNumber of every frame")
    return [frame for frame, of in enumerate(named) if of == wanted]


def _named_segment(groups: Sequence[DataSet]) -> float | None:
    for group in groups:
        for item in group.items("SegmentIdentificationSequence"):
            return number(item, "ReferencedSegmentNumber")
    return None


def _inside(
    values: Iterable[NDArray[Any]], header: DataSet, kind: str, wanted: int
) -> tuple[list[NDArray[np.bool_]], list[Correction]]:
    if kind == "LABELMAP":
        return [frame == wanted for frame in values], []
    if kind == "BINARY":
        return [frame != 0 for frame in values], []
    return _from_half(values, _whole(number(header, "MaximumFractionalValue"), "MaximumFractionalValue"))


def _from_half(values: Iterable[NDArray[Any]], largest: int) -> tuple[list[NDArray[np.bool_]], list[Correction]]:
    if largest < 1:
        raise bad_element("MaximumFractionalValue", "is above 0", "it is 0 or less")
    inside, between, out = [], 0, 0
    for frame in values:
        inside.append(frame >= HALF * largest)
        between += int(((frame > 0) & (frame < largest)).sum())
        out += int(((frame > 0) & ~inside[-1]).sum())
    text = f"{between} voxels with fractions were decided at half the largest: {out} voxels above 0 are outside"
    return inside, [Correction(name="fractions_decided_at_half", text=text)] if between else []


def _drawn(inside: NDArray[np.bool_], plane: Plane) -> DrawnFrame:
    if plane.position_mm is None or plane.spacing_mm is None or plane.down is None or plane.across is None:
        return DrawnFrame(inside, None, None, None)
    rows_mm, columns_mm = plane.spacing_mm
    return DrawnFrame(inside, plane.position_mm, _times(plane.down, rows_mm), _times(plane.across, columns_mm))


def _times(unit: Triple, length: float) -> Triple:
    z, y, x = unit
    return z * length, y * length, x * length
