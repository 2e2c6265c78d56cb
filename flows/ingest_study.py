"""From sources to a study: find the series, read them, draw their regions, keep each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.refs import Ref, Region, Scan, Study
from flows.check import check_tables
from flows.fetch_study import fetch_study, is_elsewhere, with_fetched
from flows.finding import assemble, scan_jobs
from flows.key import identities
from flows.plan import Plan
from flows.recordings import read_recordings, read_reports
from flows.runtime import keep, refusals_in, run_stage, say, study_flow, work
from flows.scales import Scales, image_scales
from tasks.check import compare_patients
from tasks.ingest import read_dicom, read_volume, without_doubles
from tasks.regions import draw_region, read_mask, read_named_segment, read_segment
from tasks.sources.dicom import DicomSource
from tasks.sources.drop import Dicom
from tasks.sources.named import ImageFiles
from tasks.sources.nrrd import NrrdSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from data_catalog.refs import Refusal
    from data_catalog.store import Store
    from flows.runtime import Work
    from tasks.sources.found import Found, FoundRegion, FoundSeries
    from tasks.stage import Input, Job

DRAWN = {"rtstruct": draw_region, "seg": read_segment, "segment": read_named_segment}
"""Which stage reads a region, by what holds it; every other is a mask."""


@study_flow("ingest-study")
def ingest_study(plan: Plan) -> Ref:
    """Read every series and region of the sources into volumes and masks; refuse what cannot be trusted.

    Returns the study: its scans under pseudonyms, and the quarantine.
    """
    with work(plan) as here:
        tables = check_tables(plan)
        if not plan.sources:
            return keep(plan, Study(scans=()), "ingest")
        unfetched: tuple[Refusal, ...] = fetch_study(plan) if is_elsewhere(plan) else ()
        local = with_fetched(plan, identities(plan))
        found = _find(local, here.store)
        if plan.clinical is not None:
            scanned = set(found.patients())
            for finding in compare_patients(plan.clinical, tables[0], scanned, identities(plan), found.left_out):
                say(finding)
        scales = image_scales(local, here.store)
        jobs = [_read_job(local, series, scales) for series in found.series]
        outcomes = run_stage(jobs)
        images = {outcome.item: outcome.ref for outcome in outcomes if outcome.ref is not None}
        drawable = [region for region in found.regions if region.series.item in images]
        drawn = run_stage([_region_job(local, region, images[region.series.item]) for region in drawable])
        made = {id(region): outcome.ref for region, outcome in zip(drawable, drawn, strict=True) if outcome.ref}
        read = _scans(here, found, images, [(r, made.get(id(r))) for r in drawable])
        scans, doubles = without_doubles(read, _Known(here.store, found, jobs))
        recordings, unheard = read_recordings(found)
        reports, unread = read_reports(local, found)
        refused = (*refusals_in(outcomes), *refusals_in(drawn), *doubles, *unheard, *unread)
        study = Study(
            scans=tuple(scans),
            refusals=(*unfetched, *found.refusals, *refused),
            found=len(found.series) + len(found.recordings) + len(found.reports),
            recordings=tuple(recordings),
            reports=tuple(reports),
        )
        return keep(plan, study, "ingest")


def _find(plan: Plan, store: Store) -> Found:
    jobs, problems = scan_jobs(plan, identities(plan))
    return assemble(plan, jobs, run_stage(jobs), problems, store)


def _read_job(plan: Plan, series: FoundSeries, scales: Scales) -> Job:
    source = plan.sources[series.source]
    files: dict[str, Input] = {"files": series.files}
    if isinstance(source, Dicom):
        pixel_size_mm = source.pixel_size_mm if isinstance(source, DicomSource) else None
        counts = {"lost": series.lost, "lost_beside": series.lost_beside}
        lost = {name: count for name, count in counts.items() if count}
        return read_dicom.job(series.item, files, {"pixel_size_mm": pixel_size_mm, **lost})
    if not isinstance(source, ImageFiles):
        raise TypeError(source.method)  # sounds and texts give no series of images
    pixel_size_mm, slice_distance_mm = scales.of(series)
    parameters = {
        "modality": series.modality,
        "unit": source.unit,
        "pixel_size_mm": pixel_size_mm,
        "slice_distance_mm": slice_distance_mm,
    }
    space = {"space": source.space} if isinstance(source, NrrdSource) else {}
    return read_volume.job(series.item, files, {**parameters, **space})


def _region_job(plan: Plan, region: FoundRegion, image: Ref) -> Job:
    source = plan.sources[region.series.source]
    inputs: dict[str, Input] = {"files": region.files, "image": image}
    item = f"{region.series.item}/{region.name or 'regions'}/{region.reader}"
    space = {"space": source.space} if isinstance(source, NrrdSource) else {}
    if region.kind not in DRAWN:
        labels = source.labels if isinstance(source, ImageFiles) else {}
        return read_mask.job(item, inputs, {"region": region.name, "labels": labels, **space})
    named = {"source_name": region.source_name, "region": region.name}
    return DRAWN[region.kind].job(item, inputs, {**named, **(space if region.kind == "segment" else {})})


def _scans(
    here: Work, found: Found, images: Mapping[str, Ref], drawn: Sequence[tuple[FoundRegion, Ref | None]]
) -> list[Scan]:
    made = [(region, mask) for region, mask in drawn if mask is not None]
    read = here.store.each(lambda pair: _named_regions(here.store, *pair), made)
    regions: dict[str, list[Region]] = {}
    for (region, _), of_mask in zip(made, read, strict=True):
        regions.setdefault(region.series.item, []).extend(of_mask)
    kept = [series for series in found.series if series.item in images]
    corrections = here.store.each(lambda series: _corrections(here.store, images[series.item]), kept)
    return [
        Scan(
            patient=series.patient,
            visit=series.visit,
            day=series.days,
            modality=series.modality,
            series=series.series,
            scanner=series.scanner,
            image=images[series.item],
            regions=tuple(sorted(regions.get(series.item, ()), key=lambda one: (one.name, one.reader))),
            corrections=told,
        )
        for series, told in zip(kept, corrections, strict=True)
    ]


class _Known:
    """Tells of a scan what the store and the sources know."""

    def __init__(self, store: Store, found: Found, jobs: Sequence[Job]) -> None:
        self._store = store
        self._names = {series.item: series.uid for series in found.series}
        self._keys = {job.item: job.key for job in jobs}

    def voxels(self, scan: Scan) -> str:
        return self._store.manifest(scan.image).voxels

    def size(self, scan: Scan) -> int:
        return int(self._store.open(scan.image).size)

    def kernel(self, scan: Scan) -> str:
        return str(self._store.attrs(scan.image).get("reconstruction_kernel", ""))

    def source(self, scan: Scan) -> str:
        return self._names[scan.item]

    def files(self, scan: Scan) -> tuple[str, ...]:
        record = self._store.record(scan.image, self._keys[scan.item])
        return () if record is None else tuple(one for digests in record.sources.values() for one in digests)


def _named_regions(store: Store, region: FoundRegion, mask: Ref) -> list[Region]:
    """Return the regions that a mask holds: one, or those of the label map's values."""
    attrs = store.attrs(mask)
    told = tuple(one["name"] for one in attrs.get("corrections", ()))
    return [
        Region(name=name, reader=region.reader, mask=mask, label=int(label), corrections=told)
        for label, name in sorted(attrs["names"].items())
    ]


def _corrections(store: Store, image: Ref) -> tuple[str, ...]:
    return tuple(one["name"] for one in store.attrs(image).get("corrections", ()))
