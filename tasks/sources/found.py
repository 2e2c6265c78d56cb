"""What a scan of the sources finds: which files form a series or a region, whose it is, and from when."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from data_catalog.refs import Digest, Refusal
from tasks.formats.content import Fingerprint
from tasks.formats.dicom.header import DicomHeader, Whose
from tasks.formats.dicom.seg import plain_name
from tasks.formats.dicom.series import group_series
from tasks.sources.drawings import drawings
from tasks.sources.named import Named
from tasks.sources.query import DRAWN
from tasks.stage import Sources

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from data_catalog.errors import BadData
    from tasks.formats.dicom.series import Series
    from tasks.sources.drawings import Drawing
    from tasks.sources.files import SourceFile

SCAN = "scan"
UNREAD = "0" * 64
"""Stands for what a file is known by that could not be read."""


class FileFacts(BaseModel):
    """What one file of a source is: a header, a name that fits, or the reason why it is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    digest: Digest
    """The fingerprint: of the bytes at the beginning, and the size."""
    head: int = 0
    """How many bytes these are."""
    name: str = ""
    """Keyed name of the file, in a source whose files say by their names whose they are."""
    dicom: DicomHeader | None = None
    named: Named | None = None
    refusal: Refusal | None = None
    whose: Whose | None = None
    """Of which DICOM series a file is that was refused; None where it does not tell."""

    @property
    def known(self) -> Fingerprint:
        """How the file is known when it is read."""
        return Fingerprint(self.digest, self.head)


class Contents(BaseModel):
    """What the files of one listing are, in their order."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

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
    role: Literal["image", "sound", "waveform", "text", "report"] = "image"
    """What it is: `waveform` and `report` (SR) are of DICOM."""
    group: int = 0
    """Which multiplex group of a file of waveforms."""
    lost_beside: int = 0
    """Files in the same folders that could not be read, of which nothing tells whether they are of this series."""
    lost: int = 0
    """Files of the series that could not be read."""
    kernel: str = ""
    """Reconstruction kernel of a CT."""

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
    kind: str = "mask"
    """What holds it: `rtstruct`, `seg` for a DICOM segmentation, `segment` for one of a `.seg.nrrd`, `mask` for a label
    map or a picture."""


@dataclass
class Found:
    """All that the sources hold."""

    series: list[FoundSeries] = field(default_factory=list)
    regions: list[FoundRegion] = field(default_factory=list)
    recordings: list[FoundSeries] = field(default_factory=list)
    """Sound and DICOM waveforms."""
    reports: list[FoundSeries] = field(default_factory=list)
    """Reports as text, and as DICOM structured reports."""
    refusals: list[Refusal] = field(default_factory=list)
    region_names: frozenset[str] = frozenset()
    """Names of the regions that structure sets and segmentations hold, those among them that the plan leaves out."""
    left_out: frozenset[str] = frozenset()
    """Pseudonyms of everyone of whom something is there that was not asked for."""
    other_modalities: frozenset[str] = frozenset()
    """Modalities that are there and were not asked for."""
    other_kernels: frozenset[str] = frozenset()
    """Kernels of CT that are there and were not asked for."""

    def patients(self) -> list[str]:
        """Return the pseudonyms of everyone of whom anything was found, sorted."""
        return sorted({one.patient for one in (*self.series, *self.recordings, *self.reports)})

    def of_modalities(self, modalities: Sequence[str]) -> Found:
        """Return what belongs to some modalities, or all where none is named; refusals are kept."""
        if not modalities:
            return self
        everything = (*self.series, *self.recordings, *self.reports)
        return replace(
            self,
            other_modalities=frozenset(one.modality for one in everything) - set(modalities),
            series=[series for series in self.series if series.modality in modalities],
            regions=[region for region in self.regions if region.series.modality in modalities],
            recordings=[series for series in self.recordings if series.modality in modalities],
            reports=[series for series in self.reports if series.modality in modalities],
        )

    def of_patients(self, patients: set[str]) -> Found:
        """Return what belongs to some patients; refusals are kept, and who was left out."""
        return replace(
            self,
            left_out=self.left_out | (set(self.patients()) - patients),
            series=[series for series in self.series if series.patient in patients],
            regions=[region for region in self.regions if region.series.patient in patients],
            recordings=[series for series in self.recordings if series.patient in patients],
            reports=[series for series in self.reports if series.patient in patients],
        )


Scanned = tuple["SourceFile", FileFacts]


def file_refusal(problem: BadData, files: tuple[str, ...], item: str = "") -> Refusal:
    """Return the refusal of one file of a source, named as an item of its series, or else by its digest."""
    name = item or (f"file {files[0][:12]}" if files else "file")
    return Refusal(
        item=name,
        stage=SCAN,
        verdict=problem.verdict,
        expected=problem.expected,
        came=problem.came,
        remedy=problem.remedy,
        files=files,
    )


def dicom_found(
    scanned: Sequence[Scanned],
    modalities: Sequence[str],
    wanted: Mapping[str, str],
    near: int,
    lost: Sequence[str] = (),
    kernels: Sequence[str] = (),
) -> Found:
    """Return the DICOM series of some files, the regions drawn on them, recordings and structured reports.

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
    lost : sequence of str
        Where something could not be listed, as `Walk.lost` has it.
    kernels : sequence of str
        Patterns of the reconstruction kernels of CT to take; empty takes all.
    """
    unread = [(file, facts.whose) for file, facts in scanned if _is_lost(facts)]
    places = Counter([*lost, *(_folder(file) for file, of in unread if of is None)])
    lost_of = Counter(of.series for _, of in unread if of is not None)
    found = Found()
    with_header = [(file, facts.dicom) for file, facts in scanned if facts.dicom is not None]
    headers = [header for _, header in with_header]
    images = [
        replace(_dicom_series(series, with_header, places), lost=lost_of[series.first.series])
        for series in group_series(headers)
    ]
    everything = with_visits([*images, *_recordings(with_header)], near)
    read = [one for one in everything if one.role == "image"]
    found.series = [one for one in read if _has_kernel(one, kernels)]
    left = [one for one in read if not _has_kernel(one, kernels)]
    found.other_kernels = frozenset(one.kernel for one in left)
    found.recordings = [one for one in everything if one.role == "waveform"]
    found.reports = [one for one in everything if one.role == "report"]
    drawn, alone = drawings(with_header, found.series, wanted, left)
    found.regions = [_dicom_region(one) for one in drawn]
    found.region_names = frozenset(plain_name(name) for header in headers for name in header.regions)
    others = {one.uid for one in left}
    found.refusals = _refused_files((facts for _, facts in scanned), found.series, modalities)
    found.refusals += [_no_image(header, lost_of, others) for header in alone]
    return found.of_modalities(modalities)


def _refused_files(
    scanned: Iterable[FileFacts], series: Sequence[FoundSeries], modalities: Sequence[str]
) -> list[Refusal]:
    """Return the refusals of files, one for all of a series that are refused for the same reason.

    They are named as the series that is left of theirs, where there is one. Of modalities that are not asked for there
    is none.
    """
    left = {(one.patient, one.uid): one.item for one in reversed(series)}
    alike: dict[tuple[str, str, str], list[Refusal]] = defaultdict(list)
    for facts in scanned:
        refusal, of = facts.refusal, facts.whose
        if refusal is None or (of and modalities and of.modality not in {*modalities, *DRAWN}):
            continue
        item = left.get((of.patient, of.series), refusal.item) if of else refusal.item
        alike[item, refusal.verdict, refusal.reason].append(refusal.model_copy(update={"item": item}))
    return [one if not others else _of_all(one, others) for one, *others in alike.values()]


def _of_all(first: Refusal, others: Sequence[Refusal]) -> Refusal:
    files = (*first.files, *(name for one in others for name in one.files))
    return first.model_copy(update={"files": files, "came": f"{first.came} (in {1 + len(others)} files)"})


def _folder(file: SourceFile) -> str:
    return file.name.rpartition("/")[0]


def _is_lost(facts: FileFacts) -> bool:
    """Say whether a file may hold a slice that cannot be read; what is no DICOM at all holds none."""
    return facts.refusal is not None and facts.refusal.verdict not in {"not_dicom", "media_directory"}


def _lost_beside(files: Iterable[SourceFile], places: Counter[str]) -> int:
    """Return how many files of the same folders, or of archives that hold these, could not be read."""
    if not places:
        return 0
    folders = {_folder(file) for file in files}
    above = {f"{folder[:end]}/" for folder in folders for end in _ends(folder)}
    return sum(places[place] for place in folders | above)


def _ends(folder: str) -> list[int]:
    """Return where the name of each folder above, and of this one, ends."""
    return [*(place for place, letter in enumerate(folder) if letter == "/"), len(folder)]


def _dicom_series(series: Series, files: Sequence[tuple[SourceFile, DicomHeader]], places: Counter[str]) -> FoundSeries:
    first = series.first
    return FoundSeries(
        patient=first.patient,
        modality=first.modality,
        series=series.key,
        files=_sources([(files[index][0], files[index][1].known) for index in series.members]),
        day=first.day,
        scanner=_scanner(first),
        kernel=first.reconstruction.kernel,
        uid=first.series,
        frame_of_reference=first.frame_of_reference,
        lost_beside=_lost_beside((files[index][0] for index in series.members), places),
    )


def _recordings(files: Iterable[tuple[SourceFile, DicomHeader]]) -> list[FoundSeries]:
    """Return each multiplex group of the waveform files, and the structured reports; a copy of a file counts once."""
    once = {header.fingerprint: (file, header) for file, header in files if header.kind in {"waveform", "report"}}
    return [
        FoundSeries(
            patient=header.patient,
            modality=header.modality or header.kind,
            series=hashlib.sha256(f"{header.instance} {group}".encode()).hexdigest()[:16],
            files=_sources([(file, header.known)]),
            day=header.day,
            role="waveform" if header.kind == "waveform" else "report",
            group=group,
        )
        for file, header in once.values()
        for group in range(header.groups if header.kind == "waveform" else 1)
    ]


def _dicom_region(one: Drawing) -> FoundRegion:
    files = _sources([(one.file, one.header.known)])
    return FoundRegion(one.series, files, one.name, one.source_name, one.reader, one.header.kind)


def _sources(files: Iterable[tuple[SourceFile, Fingerprint]]) -> Sources:
    return Sources.known_by(files)


def _scanner(header: DicomHeader) -> str | None:
    made = f"{header.manufacturer} {header.model}".strip()
    station = f" ({header.station[:4]})" if header.station else ""
    return f"{made}{station}".strip() or None


def _has_kernel(series: FoundSeries, patterns: Sequence[str]) -> bool:
    """Say whether a series is taken by its kernel; other modalities than CT are."""
    asked = patterns and series.modality == "CT"
    return not asked or any(fnmatchcase(series.kernel, pattern) for pattern in patterns)


def _no_image(header: DicomHeader, lost_of: Mapping[str, int], others: Collection[str]) -> Refusal:
    is_lost = any(lost_of.get(series) for series in header.referenced_series)
    is_other = bool(set(header.referenced_series) & set(others))
    why = ", for its files were refused" if is_lost else ", for the plan does not take its kernel" if is_other else ""
    return Refusal(
        item=f"{header.patient}/{header.modality}/{header.series[:6]}",
        stage=SCAN,
        verdict="regions_without_image",
        expected="Regions are drawn on a series of the same source",
        came=f"the series they refer to is not there{why}",
        remedy="Add the series, or leave the file with the regions out.",
        files=(header.fingerprint,),
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
