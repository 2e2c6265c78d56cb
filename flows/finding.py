"""From a plan's sources to the series they hold."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from tasks.scan import list_files, scan_dicom
from tasks.scan_names import scan_names
from tasks.sources.drop import Dicom, DropFolderSource, deliveries
from tasks.sources.found import Found, dicom_found
from tasks.sources.named import FilesByName, ImageFiles
from tasks.sources.named_found import named_found
from tasks.sources.sound import SoundSource
from tasks.stage import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data_catalog.refs import Refusal
    from data_catalog.store import Store
    from flows.plan import Plan
    from tasks.formats.identities import Identities
    from tasks.sources import Source
    from tasks.sources.found import Contents, FoundSeries, Scanned
    from tasks.stage import Job, Outcome


@dataclass
class Problems:
    """What of the sources could not be listed, and by the number of each source where that was."""

    refusals: list[Refusal] = field(default_factory=list)
    waiting: int = 0
    """Studies in drop folders that are not complete yet."""
    lost: dict[int, tuple[str, ...]] = field(default_factory=dict)


def scan_jobs(plan: Plan, who: Identities) -> tuple[list[Job], Problems]:
    """Return the work of reading the headers of every source; a job's item says which source it is of."""
    jobs: list[Job] = []
    problems = Problems()
    for number, source in enumerate(plan.sources):
        listings, refusals, problems.lost[number] = _listed(source, who)
        problems.refusals += refusals
        problems.waiting += deliveries(source, time.time()).waiting if isinstance(source, DropFolderSource) else 0
        for listing in listings:
            item = f"{number}/{listing.stamp[:12]}"
            if isinstance(source, FilesByName):
                given = {"patterns": source.patterns, "identities": who}
                jobs.append(scan_names.job(item, {"listing": listing}, given))
            else:
                jobs.append(scan_dicom.job(item, {"listing": listing}, {"identities": who}))
    return jobs, problems


def _listed(source: Source, who: Identities) -> tuple[list[Listing], list[Refusal], tuple[str, ...]]:
    """Return the files of a source on disk; those of an archive are in the workspace by now."""
    if isinstance(source, DropFolderSource):
        complete = deliveries(source, time.time()).complete
        return list_files(source.path, who, complete) if complete else ([], [], ())
    if isinstance(source, FilesByName | Dicom):
        return list_files(source.path, who)
    return [], [], ()


def assemble(plan: Plan, jobs: Sequence[Job], outcomes: Sequence[Outcome], problems: Problems, store: Store) -> Found:
    """Return the series and regions that the scanned files make up, of the patients the plan takes.

    Raises
    ------
    PlanError
        When there is no series at all.
    """
    everything = Found(refusals=[*problems.refusals, *(outcome.refusal for outcome in outcomes if outcome.refusal)])
    opened = store.each(lambda outcome: _contents(store, outcome), outcomes)
    contents = dict(zip((job.item for job in jobs), opened, strict=True))
    for number in range(len(plan.sources)):
        of_source = [job for job in jobs if job.item.startswith(f"{number}/")]
        scanned = [pair for job in of_source for pair in _scanned(job, contents[job.item])]
        found = _of_source(plan, number, scanned, problems.lost.get(number, ()))
        everything.series += _numbered(found.series, number)
        everything.recordings += _numbered(found.recordings, number)
        everything.reports += _numbered(found.reports, number)
        everything.regions += [replace(one, series=replace(one.series, source=number)) for one in found.regions]
        everything.refusals += found.refusals
        everything.region_names |= found.region_names
        everything.other_modalities |= found.other_modalities
        everything.other_kernels |= found.other_kernels
    patients = everything.patients()
    if not patients:
        left_out = Counter(refusal.verdict for refusal in everything.refusals)
        reasons = ", ".join(f"{count} for {verdict}" for verdict, count in sorted(left_out.items()))
        waiting = f"; studies in drop folders not complete yet: {problems.waiting}" if problems.waiting else ""
        later = "wait until they have been quiet for `quiet_s`, or mark them with `.done`; or " if waiting else ""
        others = ", ".join(sorted(everything.other_modalities))
        there = f"; of modalities that the plan does not take: {others}" if others else ""
        kernels = ", ".join(sorted(map(repr, everything.other_kernels)))
        there += f"; of kernels that the plan does not take: {kernels}" if kernels else ""
        remedy = f"{later}correct the sources in the plan: their paths, patterns, modalities and kernels."
        raise PlanError(
            "The sources hold at least one series, recording or report",
            f"none was found; files left out: {reasons or 'none'}{waiting}{there}",
            f"{remedy[0].upper()}{remedy[1:]}",
        )
    return everything.of_patients(set(patients[: plan.first_patients]))


def _numbered(series: Sequence[FoundSeries], number: int) -> list[FoundSeries]:
    return [replace(one, source=number) for one in series]


def _contents(store: Store, outcome: Outcome) -> Contents | None:
    return None if outcome.ref is None else store.open(outcome.ref)


def _scanned(job: Job, contents: Contents | None) -> list[Scanned]:
    listing = job.inputs["listing"]
    if contents is None or not isinstance(listing, Listing):
        return []
    return list(zip(listing.files, contents.files, strict=True))


def _of_source(plan: Plan, number: int, scanned: list[Scanned], lost: tuple[str, ...]) -> Found:
    source = plan.sources[number]
    if not isinstance(source, FilesByName):
        return dicom_found(scanned, source.modalities, plan.regions, plan.visit_days, lost, source.kernels)
    modality = source.modality if isinstance(source, ImageFiles | SoundSource) else ""
    labels = source.labels if isinstance(source, ImageFiles) else {}
    return named_found(scanned, modality, plan.regions, labels, source.visits)
