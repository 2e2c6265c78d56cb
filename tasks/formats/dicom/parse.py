"""Parsing the bytes of a DICOM file into its elements, without recursion and within stated limits."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from tasks.formats.content import HEAD_BYTES, Held
from tasks.formats.dicom.elements import DicomFile, Encoded, corrupt, unreasonable
from tasks.formats.dicom.outlined import Outlines
from tasks.formats.dicom.walk import LONG, LONG_VRS, SHORT, UNDEFINED, Walk, looks_explicit
from tasks.formats.inflate import RAW, inflate

if TYPE_CHECKING:
    from tasks.formats.content import Content

FIRST_BYTES = 16 << 10
"""What is read of a file at first: as much as the header of most images has."""
INFLATE_RATIO = 200
"""A deflated file may grow so many times, ..."""
INFLATE_FLOOR = 64 << 20
"""... or to this size, whichever is more, ..."""
INFLATE_CEILING = 1 << 30
"""... but to this size at the most, since it is held as a whole."""

PREAMBLE = 128
MAGIC = b"DICM"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

_META_GROUP, _IDENTITY_GROUP = 0x0002, 0x0008
_TRANSFER_SYNTAX = 0x0010
_SHORT = struct.Struct("<HH2sH").unpack_from
_LENGTH = struct.Struct("<L").unpack_from


def is_dicom(data: bytes) -> bool:
    """Say whether the bytes begin as a DICOM file does: with the preamble, or with its first groups."""
    if data[PREAMBLE : PREAMBLE + 4] == MAGIC:
        return True
    first_group = int.from_bytes(data[:2], "little") if len(data) >= SHORT else 0
    return first_group in {_META_GROUP, _IDENTITY_GROUP} and data[3:4] == b"\0"


def parse_header(content: Content) -> DicomFile:
    """Return the elements of a DICOM file up to its pixels, of which it tells the place only.

    A file that is cut off within its pixels has a whole header: it tells which series is not whole. What
    stands behind the pixels is not looked at, nor are their fragments.

    Raises `BadData`: `not_dicom`, `corrupt_file` where an element or item reaches beyond what holds it,
    `unreasonable_header` beyond the limits above and those of the walk.
    """
    return _OUTLINES.read(content, FIRST_BYTES)


def parse(data: bytes) -> DicomFile:
    """Return all elements of a DICOM file; pixel data stay encoded, as views of `data`.

    Raises `BadData` as `parse_header` does, and where fragments of the pixels reach beyond what holds them.
    """
    return _parse(Encoded(Held(data), data), whole=True)


def _parse(encoded: Encoded, *, whole: bool) -> DicomFile:
    if not is_dicom(encoded.head):
        raise BadData(
            "not_dicom", "A DICOM file begins with DICM after 128 bytes", "this one does not", "Leave the file out."
        )
    start = PREAMBLE + len(MAGIC) if encoded.head[PREAMBLE : PREAMBLE + 4] == MAGIC else 0
    meta, start, syntax = _meta(encoded, start)
    syntax = syntax or _guessed(encoded.head[start + 4 : start + 6])
    known = None
    if syntax == DEFLATED:
        known = memoryview(encoded.content.range(0, HEAD_BYTES))
        encoded, start = _inflated(encoded, start), 0
    walk = Walk(encoded, start, little=syntax != EXPLICIT_BIG, implicit=syntax == IMPLICIT_LITTLE, whole=whole)
    dataset = walk.read()
    end = walk.pixels[0] if walk.pixels else encoded.size
    return DicomFile(
        transfer_syntax=syntax,
        dataset=dataset,
        encapsulated=walk.encapsulated,
        is_cut=walk.is_cut,
        content=encoded.content,
        pixels=walk.pixels,
        head=known or memoryview(encoded.head)[:end],
        meta=meta,
    )


def _header(encoded: Encoded) -> DicomFile:
    return _parse(encoded, whole=False)


_OUTLINES = Outlines(_header)


def _inflated(encoded: Encoded, start: int) -> Encoded:
    """Return what a deflated file holds behind its file meta information."""
    packed = encoded.size - start
    if packed > INFLATE_CEILING:
        raise unreasonable(f"A deflated file has at most {INFLATE_CEILING} bytes", "it has more")
    limit = min(INFLATE_CEILING, max(INFLATE_FLOOR, INFLATE_RATIO * packed))
    data = inflate(encoded.content.range(start, encoded.size), RAW, limit)
    return Encoded(Held(data), data)


def _meta(encoded: Encoded, at: int) -> tuple[dict[int, tuple[int, int]], int, str]:
    """Return where the values of the file meta information stand, where it ends, and the transfer syntax it names."""
    places: dict[int, tuple[int, int]] = {}
    syntax = ""
    while encoded.reach(at + SHORT):
        group, number, vr, length = _SHORT(encoded.head, at)
        if group != _META_GROUP:
            break
        start = at + SHORT
        if vr in LONG_VRS:
            start = at + LONG
            if not encoded.reach(start):
                raise corrupt("it ends within an element")
            length = _LENGTH(encoded.head, at + SHORT)[0]
        elif not looks_explicit(vr):
            length = _LENGTH(encoded.head, at + 4)[0]
        at = start + length
        if length == UNDEFINED or at > encoded.size:
            raise corrupt("an element of the file meta information reaches beyond the file")
        places[group << 16 | number] = start, at
        if number == _TRANSFER_SYNTAX:
            syntax = bytes(encoded.between(start, at)).decode("ascii", errors="replace").strip(" \0")
    return places, at, syntax


def _guessed(vr: bytes) -> str:
    return EXPLICIT_LITTLE if looks_explicit(vr) else IMPLICIT_LITTLE
