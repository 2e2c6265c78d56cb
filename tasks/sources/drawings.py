"""On which series structure sets and segmentations are drawn, and what their regions are called in the study."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from tasks.formats.dicom.seg import plain_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tasks.formats.dicom.header import DicomHeader
    from tasks.sources.files import SourceFile
    from tasks.sources.found import FoundSeries

DRAWN = ("rtstruct", "seg")
"""Kinds of DICOM files that hold regions."""


class Drawing(NamedTuple):
    """One region that a file draws on a series."""

    series: FoundSeries
    file: SourceFile
    header: DicomHeader
    name: str
    """Its name in the study."""
    source_name: str
    reader: str


def study_region(name: str, wanted: Mapping[str, str]) -> str | None:
    """Return the study's name for a source's region, or None where no pattern names it."""
    plain = plain_name(name)
    if not wanted:
        return plain
    return next((ours for ours, pattern in wanted.items() if fnmatchcase(plain, pattern)), None)


def drawings(
    files: Iterable[tuple[SourceFile, DicomHeader]],
    series: Sequence[FoundSeries],
    wanted: Mapping[str, str],
    left: Sequence[FoundSeries] = (),
) -> tuple[list[Drawing], list[DicomHeader]]:
    """Return the regions that files draw on series, and the files whose series is not there, or among those `left` out.

    A copy of a file counts once. Regions of one file that get the same name in the study are numbered, and so is a
    reader who draws a region of a series in several files: none stands in for another.
    """
    files = list(files)
    once = {header.fingerprint: (file, header) for file, header in files if header.kind in DRAWN}
    images = {header.instance: header.fingerprint for _, header in files if header.kind == "image"}
    made: list[Drawing] = []
    alone: list[DicomHeader] = []
    for file, header in sorted(once.values(), key=lambda held: (held[1].day or 0, held[1].fingerprint)):
        asked = _asked(header.regions, wanted)
        on = _drawn_on(series, header, images, left)
        if on is None and asked:
            alone.append(header)
        elif on is not None:
            reader = _reader(header, asked.values(), [one for one in made if one.series is on])
            made += [Drawing(on, file, header, ours, name, reader) for name, ours in asked.items()]
    return made, alone


def _asked(names: Sequence[str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Return the study's names of those of a file's regions that a pattern names; a second `tumour` is `tumour 2`."""
    asked: dict[str, str] = {}
    for name in names:
        ours = study_region(name, wanted)
        if ours is not None and name not in asked:
            asked[name] = free_name(ours, asked.values())
    return asked


def _reader(header: DicomHeader, names: Collection[str], others: Sequence[Drawing]) -> str:
    """Return who drew a file: its label, or a keyed name; numbered where another file has these regions by the same."""
    name = header.label or (f"reader {header.reader[:4]}" if header.reader else "reader")
    return free_name(name, {one.reader for one in others if one.name in names})


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken yet: itself, or the first of `name 2`, `name 3`, ..."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free


def _drawn_on(
    series: Sequence[FoundSeries], header: DicomHeader, images: Mapping[str, str], left: Sequence[FoundSeries]
) -> FoundSeries | None:
    """Return the series a file refers to; of its parts the one that holds most of the images it was drawn on.

    Of equal ones the largest counts, then the first by kernel, so that it is the same for all patients. Where it refers
    to no series, the one that holds most of its images counts. Where it refers to none of either that is there, it is
    the only series in its coordinates, unless it refers to one that was left out. `images` are the fingerprints of
    images by their keyed names.
    """
    own = [one for one in series if one.patient == header.patient]
    drawn_on = {images[name] for name in header.referenced_instances if name in images}

    def first(some: Sequence[FoundSeries]) -> FoundSeries:
        held = {one.series: len(drawn_on.intersection(one.files.digests)) if drawn_on else 0 for one in some}
        return min(some, key=lambda one: (-held[one.series], -len(one.files.files), one.kernel, one.series))

    referred = [one for one in own if one.uid in header.referenced_series]
    if referred:
        return first(referred)
    holding = [one for one in own if drawn_on.intersection(one.files.digests)]
    if holding:
        return first(holding)
    if any(one.uid in header.referenced_series for one in left):
        return None
    alike = [one for one in own if one.frame_of_reference == header.frame_of_reference is not None]
    return alike[0] if len(alike) == 1 else None
