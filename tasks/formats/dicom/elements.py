"""The elements of a DICOM file: values by keyword and nested data sets, read within stated limits.

Nothing here prints a value: an error names the element and says what is wrong with it.
"""

from __future__ import annotations

import re
import struct
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from data_catalog.errors import BadData
from tasks.formats.content import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from tasks.formats.content import Content

Result = TypeVar("Result")
Frozen = TypeVar("Frozen")

MAX_MAGNITUDE = 1e15
"""No length, position or scale of a scan is larger; sums and products of such numbers stay finite."""
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_NUMBER = r"[ \t\r\n]*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?[ \t\r\n]*"
_NUMBERS = re.compile(rf"{_NUMBER}(?:\\{_NUMBER})*", re.ASCII)
_DECIMALS = "holds finite decimal numbers"
_DATE = re.compile(r"\d{8}", re.ASCII)
_BLANKS = " \0\t\r\n"
_ESCAPE = b"\x1b"
"""Begins the change to another character set."""
_CHARACTER_SET = 0x00080005


class Encoded:
    """Hold the bytes of a file as far as they were read; get others when they are asked for.

    Parameters
    ----------
    content : Content
        The file, inflated.
    head : bytes
        What was read of its beginning.
    """

    __slots__ = ("content", "head", "size")

    def __init__(self, content: Content, head: bytes) -> None:
        self.content = content
        self.head = head
        self.size = content.size

    def reach(self, stop: int) -> bool:
        """Have the bytes up to a place, and more at once since others follow; say whether there are so many."""
        held = len(self.head)
        if held < stop <= self.size:
            self.head += self.content.range(held, max(stop, 2 * held))
        return stop <= self.size

    def between(self, start: int, stop: int) -> memoryview:
        """Return the bytes from `start` up to `stop`."""
        if stop <= len(self.head):
            return memoryview(self.head)[start:stop]
        return memoryview(self.content.range(start, stop))


NOTHING = Encoded(Held(b""), b"")


class DataSet:
    """Hold one level of a DICOM file: where the values stand by tag, and the items of its sequences.

    Parameters
    ----------
    little_endian : bool
        Byte order of binary values.
    parent : DataSet or None
        The level above, whose character set holds where this one names none.
    encoded : Encoded
        The file's bytes.
    """

    __slots__ = ("encoded", "little_endian", "parent", "places", "sequences")

    def __init__(self, *, little_endian: bool, parent: DataSet | None = None, encoded: Encoded = NOTHING) -> None:
        self.little_endian = little_endian
        self.parent = parent
        self.encoded = encoded
        self.places: dict[int, tuple[int, int]] = {}
        self.sequences: dict[int, list[DataSet]] = {}

    def place(self, tag: int) -> tuple[int, int] | None:
        """Return where the value of an element begins and ends, None where it is absent."""
        return self.places.get(tag)

    def items_of(self, tag: int) -> Sequence[DataSet]:
        """Return the items of a sequence by its tag, none where it is absent."""
        return self.sequences.get(tag, ())

    def remembered(self, function: Callable[..., Result], *more: Hashable) -> Result:
        """Return what a function makes of the data set; where others like it are at hand, it may be remembered.

        `function` takes the data set and `more`, and depends on nothing else.
        """
        return function(self, *more)

    def value(self, tag: int) -> memoryview | None:
        """Return the encoded value by its tag, or None where the element is absent."""
        place = self.place(tag)
        return None if place is None else self.encoded.between(*place)

    def raw(self, keyword: str) -> memoryview | None:
        """Return the encoded value, or None where the element is absent."""
        return self.value(tag_of(keyword))

    def items(self, keyword: str) -> Sequence[DataSet]:
        """Return the items of a sequence, none where it is absent."""
        return self.items_of(tag_of(keyword))

    def text(self, keyword: str) -> str:
        """Return the value as text without the padding around it, '' where it is absent."""
        place = self.place(tag_of(keyword))
        if place is None:
            return ""
        value = self.encoded.head[place[0] : place[1]]
        if len(value) != place[1] - place[0]:
            value = bytes(self.encoded.between(*place))
        is_plain = value.isascii() and _ESCAPE not in value
        return value.decode("ascii" if is_plain else self._codec(), errors="replace").strip(_BLANKS)

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return the values between backslashes, none where the element is absent or empty."""
        text = self.text(keyword)
        return tuple(part.strip(_BLANKS) for part in text.split("\\")) if text else ()

    def numbers(self, keyword: str, count: int | None = None) -> tuple[float, ...]:
        """Return the decimal numbers of an element, none where it is absent or empty.

        Raises `BadData` `bad_element` where one is no finite number, or where there are not `count`.
        """
        text = self.text(keyword).replace("\0", " ")
        if not text:
            return ()
        if not _NUMBERS.fullmatch(text):
            raise _no_numbers(keyword, text)
        numbers = tuple(map(float, text.split("\\")))
        if max(map(abs, numbers)) > MAX_MAGNITUDE:
            raise bad_element(keyword, _DECIMALS, f"a number beyond {MAX_MAGNITUDE:g}")
        if count is not None and numbers and len(numbers) != count:
            raise bad_element(keyword, f"holds {count} numbers", f"it holds {len(numbers)}")
        return numbers

    def number(self, keyword: str) -> float | None:
        """Return the one decimal number of an element, None where it is absent or empty."""
        numbers = self.numbers(keyword, count=1)
        return numbers[0] if numbers else None

    def day(self, keyword: str) -> date | None:
        """Return the date of an element, None where it is absent or none, as where it was made anonymous."""
        text = self.text(keyword).replace(".", "")
        try:
            return date.fromisoformat(text) if _DATE.fullmatch(text) else None
        except ValueError:
            return None

    def integer(self, keyword: str, *, signed: bool = False) -> int | None:
        """Return the first 16-bit whole number of an element, None where it is absent or empty."""
        value = self.raw(keyword)
        if not value:
            return None
        if len(value) < 2:  # noqa: PLR2004 - bytes of a 16-bit number
            raise bad_element(keyword, "is a 16-bit number", "a single byte")
        number: int = struct.unpack(("<" if self.little_endian else ">") + ("h" if signed else "H"), value[:2])[0]
        return number

    def require_text(self, keyword: str) -> str:
        """Return the text of an element that must be there."""
        text = self.text(keyword)
        if not text:
            raise missing_element(keyword)
        return text

    def require_integer(self, keyword: str) -> int:
        """Return the 16-bit whole number of an element that must be there."""
        number = self.integer(keyword)
        if number is None:
            raise missing_element(keyword)
        return number

    def _codec(self) -> str:
        level: DataSet | None = self
        while level is not None:
            named = level.place(_CHARACTER_SET)
            if named is not None:
                return _codec_of(bytes(self.encoded.between(*named)))
            level = level.parent
        return "latin-1"


class Without(DataSet):
    """Hide one element of a data set."""

    __slots__ = ("of", "tag")

    def __init__(self, of: DataSet, keyword: str) -> None:
        super().__init__(little_endian=of.little_endian, parent=of.parent, encoded=of.encoded)
        self.of = of
        self.tag = tag_of(keyword)

    def place(self, tag: int) -> tuple[int, int] | None:
        """Return where the value of an element begins and ends, None where it is absent."""
        return None if tag == self.tag else self.of.place(tag)

    def items_of(self, tag: int) -> Sequence[DataSet]:
        """Return the items of a sequence by its tag, none where it is absent."""
        return self.of.items_of(tag)


class DicomFile(NamedTuple):
    """Hold what one DICOM file says."""

    transfer_syntax: str
    """UID of how the pixels are encoded."""
    dataset: DataSet
    """The top level."""
    encapsulated: bool
    """Whether the pixel data come as fragments of a compressed stream."""
    is_cut: bool
    """Whether the file ends before its pixels do; told of pixels that are not encapsulated."""
    content: Content
    """The file; for the deflated syntax what was inflated of it."""
    pixels: tuple[int, int] | None
    """Where the pixels' value begins and ends in `content`; fragments may end before. None where there are none."""
    head: memoryview
    """The bytes before the pixels, by which the file is known."""
    meta: Mapping[int, tuple[int, int]]
    """Where the values of the file meta information stand, by tag; empty where that was not looked at."""

    @property
    def pixel_keyword(self) -> str | None:
        """Name of the element that holds the pixels, None where there is none."""
        return next((keyword for keyword in PIXEL_KEYWORDS if self.dataset.place(tag_of(keyword)) is not None), None)


def changed(record: Frozen, **changes: object) -> Frozen:
    """Return a frozen record with other values for some fields, as `replace` does in five times the time."""
    copy = object.__new__(type(record))
    copy.__dict__.update(record.__dict__, **changes)
    return copy


@cache
def tag_of(keyword: str) -> int:
    """Return the tag of an element by the standard's keyword, as group * 65536 + element."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return int(tag)


@cache
def _codec_of(named: bytes) -> str:
    """Return Python's codec for a value of Specific Character Set; unknown ones are read as Latin-1."""
    from pydicom.charset import python_encoding

    names = [part.strip(_BLANKS) for part in named.decode("ascii", errors="replace").split("\\")]
    known = [python_encoding[name] for name in names if name in python_encoding]
    return str(known[-1]) if known else "latin-1"


def bad_element(keyword: str, rule: str, came: str) -> BadData:
    """Return the refusal of an element whose value breaks a rule; `came` never holds the value."""
    return BadData("bad_element", f"{keyword} {rule}", came, "Correct the header, or leave the file out.")


def _no_numbers(keyword: str, text: str) -> BadData:
    """Return the refusal of a list of numbers in which some are none."""
    parts = text.split("\\")
    odd = [k for k, part in enumerate(parts, start=1) if not _NUMBERS.fullmatch(part)]
    which = (
        "it is none"
        if len(parts) == 1
        else f"{len(odd)} of its {len(parts)} values are none, the first is value {odd[0]}"
    )
    return bad_element(keyword, _DECIMALS, which)


def another_count(found: int, wanted: int, what: str) -> str:
    """Return what to say of a list of another length, without the number that the file states."""
    return f"{found} {what}, {abs(found - wanted)} too {'few' if found < wanted else 'many'}"


def missing_element(keyword: str) -> BadData:
    """Return the refusal of a file that lacks an element."""
    return BadData("missing_element", f"The file has {keyword}", "it has none", "Export the file again.")


def corrupt(came: str) -> BadData:
    """Return the refusal of bytes that break the format's structure."""
    return BadData("corrupt_file", "The file is whole DICOM", came, "Copy or export the file again.")


def unreasonable(expected: str, came: str) -> BadData:
    """Return the refusal of a file beyond the stated limits."""
    return BadData("unreasonable_header", expected, came, "Check where the file comes from.")
