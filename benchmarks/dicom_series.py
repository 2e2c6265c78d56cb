"""Invented CT series as a scanner would send them: smooth anatomy, noise, one file a slice."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SPACING_MM = (1.25, 0.742188, 0.742188)
INTERCEPT = -1024
NOISE_HU = 28.0
"""That of thin slices; with it zstd with bitshuffle makes the series 2.2 times smaller, as it does CT of the chest."""
ROOT_UID = "1.2.826.0.1.3680043.8.498."
"""Below the root that pydicom gives to anyone who invents."""


@dataclass(frozen=True)
class Encoding:
    """How pixels are written."""

    name: str
    syntax: str
    encode: Callable[[NDArray[np.uint16]], bytes] | None = None
    """Empty writes them as they are."""


def _jpeg_2000(plane: NDArray[np.uint16]) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(plane, level=0, codecformat="j2k", reversible=True))


def _rle(plane: NDArray[np.uint16]) -> bytes:
    """Encode the high bytes, then the low ones, each row for itself, as the standard asks."""
    halves = [_rle_segment((plane >> shift).astype(np.uint8)) for shift in (8, 0)]
    header = np.zeros(16, "<u4")
    header[:3] = (2, 64, 64 + len(halves[0]))
    return header.tobytes() + b"".join(halves)


def _rle_segment(plane: NDArray[np.uint8]) -> bytes:
    packed = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in plane)
    return packed + b"\0" * (len(packed) % 2)


ENCODINGS = {
    one.name: one
    for one in (
        Encoding("uncompressed", ExplicitVRLittleEndian),
        Encoding("JPEG-LS", JPEGLSLossless, imagecodecs.jpegls_encode),
        Encoding("RLE", RLELossless, _rle),
        Encoding("JPEG 2000", JPEG2000Lossless, _jpeg_2000),
    )
}


def planes(slices: int, side: int, seed: int = 0) -> Iterator[NDArray[np.uint16]]:
    """Yield slices of a chest: (y, x) stored values, 12 bits, HU less the intercept."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    for number in range(slices):
        phase = 2 * np.pi * number / max(slices, 100)
        body = (x / 0.85) ** 2 + (y / 0.62) ** 2 < 1
        lungs = ((np.abs(x) - 0.36) / 0.27) ** 2 + ((y + 0.02) / (0.42 + 0.05 * np.sin(phase))) ** 2 < 1
        spine = (x / 0.11) ** 2 + ((y - 0.38) / 0.12) ** 2 < 1
        heart = ((x - 0.1) / 0.2) ** 2 + ((y + 0.12) / (0.2 + 0.03 * np.cos(phase))) ** 2 < 1
        hu = np.where(body, 45 + 12 * np.sin(3 * x + phase) * np.cos(4 * y), -1000.0)
        hu = np.where(lungs, -860 + 40 * np.cos(9 * x) * np.sin(7 * y + phase), hu)
        hu = np.where(heart, 150.0, np.where(spine, 480 + 160 * np.cos(20 * x), hu))
        noise = generator.standard_normal((side, side), np.float32) * np.where(body, NOISE_HU, NOISE_HU / 2)
        yield np.clip(np.rint(hu + noise) - INTERCEPT, 0, 4095).astype(np.uint16)


def ct_volume(slices: int, side: int = 512) -> NDArray[np.int16]:
    """Return the series as a volume: (slices, side, side) HU."""
    return np.stack([plane.astype(np.int16) + np.int16(INTERCEPT) for plane in planes(slices, side)])


def write_series(folder: Path, encoding: Encoding, slices: int, side: int = 512) -> int:
    """Write a series, one file a slice, in an order that is not that of the slices; return the bytes of its voxels."""
    folder.mkdir(parents=True)
    for number, plane in enumerate(planes(slices, side)):
        (folder / f"{number * 7919 % slices:05d}-{number:05d}.dcm").write_bytes(_file(number, plane, encoding))
    return slices * side * side * 2


def _file(number: int, plane: NDArray[np.uint16], encoding: Encoding) -> bytes:
    dataset = _header(number, plane.shape)
    dataset.file_meta.TransferSyntaxUID = encoding.syntax
    if encoding.encode is None:
        dataset.PixelData = plane.tobytes()
    else:
        dataset.PixelData = encapsulate([encoding.encode(plane)])
        dataset["PixelData"].VR = "OB"
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def _header(number: int, shape: tuple[int, ...]) -> Any:  # noqa: ANN401 - pydicom has no types
    """Return a header of the length that scanners write, some 120 elements with private ones and a sequence."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = f"{ROOT_UID}3.{number + 1}"
    _set(
        dataset,
        SpecificCharacterSet="ISO_IR 100", ImageType=["ORIGINAL", "PRIMARY", "AXIAL"], Modality="CT",
        StudyDate="20200102", SeriesDate="20200102", AcquisitionDate="20200102", StudyTime="101112",
        SeriesTime="101113", AcquisitionTime="101114", AccessionNumber="A1", Manufacturer="Invented",
        ManufacturerModelName="Benchmark", StationName="CT1", StudyDescription="CHEST", SeriesDescription="LUNG",
        InstitutionName="Nowhere", PatientName="Nobody^Ever", PatientID="N1", PatientBirthDate="19500101",
        PatientSex="O", PatientAge="070Y", PatientWeight="80", BodyPartExamined="CHEST", ScanOptions="HELICAL",
        SliceThickness="1.25", KVP="120", DataCollectionDiameter="500", SoftwareVersions="1.0",
        ProtocolName="CHEST", ReconstructionDiameter="380", GantryDetectorTilt="0", TableHeight="150",
        RotationDirection="CW", ExposureTime="500", XRayTubeCurrent="300", Exposure="150", FilterType="BODY",
        GeneratorPower="36000", FocalSpots="1.2", ConvolutionKernel="STANDARD", PatientPosition="FFS",
        StudyInstanceUID=f"{ROOT_UID}1", SeriesInstanceUID=f"{ROOT_UID}2", FrameOfReferenceUID=f"{ROOT_UID}4",
        StudyID="1", SeriesNumber=2, AcquisitionNumber=1, InstanceNumber=number + 1,
        ImagePositionPatient=[-190.0, -190.0, -150.0 + SPACING_MM[0] * number],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0], SliceLocation=f"{-150.0 + SPACING_MM[0] * number:.2f}",
        PositionReferenceIndicator="SN", SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2",
        Rows=shape[0], Columns=shape[1], PixelSpacing=list(SPACING_MM[1:]), BitsAllocated=16, BitsStored=12,
        HighBit=11, PixelRepresentation=0, WindowCenter="40", WindowWidth="400", RescaleIntercept=str(INTERCEPT),
        RescaleSlope="1", RescaleType="HU",
    )  # fmt: skip
    block = dataset.private_block(0x0019, "INVENTED_ACQU_01", create=True)
    for element in range(60):
        block.add_new(element, "LO", f"private value {element}")
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, f"{ROOT_UID}9"
    dataset.ReferencedImageSequence = [item]
    return dataset


def _set(dataset: Any, **elements: object) -> None:  # noqa: ANN401
    for name, value in elements.items():
        setattr(dataset, name, value)
