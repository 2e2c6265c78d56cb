"""How the pixels of a DICOM file are laid out, as its header says it, and the limits on what it may announce."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from tasks.formats.dicom.elements import bad_element, changed, missing_element, unreasonable
from tasks.formats.dicom.parse import EXPLICIT_BIG
from tasks.formats.dicom.planes import frame_count

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet, DicomFile

MAX_DECODED_BYTES = 8 << 30
"""All frames of one file, decoded."""
MAX_RATIO = 1000
"""Decoded bytes for each encoded one, ..."""
RATIO_FLOOR = 64 << 20
"""... where the decoded image is larger than this: an empty slice compresses well."""
BIT, BYTE = 1, 8
RGB_SAMPLES = 3
PALETTE = "PALETTE COLOR"
GREY = ("MONOCHROME1", "MONOCHROME2", PALETTE)
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_RCT", "YBR_ICT")
SUBSAMPLED = ("YBR_FULL_422", "YBR_PARTIAL_422")
"""Two pixels share their colours: four bytes for two pixels where they are not compressed."""
_WIDTHS = {"PixelData": (1, 8, 16, 32), "FloatPixelData": (32,), "DoubleFloatPixelData": (64,)}


@dataclass(frozen=True)
class Layout:
    """Say how the pixels of a file are laid out.

    Parameters
    ----------
    keyword : str
        The element that holds them.
    syntax : str
        UID of the transfer syntax.
    encapsulated : bool
        Whether they come as fragments of a compressed stream.
    frames, rows, columns, samples : int
        How many there are.
    allocated, stored, high : int
        Bits of a cell, bits of its value, and the highest of these, counted from 0.
    signed : bool
        Whether the highest stored bit is a sign.
    planar : bool
        Whether each colour has a plane of its own.
    photometric : str
        What the samples mean.
    """

    keyword: str
    syntax: str
    encapsulated: bool
    frames: int
    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high: int
    signed: bool
    planar: bool
    photometric: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a frame: (y, x), and 3 for colour."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)

    @property
    def decoded_frame_bytes(self) -> int:
        """Bytes of a decoded frame."""
        return self.rows * self.columns * self.samples * max(1, self.allocated // BYTE)

    @property
    def native_frame_bits(self) -> int:
        """Bits that a frame takes where it is not compressed."""
        samples = 2 if self.photometric in SUBSAMPLED else self.samples
        return self.rows * self.columns * samples * self.allocated

    @property
    def is_big(self) -> bool:
        """Whether the bytes of a number come with the highest first."""
        return self.syntax == EXPLICIT_BIG

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the decoded values, in this machine's byte order."""
        kind = "f" if self.keyword != "PixelData" else "i" if self.signed else "u"
        return _dtype(f"{kind}{max(1, self.allocated // BYTE)}")

    @property
    def range(self) -> tuple[int, int]:
        """Lowest and highest value that can be stored, where the values are whole numbers."""
        return (-(1 << (self.stored - 1)), (1 << (self.stored - 1)) - 1) if self.signed else (0, (1 << self.stored) - 1)


@cache
def _dtype(name: str) -> np.dtype[Any]:
    return np.dtype(name)


def layout_of(file: DicomFile, size: int) -> Layout:
    """Return how the pixels of a file, `size` encoded bytes, are laid out.

    Raises `BadData`: `missing_pixels`, `missing_element`, `bad_element`, `colour_not_supported`, and
    `unreasonable_header` beyond the limits.
    """
    keyword = file.pixel_keyword
    if keyword is None or not size:
        raise BadData("missing_pixels", "An image file holds pixels", "it holds none", "Export the file again.")
    stated = file.dataset.remembered(_stated, keyword)
    layout = changed(stated, syntax=file.transfer_syntax, encapsulated=file.encapsulated)
    _check(layout)
    _check_size(layout, size)
    return layout


def _stated(header: DataSet, keyword: str) -> Layout:
    """Return what the elements of a header tell; it is the same for the files of a series."""
    allocated = header.require_integer("BitsAllocated")
    stored = header.integer("BitsStored")
    high = header.integer("HighBit")
    stored = allocated if stored is None or keyword != "PixelData" else stored
    return Layout(
        keyword=keyword,
        syntax="",
        encapsulated=False,
        frames=frame_count(header),
        rows=header.require_integer("Rows"),
        columns=header.require_integer("Columns"),
        samples=header.integer("SamplesPerPixel") or 1,
        allocated=allocated,
        stored=stored,
        high=stored - 1 if high is None or keyword != "PixelData" else high,
        signed=header.integer("PixelRepresentation") == 1,
        planar=header.integer("PlanarConfiguration") == 1,
        photometric=header.text("PhotometricInterpretation") or "MONOCHROME2",
    )


def _check(layout: Layout) -> None:
    if min(layout.rows, layout.columns) < 1:
        raise missing_element("Rows and Columns above 0")
    if layout.allocated not in _WIDTHS[layout.keyword]:
        raise bad_element("BitsAllocated", f"is one of {_WIDTHS[layout.keyword]}", "it is none of them")
    if not 1 <= layout.stored <= layout.high + 1 <= layout.allocated:
        came = "BitsStored is 0" if not layout.stored else "BitsStored reaches above HighBit"
        came = "HighBit is outside BitsAllocated" if layout.high >= layout.allocated else came
        raise bad_element("BitsStored", "fits below HighBit, and that into BitsAllocated", came)
    wanted = GREY if layout.samples == 1 else COLOURS
    if layout.samples not in {1, RGB_SAMPLES} or layout.photometric not in wanted:
        raise colour_not_supported(f"{layout.samples} samples of another kind came")
    if layout.samples == RGB_SAMPLES and (layout.allocated == BIT or layout.keyword != "PixelData"):
        raise colour_not_supported("colours of another width came")
    if not layout.encapsulated and layout.photometric == "YBR_PARTIAL_420":
        raise colour_not_supported("uncompressed YBR_PARTIAL_420 came")


def _check_size(layout: Layout, size: int) -> None:
    decoded = layout.frames * layout.decoded_frame_bytes
    if decoded > MAX_DECODED_BYTES:
        raise unreasonable(f"An image has at most {MAX_DECODED_BYTES} bytes", "its header announces more")
    if layout.encapsulated and decoded > max(RATIO_FLOOR, MAX_RATIO * size):
        raise unreasonable(f"Pixels are compressed at most {MAX_RATIO} times", "the header announces more")


def colour_not_supported(came: str) -> BadData:
    """Return the refusal of pixels of a kind of colour that is not read."""
    return BadData(
        "colour_not_supported",
        "Pixels are grey, of a palette, or of three colours (RGB or YBR)",
        came,
        "Convert the image to grey or RGB.",
    )
