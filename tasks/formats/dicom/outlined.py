"""Headers read by the outline of others: no walk, and nothing made twice of the same values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.formats.dicom.elements import DataSet, DicomFile, Encoded, Result
from tasks.formats.dicom.outlines import LONGEST, Made, Outline, Place, Way, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from tasks.formats.content import Content

KNOWN = 8
"""Outlines that are kept."""
PATIENCE, LEARNING = 1024, 16
"""An outline takes time to learn, 16 parts of this; each file read by one, and each walked over, gives 16 or 1 back."""
FUNCTIONS = 16
"""Functions whose results are remembered, ..."""
WAYS = 4
"""... for each so many sets of elements that they were made of, ..."""
REMEMBERED = 256
"""... and for each set so many results."""
SPARE = 1024
"""Bytes that the next header may be longer."""
_MISSING = object()


class Outlined(DataSet):
    """Hold the top level of a file whose header has a known outline; only its sequences need a walk."""

    __slots__ = ("_walk", "_walked", "beginnings", "outline", "pixels")

    def __init__(
        self, encoded: Encoded, outline: Outline, beginnings: list[int], walk: Callable[[Encoded], DicomFile]
    ) -> None:
        self.encoded = encoded
        self.little_endian = True
        self.parent = None
        self.outline = outline
        self.beginnings = beginnings
        self.pixels = outline.made.pixels(beginnings[-1], encoded.size)
        self._walk = walk
        self._walked: DataSet | None = None

    def place(self, tag: int) -> tuple[int, int] | None:
        """Return where the value of an element begins and ends, None where it is absent."""
        place = self.outline.places.get(tag)
        if place is None:
            return self.pixels if tag == self.outline.made.pixel_tag else None
        run, start, last_run, stop = place
        return self.beginnings[run] + start, self.beginnings[last_run] + stop

    def items_of(self, tag: int) -> Sequence[DataSet]:
        """Return the items of a sequence by its tag, none where it is absent."""
        return self.sequences[tag] if tag in self.outline.made.sequences else ()

    @property
    def places(self) -> dict[int, tuple[int, int]]:  # type: ignore[override]  # found by a walk when it is asked for
        """Where all values stand."""
        return self._all().places

    @property
    def sequences(self) -> dict[int, list[DataSet]]:  # type: ignore[override]  # as above
        """The items of all sequences."""
        return self._all().sequences

    def _all(self) -> DataSet:
        if self._walked is None:
            self._walked = self._walk(self.encoded).dataset
        return self._walked

    def remembered(self, function: Callable[..., Result], *more: Hashable) -> Result:
        """Return what a function makes of the data set; what it has made of the same values is remembered."""
        memory = self.outline.memory
        if len(memory) > FUNCTIONS:
            memory.clear()
        ways = memory.setdefault((function, *more), [])
        for places, known in ways:
            result: Any = known.get(self._values(places), _MISSING)
            if result is not _MISSING:
                return result  # type: ignore[no-any-return]  # made by the function itself
        watched = _Watched(self)
        result = function(watched, *more)
        if not watched.is_unsure:
            self._remember(ways, watched.asked, result)
        return result  # type: ignore[no-any-return]  # as above

    def _values(self, places: tuple[Place, ...]) -> tuple[bytes, ...]:
        head, at = self.encoded.head, self.beginnings
        return tuple([head[at[run] + start : at[last] + stop] for run, start, last, stop in places])

    def _remember(self, ways: list[Way], asked: set[int], result: object) -> None:
        places = joined([self.outline.places[tag] for tag in asked & self.outline.places.keys()])
        known = next((known for others, known in ways if others == places), None)
        if known is None:
            known = {}
            ways[:] = [*ways[-WAYS + 1 :], (places, known)]
        elif len(known) >= REMEMBERED:
            known.clear()
        known[self._values(places)] = result


class _Watched(Outlined):
    """Note which values are asked for, and whether anything else is."""

    __slots__ = ("asked", "is_unsure", "of")

    def __init__(self, of: Outlined) -> None:
        super().__init__(of.encoded, of.outline, of.beginnings, of._walk)  # noqa: SLF001 - of its own kind
        self.of = of
        self.asked: set[int] = set()
        self.is_unsure = False

    def place(self, tag: int) -> tuple[int, int] | None:
        """Return where the value of an element begins and ends, None where it is absent."""
        self.asked.add(tag)
        self.is_unsure = self.is_unsure or tag == self.outline.made.pixel_tag
        return super().place(tag)

    def _all(self) -> DataSet:
        self.is_unsure = True
        return self.of._all()  # noqa: SLF001 - of its own kind


class Outlines:
    """Keep the outlines of the last files, and read the next one by them if it has the same.

    Parameters
    ----------
    walk : callable
        Reads the elements of a file without an outline.
    """

    def __init__(self, walk: Callable[[Encoded], DicomFile]) -> None:
        self._walk = walk
        self._known: tuple[Outline, ...] = ()
        self._patience = PATIENCE

    def read(self, content: Content, first_bytes: int) -> DicomFile:
        """Return the elements of a file up to its pixels."""
        known = self._known
        encoded = Encoded(content, content.range(0, known[0].bytes + SPARE if known else first_bytes))
        for outline in known:
            beginnings = outline.beginnings(encoded.head)
            if beginnings is not None:
                self._prefer(outline)
                return self._outlined(encoded, outline, beginnings)
        file = self._walk(encoded)
        if file.pixels and file.content is content and _may_have_outline(file):
            self._meet(file, file.pixels)
        return file

    def _outlined(self, encoded: Encoded, outline: Outline, beginnings: list[int]) -> DicomFile:
        made, start = outline.made, beginnings[-1]
        dataset = Outlined(encoded, outline, beginnings, self._walk)
        return DicomFile(
            transfer_syntax=made.syntax,
            dataset=dataset,
            encapsulated=made.encapsulated,
            is_cut=start + made.pixel_bytes > encoded.size,
            content=encoded.content,
            pixels=dataset.pixels,
            head=memoryview(encoded.head)[:start],
            meta={},
        )

    def _prefer(self, outline: Outline) -> None:
        self._patience = min(self._patience + LEARNING, PATIENCE)
        if self._known[0] is not outline:
            self._known = (outline, *(other for other in self._known if other is not outline))[:KNOWN]

    def _meet(self, file: DicomFile, pixels: tuple[int, int]) -> None:
        """Learn the outline of a file, unless most of them were of no use."""
        self._patience += 1
        if self._patience > LEARNING:
            self._patience -= LEARNING
            made = Made.of(file, pixels)
            if made is not None:
                self._learn(made)

    def _learn(self, made: Made) -> None:
        for known in self._known:
            joined = known.joined(made)
            if joined is not None:
                self._known = (joined, *(other for other in self._known if other is not known))
                return
        self._known = (Outline(made), *self._known)[:KNOWN]


def _may_have_outline(file: DicomFile) -> bool:
    return file.dataset.little_endian and not file.is_cut and 0 < len(file.head) <= LONGEST
