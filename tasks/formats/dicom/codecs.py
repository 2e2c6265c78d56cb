"""Decoding one compressed frame: what its stream announces is checked before anything is decoded."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from data_catalog.errors import BadData
from tasks.formats.dicom.elements import corrupt, unreasonable
from tasks.formats.inflate import RAW, inflate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tasks.formats.dicom.layout import Layout

RLE = "1.2.840.10008.1.2.5"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
_JPEG = "1.2.840.10008.1.2.4."
JPEG = tuple(_JPEG + number for number in ("50", "51", "52", "53", "54", "55", "56", "57", "70"))
JPEG_LS = (_JPEG + "80", _JPEG + "81")
JPEG_2000 = tuple(_JPEG + number for number in ("90", "91", "92", "93", "201", "202", "203"))
MAX_TILES = 4096
"""Tiles of a JPEG 2000 frame; each takes memory before it is decoded."""
_END = b"\xff\xd9"
_END_WITHIN = 64
"""The end of a JPEG stream stands within so many bytes before the end: fragments are padded."""
_SIZE = b"\xff\x4f\xff\x51"
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_ADOBE = 0xEE
_ADOBE_BYTES = 14
_SIZ_BYTES = 38
_PADDING = 64
"""Bytes that may come out of a segment behind its pixels, where it is padded."""
_RLE_HEADER = struct.Struct("<16L")
_ERRORS = (RuntimeError, ValueError, TypeError, OverflowError, MemoryError)
"""What imagecodecs raises on broken streams."""


class Announced(NamedTuple):
    """What a compressed stream says of its frame."""

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool
    has_adobe: bool = False


def decode(data: bytes, layout: Layout) -> NDArray[Any]:
    """Return the decoded values of a frame: (y, x), or (y, x, 3) in the colours of the stream.

    JPEG's and JPEG 2000's own transforms of colours are undone; values are signed as the header says.

    Raises `BadData`: `codec_missing`, `corrupt_file`, `unreasonable_header`.
    """
    decoder = _decoder(layout.syntax)
    try:
        values = decoder(data, layout)
    except _ERRORS:
        raise corrupt("its pixels cannot be decoded") from None
    if values.shape != layout.shape or values.dtype.kind not in "iu":
        raise corrupt("its pixels decode to another shape")
    return values


def require_decoder(syntax: str) -> None:
    """Raise `BadData` `codec_missing` unless frames of a transfer syntax can be decoded."""
    _decoder(syntax)


def _decoder(syntax: str) -> Callable[[bytes, Layout], NDArray[Any]]:
    if syntax == RLE:
        return _rle
    if syntax == DEFLATED_FRAME:
        return _deflated
    if syntax in JPEG:
        return _jpeg
    if syntax in JPEG_LS:
        return _jpeg_ls
    if syntax in JPEG_2000:
        return _jpeg_2000
    raise BadData(
        "codec_missing",
        "A decoder for the file's transfer syntax is known",
        "none is",
        "Export the series uncompressed.",
    )


def _rle(data: bytes, layout: Layout) -> NDArray[Any]:
    """Return the cells of a frame of which each byte, the highest first, is a segment of its own."""
    if layout.allocated == 1:
        return _unpacked_bits(data, layout)
    width = layout.allocated // 8
    pixels = layout.rows * layout.columns
    planes = np.empty((layout.samples, pixels), dtype=f"u{width}")
    room = memoryview(bytearray(pixels + _PADDING))
    for k, segment in enumerate(_segments(data, layout.samples * width)):
        decoded = _unpacked(segment, pixels, room)
        plane = planes[k // width]
        if k % width:
            plane <<= 8
            plane |= decoded
        else:
            plane[:] = decoded
    cells = planes.reshape(layout.samples, layout.rows, layout.columns)
    return cells[0] if layout.samples == 1 else np.moveaxis(cells, 0, -1)


def _unpacked_bits(data: bytes, layout: Layout) -> NDArray[Any]:
    (segment,) = _segments(data, 1)
    size = -(-layout.native_frame_bits // 8)
    return native_values(_unpacked(segment, size, memoryview(bytearray(size + _PADDING))).data, layout)


def _unpacked(segment: memoryview, size: int, room: memoryview) -> NDArray[np.uint8]:
    """Return so many bytes that a segment holds, unpacked to where there is room for them and some padding."""
    import imagecodecs

    decoded = imagecodecs.packbits_decode(cast("bytes", segment), out=room)
    if len(decoded) < size:
        raise corrupt("its pixels are cut")
    return np.frombuffer(room, dtype=np.uint8, count=size)


def _segments(data: bytes, count: int) -> list[memoryview]:
    if len(data) < _RLE_HEADER.size:
        raise corrupt("its pixels are cut")
    stated, *offsets = _RLE_HEADER.unpack_from(data)
    ends = [*offsets[1:count], len(data)]
    places = list(zip(offsets[:count], ends, strict=True))
    if stated != count or not all(_RLE_HEADER.size <= start < end <= len(data) for start, end in places):
        raise corrupt("its segments are not those of its cells")
    view = memoryview(data)
    return [view[start:end] for start, end in places]


def _deflated(data: bytes, layout: Layout) -> NDArray[Any]:
    size = -(-layout.native_frame_bits // 8)
    native = inflate(data, RAW, size + 1)
    if len(native) < size:
        raise corrupt("its pixels are cut")
    return native_values(native, layout)


def native_values(data: bytes | memoryview, layout: Layout, first_bit: int = 0) -> NDArray[Any]:
    """Return the cells of a frame that is not compressed: (y, x), or (y, x, 3); `first_bit` for cells of one bit."""
    if layout.allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
        return bits[first_bit : first_bit + layout.rows * layout.columns].reshape(layout.shape)
    kind = layout.dtype.newbyteorder(">" if layout.is_big else "<")
    if layout.samples == 1:
        return np.frombuffer(data, dtype=kind, count=layout.rows * layout.columns).reshape(layout.shape)
    return _colour_cells(np.frombuffer(data, dtype=kind, count=layout.native_frame_bits // layout.allocated), layout)


def _colour_cells(cells: NDArray[Any], layout: Layout) -> NDArray[Any]:
    if layout.native_frame_bits != layout.rows * layout.columns * layout.samples * layout.allocated:
        return _upsampled(cells, layout)
    if layout.planar:
        return np.moveaxis(cells.reshape(layout.samples, layout.rows, layout.columns), 0, -1)
    return cells.reshape(layout.shape)


def _upsampled(cells: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Give both pixels of a pair (Y, Y, Cb, Cr) the colours they share."""
    if layout.columns % 2:
        raise corrupt("its rows hold half a pair of pixels")
    pairs = cells.reshape(layout.rows, layout.columns // 2, 4)
    out = np.empty(layout.shape, dtype=cells.dtype)
    out[..., 0] = pairs[..., :2].reshape(layout.rows, layout.columns)
    out[..., 1:] = np.repeat(pairs[..., 2:], 2, axis=1)
    return out


def _jpeg(data: bytes, layout: Layout) -> NDArray[Any]:
    import imagecodecs

    announced = _checked(_jpeg_header(data), layout)
    _require_end(data)
    # Without Adobe's marker the stream does not say whether its colours were turned; the file's header does.
    as_they_are = layout.photometric == "RGB" and not announced.has_adobe
    space = "RGB" if as_they_are and announced.samples > 1 else None
    return _as_stored(imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace=space), announced, layout)


def _jpeg_ls(data: bytes, layout: Layout) -> NDArray[Any]:
    import imagecodecs

    announced = _checked(_jpeg_header(data), layout)
    _require_end(data)  # its decoder takes seconds to notice
    return _as_stored(imagecodecs.jpegls_decode(data), announced, layout)


def _jpeg_2000(data: bytes, layout: Layout) -> NDArray[Any]:
    import imagecodecs

    announced = _checked(_jpeg_2000_header(data), layout)
    _require_end(data)
    return _as_stored(imagecodecs.jpeg2k_decode(data), announced, layout)


def _checked(announced: Announced, layout: Layout) -> Announced:
    """Refuse a stream of another size before anything is allocated for it."""
    if (announced.rows, announced.columns, announced.samples) != (layout.rows, layout.columns, layout.samples):
        raise corrupt("its compressed pixels announce another size than its header")
    if not 1 <= announced.precision <= layout.allocated:
        raise corrupt("its compressed pixels announce more bits than its header")
    return announced


def _require_end(data: bytes) -> None:
    if data.rfind(_END, max(0, len(data) - _END_WITHIN)) < 0:
        raise corrupt("its compressed pixels are cut")


def _as_stored(values: NDArray[Any], announced: Announced, layout: Layout) -> NDArray[Any]:
    """Return decoded values in the type of the layout; a value that the stream calls unsigned may hold a sign bit."""
    wanted = layout.dtype
    if layout.signed and not announced.signed:
        bits = min(announced.precision, layout.stored)
        unused = 8 * wanted.itemsize - bits
        return np.asarray((values.astype(wanted) << unused) >> unused)
    if announced.signed and not layout.signed:
        return np.asarray(values.astype(wanted) & wanted.type((1 << announced.precision) - 1))
    return values if values.dtype == wanted else values.astype(wanted)


def _jpeg_header(data: bytes) -> Announced:
    """Return what the frame header of a JPEG or JPEG-LS stream says, before the first scan."""
    at, has_adobe = 2, False
    while data[:2] == b"\xff\xd8" and at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - a marker
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:  # noqa: PLR2004 - fill bytes
            at += 1 if marker == 0xFF else 2  # noqa: PLR2004
            continue
        length = struct.unpack_from(">H", data, at + 2)[0]
        if marker in _FRAME_MARKERS and at + 10 <= len(data):
            precision, rows, columns, samples = struct.unpack_from(">BHHB", data, at + 4)
            return Announced(rows, columns, samples, precision, signed=False, has_adobe=has_adobe)
        has_adobe |= marker == _ADOBE and data[at + 4 : at + 9] == b"Adobe" and length >= _ADOBE_BYTES
        at += 2 + length
    raise corrupt("its compressed pixels have no frame header")


def _jpeg_2000_header(data: bytes) -> Announced:
    """Return what the SIZ segment of a JPEG 2000 stream says."""
    at = data.find(_SIZE)
    if at < 0 or at + 6 + _SIZ_BYTES > len(data):
        raise corrupt("its compressed pixels have no size segment")
    _, _, right, bottom, left, top, width, height, _, _, samples, depth, x_step, y_step = struct.unpack_from(
        ">HHLLLLLLLLHBBB", data, at + 4
    )
    if not (width and height and x_step == y_step == 1 and left < right and top < bottom):
        raise corrupt("its compressed pixels have an impossible size")
    if -(-(right - left) // width) * -(-(bottom - top) // height) > MAX_TILES:
        raise unreasonable(f"A compressed frame has at most {MAX_TILES} tiles", "it announces more")
    return Announced(bottom - top, right - left, samples, (depth & 0x7F) + 1, signed=bool(depth & 0x80))
