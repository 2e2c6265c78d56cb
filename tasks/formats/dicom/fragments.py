"""Where the frames of compressed pixel data lie: fragments, however they were split, and the tables of offsets."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING

from tasks.formats.dicom.elements import corrupt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.formats.content import Content

Range = tuple[int, int]
"""Start and stop of a fragment's bytes."""

_ITEM, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
DELIMITER_BYTES = 8
"""Bytes of a tag and a length: before a fragment, and behind the last."""
_UNDEFINED = 0xFFFFFFFF
MAX_FRAGMENTS = 1_000_000
STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")
"""How a JPEG, JPEG-LS or JPEG 2000 stream begins: with it begins a frame."""
END = b"\xff\xd9"
"""How all of them end; zeros may follow. A stream with a SPIFF header begins a second time behind it, after no end."""
_RLE_HEADER = struct.Struct("<16L")
"""How an RLE frame begins: the number of its segments, and where each begins; zeros where there is none."""
_PADDED_END = 64
"""Bytes at the end of a fragment in which the end of a stream is looked for."""


def frame_ranges(content: Content, start: int, stop: int, frames: int, extended: bytes = b"") -> list[list[Range]]:
    """Return the fragments of each frame.

    Parameters
    ----------
    content : Content
        Holds the fragments, as items, from `start`; the first item is the basic offset table.
    start, stop : int
        Where the pixel data's value begins, and where it or the file ends.
    frames : int
        How many frames there are.
    extended : bytes
        The extended offset table, where there is one.

    Raises `BadData` `corrupt_file` where fragments are cut, or do not make up the frames.
    """
    table, fragments = _fragments(content, start, stop)
    if frames == 1:
        return [fragments]
    held = [fragment for fragment in fragments if fragment[1] > fragment[0]]
    for parts in (fragments, held):
        if len(parts) == frames:
            return [[part] for part in parts]
    for begins in _candidates(content, table, extended, fragments):
        if _are_starts(begins, fragments, frames):
            return _grouped(fragments, begins)
    raise corrupt("its fragments do not make up its frames")


def _candidates(content: Content, table: bytes, extended: bytes, fragments: Sequence[Range]) -> Iterator[list[int]]:
    """Yield where the frames may begin: by the tables of offsets, else by the first bytes of the fragments."""
    first = fragments[0][0] - DELIMITER_BYTES
    yield [first + offset for offset in _numbers(extended, "Q") or _numbers(table, "L")]
    held = [fragment for fragment in fragments if fragment[1] > fragment[0]]
    heads = [_head(content, held, k) for k in range(len(held))]
    yield [a - DELIMITER_BYTES for (a, _), head in zip(held, heads, strict=True) if head.startswith(STARTS)]
    begun = [k for k, head in enumerate(heads) if head.startswith(STARTS)]
    yield [held[k][0] - DELIMITER_BYTES for k in begun if k == 0 or _is_ended(content, held[:k])]
    yield [a - DELIMITER_BYTES for (a, _), head in zip(held, heads, strict=True) if _is_rle_start(head)]


def _head(content: Content, held: Sequence[Range], first: int) -> bytes:
    """Return the first bytes of what begins with a fragment, out of several where these are tiny."""
    found = b""
    for a, b in held[first:]:
        found += content.range(a, min(b, a + _RLE_HEADER.size - len(found)))
        if len(found) >= _RLE_HEADER.size:
            break
    return found


def _is_rle_start(head: bytes) -> bool:
    if len(head) < _RLE_HEADER.size:
        return False
    count, *offsets = _RLE_HEADER.unpack(head)
    return (
        1 <= count < len(offsets) + 1
        and offsets[0] == _RLE_HEADER.size
        and all(a < b for a, b in pairwise(offsets[:count]))
        and not any(offsets[count:])
    )


def _is_ended(content: Content, held: Sequence[Range]) -> bool:
    """Say whether fragments end as a frame does, which may lie in several of them where these are tiny."""
    found = b""
    for start, stop in reversed(held):
        found = content.range(max(start, stop - _PADDED_END + len(found)), stop) + found
        if len(found) >= _PADDED_END:
            break
    return found.rstrip(b"\0").endswith(END)


def _fragments(content: Content, start: int, stop: int) -> tuple[bytes, list[Range]]:
    """Return the basic offset table and the fragments up to the delimiter, which has to be there."""
    found: list[Range] = []
    at = start
    while True:
        header = content.range(at, at + DELIMITER_BYTES)
        if len(header) < DELIMITER_BYTES or at > stop:
            raise corrupt("it ends before its pixels do")
        group, number, length = struct.unpack("<HHL", header)
        if (group, number) == _SEQUENCE_END:
            break
        begin, at = at + DELIMITER_BYTES, at + DELIMITER_BYTES + length
        if (group, number) != _ITEM or length == _UNDEFINED or at > stop or len(found) > MAX_FRAGMENTS:
            raise corrupt("something other than a whole fragment stands in the pixel data")
        found.append((begin, at))
    if len(found) < 2:  # noqa: PLR2004 - the table, and a fragment
        raise corrupt("its pixels are cut")
    return content.range(*found[0]), found[1:]


def _numbers(table: bytes, code: str) -> list[int]:
    size = struct.calcsize("<" + code)
    return list(struct.unpack(f"<{len(table) // size}{code}", table[: len(table) // size * size]))


def _are_starts(begins: Sequence[int], fragments: Sequence[Range], frames: int) -> bool:
    """Say whether there is a start for each frame, the first fragment's the first, and all of them fragments'."""
    known = {begin - DELIMITER_BYTES for begin, _ in fragments}
    ascends = all(a < b for a, b in pairwise(begins))
    is_first = bool(fragments) and begins[:1] == [fragments[0][0] - DELIMITER_BYTES]
    return len(begins) == frames and ascends and is_first and known.issuperset(begins)


def _grouped(fragments: Sequence[Range], begins: Sequence[int]) -> list[list[Range]]:
    starts, frames = set(begins), list[list[Range]]()
    for begin, end in fragments:
        if begin - DELIMITER_BYTES in starts:
            frames.append([])
        frames[-1].append((begin, end))
    return frames
