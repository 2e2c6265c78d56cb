"""DICOM files made in code: small, valid, with invented identities."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless, generate_uid

from tasks.formats.content import Held
from tasks.formats.dicom.volume import read_series
from tasks.formats.identities import Identities

SHARED = Path(__file__).parents[4] / "shared" / "data"
NAME, PATIENT_ID, OPERATOR = "ZEBRAFISH^QUAGGA", "MRN-7744110", "OKAPI^LEMUR"
STUDY, SERIES, FRAME = "1.2.826.0.1.3680043.9.1.1", "1.2.826.0.1.3680043.9.1.2", "1.2.826.0.1.3680043.9.1.3"


def dataset(pixels=None, *, z=0.0, sop_class=CTImageStorage, **elements):
    ds = Dataset()
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = generate_uid(entropy_srcs=[SERIES, str(z), str(sorted(elements))])
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = STUDY, SERIES, FRAME
    ds.Modality, ds.StudyDate = "CT", "20240131"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = NAME, PATIENT_ID, "19310203"
    ds.Manufacturer, ds.ManufacturerModelName, ds.StationName = "Acme (Inc.)", "Scan/3", "ROOM7"
    if pixels is not None:
        _image(ds, np.asarray(pixels), z)
    for keyword, value in elements.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def _image(ds, pixels, z):
    ds.Rows, ds.Columns = pixels.shape[-3:-1] if pixels.shape[-1] == 3 and pixels.ndim > 2 else pixels.shape[-2:]
    ds.SamplesPerPixel = 3 if pixels.shape[-1] == 3 and pixels.ndim > 2 else 1
    ds.PhotometricInterpretation = "RGB" if ds.SamplesPerPixel == 3 else "MONOCHROME2"
    if ds.SamplesPerPixel == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.PixelSpacing = [2.0, 0.5]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [10.0, 20.0, z]
    ds.PixelData = pixels.tobytes()


def written(ds, syntax=ExplicitVRLittleEndian, *, implicit=False, little=True):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    ds.file_meta = meta
    stream = BytesIO()
    if "PixelData" in ds and not ds["PixelData"].is_undefined_length:
        ds["PixelData"].VR = "OW"
    ds.save_as(stream, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return stream.getvalue()


def structure(contours, *, names=("tumour",), series=SERIES, **elements):
    ds = dataset(sop_class="1.2.840.10008.5.1.4.1.1.481.3", Modality="RTSTRUCT")
    ds.StructureSetLabel, ds.OperatorsName = "GTV first", OPERATOR
    ref_series, ref_study, ref_frame = Dataset(), Dataset(), Dataset()
    ref_series.SeriesInstanceUID = series
    ref_study.RTReferencedSeriesSequence = Sequence([ref_series])
    ref_frame.FrameOfReferenceUID = FRAME
    ref_frame.RTReferencedStudySequence = Sequence([ref_study])
    ds.ReferencedFrameOfReferenceSequence = Sequence([ref_frame])
    rois, drawn = [], []
    for number, name in enumerate(names, start=1):
        roi, contour_set = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        contour_set.ReferencedROINumber = number
        contour_set.ContourSequence = Sequence([_contour(points) for points in contours])
        rois.append(roi)
        drawn.append(contour_set)
    ds.StructureSetROISequence, ds.ROIContourSequence = Sequence(rois), Sequence(drawn)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def _contour(points_xyz):
    contour = Dataset()
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.NumberOfContourPoints = len(points_xyz)
    contour.ContourData = [float(value) for point in points_xyz for value in point]
    return contour


def _even(text):
    return text.encode() + b"\0" * (len(text) % 2)


class Maker:
    """The functions above, for tests."""

    dataset, written, structure = staticmethod(dataset), staticmethod(written), staticmethod(structure)
    name, patient_id, operator, series = NAME, PATIENT_ID, OPERATOR, SERIES

    @staticmethod
    def slice(pixels, z=0.0, **elements):
        return written(dataset(pixels, z=z, **elements))

    @staticmethod
    def stack(zs, shape=(3, 4), **elements):
        """Return one file for each z; the values of slice k are 100 k + 0, 1, 2, ..."""
        base = np.arange(shape[0] * shape[1], dtype=np.int16).reshape(shape)
        return [Maker.slice(base + 100 * k, z, **elements) for k, z in enumerate(zs)]

    @staticmethod
    def encoded(ds, frames, syntax, *, table=True):
        """Return a file whose frames are compressed already; a frame may be a list of fragments."""
        fragments = [part for frame in frames for part in (frame if isinstance(frame, list) else [frame])]
        parts = [part + b"\0" * (len(part) % 2) for part in fragments]
        items = b"".join(b"\xfe\xff\x00\xe0" + len(part).to_bytes(4, "little") + part for part in parts)
        offsets, at = [], 0
        for frame in frames:
            offsets.append(at)
            at += sum(8 + len(part) + len(part) % 2 for part in (frame if isinstance(frame, list) else [frame]))
        first = b"".join(offset.to_bytes(4, "little") for offset in offsets) if table else b""
        ds.PixelData = b"\xfe\xff\x00\xe0" + len(first).to_bytes(4, "little") + first + items
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
        # pydicom writes no file of a transfer syntax that it does not know.
        known, wanted = (len(uid).to_bytes(2, "little") + uid for uid in (JPEGLSLossless.encode(), _even(syntax)))
        return written(ds, JPEGLSLossless).replace(known, wanted, 1)

    @staticmethod
    def read(files, **options):
        """Return the series that some files form."""
        return read_series([Held(data) for data in files], **options)


@pytest.fixture(scope="session")
def make():
    return Maker


@pytest.fixture
def identities():
    return Identities(b"a key for tests only, 32 bytes..")


@pytest.fixture
def shared():
    if not SHARED.is_dir():
        pytest.skip("the real data are not beside the project")
    return SHARED
