"""NRRD (.nrrd, .nhdr with a data file, .seg.nrrd): images and label maps, turned to LPS (z, y, x)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from tasks.formats.inflate import GZIP, bunzip, inflate
from tasks.formats.nrrd_places import Places
from tasks.formats.voxels import (
    Samples,
    not_three_dimensional,
    ordered,
    require_size,
    required,
    samples_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MAGIC = b"NRRD000"
MAX_HEADER_BYTES = 1 << 20
MAX_AXES = 5
TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(
        ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"), "i8"
    ),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
_KEY_VALUE = re.compile(r"([^:]+):=(.*)")
_FIELD = re.compile(r"([^:]+):\s*(.*)")
_SPACE = 3


@dataclass(frozen=True)
class NrrdHeader:
    """Hold the header of a NRRD file: fields and key-value pairs by name, and where the data begin.

    Parameters
    ----------
    fields : mapping
        By name, in small letters and without blanks.
    pairs : mapping
        What follows `:=`, by name.
    end : int
        Where the header ends in its file.
    """

    fields: Mapping[str, str]
    pairs: Mapping[str, str]
    end: int

    @property
    def data_file(self) -> str | None:
        """Name of the file that holds the data, None where they follow the header."""
        return self.fields.get("datafile")


def is_nrrd(head: bytes) -> bool:
    """Say whether bytes begin as a NRRD file does."""
    return head.startswith(MAGIC)


def read_nrrd_header(data: bytes) -> NrrdHeader:
    """Return the header of a NRRD file; nothing of it is interpreted.

    Raises `BadData`: `not_nrrd`, `unreasonable_header` beyond 1 MiB, `corrupt_file` for a line that is none.
    """
    if not is_nrrd(data):
        raise BadData("not_nrrd", "A NRRD file begins with NRRD and its version", "this one does not", "Leave it out.")
    blank = re.search(rb"\r?\n\r?\n", data[:MAX_HEADER_BYTES])
    if blank is None and len(data) > MAX_HEADER_BYTES:
        raise BadData(
            "unreasonable_header", "A NRRD header has at most 1 MiB", "it has more", "Check where the file comes from."
        )
    end = len(data) if blank is None else blank.end()
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    for line in data[:end].decode("utf-8", errors="replace").splitlines()[1:]:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if (pair := _KEY_VALUE.fullmatch(text)) is not None:
            pairs[pair[1].strip()] = pair[2].strip()
        elif (found := _FIELD.fullmatch(text)) is not None:
            fields[found[1].replace(" ", "").lower()] = found[2].strip()
        else:
            raise _corrupt("a line of its header is neither a field nor a comment")
    return NrrdHeader(fields, pairs, end)


def samples_in(data: bytes, voxels: bytes | None = None, space: str | None = None) -> Samples:
    """Return what a NRRD file stores.

    Parameters
    ----------
    data : bytes
        The file.
    voxels : bytes or None
        Content of the data file, where the header names one.
    space : str or None
        Space (`LPS`, `RAS`, `LAS`) of a file that does not name its own; None refuses such files.

    Raises `BadData`: `not_nrrd`, `corrupt_file`, `unreasonable_header`, `encoding_not_supported`,
    `missing_voxels`, `not_three_dimensional`, `unknown_position`.
    """
    header = read_nrrd_header(data)
    sizes = _whole_numbers(header, "sizes")
    if not 2 <= len(sizes) <= MAX_AXES or str(len(sizes)) != header.fields.get("dimension"):  # noqa: PLR2004 - a plane
        raise not_three_dimensional(f"{len(sizes)} axes came")
    places = Places(header.fields, len(sizes), space)
    body, start = (data, header.end) if header.data_file is None else (required(voxels), 0)
    stored = _stored(header, memoryview(body)[start:], sizes)
    axes = places.axes
    values, names = stored, axes[::-1]
    if "z" not in axes:
        values, names = stored[None], ("z", *names)
    turned, leading = ordered(values, names)
    geometry, corrections = places.geometry(turned.shape[-_SPACE:])
    coords, told = places.times(turned.shape[0]) if "t" in leading else ({}, [])
    return Samples(turned, geometry, leading, coords, (*corrections, *told))


def _stored(header: NrrdHeader, body: memoryview, sizes: list[int]) -> NDArray[Any]:
    """Return the samples as they are stored, the fastest axis last."""
    kind = _sample_type(header)
    expected = require_size(sizes, kind.itemsize, len(body))
    encoding = header.fields.get("encoding", "").lower()
    body = body[_line_skip(body, _skip(header, "lineskip")) :]
    skip = _skip(header, "byteskip")
    if encoding == "raw":
        return samples_of(body, kind, sizes[::-1], len(body) - expected if skip < 0 else skip)
    limit = expected + max(skip, 0) + 1
    if encoding in {"gz", "gzip"}:
        return samples_of(inflate(body, GZIP, limit), kind, sizes[::-1], max(skip, 0))
    if encoding in {"bz2", "bzip2"}:
        return samples_of(bunzip(body, limit), kind, sizes[::-1], max(skip, 0))
    raise BadData(
        "encoding_not_supported",
        "The data of a NRRD file are raw, gzip or bzip2",
        "they are encoded otherwise",
        "Write the file again.",
    )


def _sample_type(header: NrrdHeader) -> np.dtype[Any]:
    code = TYPES.get(header.fields.get("type", "").lower())
    order = {"little": "<", "big": ">"}.get(header.fields.get("endian", "").lower())
    if code is None or (order is None and code[1] != "1"):
        raise _corrupt("the type or the byte order of its samples is missing or unknown")
    return np.dtype((order or "") + code)


def _skip(header: NrrdHeader, field: str) -> int:
    text = header.fields.get(field, "0")
    if not re.fullmatch(r"-1|\d{1,10}", text, re.ASCII):
        raise _corrupt("what it says to skip is no number")
    return int(text)


def _line_skip(body: memoryview, lines: int) -> int:
    at, data = 0, bytes(body[:MAX_HEADER_BYTES]) if lines > 0 else b""
    for _ in range(min(max(lines, 0), len(data) + 1)):
        found = data.find(b"\n", at)
        if found < 0:
            raise _corrupt("it ends within the lines to skip")
        at = found + 1
    return at


def _whole_numbers(header: NrrdHeader, field: str) -> list[int]:
    words = header.fields.get(field, "").split()
    if not all(re.fullmatch(r"\d{1,10}", word, re.ASCII) for word in words):
        raise _corrupt("its sizes are no whole numbers")
    return [int(word) for word in words]


def _corrupt(came: str) -> BadData:
    return BadData("corrupt_file", "The file is whole NRRD", came, "Write or copy the file again.")
