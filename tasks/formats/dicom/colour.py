"""Colours as RGB: from luminance and chroma, and from palettes, segmented ones too; and look-up tables of grey."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.formats.dicom.codecs import DEFLATED_FRAME, JPEG, JPEG_2000
from tasks.formats.dicom.elements import another_count, bad_element, missing_element

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.errors import BadData
    from tasks.formats.dicom.elements import DataSet
    from tasks.formats.dicom.layout import Layout

CHANNELS = ("Red", "Green", "Blue")
MAX_ENTRIES = 1 << 16
_TURNED_BY_CODEC = frozenset({*JPEG, *JPEG_2000}) - {DEFLATED_FRAME}
"""These decoders undo the transform of colours that is part of their format."""
_FROM_CHROMA = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]], dtype=np.float32)
"""RGB from Y, Cb - half, Cr - half (ITU-R BT.601, full range)."""
_PARTIAL = np.array([255 / 219, 255 / 224, 255 / 224], dtype=np.float32)
"""From the range of studio video (16 to 235, 16 to 240) to the full one."""
_PARTIAL_BLACK = 16
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2
_DESCRIPTOR = 3
_BYTE = 8


@dataclass(frozen=True, eq=False)
class LookUp:
    """A table from stored values to others.

    Parameters
    ----------
    first : int
        The stored value of the first entry; lower ones take it too, as higher ones take the last.
    entries : ndarray
        (entries,) of grey values, or (entries, 3) of RGB.
    """

    first: int
    entries: NDArray[Any] = field(repr=False)

    def __call__(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return the entry of each stored value: (y, x), or (y, x, 3)."""
        index = stored.astype(np.int64) - self.first
        return np.asarray(self.entries[np.clip(index, 0, len(self.entries) - 1)])


def to_rgb(values: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Return a decoded colour frame (y, x, 3) in RGB; grey ones, and those in RGB, as they are."""
    if layout.samples == 1 or not layout.photometric.startswith("YBR") or layout.syntax in _TURNED_BY_CODEC:
        return values
    if layout.photometric in {"YBR_RCT", "YBR_ICT"}:
        raise bad_element("PhotometricInterpretation", "is a transform of JPEG 2000", "another encoding")
    top = (1 << layout.stored) - 1
    floats = values.astype(np.float32)
    floats[..., 1:] -= 1 << (layout.stored - 1)
    if layout.photometric.startswith("YBR_PARTIAL"):
        floats[..., 0] -= _PARTIAL_BLACK << (layout.stored - _BYTE)
        floats *= _PARTIAL
    return np.asarray(np.clip(np.rint(floats @ _FROM_CHROMA.T), 0, top).astype(values.dtype))


def palette(dataset: DataSet) -> LookUp:
    """Return the palette of a file as RGB, 8 bits for each colour.

    Raises `BadData`: `missing_element`, `bad_element`.
    """
    tables = [_channel(dataset, name) for name in CHANNELS]
    firsts, depths = {first for first, _, _ in tables}, {depth for _, depth, _ in tables}
    lengths = {len(entries) for _, _, entries in tables}
    if len(firsts) > 1 or len(depths) > 1 or len(lengths) > 1:
        came = "its first value, bits or entries differ"
        raise bad_element("RedPaletteColorLookupTableDescriptor", "equals those of green and blue", came)
    rgb = np.stack([entries for _, _, entries in tables], axis=-1)
    # A table of 16 bits holds colours of 16 bits, of which a screen shows the upper 8.
    return LookUp(firsts.pop(), (rgb >> 8 if depths.pop() > _BYTE else rgb).astype(np.uint8))


def _channel(dataset: DataSet, name: str) -> tuple[int, int, NDArray[Any]]:
    keyword = f"{name}PaletteColorLookupTable"
    count, first, depth = _descriptor(dataset, f"{keyword}Descriptor")
    segments = dataset.raw(f"Segmented{keyword}Data")
    if segments:
        entries = _expanded(_cells(dataset, segments, count=0, depth=depth), f"Segmented{keyword}Data")
    else:
        data = dataset.raw(f"{keyword}Data")
        if not data:
            raise missing_element(f"{keyword}Data")
        entries = _cells(dataset, data, count=count, depth=depth)
    if len(entries) < count:
        raise _too_short(f"{keyword}Data", len(entries), count)
    return first, depth, entries[:count]


def _too_short(keyword: str, found: int, count: int) -> BadData:
    rule = "holds as many entries as its descriptor says"
    return bad_element(keyword, rule, another_count(found, count, "entries"))


def _descriptor(dataset: DataSet, keyword: str, *, signed: bool = False) -> tuple[int, int, int]:
    """Return how many entries a table has, the value of the first one, and the bits of each."""
    raw = dataset.raw(keyword)
    if not raw or len(raw) != 2 * _DESCRIPTOR:
        raise missing_element(keyword)
    order = "<" if dataset.little_endian else ">"
    count, first, depth = (int(number) for number in np.frombuffer(raw, dtype=f"{order}u2"))
    if depth not in range(_BYTE, 17):
        raise bad_element(keyword, "says 8 to 16 bits", "fewer" if depth < _BYTE else "more")
    if signed:
        first = int(np.frombuffer(raw, dtype=f"{order}i2")[1])
    return count or MAX_ENTRIES, first, depth


def _cells(dataset: DataSet, data: memoryview, *, count: int, depth: int) -> NDArray[Any]:
    """Return the numbers of a table: bytes where it has 8 bits and is not padded to words."""
    if depth == _BYTE and len(data) < 2 * max(count, 1):
        cells = np.frombuffer(data, dtype=np.uint8)
        # Bytes in words: a big endian file swaps each pair.
        return cells if dataset.little_endian else cells[: len(cells) // 2 * 2].reshape(-1, 2)[:, ::-1].reshape(-1)
    order = "<" if dataset.little_endian else ">"
    return np.frombuffer(data[: len(data) // 2 * 2], dtype=f"{order}u2").astype(np.uint16)


def _expanded(words: NDArray[Any], keyword: str) -> NDArray[Any]:
    """Return the entries that segments describe (PS3.3 C.7.9.2): discrete ones, lines, and repeated segments."""
    out: list[int] = []
    at = 0
    while at + 1 < len(words):
        if len(out) > MAX_ENTRIES:
            raise bad_element(keyword, f"describes at most {MAX_ENTRIES} entries", "more")
        at = _segment(words, at, out, keyword)
    return np.array(out, dtype=np.uint16)


def _segment(words: NDArray[Any], at: int, out: list[int], keyword: str, *, inside: bool = False) -> int:
    """Append what the segment at a place describes; return where the next one begins."""
    kind, length = int(words[at]), int(words[at + 1])
    if kind == _DISCRETE:
        out += words[at + 2 : at + 2 + length].tolist()
        return at + 2 + length
    if kind == _LINEAR and out and at + 2 < len(words):
        last, end = out[-1], int(words[at + 2])
        out += np.rint(np.linspace(last, end, length + 1)[1:]).astype(int).tolist()
        return at + 3
    if kind == _INDIRECT and not inside and at + 3 < len(words):
        offset = (int(words[at + 2]) | int(words[at + 3]) << 16) // 2
        for _ in range(length):
            if offset + 1 >= len(words) or len(out) > MAX_ENTRIES:
                break
            offset = _segment(words, offset, out, keyword, inside=True)
        return at + 4
    raise bad_element(keyword, "holds discrete, linear and indirect segments", f"none begins at word {at + 1}")


def modality_table(dataset: DataSet, *, signed: bool) -> LookUp | None:
    """Return the table that turns stored values into physical ones where no line does, None where there is none."""
    items = dataset.items("ModalityLUTSequence")
    if not items:
        return None
    count, first, depth = _descriptor(items[0], "LUTDescriptor", signed=signed)
    data = items[0].raw("LUTData")
    if not data:
        raise missing_element("LUTData")
    entries = _cells(items[0], data, count=count, depth=depth)
    if len(entries) < count:
        raise _too_short("LUTData", len(entries), count)
    return LookUp(first, entries[:count].astype(np.int64))
