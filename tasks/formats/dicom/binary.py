"""Numbers of elements, binary ones too: of public elements by their dictionary, of private ones by their block."""

from __future__ import annotations

import math
import re
import struct
from functools import cache
from typing import TYPE_CHECKING

from tasks.formats.dicom.elements import MAX_MAGNITUDE, bad_element, tag_of

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet

_FORMATS = {"FD": "d", "FL": "f", "UL": "L", "SL": "l", "US": "H", "SS": "h", "OW": "H", "US or SS": "H"}
_FIRST_BLOCK, _LAST_BLOCK = 0x10, 0x2F
"""Blocks go up to 0xFF; files with more than a few in a group are not known."""
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


@cache
def _format_of(keyword: str) -> str:
    from pydicom.datadict import dictionary_VR

    return _FORMATS.get(str(dictionary_VR(tag_of(keyword))), "")


def numbers(dataset: DataSet, keyword: str, count: int | None = None) -> tuple[float, ...]:
    """Return the numbers of an element, binary or decimal as its dictionary says; none where it is absent or empty.

    Raises `BadData` `bad_element` where one is not finite, or where there are not `count`.
    """
    code = _format_of(keyword)
    if not code:
        return dataset.numbers(keyword, count)
    found = unpacked(dataset, dataset.raw(keyword), code)
    if found is None:
        raise bad_element(keyword, "holds finite binary numbers", "bytes that are no whole number of them")
    if not all(math.isfinite(one) and abs(one) <= MAX_MAGNITUDE for one in found):
        raise bad_element(
            keyword, "holds finite binary numbers", f"an infinite one, none, or one beyond {MAX_MAGNITUDE:g}"
        )
    if count is not None and found and len(found) != count:
        raise bad_element(keyword, f"holds {count} numbers", f"it holds {len(found)}")
    return found


def number(dataset: DataSet, keyword: str) -> float | None:
    """Return the first number of an element, None where it is absent or empty."""
    found = numbers(dataset, keyword)
    return found[0] if found else None


def unpacked(dataset: DataSet, value: memoryview | None, code: str) -> tuple[float, ...] | None:
    """Return binary numbers of `struct` format `code`, none where there is no value, None where the length is odd."""
    if not value:
        return ()
    size = struct.calcsize("<" + code)
    if len(value) % size:
        return None
    order = "<" if dataset.little_endian else ">"
    return tuple(float(one) for one in struct.unpack(f"{order}{len(value) // size}{code}", value))


def private(dataset: DataSet, group: int, creator: str, element: int) -> memoryview | None:
    """Return the encoded value of a private element of a named block, None where it is absent."""
    for block in range(_FIRST_BLOCK, _LAST_BLOCK + 1):
        if dataset.place(group << 16 | block) is None:
            continue
        named = bytes(dataset.value(group << 16 | block) or b"")
        if named.strip(b" \0").decode("latin-1").upper() == creator.upper():
            return dataset.value(group << 16 | block << 8 | element)
    return None


def private_decimals(dataset: DataSet, group: int, creator: str, element: int) -> tuple[float, ...]:
    """Return the decimal numbers of a private element, none where it is absent or holds something else."""
    value = private(dataset, group, creator, element)
    parts = [] if not value else bytes(value).decode("latin-1").strip(" \0").split("\\")
    texts = [part.strip() for part in parts]
    return tuple(map(float, texts)) if texts and all(_DECIMAL.fullmatch(text) for text in texts) else ()


def private_floats(dataset: DataSet, group: int, creator: str, element: int, code: str) -> tuple[float, ...]:
    """Return the binary numbers of a private element, none where it is absent or holds something else."""
    found = unpacked(dataset, private(dataset, group, creator, element), code) or ()
    return found if all(map(math.isfinite, found)) else ()
