"""Parsing the bytes of a DICOM file into its elements, without recursion and within stated limits."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from pydicom.datadict import dictionary_VR

from data_catalog.errors import BadData
from tasks.formats.dicom.elements import PIXEL_KEYWORDS, DataSet, DicomFile, corrupt, tag_of, unreasonable
from tasks.formats.inflate import RAW, inflate

MAX_DEPTH = 16
"""Sequences within sequences; real files stay below 8."""
MAX_ELEMENTS = 100_000
"""Elements of one file, nested ones included."""
MAX_HEADER_BYTES = 64 << 20
"""Everything but the pixels."""
INFLATE_RATIO = 200
"""A deflated file may grow so many times, ..."""
INFLATE_FLOOR = 64 << 20
"""... or to this size, whichever is more."""

PREAMBLE = 128
MAGIC = b"DICM"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DELIMITERS = 0xFFFE
_META_GROUP, _IDENTITY_GROUP = 0x0002, 0x0008
_HEADER_BYTES = 8
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_BYTES_VRS = frozenset({b"OB", b"OW", b"OD", b"OF", b"OL", b"OV"})


def is_dicom(data: bytes) -> bool:
    """Say whether the bytes begin as a DICOM file does: with the preamble, or with its first groups."""
    if data[PREAMBLE : PREAMBLE + 4] == MAGIC:
        return True
    first_group = int.from_bytes(data[:2], "little") if len(data) >= _HEADER_BYTES else 0
    return first_group in {_META_GROUP, _IDENTITY_GROUP} and data[3:4] == b"\0"


def parse(data: bytes) -> DicomFile:
    """Return the elements of a DICOM file; pixel data stay encoded, as views of `data`.

    A file that is cut off within its pixels has a whole header: it tells which series is not whole.

    Raises `BadData`: `not_dicom`, `corrupt_file` where an element or item reaches beyond what holds it,
    `unreasonable_header` beyond the limits above.
    """
    if not is_dicom(data):
        raise BadData(
            "not_dicom", "A DICOM file begins with DICM after 128 bytes", "this one does not", "Leave the file out."
        )
    start = PREAMBLE + len(MAGIC) if data[PREAMBLE : PREAMBLE + 4] == MAGIC else 0
    meta_end, syntax = _meta(memoryview(data), start)
    body = memoryview(data)[meta_end:]
    syntax = syntax or _guessed(body)
    if syntax == DEFLATED:
        body = memoryview(inflate(body, RAW, max(INFLATE_FLOOR, INFLATE_RATIO * len(body))))
    walk = _Walk(body, little=syntax != EXPLICIT_BIG)
    dataset = walk.read(implicit=syntax == IMPLICIT_LITTLE)
    return DicomFile(syntax, dataset, encapsulated=walk.encapsulated, is_cut=walk.is_cut)


def _meta(data: memoryview, start: int) -> tuple[int, str]:
    """Return where the file meta information ends, and the transfer syntax it names."""
    walk, at = _Walk(data, little=True), start
    syntax = ""
    while len(data) - at >= _HEADER_BYTES and int.from_bytes(data[at : at + 2], "little") == _META_GROUP:
        element = walk.header(at, implicit=False)
        at = element.start + element.length
        if element.length == _UNDEFINED or at > len(data):
            raise corrupt("an element of the file meta information reaches beyond the file")
        if element.tag == tag_of("TransferSyntaxUID"):
            syntax = bytes(data[element.start : at]).decode("ascii", errors="replace").strip(" \0")
    return at, syntax


def _guessed(body: memoryview) -> str:
    return EXPLICIT_LITTLE if _looks_explicit(body[4:6]) else IMPLICIT_LITTLE


def _looks_explicit(vr: memoryview | bytes) -> bool:
    return bytes(vr).isalpha() and bytes(vr).isupper()


@cache
def _is_sequence(tag: int) -> bool:
    try:
        return str(dictionary_VR(tag)) == "SQ"
    except KeyError:
        return False


@cache
def _pixel_tags() -> frozenset[int]:
    return frozenset(tag_of(keyword) for keyword in PIXEL_KEYWORDS)


class _Element(NamedTuple):
    tag: int
    vr: bytes
    length: int
    start: int


@dataclass
class _Level:
    """A data set or a sequence that is being read; `open` when a delimiter ends it."""

    end: int
    open: bool
    implicit: bool | None
    owner: DataSet
    items: list[DataSet] | None = None


class _Walk:
    """Read elements one after the other, the open levels on a stack of its own."""

    def __init__(self, body: memoryview, *, little: bool) -> None:
        self.body = body
        self.little = little
        order = "<" if little else ">"
        self._short = struct.Struct(order + "HH2sH").unpack_from
        self._plain = struct.Struct(order + "HHL").unpack_from
        self._long = struct.Struct(order + "L").unpack_from
        self.at = 0
        self.count = 0
        self.pixel_bytes = 0
        self.encapsulated = False
        self.is_cut = False
        self.levels: list[_Level] = []

    def read(self, *, implicit: bool) -> DataSet:
        top = DataSet(little_endian=self.little)
        self.levels = [_Level(len(self.body), open=False, implicit=implicit, owner=top)]
        while self.levels:
            level = self.levels[-1]
            if self.at >= level.end:
                self._leave(level)
            elif level.items is not None:
                self._item(level, level.items)
            else:
                self._element(level)
        if len(self.body) - self.pixel_bytes > MAX_HEADER_BYTES:
            raise unreasonable(f"A header has at most {MAX_HEADER_BYTES} bytes", "it has more")
        return top

    def header(self, at: int, *, implicit: bool | None) -> _Element:
        """Read a tag, its VR and length; a VR that is not two capitals is none, as in implicit files."""
        if len(self.body) - at < _HEADER_BYTES:
            raise corrupt("it ends within an element")
        group, number, vr, length = self._short(self.body, at)
        tag = group << 16 | number
        if implicit is None:
            implicit = not _looks_explicit(vr)
        if implicit or group == _DELIMITERS or not _looks_explicit(vr):
            return _Element(tag, b"", self._plain(self.body, at)[2], at + 8)
        if vr not in _LONG_VRS:
            return _Element(tag, vr, length, at + 8)
        if len(self.body) - at < _HEADER_BYTES + 4:
            raise corrupt("it ends within an element")
        return _Element(tag, vr, self._long(self.body, at + 8)[0], at + 12)

    def _leave(self, level: _Level) -> None:
        if level.open:
            raise corrupt("a sequence or an item does not end")
        self.levels.pop()

    def _item(self, level: _Level, items: list[DataSet]) -> None:
        element = self.header(self.at, implicit=True)
        self.at = element.start
        if element.tag == _SEQUENCE_END and level.open:
            self.levels.pop()
            return
        if element.tag != _ITEM:
            raise corrupt("something other than an item stands in a sequence")
        self._count()
        items.append(DataSet(little_endian=self.little, parent=level.owner))
        end = self._end(element, level)
        self.levels.append(_Level(end, element.length == _UNDEFINED, level.implicit, items[-1]))

    def _element(self, level: _Level) -> None:
        if self._is_padding(level):
            return
        element = self.header(self.at, implicit=level.implicit)
        self.at = element.start
        if element.tag == _ITEM_END and level.open:
            self.levels.pop()
            return
        if element.tag >> 16 == _DELIMITERS:
            raise corrupt("a delimiter stands where an element is due")
        self._count()
        end = self._pixel_end(element, level) if self._holds_pixels(element) else self._end(element, level)
        if self._opens_sequence(element):
            self._open_sequence(element, level, end)
        else:
            self._keep(element, level, end)

    def _is_padding(self, level: _Level) -> bool:
        """Skip fewer than eight zero bytes at the end of the file."""
        rest = self.body[self.at : self.at + _HEADER_BYTES]
        if len(self.levels) > 1 or len(rest) == _HEADER_BYTES or any(rest):
            return False
        self.at = level.end
        return True

    def _count(self) -> None:
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise unreasonable(f"A file has at most {MAX_ELEMENTS} elements", "it has more")

    def _end(self, element: _Element, level: _Level) -> int:
        end = level.end if element.length == _UNDEFINED else element.start + element.length
        if end > level.end:
            raise corrupt("an element is longer than what holds it")
        return end

    def _holds_pixels(self, element: _Element) -> bool:
        return len(self.levels) == 1 and element.tag in _pixel_tags()

    def _pixel_end(self, element: _Element, level: _Level) -> int:
        """Return where the pixels end: with the file where it is cut off within them, its header being whole."""
        end = level.end if element.length == _UNDEFINED else element.start + element.length
        self.is_cut = end > level.end
        return min(end, level.end)

    def _opens_sequence(self, element: _Element) -> bool:
        if element.length == _UNDEFINED:
            return element.vr not in _BYTES_VRS and element.tag != tag_of("PixelData")
        return element.vr == b"SQ" or (not element.vr and _is_sequence(element.tag))

    def _open_sequence(self, element: _Element, level: _Level, end: int) -> None:
        if len(self.levels) > 2 * MAX_DEPTH:
            raise unreasonable(f"Sequences are nested at most {MAX_DEPTH} deep", "they are nested deeper")
        items = level.owner.sequences[element.tag] = []
        # An element of unknown VR holds implicit elements by the standard, explicit ones in some files.
        implicit = None if element.vr == b"UN" else level.implicit
        self.levels.append(_Level(end, element.length == _UNDEFINED, implicit, level.owner, items))

    def _keep(self, element: _Element, level: _Level, end: int) -> None:
        if element.length == _UNDEFINED:
            end = self._fragments(level)
        level.owner.values[element.tag] = self.body[element.start : end]
        if self._holds_pixels(element):
            self.pixel_bytes = end - element.start
            self.encapsulated = element.length == _UNDEFINED
        self.at = end if element.length != _UNDEFINED else self.at

    def _fragments(self, level: _Level) -> int:
        """Step over the fragments of encapsulated bytes; return where they end, before the delimiter."""
        while True:
            before = self.at
            fragment = self.header(before, implicit=True)
            if fragment.tag == _SEQUENCE_END:
                self.at = fragment.start
                return before
            if fragment.tag != _ITEM or fragment.length == _UNDEFINED:
                raise corrupt("something other than a fragment stands in the pixel data")
            self._count()
            self.at = self._end(fragment, level)
