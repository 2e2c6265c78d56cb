"""Outlines of headers: the files of a series have the same elements at nearly the same places, so one tells of others.

What stands between the values (tags, VRs, lengths, delimiters) decides the structure of a header. Where it equals
that of a file that was walked over before, so do the elements, and no walk is needed. Only the length of some
values may be another one. And what was made of values holds for the next file of the outline that has the same
ones: it is remembered by the values that it was made of.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tasks.formats.dicom.elements import DicomFile
from tasks.formats.dicom.walk import SHORT_VRS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable


Result = TypeVar("Result")

LONGEST = 256 << 10
"""Bytes of a header that may have an outline, ..."""
MOST = 2000
"""... and its values."""
_TRANSFER_SYNTAX = 0x00020010
_PREAMBLE = 128
_NESTED = -1
_TWO_ELEMENTS = 16
"""Bytes between two values with another one between them, at least."""
_SHORT_WIDTH, _LONG_WIDTH = 2, 4


class _Leaf(NamedTuple):
    """A value within a header; its tag is 0 in the file meta information, and -1 in a sequence."""

    start: int
    stop: int
    tag: int


class _Run(NamedTuple):
    """A stretch of a header in which all lengths are fixed, and the number of bytes of the length that follows."""

    unpack: Callable[[bytes, int], tuple[bytes, ...]]
    expected: tuple[bytes, ...]
    size: int
    width: int


class Place(NamedTuple):
    """Where a value begins and ends, each from the beginning of a run."""

    run: int
    start: int
    last_run: int
    stop: int


def joined(places: Iterable[Place]) -> tuple[Place, ...]:
    """Return places in their order, those as one between which there is no other value: they are got at once."""
    found: list[Place] = []
    for place in sorted(places):
        last = found[-1] if found else None
        if last is not None and last.last_run == place.run and place.start - last.stop < _TWO_ELEMENTS:
            found[-1] = Place(last.run, last.start, place.last_run, place.stop)
        else:
            found.append(place)
    return tuple(found)


Way = tuple[tuple[Place, ...], dict[tuple[bytes, ...], Any]]
"""The places of values that a function asked for, and what it made of them."""


class Outline:
    """Know where the elements of a header stand.

    Parameters
    ----------
    made : Made
        What the header is made of.
    others : frozenset of int
        Which of its values have been seen with other lengths.
    """

    def __init__(self, made: Made, others: frozenset[int] = frozenset()) -> None:
        self.made = made
        self.others = others
        self.bytes = made.leaves[-1].stop
        self.runs: list[_Run] = []
        self.places: dict[int, Place] = {}
        self.memory: dict[tuple[Hashable, ...], list[Way]] = {}
        self._compile()

    def _compile(self) -> None:
        layout, expected, size = list[str](), list[bytes](), 0
        made = self.made
        for number, (leaf, before, width) in enumerate(zip(made.leaves, made.between[:-1], made.widths, strict=True)):
            run, is_other = len(self.runs), number in self.others
            expected.append(before[: len(before) - width] if is_other else before)
            layout.append(f"{len(expected[-1])}s")
            start = size + len(expected[-1])
            if is_other:
                self._add_run(layout, expected, width)
                layout, expected, size = [], [], 0
                self.places[leaf.tag] = Place(run, start + width, run + 1, 0)
            else:
                size = start + leaf.stop - leaf.start
                layout.append(f"{size - start}x")
                self.places[leaf.tag] = Place(run, start, run, size)
        self._add_run([*layout, f"{len(made.between[-1])}s"], [*expected, made.between[-1]], 0)
        self.places = {tag: place for tag, place in self.places.items() if tag > 0}

    def _add_run(self, layout: list[str], expected: list[bytes], width: int) -> None:
        shape = struct.Struct("<" + "".join(layout))
        self.runs.append(_Run(shape.unpack_from, tuple(expected), shape.size, width))

    def beginnings(self, head: bytes) -> list[int] | None:
        """Return where the runs of another header begin and the last ends, None where it has another structure."""
        at, held, found = 0, len(head), []
        for unpack, expected, size, width in self.runs:
            end = at + size
            if end + width > held or unpack(head, at) != expected:
                return None
            found.append(at)
            at = end + width + int.from_bytes(head[end : end + width], "little") if width else end
        found.append(at)
        return found

    def joined(self, other: Made) -> Outline | None:
        """Return an outline for another header too, None where they differ by more than lengths."""
        mine = self.made
        if mine.skeleton != other.skeleton or mine.pixel_bytes != other.pixel_bytes:
            return None
        pairs = enumerate(zip(mine.leaves, other.leaves, strict=True))
        differ = {k for k, (one, two) in pairs if one.stop - one.start != two.stop - two.start}
        return Outline(other, self.others | differ)


class Made(NamedTuple):
    """What a header is made of: its values in their order, and the bytes between them."""

    leaves: list[_Leaf]
    between: list[bytes]
    widths: list[int]
    """How many bytes before each value state its length; 0 where another length would change more than this."""
    skeleton: tuple[bytes, ...]
    """The bytes between without these."""
    sequences: frozenset[int]
    pixel_tag: int
    pixel_bytes: int
    syntax: str
    encapsulated: bool

    @classmethod
    def of(cls, file: DicomFile, pixels: tuple[int, int]) -> Made | None:
        """Return what the header of a file with pixels is made of, None where a length is not stated or it has many."""
        head, leaves = bytes(file.head), _leaves(file, pixels)
        stops, starts = [0, *(leaf.stop for leaf in leaves)], [*(leaf.start for leaf in leaves), len(head)]
        between = [head[stop:start] for stop, start in zip(stops, starts, strict=True)]
        stated = [_width(leaf, before) for leaf, before in zip(leaves, between[:-1], strict=True)]
        if len(leaves) > MOST or None in stated:
            return None
        widths = [0 if leaf.tag == _NESTED else width or 0 for leaf, width in zip(leaves, stated, strict=True)]
        return cls(
            leaves=leaves,
            between=between,
            widths=widths,
            skeleton=tuple(text[: len(text) - width] for text, width in zip(between, [*widths, 0], strict=True)),
            sequences=frozenset(file.dataset.sequences),
            pixel_tag=next(tag for tag, place in file.dataset.places.items() if place == pixels),
            pixel_bytes=0 if file.encapsulated else pixels[1] - pixels[0],
            syntax=file.transfer_syntax,
            encapsulated=file.encapsulated,
        )

    def pixels(self, start: int, size: int) -> tuple[int, int]:
        """Return where the pixels of another file begin and end, which may end before they do."""
        return start, size if self.encapsulated else min(start + self.pixel_bytes, size)


def _leaves(file: DicomFile, pixels: tuple[int, int]) -> list[_Leaf]:
    """Return the values before the pixels in their order; one on which the structure depends is none."""
    top = file.dataset
    found = [_Leaf(*place, tag) for tag, place in top.places.items() if place != pixels]
    found += [_Leaf(*place, 0) for tag, place in file.meta.items() if tag != _TRANSFER_SYNTAX]
    if file.meta and min(file.meta.values())[0] > _PREAMBLE:
        found.append(_Leaf(0, _PREAMBLE, 0))
    waiting = [item for items in top.sequences.values() for item in items]
    while waiting:
        level = waiting.pop()
        found += [_Leaf(*place, _NESTED) for place in level.places.values()]
        waiting += [item for items in level.sequences.values() for item in items]
    return sorted(found)


def _width(leaf: _Leaf, before: bytes) -> int | None:
    """Return how many bytes right before a value state its length, 0 for the preamble, None where nothing does."""
    length = leaf.stop - leaf.start
    if not before:
        return 0
    if before[-4:-2] in SHORT_VRS and int.from_bytes(before[-_SHORT_WIDTH:], "little") == length:
        return _SHORT_WIDTH
    return _LONG_WIDTH if int.from_bytes(before[-_LONG_WIDTH:], "little") == length else None
