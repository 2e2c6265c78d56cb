"""Walking over the elements of a DICOM file: one after the other, the open sequences on a stack, within limits."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from tasks.formats.dicom.elements import PIXEL_KEYWORDS, DataSet, corrupt, tag_of, unreasonable

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import Encoded

MAX_DEPTH = 16
"""Sequences within sequences; real files stay below 8."""
MAX_ELEMENTS = 100_000
"""Elements of one file, nested ones and items included."""
MAX_HEADER_BYTES = 64 << 20
"""Everything but the pixels."""

UNDEFINED = 0xFFFFFFFF
SHORT, LONG = 8, 12
"""Bytes before the value of an element, and of one with a long length."""
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DELIMITERS, _PIXEL_GROUP = 0xFFFE, 0x7FE0
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_BYTES_VRS = frozenset(b"OB OD OF OL OV OW".split())
_VALUE_VRS = LONG_VRS - {b"SQ"}


def looks_explicit(vr: bytes) -> bool:
    """Say whether two bytes are capitals, as a VR is; in an implicit file they are half of a length."""
    return vr.isalpha() and vr.isupper()


@cache
def _pixel_tags() -> frozenset[int]:
    return frozenset(tag_of(keyword) for keyword in PIXEL_KEYWORDS)


@cache
def _sequence_tags() -> frozenset[int]:
    from pydicom.datadict import DicomDictionary

    return frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")


@cache
def _special_tags() -> frozenset[int]:
    """Return the tags that are more than a length and a value, in a file that states no VR."""
    return _sequence_tags() | _pixel_tags()


class _Element(NamedTuple):
    tag: int
    vr: bytes
    length: int
    start: int


@dataclass(slots=True)
class _Level:
    """A data set or a sequence that is being read; `is_open` when a delimiter ends it."""

    end: int
    is_open: bool
    implicit: bool
    owner: DataSet
    items: list[DataSet] | None = None


class Walk:
    """Read the elements of a file from a place on.

    Parameters
    ----------
    encoded : Encoded
        The file; more of it is got as the header goes on.
    at : int
        Where the first element stands.
    little, implicit : bool
        Byte order, and whether elements have no VR.
    whole : bool
        Whether to go over the pixels' fragments and on behind them; else the pixels end the walk.
    """

    def __init__(self, encoded: Encoded, at: int, *, little: bool, implicit: bool, whole: bool) -> None:
        order = "<" if little else ">"
        self._short = struct.Struct(order + "HH2sH").unpack_from
        self._plain = struct.Struct(order + "HHL").unpack_from
        self._long = struct.Struct(order + "L").unpack_from
        self.encoded = encoded
        self.at = at
        self.whole = whole
        self.count = 0
        self.encapsulated = False
        self.is_cut = False
        self.pixels: tuple[int, int] | None = None
        self.top = DataSet(little_endian=little, encoded=encoded)
        self.levels = [_Level(encoded.size, False, implicit, self.top)]  # noqa: FBT003 - in the order of the fields

    def read(self) -> DataSet:
        """Return the top level.

        Raises `BadData`: `corrupt_file` where an element or item reaches beyond what holds it, `unreasonable_header`
        beyond the limits above.
        """
        levels = self.levels
        while levels:
            level = levels[-1]
            if level.items is None:
                self._elements(level)
            else:
                self._item(level, level.items)
        _require_no_delimiter(self.top)
        self._require_reasonable()
        return self.top

    def _require_reasonable(self) -> None:
        start, stop = self.pixels or (self.encoded.size, self.encoded.size)
        header = self.encoded.size - (stop - start) if self.whole else start
        if header > MAX_HEADER_BYTES:
            raise unreasonable(f"A header has at most {MAX_HEADER_BYTES} bytes", "it has more")
        self._reach(start)

    def _reach(self, stop: int) -> None:
        """Have the bytes up to a place."""
        if stop > MAX_HEADER_BYTES + LONG and stop > len(self.encoded.head):
            raise unreasonable(f"A header has at most {MAX_HEADER_BYTES} bytes", "it has more")
        if not self.encoded.reach(stop):
            raise corrupt("it ends within an element")

    def _elements(self, level: _Level) -> None:
        """Read elements up to one that is more than a value, or to the end of the level or of what was read."""
        limit = min(level.end, len(self.encoded.head)) - SHORT + 1
        if self.at < limit:
            (self._implicit if level.implicit else self._explicit)(level.owner.places, limit)
        if self.at < limit:
            self._special(level)
        elif self.at >= level.end:
            self._leave(level)
        elif level.end - self.at < SHORT:
            self._pad(level)
        else:
            self._reach(self.at + SHORT)

    def _explicit(self, places: dict[int, tuple[int, int]], limit: int) -> None:
        head, short, long, pixels = self.encoded.head, self._short, self._long, _pixel_tags()
        at = self.at
        for count in range(self.count, MAX_ELEMENTS):  # noqa: B007 - it is used below
            if at >= limit:
                break
            group, number, vr, length = short(head, at)
            tag, start = group << 16 | number, at + SHORT
            if group == _PIXEL_GROUP and tag in pixels:
                break
            if vr not in SHORT_VRS:
                start = at + LONG
                if vr not in _VALUE_VRS or start > len(head):
                    break
                length = long(head, at + SHORT)[0]
                if length == UNDEFINED:
                    break
            at = start + length
            places[tag] = start, at
        else:
            count = MAX_ELEMENTS
        self.at, self.count = at, count

    def _implicit(self, places: dict[int, tuple[int, int]], limit: int) -> None:
        head, plain, special = self.encoded.head, self._plain, _special_tags()
        at = self.at
        for count in range(self.count, MAX_ELEMENTS):  # noqa: B007 - it is used below
            if at >= limit:
                break
            group, number, length = plain(head, at)
            tag, start = group << 16 | number, at + SHORT
            if tag in special or length == UNDEFINED or group == _DELIMITERS:
                break
            at = start + length
            places[tag] = start, at
        else:
            count = MAX_ELEMENTS
        self.at, self.count = at, count

    def _leave(self, level: _Level) -> None:
        if self.at > level.end:
            raise corrupt("an element is longer than what holds it")
        if level.is_open:
            raise corrupt("a sequence or an item does not end")
        self._close(level)

    def _close(self, level: _Level) -> None:
        if level.items is None:
            _require_no_delimiter(level.owner)
        self.levels.pop()

    def _pad(self, level: _Level) -> None:
        """Skip fewer than eight zero bytes at the end of the file."""
        self._reach(level.end)
        if len(self.levels) > 1 or any(self.encoded.head[self.at : level.end]):
            raise corrupt("it ends within an element")
        self.at = level.end

    def _header(self, *, implicit: bool) -> _Element:
        """Read a tag, its VR and length; a VR that is not two capitals is none, as in implicit files."""
        at = self.at
        self._reach(at + SHORT)
        group, number, vr, length = self._short(self.encoded.head, at)
        tag = group << 16 | number
        if implicit or group == _DELIMITERS or not looks_explicit(vr):
            return _Element(tag, b"", self._plain(self.encoded.head, at)[2], at + SHORT)
        if vr not in LONG_VRS:
            return _Element(tag, vr, length, at + SHORT)
        self._reach(at + LONG)
        return _Element(tag, vr, self._long(self.encoded.head, at + SHORT)[0], at + LONG)

    def _item(self, level: _Level, items: list[DataSet]) -> None:
        if self.at >= level.end:
            self._leave(level)
            return
        element = self._header(implicit=True)
        self.at = element.start
        if element.tag == _SEQUENCE_END and level.is_open:
            self._close(level)
            return
        if element.tag != _ITEM:
            raise corrupt("something other than an item stands in a sequence")
        self._count()
        items.append(DataSet(little_endian=self.top.little_endian, parent=level.owner, encoded=self.encoded))
        end = self._end(element, level)
        self.levels.append(_Level(end, element.length == UNDEFINED, level.implicit, items[-1]))

    def _special(self, level: _Level) -> None:
        element = self._header(implicit=level.implicit)
        self.at = element.start
        if element.tag == _ITEM_END and level.is_open:
            self._close(level)
            return
        if element.tag >> 16 == _DELIMITERS:
            raise corrupt("a delimiter stands where an element is due")
        self._count()
        if len(self.levels) == 1 and element.tag in _pixel_tags():
            self._keep_pixels(element, level)
        elif self._opens_sequence(element):
            self._open_sequence(element, level)
        else:
            end = self._fragments(level) if element.length == UNDEFINED else self._end(element, level)
            self._keep(element, level, end)

    def _count(self) -> None:
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise unreasonable(f"A file has at most {MAX_ELEMENTS} elements", "it has more")

    def _end(self, element: _Element, level: _Level) -> int:
        end = level.end if element.length == UNDEFINED else element.start + element.length
        if end > level.end:
            raise corrupt("an element is longer than what holds it")
        return end

    def _opens_sequence(self, element: _Element) -> bool:
        if element.length == UNDEFINED:
            return element.vr not in _BYTES_VRS and element.tag not in _pixel_tags()
        return element.vr == b"SQ" or (not element.vr and element.tag in _sequence_tags())

    def _open_sequence(self, element: _Element, level: _Level) -> None:
        if len(self.levels) > 2 * MAX_DEPTH:
            raise unreasonable(f"Sequences are nested at most {MAX_DEPTH} deep", "they are nested deeper")
        items = level.owner.sequences[element.tag] = []
        # An element of unknown VR holds implicit elements by the standard, explicit ones in some files.
        implicit = level.implicit and element.vr != b"UN"
        end = self._end(element, level)
        self.levels.append(_Level(end, element.length == UNDEFINED, implicit, level.owner, items))

    def _keep(self, element: _Element, level: _Level, end: int) -> None:
        level.owner.places[element.tag] = element.start, end
        if element.length != UNDEFINED:
            self.at = end

    def _keep_pixels(self, element: _Element, level: _Level) -> None:
        """Note where the pixels are: to the end of the file where it is cut off within them, its header being whole."""
        self.encapsulated = element.length == UNDEFINED
        end = level.end if self.encapsulated else element.start + element.length
        self.is_cut = end > level.end
        if self.encapsulated and self.whole:
            end = self._fragments(level)
        self.pixels = element.start, min(end, level.end)
        self._keep(element, level, self.pixels[1])
        if not self.whole:
            self.levels.clear()

    def _fragments(self, level: _Level) -> int:
        """Step over the fragments of encapsulated bytes; return where they end, before the delimiter."""
        while True:
            before = self.at
            fragment = self._header(implicit=True)
            self.at = fragment.start
            if fragment.tag == _SEQUENCE_END:
                return before
            if fragment.tag != _ITEM or fragment.length == UNDEFINED:
                raise corrupt("something other than a fragment stands in the pixel data")
            self._count()
            self.at = self._end(fragment, level)


def _require_no_delimiter(dataset: DataSet) -> None:
    """Raise `BadData` where the length of a stray delimiter was taken for a VR."""
    places = dataset.places
    if places and max(places) >> 16 >= _DELIMITERS and any(tag >> 16 == _DELIMITERS for tag in places):
        raise corrupt("a delimiter stands where an element is due")
