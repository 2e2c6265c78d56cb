"""From a plan's sources to the series they hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from tasks.scan import list_files, scan_dicom, scan_named
from tasks.sources.dicom import DicomSource
from tasks.sources.found import Found, dicom_found, named_found
from tasks.sources.nifti import NiftiSource
from tasks.stage import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data_catalog.refs import Refusal
    from data_catalog.store import Store
    from flows.plan import Plan
    from tasks.formats.identities import Identities
    from tasks.sources.found import Contents, Scanned
    from tasks.stage import Job, Outcome


def scan_jobs(plan: Plan, who: Identities) -> tuple[list[Job], list[Refusal]]:
    """Return the work of reading the headers of every source; a job's item says which source it is of."""
    jobs: list[Job] = []
    refusals: list[Refusal] = []
    for number, source in enumerate(plan.sources):
        listings, problems = list_files(source.path, who)
        refusals += problems
        for listing in listings:
            item = f"{number}/{listing.stamp[:12]}"
            if isinstance(source, DicomSource):
                jobs.append(scan_dicom.job(item, {"listing": listing}, {"identities": who}))
            else:
                names = {"images": source.images, "masks": source.masks, "identities": who}
                jobs.append(scan_named.job(item, {"listing": listing}, names))
    return jobs, refusals


def assemble(
    plan: Plan, jobs: Sequence[Job], outcomes: Sequence[Outcome], refusals: Sequence[Refusal], store: Store
) -> Found:
    """Return the series and regions that the scanned files make up, of the patients the plan takes.

    Raises
    ------
    PlanError
        When there is no series at all.
    """
    everything = Found(refusals=[*refusals, *(outcome.refusal for outcome in outcomes if outcome.refusal)])
    for number in range(len(plan.sources)):
        of_source = [
            (job, outcome) for job, outcome in zip(jobs, outcomes, strict=True) if job.item.startswith(f"{number}/")
        ]
        found = _of_source(plan, number, [pair for job, outcome in of_source for pair in _scanned(job, outcome, store)])
        everything.series += [replace(series, source=number) for series in found.series]
        everything.regions += [replace(one, series=replace(one.series, source=number)) for one in found.regions]
        everything.refusals += found.refusals
    if not everything.series:
        left_out = Counter(refusal.verdict for refusal in everything.refusals)
        reasons = ", ".join(f"{count} for {verdict}" for verdict, count in sorted(left_out.items()))
        raise PlanError(
            "The sources hold at least one series",
            f"none was found; files left out: {reasons or 'none'}",
            "Correct the sources in the plan: their paths, patterns and modalities.",
        )
    patients = sorted({series.patient for series in everything.series})
    return everything.of_patients(set(patients[: plan.first_patients]))


def _scanned(job: Job, outcome: Outcome, store: Store) -> list[Scanned]:
    listing = job.inputs["listing"]
    if outcome.ref is None or not isinstance(listing, Listing):
        return []
    contents: Contents = store.open(outcome.ref)
    return list(zip(listing.files, contents.files, strict=True))


def _of_source(plan: Plan, number: int, scanned: list[Scanned]) -> Found:
    source = plan.sources[number]
    if isinstance(source, DicomSource):
        return dicom_found(scanned, source.modalities, plan.regions, plan.visit_days)
    labels = source.labels if isinstance(source, NiftiSource) else {}
    return named_found(scanned, source.modality, plan.regions, labels)
