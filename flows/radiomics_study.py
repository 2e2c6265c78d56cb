"""Measure every region of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.refs import Ref, Study
from flows.detect_study import detect_study
from flows.plan import Plan
from flows.results import Features
from flows.runtime import keep, one, refusals_in, run_stage, study_flow, work
from tasks.radiomics import DETECTED, Measured, count_lesions, gather_features, radiomics

if TYPE_CHECKING:
    from data_catalog.refs import Scan
    from tasks.stage import Job


@study_flow("radiomics-study")
def radiomics_study(plan: Plan, study: Ref | None = None) -> Features:
    """Measure the plan's features in every region. Without a study, in those of the plan's sources.

    Returns the table of all measurements, and the study with what was refused on the way.
    """
    with work(plan) as here:
        held: Study = here.store.open(study or detect_study(plan))
        work_list = [pair for scan in held.scans for pair in _jobs(plan, scan)]
        regions = [pair for pair in work_list if pair[0].stage is radiomics]
        lesions = [pair for pair in work_list if pair[0].stage is count_lesions]
        outcomes = [*run_stage([job for job, _ in regions]), *run_stage([job for job, _ in lesions])]
        measured = [
            (outcome.ref, what)
            for outcome, (_, what) in zip(outcomes, [*regions, *lesions], strict=True)
            if outcome.ref is not None
        ]
        kept = held.model_copy(update={"refusals": (*held.refusals, *refusals_in(outcomes))})
        table = one(
            gather_features.job(
                plan.study,
                {"tables": tuple(ref for ref, _ in measured)},
                {
                    "measured": tuple(what for _, what in measured),
                    "may_be_empty": bool(held.recordings or held.reports),
                },
            )
        )
        return Features(study=keep(plan, kept, "radiomics"), table=table)


def _jobs(plan: Plan, scan: Scan) -> list[tuple[Job, Measured]]:
    pairs = []
    for region in scan.regions:
        item = f"{scan.item}/{region.name}/{region.reader}"
        inputs = {"image": scan.image, "labels": region.mask}
        elsewhere = tuple(number for number, name in enumerate(scan.channels) if name is None)
        parameters = {"label": region.label, "extractors": plan.radiomics, "left_out": elsewhere}
        job = radiomics.job(item, inputs, parameters)
        pairs.append((job, _measured(scan, region.name, region.reader)))
    if scan.detections is not None:
        pairs.append(
            (count_lesions.job(scan.item, {"detections": scan.detections}), _measured(scan, DETECTED, "method"))
        )
    return pairs


def _measured(scan: Scan, region: str, reader: str) -> Measured:
    of_scan = scan.model_dump(include={"patient", "visit", "day", "modality", "scanner", "channels"})
    return Measured(**of_scan, region=region, reader=reader)
