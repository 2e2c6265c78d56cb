"""DICOM Part 10 files of the invented cohort: CT and PET slices and structure sets, as bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from tasks.synthetic.identities import INSTITUTION, INSTITUTION_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from data_catalog.geometry import Geometry
    from tasks.synthetic.design import Case
    from tasks.synthetic.identities import Person
    from tasks.synthetic.phantom import Grid
    from tasks.synthetic.truths import ScannerName

WRITER_UID = "2.25.261013117044182403155013014042"
NOON = "120000"
CT_INTERCEPT_HU = {"A": -1024.0, "B": -1000.0}
"""The scanners store the same HU as other numbers."""
LARGEST_STORED = 32000
"""What the greatest uptake of a PET slice is stored as."""
LEAST_PEAK_SUV = 1e-3
PRIVATE_CREATOR = "VOXMINE INVENTED"


@dataclass(frozen=True)
class Scanner:
    """Name a scanner as its headers do."""

    manufacturer: str
    model: str
    station: str


SCANNERS: dict[ScannerName, Scanner] = {
    "A": Scanner("Invented Imaging", "Imaginaire 64", "STATION-A"),
    "B": Scanner("Phantom Systems", "Lumpview Duo", "STATION-B"),
}


def uid(*parts: object) -> str:
    """Return the UID that belongs to some texts: always the same one, and another for other texts."""
    return f"2.25.{int(hashlib.sha256('/'.join(map(str, parts)).encode()).hexdigest()[:32], 16)}"


@dataclass(frozen=True)
class Series:
    """Say whose series it is, when it was made and of what kind."""

    person: Person
    case: Case
    visit: int
    modality: str
    label: str = ""

    @property
    def day(self) -> date:
        """The date of the visit."""
        return self.case.follow_up if self.visit else self.case.first_visit

    @property
    def study_uid(self) -> str:
        """UID of the visit's study."""
        return uid(self.person.patient_id, self.visit)

    @property
    def frame_uid(self) -> str:
        """UID of the visit's frame of reference: the same for CT, PET and structure sets."""
        return uid(self.person.patient_id, self.visit, "frame")

    @property
    def series_uid(self) -> str:
        """UID of the series."""
        return uid(self.person.patient_id, self.visit, self.modality, self.label)

    def instance_uid(self, index: int) -> str:
        """Return the UID of one file; for images, of the slice at a position."""
        return uid(self.person.patient_id, self.visit, self.modality, self.label, index)


@dataclass(frozen=True)
class _Plane:
    """Say which slice a file shows, and where it lies in the patient, as (x, y, z) in DICOM's numerals."""

    index: int
    number: int
    instance_uid: str
    position: list[str]


def ct_slices(series: Series, voxels_hu: NDArray[np.float64], geometry: Geometry, order: list[int]) -> list[bytes]:
    """Return the files of a CT series, of which file i, numbered i + 1, shows the slice `order[i]`."""
    from pydicom.uid import CTImageStorage

    dataset = _image(series, geometry, CTImageStorage)
    intercept = CT_INTERCEPT_HU[series.case.scanner]
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.KVP = "120"
    dataset.ConvolutionKernel = "STANDARD"
    dataset.RescaleType = "HU"
    dataset.RescaleIntercept = f"{intercept:.0f}"
    dataset.RescaleSlope = "1"
    dataset.PixelRepresentation = 1
    stored = np.rint(voxels_hu - intercept).astype("<i2")
    return [_slice(dataset, plane, stored[plane.index]) for plane in _planes(series, geometry, order)]


def pet_slices(series: Series, voxels_suv: NDArray[np.float64], geometry: Geometry, order: list[int]) -> list[bytes]:
    """Return the files of a PET series in SUV, each slice with its own rescale slope."""
    from pydicom.uid import PositronEmissionTomographyImageStorage

    dataset = _image(series, geometry, PositronEmissionTomographyImageStorage)
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SeriesType = ["STATIC", "IMAGE"]
    dataset.Units = "GML"
    dataset.SUVType = "BW"
    dataset.CorrectedImage = ["NORM", "ATTN", "SCAT", "DECY"]
    dataset.DecayCorrection = "START"
    dataset.NumberOfSlices = geometry.shape[0]
    dataset.RescaleIntercept = "0"
    dataset.PixelRepresentation = 0
    return [_pet_slice(dataset, plane, voxels_suv[plane.index]) for plane in _planes(series, geometry, order)]


def structure_set(
    series: Series, image: Series, grid: Grid, outlines_mm: Mapping[int, NDArray[np.float64]], operator: str
) -> bytes:
    """Return one reader's structure set: the region `GTV` as closed contours on the slices of an image series."""
    from pydicom.dataset import Dataset
    from pydicom.uid import RTStructureSetStorage

    dataset = _common(series, RTStructureSetStorage)
    dataset.SOPInstanceUID = series.instance_uid(0)
    dataset.OperatorsName = operator
    dataset.StructureSetLabel = series.label.split("/")[-1]
    dataset.StructureSetDate, dataset.StructureSetTime = f"{series.day:%Y%m%d}", NOON
    dataset.ReferencedFrameOfReferenceSequence = [_referenced(image, list(outlines_mm))]
    region = Dataset()
    region.ROINumber = 1
    region.ReferencedFrameOfReferenceUID = image.frame_uid
    region.ROIName = "GTV"
    region.ROIGenerationAlgorithm = "MANUAL"
    dataset.StructureSetROISequence = [region]
    drawn = Dataset()
    drawn.ROIDisplayColor = [255, 64, 0]
    drawn.ContourSequence = [_contour(image, grid, index, outline) for index, outline in outlines_mm.items()]
    drawn.ReferencedROINumber = 1
    dataset.ROIContourSequence = [drawn]
    observed = Dataset()
    observed.ObservationNumber = 1
    observed.ReferencedROINumber = 1
    observed.RTROIInterpretedType = "GTV"
    observed.ROIInterpreter = operator
    dataset.RTROIObservationsSequence = [observed]
    dataset.ApprovalStatus = "UNAPPROVED"
    return _written(dataset)


def _common(series: Series, sop_class: str) -> Dataset:
    """Return patient, study, series and equipment as the header of one file says them, identities and all."""
    from pydicom.dataset import Dataset

    person, case, scanner = series.person, series.case, SCANNERS[series.case.scanner]
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = sop_class
    dataset.StudyDate = dataset.SeriesDate = f"{series.day:%Y%m%d}"
    dataset.StudyTime = dataset.SeriesTime = NOON
    dataset.AccessionNumber = person.accessions[series.visit]
    dataset.Modality = series.modality
    dataset.Manufacturer = scanner.manufacturer
    dataset.InstitutionName = INSTITUTION
    dataset.InstitutionAddress = INSTITUTION_ADDRESS
    dataset.ReferringPhysicianName = person.referring
    dataset.StationName = scanner.station
    dataset.StudyDescription = "Tumour, follow-up" if series.visit else "Tumour, baseline"
    dataset.SeriesDescription = f"{series.modality} {series.label}".strip()
    dataset.ManufacturerModelName = scanner.model
    dataset.PatientName = person.dicom_name
    dataset.PatientID = person.patient_id
    dataset.PatientBirthDate = f"{person.birth_date:%Y%m%d}"
    dataset.PatientSex = case.sex[0].upper()
    dataset.PatientAge = f"{case.age_years:03d}Y"
    dataset.PatientWeight = f"{case.weight_kg}"
    dataset.PatientAddress = person.address
    dataset.PatientTelephoneNumbers = person.phone
    dataset.PatientComments = f"{person.given} {person.family} asks for the report by telephone, {person.phone}"
    dataset.StudyInstanceUID = series.study_uid
    dataset.SeriesInstanceUID = series.series_uid
    dataset.StudyID = f"{series.visit + 1}"
    dataset.SeriesNumber = 1
    dataset.private_block(0x0011, PRIVATE_CREATOR, create=True).add_new(0x01, "LO", person.dicom_name)
    return dataset


def _image(series: Series, geometry: Geometry, sop_class: str) -> Dataset:
    """Return what all slices of a series say alike."""
    dataset = _common(series, sop_class)
    dataset.AcquisitionDate = dataset.ContentDate = dataset.SeriesDate
    dataset.AcquisitionTime = dataset.ContentTime = NOON
    dataset.PatientPosition = "HFS"
    dataset.FrameOfReferenceUID = series.frame_uid
    dataset.PositionReferenceIndicator = ""
    _, along_y, along_x = np.asarray(geometry.direction).T[:, ::-1]
    dataset.ImageOrientationPatient = [f"{value:.10f}" for value in (*along_x, *along_y)]
    dz, dy, dx = geometry.spacing_mm
    dataset.PixelSpacing = [f"{dy:g}", f"{dx:g}"]
    dataset.SliceThickness = f"{dz:g}"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    _, dataset.Rows, dataset.Columns = geometry.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    return dataset


def _planes(series: Series, geometry: Geometry, order: list[int]) -> list[_Plane]:
    positions = geometry.to_mm(np.array([[index, 0.0, 0.0] for index in order]))[:, ::-1]
    return [
        _Plane(index, number, series.instance_uid(index), [f"{value:.6f}" for value in positions[number - 1]])
        for number, index in enumerate(order, 1)
    ]


def _pet_slice(dataset: Dataset, plane: _Plane, suv: NDArray[np.float64]) -> bytes:
    slope = f"{max(float(suv.max()), LEAST_PEAK_SUV) / LARGEST_STORED:.8g}"
    dataset.RescaleSlope = slope
    dataset.ImageIndex = plane.index + 1
    return _slice(dataset, plane, np.rint(suv / float(slope)).astype("<u2"))


def _slice(dataset: Dataset, plane: _Plane, stored: NDArray[np.integer]) -> bytes:
    """Write one slice; `dataset` is reused, as building one anew takes most of the time."""
    dataset.SOPInstanceUID = plane.instance_uid
    dataset.InstanceNumber = plane.number
    dataset.ImagePositionPatient = plane.position
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW"
    return _written(dataset)


def _referenced(image: Series, indices: list[int]) -> Dataset:
    """Return the item that names the frame of reference, and the image series that was drawn on."""
    from pydicom.dataset import Dataset

    series, study, frame = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = image.series_uid
    series.ContourImageSequence = [_image_reference(image, index) for index in indices]
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.ReferencedSOPInstanceUID = image.study_uid
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID = image.frame_uid
    frame.RTReferencedStudySequence = [study]
    return frame


def _image_reference(image: Series, index: int) -> Dataset:
    from pydicom.dataset import Dataset
    from pydicom.uid import CTImageStorage, PositronEmissionTomographyImageStorage

    reference = Dataset()
    classes = {"CT": CTImageStorage, "PT": PositronEmissionTomographyImageStorage}
    reference.ReferencedSOPClassUID = classes[image.modality]
    reference.ReferencedSOPInstanceUID = image.instance_uid(index)
    return reference


def _contour(image: Series, grid: Grid, index: int, outline_mm: NDArray[np.float64]) -> Dataset:
    from pydicom.dataset import Dataset

    heights = np.full((len(outline_mm), 1), grid.centres_mm(0)[index])
    points = grid.to_patient(np.hstack([heights, outline_mm]))[:, ::-1]
    contour = Dataset()
    contour.ContourImageSequence = [_image_reference(image, index)]
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.NumberOfContourPoints = len(points)
    contour.ContourData = [f"{value:.6f}" for value in points.ravel()]
    return contour


def _written(dataset: Dataset) -> bytes:
    from pydicom import dcmwrite
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = WRITER_UID
    meta.ImplementationVersionName = "VOXMINE INVENTED"
    dataset.file_meta = meta
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
