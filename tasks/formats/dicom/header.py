"""What the header of a DICOM file tells without an identity."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from data_catalog.errors import BadData
from tasks.formats.content import Fingerprint, fingerprint
from tasks.formats.dicom.drawn import structure_facts
from tasks.formats.dicom.elements import changed, corrupt, tag_of
from tasks.formats.dicom.labels import code, machine_name
from tasks.formats.dicom.moments import Moment, first_moment
from tasks.formats.dicom.parse import parse_header
from tasks.formats.dicom.planes import Plane, first_plane, frame_count
from tasks.formats.dicom.reconstruction import NOT_STATED, Reconstruction, first_reconstruction
from tasks.formats.dicom.waveform import group_count

if TYPE_CHECKING:
    from datetime import date

    from tasks.formats.content import Content
    from tasks.formats.dicom.elements import DataSet
    from tasks.formats.identities import Identities

KindOfFile = Literal["image", "rtstruct", "seg", "report", "waveform", "other"]
STORAGE = "1.2.840.10008.5.1.4.1.1."
KINDS: dict[str, KindOfFile] = {
    STORAGE + "481.3": "rtstruct",
    STORAGE + "66.4": "seg",
    STORAGE + "66.7": "seg",  # as a label map
    STORAGE + "481.2": "other",  # dose
}
"""What objects of a SOP class are; all others with pixels are images."""
KIND_FAMILIES: dict[str, KindOfFile] = {STORAGE + "88.": "report", STORAGE + "9.": "waveform"}
IMAGES = re.compile(
    re.escape(STORAGE) + r"(1|1\.[1-3](\..*)?|2(\.[12])?|3(\.1)?|4(\.[134])?|5|6(\.[1-3])?|7(\.[1-4])?|12\.[1-3](\..*)?"
    r"|13\.1\..*|14\.[12]|20|30|77\.1\..*|128(\.1)?|130|481\.1)"
)
"""SOP classes of images, which hold pixels: a file of theirs without pixels is a broken image, not another object."""
SPECTRA = frozenset({STORAGE + "4.2", "1.3.12.2.1107.5.9.1"})
"""MR spectroscopy, by the standard and by Siemens: it states rows and columns, and holds no pixels."""
DAYS_FROM = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
BURNED_IN: dict[str, Literal["yes", "no"]] = {"YES": "yes", "NO": "no"}
_PUBLIC_UID = re.compile(r"1\.2\.840\.10008\.[0-9.]{1,50}")


@dataclass(frozen=True)
class DicomHeader:
    """What a file tells once its identities are replaced; identifiers are keyed names, 16 digits long.

    Parameters
    ----------
    fingerprint, head : str, int
        SHA-256 of the bytes before the pixels and of the size, and how many bytes these are.
    kind : str
        `image`, `rtstruct`, `seg` (segmentation), `report` (SR), `waveform` or `other`.
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
    moment : tuple of (str, float)
        What tells the first frame from others at its position.
    image_type : tuple of str
        Codes such as DERIVED, SECONDARY, LOCALIZER; '' in the place of what is none.
    photometric : str
        What the samples of a pixel mean, as DICOM spells it.
    burned_in : str
        Whether an annotation that may name the patient is part of the pixels: `yes`, `no` or `unknown`.
    transfer_syntax : str
        The public UID of how the pixels are encoded; `other` for a private one.
    referenced_series : tuple of str
        Keyed names of the series that regions were drawn on.
    reconstruction : Reconstruction
        Kernel and tube voltage of a CT image; images of two are two series.
    referenced_instances : tuple of str
        Keyed names of some of the images that regions were drawn on; of a segmentation where it names no series.
    regions : tuple of str
        Names of a structure set's regions; `ROI n` where a name could hold an identity.
    reader : str or None
        Keyed name of who drew them.
    label : str or None
        The structure set's label, where it is short, plain and holds no identity.
    groups : int
        Number of multiplex groups of a file of waveforms.
    """

    fingerprint: str
    kind: KindOfFile
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
    head: int = 0
    groups: int = 0
    moment: Moment = ()
    image_type: tuple[str, ...] = ()
    photometric: str = ""
    burned_in: Literal["yes", "no", "unknown"] = "unknown"
    transfer_syntax: str = ""
    reconstruction: Reconstruction = NOT_STATED
    referenced_instances: tuple[str, ...] = ()

    @property
    def known(self) -> Fingerprint:
        """How the file is known when it is read."""
        return Fingerprint(self.fingerprint, self.head)


def read_header(content: Content, identities: Identities) -> DicomHeader:
    """Return what a DICOM file tells, with every identity replaced; its pixels are not read.

    Raises `BadData`: those of `parse_header`, `media_directory`, `no_patient_id`, `missing_element`, `bad_element`.
    """
    file = parse_header(content)
    header = file.dataset
    known = fingerprint(file.head, content.size)
    shared = header.remembered(_shared, identities, file.pixels is not None)
    return changed(
        shared,
        fingerprint=known.digest,
        head=known.head,
        instance=identities.opaque(header.require_text("SOPInstanceUID")),
        transfer_syntax=public_uid(file.transfer_syntax),
        **_own_facts(shared.kind, header, identities),
    )


@dataclass(frozen=True)
class Whose:
    """Of which series a file is whose header was refused: pseudonym, modality, and the keyed UID of the series."""

    patient: str
    modality: str
    series: str

    @property
    def item(self) -> str:
        """Opaque name in records."""
        return f"{self.patient}/{self.modality}/{self.series[:6]}"


def whose(content: Content, identities: Identities) -> Whose | None:
    """Return of which series a file is whose header was refused, None where it does not tell."""
    try:
        header = parse_header(content).dataset
    except BadData:
        return None
    patient_id, series = header.text("PatientID"), header.text("SeriesInstanceUID")
    if not patient_id or not series:
        return None
    return Whose(identities.pseudonym(patient_id), code(header.text("Modality")), identities.opaque(series))


def _shared(header: DataSet, identities: Identities, has_pixels: bool) -> DicomHeader:  # noqa: FBT001
    """Return what the files of a series share."""
    patient_id = header.text("PatientID")
    if header.items("DirectoryRecordSequence"):
        raise BadData(
            "media_directory",
            "A DICOM file holds an object of a patient",
            "a directory of other files",
            "Leave it out.",
        )
    if not patient_id and not has_pixels and _ends_early(header):
        raise corrupt("it ends before it says whose it is")
    if not patient_id:
        raise BadData("no_patient_id", "A file says whose it is", "PatientID is empty", "Fill it in, or leave it out.")
    day = _day(header)
    sop_class = header.text("SOPClassUID")
    kind = _kind(sop_class, "image" if has_pixels or _should_have_pixels(sop_class, header) else "other")
    return DicomHeader(
        fingerprint="",
        kind=kind,
        patient=identities.pseudonym(patient_id),
        day=None if day is None else identities.shifted_day(patient_id, day),
        study=identities.opaque(header.require_text("StudyInstanceUID")),
        series=identities.opaque(header.require_text("SeriesInstanceUID")),
        instance="",
        frame_of_reference=_keyed(_frame_of_reference(header), identities),
        sop_class=public_uid(sop_class),
        modality=code(header.text("Modality")),
        manufacturer=machine_name(header.text("Manufacturer")),
        model=machine_name(header.text("ManufacturerModelName")),
        station=_keyed(header.text("StationName") or header.text("DeviceSerialNumber"), identities),
        **_image_facts(header) if kind == "image" else {},
    )


def _ends_early(header: DataSet) -> bool:
    """Say whether a file that tells what object it is has no element from that of the patient's on."""
    last = max((*header.places, *header.sequences), default=0)
    return bool(header.text("SOPClassUID")) and last < tag_of("PatientID")


def _kind(sop_class: str, unless: KindOfFile) -> KindOfFile:
    """Return what objects of a SOP class are, unless it is one among many."""
    families = (kind for family, kind in KIND_FAMILIES.items() if sop_class.startswith(family))
    return KINDS[sop_class] if sop_class in KINDS else next(families, unless)


def _should_have_pixels(sop_class: str, header: DataSet) -> bool:
    """Say whether a file is an image by its class, or by the size it states."""
    if IMAGES.fullmatch(sop_class):
        return True
    return sop_class not in SPECTRA and bool(header.integer("Rows") and header.integer("Columns"))


@lru_cache(64)
def public_uid(uid: str) -> str:
    """Return a UID of the standard, or `other`: a private one could be that of a patient's object."""
    return uid if _PUBLIC_UID.fullmatch(uid) else "other"


def _keyed(identifier: str, identities: Identities) -> str | None:
    return identities.opaque(identifier) if identifier else None


def _day(header: DataSet) -> date | None:
    return next((day for day in map(header.day, DAYS_FROM) if day is not None), None)


def _frame_of_reference(header: DataSet) -> str:
    """Return the UID of the coordinates; an RTSTRUCT may name it only beside what it was drawn on."""
    named = [item.text("FrameOfReferenceUID") for item in header.items("ReferencedFrameOfReferenceSequence")]
    return header.text("FrameOfReferenceUID") or next(filter(None, named), "")


def _own_facts(kind: KindOfFile, header: DataSet, identities: Identities) -> dict[str, Any]:
    if kind == "image":
        return {"plane": first_plane(header), "moment": header.remembered(first_moment)}
    if kind == "waveform":
        return {"groups": group_count(header)}
    return structure_facts(header, identities) if kind in {"rtstruct", "seg"} else {}


def _image_facts(header: DataSet) -> dict[str, Any]:
    return {
        "rows": header.require_integer("Rows"),
        "columns": header.require_integer("Columns"),
        "frames": frame_count(header),
        "image_type": tuple(code(word) for word in header.texts("ImageType")),
        "reconstruction": first_reconstruction(header),
        "photometric": code(header.text("PhotometricInterpretation")),
        "burned_in": BURNED_IN.get(header.text("BurnedInAnnotation"), "unknown"),
    }
