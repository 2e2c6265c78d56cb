"""The stored values of a DICOM image: native ones straight from the bytes, compressed ones through pydicom."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.pixels import get_decoder

from data_catalog.errors import BadData
from tasks.formats.dicom.elements import bad_element, corrupt, missing_element, unreasonable
from tasks.formats.dicom.parse import EXPLICIT_BIG
from tasks.formats.dicom.planes import frame_count
from tasks.formats.quiet import unheard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.formats.dicom.elements import DicomFile

MAX_DECODED_BYTES = 8 << 30
"""All frames of one file, decoded."""
MAX_RATIO = 1000
"""Decoded bytes for each encoded one, ..."""
RATIO_FLOOR = 64 << 20
"""... where the decoded image is larger than this: an empty slice compresses well."""
BYTE = 8
COLOUR_SAMPLES = 3
MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")

_DECODER_ERRORS = (
    ValueError,
    TypeError,
    RuntimeError,
    NotImplementedError,
    AttributeError,
    LookupError,
    ArithmeticError,
    EOFError,
    OSError,
    struct.error,
    StopIteration,
)
"""What pydicom's decoders and those behind them raise on broken streams."""


@dataclass(frozen=True)
class _Layout:
    """How the pixels of a file are laid out."""

    frames: int
    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high: int
    signed: bool
    planar: int
    photometric: str

    @property
    def decoded_bytes(self) -> int:
        return self.frames * self.rows * self.columns * self.samples * ((self.allocated + 7) // 8)


def stored_values(file: DicomFile) -> NDArray[Any]:
    """Return the stored values as (frames, y, x), or (frames, y, x, 3) in RGB.

    Raises `BadData`: `missing_pixels`, `corrupt_file` where pixels are cut or broken, `codec_missing`,
    `colour_not_supported`, `unreasonable_header` beyond the limits.
    """
    keyword = file.pixel_keyword
    data = file.dataset.raw(keyword) if keyword else None
    if keyword is None or not data:
        raise BadData("missing_pixels", "An image file holds pixels", "it holds none", "Export the file again.")
    layout = _layout(file, keyword)
    if layout.decoded_bytes > MAX_DECODED_BYTES:
        raise unreasonable(f"An image has at most {MAX_DECODED_BYTES} bytes", "its header announces more")
    if not file.encapsulated and layout.samples == 1:
        return _native(data, layout, _dtype(keyword, layout, file.transfer_syntax))
    if layout.decoded_bytes > max(RATIO_FLOOR, MAX_RATIO * len(data)):
        raise unreasonable(f"Pixels are compressed at most {MAX_RATIO} times", "the header announces more")
    return _decoded(bytes(data), layout, file.transfer_syntax)


def _layout(file: DicomFile, keyword: str) -> _Layout:
    header = file.dataset
    allocated = header.require_integer("BitsAllocated")
    is_float = keyword != "PixelData"
    stored = allocated if is_float else header.require_integer("BitsStored")
    high = header.integer("HighBit")
    layout = _Layout(
        frames=frame_count(header),
        rows=header.require_integer("Rows"),
        columns=header.require_integer("Columns"),
        samples=header.integer("SamplesPerPixel") or 1,
        allocated=allocated,
        stored=stored,
        high=stored - 1 if high is None else high,
        signed=header.integer("PixelRepresentation") == 1,
        planar=header.integer("PlanarConfiguration") or 0,
        photometric=header.text("PhotometricInterpretation") or "MONOCHROME2",
    )
    _check(layout, keyword)
    return layout


def _check(layout: _Layout, keyword: str) -> None:
    if min(layout.rows, layout.columns) < 1:
        raise missing_element("Rows and Columns above 0")
    widths = {"PixelData": (8, 16, 32), "FloatPixelData": (32,), "DoubleFloatPixelData": (64,)}[keyword]
    if layout.allocated not in widths:
        raise bad_element("BitsAllocated", f"is one of {widths}", "another number")
    if not 1 <= layout.stored <= layout.high + 1 <= layout.allocated:
        raise bad_element("BitsStored", "fits below HighBit, and that into BitsAllocated", "others")
    wanted = MONOCHROME if layout.samples == 1 else COLOURS
    if layout.samples not in {1, COLOUR_SAMPLES} or layout.photometric not in wanted:
        raise BadData(
            "colour_not_supported",
            "Pixels are grey (MONOCHROME1 or 2) or of three colours (RGB or YBR)",
            "another kind came",
            "Convert the image to grey or RGB.",
        )


def _dtype(keyword: str, layout: _Layout, transfer_syntax: str) -> np.dtype[Any]:
    is_big = transfer_syntax == EXPLICIT_BIG
    if is_big and layout.allocated == BYTE:
        # The bytes may be swapped in pairs or not: the file does not say so where it should.
        raise bad_element("BitsAllocated", "is 16 or more in a big endian file", "less")
    order = ">" if is_big else "<"
    kind = "f" if keyword != "PixelData" else "i" if layout.signed else "u"
    return np.dtype(f"{order}{kind}{layout.allocated // 8}")


def _native(data: memoryview, layout: _Layout, dtype: np.dtype[Any]) -> NDArray[Any]:
    if len(data) < layout.decoded_bytes:
        raise corrupt("its pixels are cut")
    count = layout.frames * layout.rows * layout.columns
    values = np.frombuffer(data, dtype=dtype, count=count).reshape(layout.frames, layout.rows, layout.columns)
    return values if dtype.kind == "f" else _without_unused_bits(values, layout)


def _without_unused_bits(values: NDArray[Any], layout: _Layout) -> NDArray[Any]:
    """Keep the stored bits only: the others may hold an overlay, and the sign bit is the highest stored one."""
    if layout.stored == layout.allocated:
        return values
    native = values.astype(values.dtype.newbyteorder("="))
    left = layout.allocated - 1 - layout.high
    return np.asarray((native << left) >> (layout.allocated - layout.stored))


def _decoded(data: bytes, layout: _Layout, transfer_syntax: str) -> NDArray[Any]:
    try:
        with unheard("pydicom"):
            decoder = get_decoder(transfer_syntax)
    except NotImplementedError:
        raise _no_codec() from None
    if not decoder.is_available:
        raise _no_codec()
    options = {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": layout.frames,
        "samples_per_pixel": layout.samples,
        "bits_allocated": layout.allocated,
        "bits_stored": layout.stored,
        "pixel_representation": int(layout.signed),
        "photometric_interpretation": layout.photometric,
        "planar_configuration": layout.planar,
        "pixel_keyword": "PixelData",
        "allow_excess_frames": False,
    }
    try:
        with unheard("pydicom"):
            values, _ = decoder.as_array(data, **options)
    except _DECODER_ERRORS:
        raise corrupt("its pixels cannot be decoded") from None
    frames = np.asarray(values).reshape(layout.frames, layout.rows, layout.columns, -1)
    return frames[..., 0] if layout.samples == 1 else frames


def _no_codec() -> BadData:
    return BadData(
        "codec_missing",
        "A decoder for the file's transfer syntax is installed",
        "none is",
        "Install pylibjpeg with its plugins, or export the series uncompressed.",
    )
