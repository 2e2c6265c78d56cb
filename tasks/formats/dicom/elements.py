"""The elements of a DICOM file: values by keyword and nested data sets, read within stated limits.

Nothing here prints a value: an error names the element and says what is wrong with it.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from pydicom.charset import python_encoding
from pydicom.datadict import tag_for_keyword

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_MAGNITUDE = 1e15
"""No length, position or scale of a scan is larger; sums and products of such numbers stay finite."""
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"\d{8}", re.ASCII)
_BLANKS = " \0\t\r\n"


class DataSet:
    """Hold one level of a DICOM file: encoded values by tag, and the items of its sequences.

    Parameters
    ----------
    little_endian : bool
        Byte order of binary values.
    parent : DataSet or None
        The level above, whose character set holds where this one names none.
    """

    __slots__ = ("little_endian", "parent", "sequences", "values")

    def __init__(self, *, little_endian: bool, parent: DataSet | None = None) -> None:
        self.little_endian = little_endian
        self.parent = parent
        self.values: dict[int, memoryview] = {}
        self.sequences: dict[int, list[DataSet]] = {}

    def raw(self, keyword: str) -> memoryview | None:
        """Return the encoded value, or None where the element is absent."""
        return self.values.get(tag_of(keyword))

    def items(self, keyword: str) -> Sequence[DataSet]:
        """Return the items of a sequence, none where it is absent."""
        return self.sequences.get(tag_of(keyword), ())

    def text(self, keyword: str) -> str:
        """Return the value as text without the padding around it, '' where it is absent."""
        value = self.raw(keyword)
        return "" if value is None else bytes(value).decode(self._codec(), errors="replace").strip(_BLANKS)

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return the values between backslashes, none where the element is absent or empty."""
        text = self.text(keyword)
        return tuple(part.strip(_BLANKS) for part in text.split("\\")) if text else ()

    def numbers(self, keyword: str, count: int | None = None) -> tuple[float, ...]:
        """Return the decimal numbers of an element, none where it is absent or empty.

        Raises `BadData` `bad_element` where one is no finite number, or where there are not `count`.
        """
        texts = self.texts(keyword)
        numbers = tuple(float(text) for text in texts if _NUMBER.fullmatch(text))
        if len(numbers) != len(texts) or any(abs(number) > MAX_MAGNITUDE for number in numbers):
            raise bad_element(keyword, "holds finite decimal numbers", "something else")
        if count is not None and numbers and len(numbers) != count:
            raise bad_element(keyword, f"holds {count} numbers", f"{len(numbers)}")
        return numbers

    def number(self, keyword: str) -> float | None:
        """Return the one decimal number of an element, None where it is absent or empty."""
        numbers = self.numbers(keyword, count=1)
        return numbers[0] if numbers else None

    def day(self, keyword: str) -> date | None:
        """Return the date of an element, None where it is absent or empty."""
        text = self.text(keyword).replace(".", "")
        if not text:
            return None
        try:
            return date.fromisoformat(text if _DATE.fullmatch(text) else "")
        except ValueError:
            raise bad_element(keyword, "is a date (YYYYMMDD)", "another text") from None

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
            named = level.values.get(tag_of("SpecificCharacterSet"))
            if named is not None:
                return _codec_of(bytes(named))
            level = level.parent
        return "latin-1"


@dataclass(frozen=True)
class DicomFile:
    """Hold what one DICOM file says.

    Parameters
    ----------
    transfer_syntax : str
        UID of how the pixels are encoded.
    dataset : DataSet
        The top level.
    encapsulated : bool
        Whether the pixel data come as fragments of a compressed stream.
    is_cut : bool
        Whether the file ends before its pixels do.
    """

    transfer_syntax: str
    dataset: DataSet
    encapsulated: bool
    is_cut: bool = False

    @property
    def pixel_keyword(self) -> str | None:
        """Name of the element that holds the pixels, None where there is none."""
        return next((keyword for keyword in PIXEL_KEYWORDS if self.dataset.raw(keyword) is not None), None)


@cache
def tag_of(keyword: str) -> int:
    """Return the tag of an element by the standard's keyword, as group * 65536 + element."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return int(tag)


@cache
def _codec_of(named: bytes) -> str:
    """Return Python's codec for a value of Specific Character Set; unknown ones are read as Latin-1."""
    names = [part.strip(_BLANKS) for part in named.decode("ascii", errors="replace").split("\\")]
    known = [python_encoding[name] for name in names if name in python_encoding]
    return str(known[-1]) if known else "latin-1"


def bad_element(keyword: str, rule: str, came: str) -> BadData:
    """Return the refusal of an element whose value breaks a rule; `came` never holds the value."""
    return BadData("bad_element", f"{keyword} {rule}", came, "Correct the header, or leave the file out.")


def missing_element(keyword: str) -> BadData:
    """Return the refusal of a file that lacks an element."""
    return BadData("missing_element", f"The file has {keyword}", "it has none", "Export the file again.")


def corrupt(came: str) -> BadData:
    """Return the refusal of bytes that break the format's structure."""
    return BadData("corrupt_file", "The file is whole DICOM", came, "Copy or export the file again.")


def unreasonable(expected: str, came: str) -> BadData:
    """Return the refusal of a file beyond the stated limits."""
    return BadData("unreasonable_header", expected, came, "Check where the file comes from.")
