"""What the header of a DICOM file tells without an identity."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from data_catalog.errors import BadData
from tasks.formats.dicom.drawn import structure_facts
from tasks.formats.dicom.labels import code, machine_name
from tasks.formats.dicom.parse import parse
from tasks.formats.dicom.planes import Plane, frame_count, planes

if TYPE_CHECKING:
    from datetime import date

    from tasks.formats.dicom.elements import DataSet, DicomFile
    from tasks.formats.identities import Identities

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
NOT_IMAGES = (
    "1.2.840.10008.5.1.4.1.1.66.4",  # segmentation
    "1.2.840.10008.5.1.4.1.1.66.7",  # label map segmentation
    "1.2.840.10008.5.1.4.1.1.481.2",  # dose
)
"""SOP classes with pixels that are no scan."""
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
        **structure_facts(header, identities) if _kind(file) == "rtstruct" else {},
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
