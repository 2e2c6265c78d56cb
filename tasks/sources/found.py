"""What a scan of the sources finds: which files form a series or a region, whose it is, and from when."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from data_catalog.refs import Digest, Refusal
from tasks.formats.dicom.header import DicomHeader
from tasks.formats.dicom.series import group_series
from tasks.stage import Sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tasks.formats.dicom.series import Series
    from tasks.sources.files import SourceFile

SCAN = "scan"
SHOWN = 12


class Named(BaseModel):
    """What the name of a file tells, its patient replaced by the pseudonym."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["image", "mask"]
    patient: str
    visit: str = ""
    modality: str = ""
    region: str = ""
    reader: str = ""
    series: str
    """Keyed name of the file."""


class FileFacts(BaseModel):
    """What one file of a source is: a header, a name that fits, or the reason why it is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Digest
    dicom: DicomHeader | None = None
    named: Named | None = None
    refusal: Refusal | None = None


class Contents(BaseModel):
    """What the files of one listing are, in their order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: tuple[FileFacts, ...]


@dataclass(frozen=True)
class FoundSeries:
    """A series that can be read."""

    patient: str
    modality: str
    series: str
    """Opaque key."""
    files: Sources
    day: int | None = None
    """Day of the study, shifted by the patient's own number of days."""
    visit_name: str = ""
    scanner: str | None = None
    uid: str = ""
    """Keyed name of the DICOM series, to which regions refer."""
    frame_of_reference: str | None = None
    source: int = 0
    """Which of the plan's sources it is of."""
    visit: int = 0
    days: int | None = None
    """Days since the patient's first visit."""

    @property
    def item(self) -> str:
        """Opaque name in logs and records."""
        return f"{self.patient}/v{self.visit}/{self.modality}/{self.series[:6]}"


@dataclass(frozen=True)
class FoundRegion:
    """A region drawn on a series: a contour set, a label map or a mask."""

    series: FoundSeries
    files: Sources
    name: str
    """Its name in the study; empty where a label map names several."""
    source_name: str
    reader: str


@dataclass
class Found:
    """All that the sources hold."""

    series: list[FoundSeries] = field(default_factory=list)
    regions: list[FoundRegion] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def of_modalities(self, modalities: Sequence[str]) -> Found:
        """Return what belongs to some modalities, or all where none is named; refusals are kept."""
        if not modalities:
            return self
        return Found(
            [series for series in self.series if series.modality in modalities],
            [region for region in self.regions if region.series.modality in modalities],
            self.refusals,
        )

    def of_patients(self, patients: set[str]) -> Found:
        """Return what belongs to some patients; refusals are kept."""
        return Found(
            [series for series in self.series if series.patient in patients],
            [region for region in self.regions if region.series.patient in patients],
            self.refusals,
        )


Scanned = tuple["SourceFile", FileFacts]


def study_region(name: str, wanted: Mapping[str, str]) -> str | None:
    """Return the study's name for a source's region, or None where no pattern names it."""
    if not wanted:
        return name
    return next((ours for ours, pattern in wanted.items() if fnmatchcase(name, pattern)), None)


def dicom_found(scanned: Sequence[Scanned], modalities: Sequence[str], wanted: Mapping[str, str], near: int) -> Found:
    """Return the DICOM series of some files, and the regions that structure sets draw on them.

    Parameters
    ----------
    scanned : sequence of (SourceFile, FileFacts)
        The files and what they are.
    modalities : sequence of str
        Modalities to take; empty takes all.
    wanted : mapping of str to str
        The study's regions and the patterns of their names in the source.
    near : int
        Studies of a patient at most so many days apart are one visit.
    """
    found = Found(refusals=[facts.refusal for _, facts in scanned if facts.refusal])
    with_header = [(file, facts.dicom) for file, facts in scanned if facts.dicom is not None]
    headers = [header for _, header in with_header]
    found.series = with_visits([_dicom_series(series, with_header) for series in group_series(headers)], near)
    structures = {h.content: (file, h) for file, h in with_header if h.kind == "rtstruct"}
    for file, header in structures.values():
        _draw(found, file, header, wanted)
    return found.of_modalities(modalities)


def _dicom_series(series: Series, files: Sequence[tuple[SourceFile, DicomHeader]]) -> FoundSeries:
    first = series.first
    return FoundSeries(
        patient=first.patient,
        modality=first.modality,
        series=series.key,
        files=_sources([(files[index][0], files[index][1].content) for index in series.members]),
        day=first.day,
        scanner=_scanner(first),
        uid=first.series,
        frame_of_reference=first.frame_of_reference,
    )


def _sources(files: Iterable[tuple[SourceFile, str]]) -> Sources:
    held = list(files)
    return Sources(tuple(file for file, _ in held), tuple(digest for _, digest in held))


def _scanner(header: DicomHeader) -> str | None:
    made = f"{header.manufacturer} {header.model}".strip()
    station = f" ({header.station[:4]})" if header.station else ""
    return f"{made}{station}".strip() or None


def _draw(found: Found, file: SourceFile, header: DicomHeader, wanted: Mapping[str, str]) -> None:
    named = [(name, study_region(name, wanted)) for name in header.regions]
    asked = [(name, ours) for name, ours in named if ours is not None]
    on = _drawn_on(found.series, header)
    if on is None and asked:
        found.refusals.append(_no_image(header))
        return
    reader = header.label or (f"reader {header.reader[:4]}" if header.reader else "reader")
    found.regions += [
        FoundRegion(on, _sources([(file, header.content)]), ours, name, reader)
        for name, ours in asked
        if on is not None
    ]


def _drawn_on(series: Sequence[FoundSeries], header: DicomHeader) -> FoundSeries | None:
    """Return the series a structure set refers to; without a reference, the only one in its coordinates."""
    own = [one for one in series if one.patient == header.patient]
    referred = [one for one in own if one.uid in header.referenced_series]
    if referred:
        return max(referred, key=lambda one: (len(one.files.files), one.series))
    alike = [one for one in own if one.frame_of_reference == header.frame_of_reference is not None]
    return alike[0] if len(alike) == 1 else None


def _no_image(header: DicomHeader) -> Refusal:
    return Refusal(
        item=f"{header.patient}/{header.modality}/{header.series[:6]}",
        stage=SCAN,
        verdict="regions_without_image",
        expected="A structure set is drawn on a series of the same source",
        came="the series it refers to is not there",
        remedy="Add the series, or leave the structure set out.",
        files=(header.content,),
    )


def named_found(
    scanned: Sequence[Scanned], modality: str, wanted: Mapping[str, str], labels: Mapping[str, str]
) -> Found:
    """Return the images and masks of files whose names say whose they are.

    Parameters
    ----------
    scanned : sequence of (SourceFile, FileFacts)
        The files and what their names tell.
    modality : str
        Modality of images whose name does not say it.
    wanted : mapping of str to str
        The study's regions and the patterns of their names in the source.
    labels : mapping of str to str
        Regions of a label map's values; where there are none a mask is one region.
    """
    found = Found(refusals=[facts.refusal for _, facts in scanned if facts.refusal])
    named = [(file, facts.digest, facts.named) for file, facts in scanned if facts.named is not None]
    images = [(file, digest, name) for file, digest, name in named if name.role == "image"]
    found.series = _numbered([_named_series(file, digest, name, modality) for file, digest, name in images])
    by_place = {(s.patient, s.visit_name, s.modality): s for s in found.series}
    for file, digest, name in named:
        if name.role == "mask":
            series = by_place.get((name.patient, name.visit, name.modality or modality))
            region = "" if labels else study_region(name.region or "region", wanted)
            _add_mask(found, series, _sources([(file, digest)]), name, region)
    return found


def _add_mask(found: Found, series: FoundSeries | None, files: Sources, name: Named, region: str | None) -> None:
    if region is None:
        return
    if series is None:
        found.refusals.append(
            Refusal(
                item=f"{name.patient}/{name.series[:6]}",
                stage=SCAN,
                verdict="regions_without_image",
                expected="A mask belongs to an image of the same patient, visit and modality",
                came="there is none",
                remedy="Add the image, or correct the patterns of the names in the plan.",
                files=files.digests,
            )
        )
        return
    found.regions.append(FoundRegion(series, files, region, name.region, name.reader or "reader"))


def _named_series(file: SourceFile, digest: str, name: Named, modality: str) -> FoundSeries:
    return FoundSeries(
        patient=name.patient,
        modality=name.modality or modality,
        series=name.series,
        files=_sources([(file, digest)]),
        visit_name=name.visit,
    )


def with_visits(series: Sequence[FoundSeries], near: int) -> list[FoundSeries]:
    """Return the series with their visit's number and the days since the patient's first visit.

    Studies at most `near` days after the first of a visit belong to it; a series without a date is of visit 0.
    """
    by_patient: dict[str, list[FoundSeries]] = defaultdict(list)
    for one in series:
        by_patient[one.patient].append(one)
    result = []
    for patient in sorted(by_patient):
        starts: list[int] = []
        for one in sorted(by_patient[patient], key=lambda one: (one.day is not None, one.day or 0, one.series)):
            if one.day is None:
                result.append(one)
                continue
            if not starts or one.day - starts[-1] > near:
                starts.append(one.day)
            result.append(replace(one, visit=len(starts) - 1, days=one.day - starts[0]))
    return result


def _numbered(series: Sequence[FoundSeries]) -> list[FoundSeries]:
    """Return the series with the visits of each patient numbered in the order of their names."""
    names: dict[str, set[str]] = defaultdict(set)
    for one in series:
        names[one.patient].add(one.visit_name)
    order = {patient: sorted(held, key=_as_number) for patient, held in names.items()}
    return [replace(one, visit=order[one.patient].index(one.visit_name)) for one in series]


def _as_number(name: str) -> tuple[int, int, str]:
    return (0, int(name), name) if name.isdigit() else (1, 0, name)
