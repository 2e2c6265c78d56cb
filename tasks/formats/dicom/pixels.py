"""The stored values of a DICOM image, read and decoded frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.formats.content import Held
from tasks.formats.dicom.codecs import DEFLATED_FRAME, RLE, decode, native_values, require_decoder
from tasks.formats.dicom.colour import to_rgb
from tasks.formats.dicom.elements import corrupt
from tasks.formats.dicom.fragments import DELIMITER_BYTES, frame_ranges
from tasks.formats.dicom.layout import BIT, BYTE, Layout, layout_of
from tasks.formats.dicom.parse import DEFLATED, parse_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.formats.content import Content
    from tasks.formats.dicom.elements import DicomFile
    from tasks.formats.dicom.fragments import Range

_LONG_HEADER = 12
_VR_AT = 4


@dataclass(frozen=True)
class Pixels:
    """Give the frames of one file; what is read is not kept.

    Parameters
    ----------
    content : Content
        The file.
    start, stop : int
        Where the value of the pixel data begins and ends in it, or in what it inflates to.
    layout : Layout
        How it is laid out.
    is_deflated : bool
        Whether the content has to be inflated to be read.
    is_swapped : bool
        Whether bytes come in swapped pairs: those of a big endian file whose cells are bytes in words.
    ranges : tuple
        The fragments of each frame, of a compressed file of several frames.
    """

    content: Content = field(repr=False)
    start: int
    stop: int
    layout: Layout
    is_deflated: bool = False
    is_swapped: bool = False
    ranges: tuple[tuple[Range, ...], ...] = field(default=(), repr=False)

    def opened(self) -> Content:
        """Return what the offsets count in: of a deflated file what it inflates to, else the file itself."""
        return parse_header(self.content).content if self.is_deflated else self.content

    def stored(self, frame: int, opened: Content | None = None) -> NDArray[Any]:
        """Return the stored values of a frame: (y, x), or (y, x, 3) in RGB; `opened` is kept for several frames.

        Raises `BadData`: `corrupt_file` where it is cut or broken, `codec_missing`, `unreasonable_header`.
        """
        layout = self.layout
        if not layout.encapsulated:
            values = self._native(frame, opened or self.opened())
            return to_rgb(_without_unused_bits(values, layout), layout)
        values = decode(self._encoded(frame), layout)
        if layout.syntax in {RLE, DEFLATED_FRAME}:
            values = _without_unused_bits(values.view(layout.dtype), layout, is_own=layout.syntax == RLE)
        return to_rgb(values, layout)

    def _encoded(self, frame: int) -> bytes:
        if self.ranges:
            return b"".join(self.content.range(*part) for part in self.ranges[frame])
        # The delimiter stands behind the value, which ends before it.
        held = Held(self.content.range(self.start, self.stop + DELIMITER_BYTES))
        (parts,) = frame_ranges(held, 0, held.size, 1)
        return b"".join(held.range(*part) for part in parts)

    def _native(self, frame: int, opened: Content) -> NDArray[Any]:
        first_bit = frame * self.layout.native_frame_bits
        start = self.start + first_bit // BYTE
        stop = self.start - (-(first_bit + self.layout.native_frame_bits) // BYTE)
        if stop > self.stop:
            raise corrupt("its pixels are cut")
        data = self._swapped(opened, start, stop) if self.is_swapped else opened.range(start, stop)
        if len(data) < stop - start:
            raise corrupt("its pixels are cut")
        return native_values(data, self.layout, first_bit % BYTE)

    def _swapped(self, opened: Content, start: int, stop: int) -> bytes:
        """Return bytes out of words with the higher byte first."""
        begin, end = start - (start - self.start) % 2, stop + (stop - self.start) % 2
        pairs = np.frombuffer(opened.range(begin, end), dtype=np.uint8)
        if len(pairs) % 2:
            raise corrupt("its pixels are cut")
        return pairs.reshape(-1, 2)[:, ::-1].tobytes()[start - begin : stop - begin]


def pixels_of(file: DicomFile, content: Content | None = None) -> Pixels:
    """Return the pixels of a file of which the header is read.

    `content` is the file itself, which a deflated one is inflated from again; without it what it inflated to is held.

    Raises `BadData`: those of `layout_of`; `corrupt_file` where the pixels are cut; `codec_missing`.
    """
    if file.is_cut:
        raise corrupt("it ends before its pixels do")
    if file.encapsulated:
        # A video holds many frames in one fragment: nothing of it is broken.
        require_decoder(file.transfer_syntax)
    start, stop = file.pixels or (0, 0)
    layout = layout_of(file, stop - start)
    ranges: tuple[tuple[Range, ...], ...] = ()
    if not layout.encapsulated:
        if (stop - start) * BYTE < layout.frames * layout.native_frame_bits:
            raise corrupt("its pixels are cut")
    elif layout.frames > 1:
        extended = bytes(file.dataset.raw("ExtendedOffsetTable") or b"")
        ranges = tuple(tuple(parts) for parts in frame_ranges(file.content, start, stop, layout.frames, extended))
    is_swapped = layout.is_big and layout.allocated <= BYTE and _is_in_words(file)
    is_deflated = file.transfer_syntax == DEFLATED and content is not None
    return Pixels(content or file.content, start, stop, layout, is_deflated, is_swapped, ranges)


def _is_in_words(file: DicomFile) -> bool:
    """Say whether the pixel data's VR, which stands before its value, is OW."""
    start = (file.pixels or (0, 0))[0] - _LONG_HEADER + _VR_AT
    return file.content.range(start, start + 2) == b"OW"


def _without_unused_bits(values: NDArray[Any], layout: Layout, *, is_own: bool = False) -> NDArray[Any]:
    """Keep the stored bits only: the others may hold an overlay, and the sign bit is the highest stored one.

    Values that are nobody else's are changed in place: to allocate as many takes longer.
    """
    if layout.allocated in {layout.stored, BIT} or layout.keyword != "PixelData":
        return values
    native = values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
    out = native if is_own else None
    if not layout.signed and layout.high + 1 == layout.stored:
        most = native.dtype.type((1 << layout.stored) - 1)
        # Mostly the others are 0: to see that is faster than to make them so.
        return native if native.max() <= most else np.asarray(np.bitwise_and(native, most, out=out))
    shifted = np.left_shift(native, layout.allocated - 1 - layout.high, out=out)
    shifted >>= layout.allocated - layout.stored
    return np.asarray(shifted)
