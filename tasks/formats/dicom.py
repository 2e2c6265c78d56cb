"""DICOM: what a header tells without an identity, which files form a series, and the series as a volume."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data_catalog.errors import BadData
from tasks.formats.dicom_labels import code, identity_tokens, machine_name, safe_label
from tasks.formats.dicom_parse import parse
from tasks.formats.dicom_planes import Plane, frame_count, planes
from tasks.formats.dicom_stack import stack_planes, unknown_position
from tasks.formats.dicom_values import physical_values, read_frames
from tasks.formats.rtstruct import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry
    from tasks.formats.dicom_elements import DataSet, DicomFile
    from tasks.formats.dicom_values import Frame
    from tasks.formats.identities import Identities

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
NOT_IMAGES = (
    "1.2.840.10008.5.1.4.1.1.66.4",  # segmentation
    "1.2.840.10008.5.1.4.1.1.66.7",  # label map segmentation
    "1.2.840.10008.5.1.4.1.1.481.2",  # dose
)
"""SOP classes with pixels that are no scan."""
TOMOGRAPHIC = frozenset({"CT", "MR", "PT"})
"""Modalities whose slice must say where it lies, even a single one."""
DAYS_FROM = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")


@dataclass(frozen=True)
class DicomHeader:
    """What a file tells once its identities are replaced; identifiers are keyed names, 16 digits long.

    Parameters
    ----------
    content : str
        SHA-256 of the file's bytes.
    kind : str
        `image`, `rtstruct` or `other`.
    patient : str
        Pseudonym.
    day : int or None
        Day of the study, shifted by the patient's own number of days.
    study, series, instance : str
        Keyed names of the UIDs.
    frame_of_reference : str or None
        Keyed name of the coordinates; series that share it lie in one space.
    sop_class : str
        The public UID of what kind of object it is; `other` for a private one.
    modality : str
        As DICOM spells it.
    manufacturer, model : str
        Letters, digits and blanks only.
    station : str or None
        Keyed name of the machine.
    rows, columns, frames : int
        Size of an image; 0 for other kinds.
    plane : Plane or None
        Where the first frame lies.
    referenced_series : tuple of str
        Keyed names of the series an RTSTRUCT was drawn on.
    regions : tuple of str
        Names of an RTSTRUCT's regions; `ROI n` where a name could hold an identity.
    reader : str or None
        Keyed name of who drew them.
    label : str or None
        The structure set's label, where it is short, plain and holds no identity.
    """

    content: str
    kind: Literal["image", "rtstruct", "other"]
    patient: str
    day: int | None
    study: str
    series: str
    instance: str
    frame_of_reference: str | None
    sop_class: str
    modality: str
    manufacturer: str
    model: str
    station: str | None
    rows: int = 0
    columns: int = 0
    frames: int = 0
    plane: Plane | None = None
    referenced_series: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    reader: str | None = None
    label: str | None = None


def read_header(data: bytes, identities: Identities) -> DicomHeader:
    """Return what a DICOM file tells, with every identity replaced.

    Raises `BadData`: those of `parse`, `no_patient_id`, `missing_element`, `bad_element`, and
    `multiframe_not_supported` for frames that do not say where they lie.
    """
    file = parse(data)
    header = file.dataset
    patient_id = header.text("PatientID")
    if not patient_id:
        raise BadData("no_patient_id", "A file says whose it is", "PatientID is empty", "Fill it in, or leave it out.")
    day = _day(header)
    sop_class = header.text("SOPClassUID")
    return DicomHeader(
        content=hashlib.sha256(data).hexdigest(),
        kind=_kind(file),
        patient=identities.pseudonym(patient_id),
        day=None if day is None else identities.shifted_day(patient_id, day),
        study=identities.opaque(header.require_text("StudyInstanceUID")),
        series=identities.opaque(header.require_text("SeriesInstanceUID")),
        instance=identities.opaque(header.require_text("SOPInstanceUID")),
        frame_of_reference=_keyed(_frame_of_reference(header), identities),
        sop_class=sop_class if re.fullmatch(r"1\.2\.840\.10008\.[0-9.]{1,50}", sop_class) else "other",
        modality=code(header.text("Modality")),
        manufacturer=machine_name(header.text("Manufacturer")),
        model=machine_name(header.text("ManufacturerModelName")),
        station=_keyed(header.text("StationName") or header.text("DeviceSerialNumber"), identities),
        **_image_facts(header) if _kind(file) == "image" else {},
        **_structure_facts(header, identities) if _kind(file) == "rtstruct" else {},
    )


def _kind(file: DicomFile) -> Literal["image", "rtstruct", "other"]:
    sop_class = file.dataset.text("SOPClassUID")
    if sop_class == RTSTRUCT:
        return "rtstruct"
    return "other" if file.pixel_keyword is None or sop_class in NOT_IMAGES else "image"


def _keyed(identifier: str, identities: Identities) -> str | None:
    return identities.opaque(identifier) if identifier else None


def _day(header: DataSet) -> date | None:
    return next((day for day in map(header.day, DAYS_FROM) if day is not None), None)


def _frame_of_reference(header: DataSet) -> str:
    """Return the UID of the coordinates; an RTSTRUCT may name it only beside what it was drawn on."""
    named = [item.text("FrameOfReferenceUID") for item in header.items("ReferencedFrameOfReferenceSequence")]
    return header.text("FrameOfReferenceUID") or next(filter(None, named), "")


def _image_facts(header: DataSet) -> dict[str, Any]:
    return {
        "rows": header.require_integer("Rows"),
        "columns": header.require_integer("Columns"),
        "frames": frame_count(header),
        "plane": planes(header)[0],
    }


def _structure_facts(header: DataSet, identities: Identities) -> dict[str, Any]:
    drawn_on = [
        identities.opaque(series.require_text("SeriesInstanceUID"))
        for frame in header.items("ReferencedFrameOfReferenceSequence")
        for study in frame.items("RTReferencedStudySequence")
        for series in study.items("RTReferencedSeriesSequence")
    ]
    return {
        "referenced_series": tuple(dict.fromkeys(drawn_on)),
        "regions": tuple(names_of(header)),
        "reader": _keyed(header.text("ReviewerName") or header.text("OperatorsName"), identities),
        "label": safe_label(header.text("StructureSetLabel"), identity_tokens(header)),
    }


@dataclass(frozen=True)
class Series:
    """Files that form one volume.

    Parameters
    ----------
    key : str
        Opaque name: equal for the same files in every run.
    members : tuple of int
        Which of the headers given, in the order of their slices.
    copies : tuple of int
        Which were left out because another file has the same bytes.
    first : DicomHeader
        Header of the first member: patient, study, modality and scanner are the same for all.
    """

    key: str
    members: tuple[int, ...]
    copies: tuple[int, ...]
    first: DicomHeader


def group_series(headers: Sequence[DicomHeader]) -> list[Series]:
    """Return the image series among headers: same series, orientation and size; sorted by patient and key.

    A multi-frame file, and an image without a position, is a series of its own.
    """
    copies: dict[int, list[int]] = {}
    groups: dict[tuple[Any, ...], list[list[int]]] = {}
    seen: dict[str, int] = {}
    for index, header in enumerate(headers):
        if header.kind != "image":
            continue
        if header.content in seen:
            copies.setdefault(seen[header.content], []).append(index)
            continue
        seen[header.content] = index
        _join(groups.setdefault(_group_key(header), []), index, headers)
    found = [_series(members, copies, headers) for stacks in groups.values() for members in stacks]
    return sorted(found, key=lambda series: (series.first.patient, series.key))


def _group_key(header: DicomHeader) -> tuple[Any, ...]:
    key = (header.patient, header.study, header.series, header.rows, header.columns)
    is_alone = header.frames > 1 or header.plane is None or header.plane.position_mm is None
    return (*key, header.content) if is_alone else key


def _join(stacks: list[list[int]], index: int, headers: Sequence[DicomHeader]) -> None:
    """Put an image to those that lie parallel to it."""
    plane = headers[index].plane
    for stack in stacks:
        other = headers[stack[0]].plane
        if plane is not None and other is not None and plane.is_parallel(other):
            stack.append(index)
            return
    stacks.append([index])


def _series(members: list[int], copies: dict[int, list[int]], headers: Sequence[DicomHeader]) -> Series:
    ordered = sorted(members, key=lambda index: (_along(headers[index].plane), headers[index].content))
    digest = hashlib.sha256("".join(sorted(headers[index].content for index in members)).encode())
    left_out = tuple(copy for index in members for copy in copies.get(index, ()))
    return Series(digest.hexdigest()[:16], tuple(ordered), left_out, headers[ordered[0]])


def _along(plane: Plane | None) -> float:
    if plane is None or plane.position_mm is None:
        return 0.0
    return float(np.dot(plane.position_mm, plane.normal))


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
