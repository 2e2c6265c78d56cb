"""Which files whose names say whose they are form an image, a region, a recording or a report."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from data_catalog.refs import Refusal
from tasks.sources.drawings import study_region
from tasks.sources.found import SCAN, Found, FoundRegion, FoundSeries
from tasks.sources.named import are_segments
from tasks.stage import Sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.sources.found import FileFacts, Scanned
    from tasks.sources.named import Named

TEXT = "text"
"""Stands for the modality of a report."""


@dataclass(frozen=True)
class _Told:
    """A file whose name fits, with the file of its voxels where that is another."""

    name: Named
    files: Sources


def named_found(
    scanned: Sequence[Scanned],
    modality: str,
    wanted: Mapping[str, str],
    labels: dict[str, str],
    visits: tuple[str, ...] = (),
) -> Found:
    """Return the images, masks, recordings and reports of files whose names say whose they are.

    Parameters
    ----------
    scanned : sequence of (SourceFile, FileFacts)
        The files and what their names tell.
    modality : str
        Modality of what does not say it by its name.
    wanted : mapping of str to str
        The study's regions and the patterns of their names in the source.
    labels : dict of str to str
        Regions of a label map's values, or of its segments; where there are none a mask is one region.
    visits : tuple of str
        Names of the visits in their order; empty takes the order of the names.
    """
    told, refusals = _told(scanned)
    found = Found(refusals=refusals)
    found.refusals += [_unknown_visit(one) for one in told if visits and one.name.visit not in visits]
    known = [one for one in told if not visits or one.name.visit in visits]
    numbered = _numbered([_series(one, modality, role) for one in known if (role := one.name.role) != "mask"], visits)
    found.series = [one for one in numbered if one.role == "image"]
    found.recordings = [one for one in numbered if one.role == "sound"]
    found.reports = [one for one in numbered if one.role == "text"]
    by_place = {(one.patient, one.visit_name, one.modality): one for one in found.series}
    for one in known:
        if one.name.role == "mask":
            on = by_place.get((one.name.patient, one.name.visit, one.name.modality or modality))
            _add_mask(found, on, one, study_region(one.name.region or "region", wanted), labels)
    return found


def _told(scanned: Sequence[Scanned]) -> tuple[list[_Told], list[Refusal]]:
    """Return the files whose names fit, each header with its voxels, and the refusals of the others."""
    by_name = {facts.name: (file, facts) for file, facts in scanned if facts.name}
    beside = {facts.named.voxels for _, facts in scanned if facts.named is not None and facts.named.voxels}
    told, refusals = [], []
    for file, facts in scanned:
        if facts.name in beside:
            continue
        if facts.refusal is not None:
            refusals.append(facts.refusal)
        if facts.named is None:
            continue
        voxels = by_name.get(facts.named.voxels)
        if facts.named.voxels and voxels is None:
            refusals.append(_no_voxels(facts, facts.named))
            continue
        held = [(file, facts.known), *([] if voxels is None else [(voxels[0], voxels[1].known)])]
        told.append(_Told(facts.named, Sources.known_by(held)))
    return told, refusals


def _add_mask(found: Found, on: FoundSeries | None, mask: _Told, region: str | None, labels: dict[str, str]) -> None:
    """Add the regions that a mask holds: those of its labels, of its segments, or the one it is."""
    reader = mask.name.reader or "reader"
    if region is None and not labels:
        return
    if on is None:
        found.refusals.append(_no_image(mask))
    elif are_segments(labels):
        found.regions += [
            FoundRegion(on, mask.files, ours, segment, reader, kind="segment") for segment, ours in labels.items()
        ]
    else:
        found.regions.append(FoundRegion(on, mask.files, "" if labels else region or "", mask.name.region, reader))


def _series(one: _Told, modality: str, role: Literal["image", "sound", "text"]) -> FoundSeries:
    name = one.name
    return FoundSeries(
        patient=name.patient,
        modality=TEXT if role == "text" else name.modality or modality,
        series=name.series,
        files=one.files,
        visit_name=name.visit,
        role=role,
    )


def _numbered(series: Sequence[FoundSeries], visits: tuple[str, ...]) -> list[FoundSeries]:
    """Return the series with their visits numbered: as the plan orders them, else by name for each patient."""
    names: dict[str, set[str]] = defaultdict(set)
    for one in series:
        names[one.patient].add(one.visit_name)
    order = {patient: visits or tuple(sorted(held, key=_as_number)) for patient, held in names.items()}
    return [replace(one, visit=order[one.patient].index(one.visit_name)) for one in series]


def _as_number(name: str) -> tuple[int, int, str]:
    return (0, int(name), name) if name.isdigit() else (1, 0, name)


def _no_image(mask: _Told) -> Refusal:
    return _refused(
        mask.name,
        mask.files.digests,
        verdict="regions_without_image",
        expected="A mask belongs to an image of the same patient, visit and modality",
        came="this source has none",
        remedy="Add the image here, or correct the patterns of the names; images of another source, as DICOM, do not"
        " count: convert both to one kind.",
    )


def _unknown_visit(one: _Told) -> Refusal:
    return _refused(
        one.name,
        one.files.digests,
        verdict="unknown_visit",
        expected="The visit in a file's name is one of the plan's",
        came="it is another",
        remedy="Add it to `visits` of the source, or leave the file out.",
    )


def _no_voxels(facts: FileFacts, name: Named) -> Refusal:
    return _refused(
        name,
        (facts.digest,),
        verdict="missing_voxels",
        expected="A header without voxels has the file it names beside it",
        came="that file is not there",
        remedy="Put it where the header says.",
    )


def _refused(name: Named, files: tuple[str, ...], *, verdict: str, expected: str, came: str, remedy: str) -> Refusal:
    return Refusal(
        item=f"{name.patient}/{name.series[:6]}",
        stage=SCAN,
        verdict=verdict,
        expected=expected,
        came=came,
        remedy=remedy,
        files=files,
    )
