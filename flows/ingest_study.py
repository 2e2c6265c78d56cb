"""From sources to a study: find the series, read them, draw their regions, keep each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from data_catalog.refs import Ref, Region, Scan, Study
from flows.check import check_tables
from flows.finding import assemble, scan_jobs
from flows.key import identities
from flows.plan import Plan
from flows.runtime import keep, refusals_in, run_stage, say, study_flow, work
from flows.tables import clinical_table
from tasks.check import compare_patients
from tasks.ingest import read_dicom, read_nifti, read_png, without_doubles
from tasks.regions import draw_region, read_label_map, read_mask
from tasks.sources.dicom import DicomSource
from tasks.sources.nifti import NiftiSource
from tasks.sources.png import PngSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from data_catalog.store import Store
    from tasks.sources.found import Found, FoundRegion, FoundSeries
    from tasks.stage import Input, Job


@study_flow("ingest-study")
def ingest_study(plan: Plan) -> Ref:
    """Read every series and region of the sources into volumes and masks; refuse what cannot be trusted.

    Returns the study: its scans under pseudonyms, and the quarantine.
    """
    with work(plan) as here:
        written = check_tables(plan)
        found = _find(plan, here.store)
        if plan.clinical is not None and written is not None:
            patients = {series.patient for series in found.series}
            for finding in compare_patients(plan.clinical, written, patients, identities(plan)):
                say(finding)
        sizes = _pixel_sizes(plan, here.store)
        jobs = [_read_job(plan, series, sizes) for series in found.series]
        outcomes = run_stage([job for job in jobs if job is not None])
        images = {outcome.item: outcome.ref for outcome in outcomes if outcome.ref is not None}
        drawable = [region for region in found.regions if region.series.item in images]
        drawn = run_stage([_region_job(plan, region, images[region.series.item]) for region in drawable])
        scans, doubles = without_doubles(_scans(plan, found, images, drawable, [outcome.ref for outcome in drawn]))
        study = Study(
            scans=tuple(scans),
            refusals=(*found.refusals, *refusals_in(outcomes), *refusals_in(drawn), *doubles),
            found=len(found.series),
        )
        return keep(plan, study, "ingest")


def _find(plan: Plan, store: Store) -> Found:
    jobs, problems = scan_jobs(plan, identities(plan))
    return assemble(plan, jobs, run_stage(jobs), problems, store)


def _read_job(plan: Plan, series: FoundSeries, sizes: Mapping[str, float]) -> Job:
    source = plan.sources[series.source]
    files: dict[str, Input] = {"files": series.files}
    if isinstance(source, DicomSource):
        return read_dicom.job(series.item, files)
    if isinstance(source, NiftiSource):
        return read_nifti.job(series.item, files, {"modality": series.modality, "unit": source.unit})
    return read_png.job(
        series.item,
        files,
        {"modality": series.modality, "pixel_size_mm": source.pixel_size_mm or sizes.get(series.patient)},
    )


def _region_job(plan: Plan, region: FoundRegion, image: Ref) -> Job:
    source = plan.sources[region.series.source]
    inputs: dict[str, Input] = {"files": region.files, "image": image}
    item = f"{region.series.item}/{region.name}/{region.reader}"
    if isinstance(source, DicomSource):
        return draw_region.job(item, inputs, {"source_name": region.source_name, "region": region.name})
    if isinstance(source, NiftiSource):
        return read_label_map.job(item, inputs, {"labels": source.labels, "region": region.name})
    return read_mask.job(item, inputs, {"region": region.name})


def _pixel_sizes(plan: Plan, store: Store) -> dict[str, float]:
    """Return the edge of a pixel in mm of each patient's image, where a source takes it from the clinical table."""
    column = next((s.pixel_size_column for s in plan.sources if isinstance(s, PngSource) and s.pixel_size_column), None)
    if column is None:
        return {}
    clinical = clinical_table(plan)
    if clinical is None:
        raise PlanError(
            "pixel_size_column is a column of the clinical table", "the plan has no clinical table", "Give one."
        )
    unit = next(s.pixel_size_unit for s in plan.sources if isinstance(s, PngSource) and s.pixel_size_column)
    table: pd.DataFrame = store.open(clinical)
    factor = 10.0 if unit == "cm" else 1.0
    return {str(who): float(size) * factor for who, size in zip(table["patient"], table[column], strict=True)}


def _scans(
    plan: Plan,
    found: Found,
    images: Mapping[str, Ref],
    drawn: Sequence[FoundRegion],
    masks: Sequence[Ref | None],
) -> list[Scan]:
    regions: dict[str, list[Region]] = {}
    for region, mask in zip(drawn, masks, strict=True):
        if mask is not None:
            regions.setdefault(region.series.item, []).extend(_named_regions(plan, region, mask))
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
        )
        for series in found.series
        if series.item in images
    ]


def _named_regions(plan: Plan, region: FoundRegion, mask: Ref) -> list[Region]:
    source = plan.sources[region.series.source]
    if isinstance(source, NiftiSource) and source.labels:
        return [
            Region(name=name, reader=region.reader, mask=mask, label=int(value))
            for value, name in sorted(source.labels.items())
        ]
    return [Region(name=region.name, reader=region.reader, mask=mask)]
