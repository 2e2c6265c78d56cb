"""Measure every region of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.refs import Ref, Study
from flows.detect_study import detect_study
from flows.map_features import feature_maps
from flows.models import models_of, with_models
from flows.plan import Plan, measures_of
from flows.results import Features
from flows.runtime import keep, one, refusals_in, run_stage, study_flow, work
from tasks.gather import Measured, gather_features, gather_repeats, joined_digests
from tasks.radiomics import DETECTED, count_lesions, measured_modality, radiomics, radiomics_perturbed
from tasks.units import of_one_unit, units_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from data_catalog.refs import Refusal, Scan
    from data_catalog.store import Store
    from flows.models import Files
    from tasks.methods.radiomics.measure import Measure
    from tasks.stage import Input, Job, Outcome


@study_flow("radiomics-study")
def radiomics_study(plan: Plan, study: Ref | None = None) -> Features:
    """Measure the plan's features in every region. Without a study, in those of the plan's sources.

    Returns the table of all measurements, and the study with what was refused on the way.
    """
    with work(plan) as here:
        given = study or detect_study(plan)
        held = _in_one_unit(here.store.open(given), here.store)
        plan, files = with_models(plan)
        work_list = [pair for scan in held.scans for pair in _jobs(plan, scan, files)]
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
                    "may_be_empty": bool(held.recordings or held.reports or not plan.sources),
                    "facts": _facts(plan, held.scans),
                },
            )
        )
        perturbed, refused = _perturbed(plan, given, regions, outcomes[: len(regions)])
        maps, unmapped = feature_maps(plan, held.scans)
        if refused or unmapped:
            kept = kept.model_copy(update={"refusals": (*kept.refusals, *refused, *unmapped)})
        return Features(study=keep(plan, kept, "radiomics"), table=table, perturbed=perturbed, maps=maps)


def _in_one_unit(study: Study, store: Store) -> Study:
    """Return the study without the scans whose unit is not that of the others of their modality."""
    scans, refusals = of_one_unit(study.scans, store.each(lambda scan: units_of(scan, store), study.scans))
    return study.model_copy(update={"scans": tuple(scans), "refusals": (*study.refusals, *refusals)})


def _perturbed(
    plan: Plan, study: Ref, regions: list[tuple[Job, Measured]], outcomes: list[Outcome]
) -> tuple[Ref | None, list[Refusal]]:
    """Return what the regions that could be measured give under perturbation, and those that were refused then."""
    if plan.perturb is None:
        return None, []
    pairs = [
        (radiomics_perturbed.job(job.item, job.inputs, {**job.parameters, "chain": plan.perturb}), what)
        for (job, what), outcome in zip(regions, outcomes, strict=True)
        if outcome.ref is not None
    ]
    again = run_stage([job for job, _ in pairs])
    made = [(outcome.ref, what) for outcome, (_, what) in zip(again, pairs, strict=True) if outcome.ref is not None]
    if not made:
        return None, refusals_in(again)
    inputs: dict[str, Input] = {"study": study, "tables": tuple(ref for ref, _ in made)}
    parameters = {
        "measured": tuple(what for _, what in made),
        "readers": plan.cohort.readers,
        "deltas": plan.cohort.deltas,
    }
    return one(gather_repeats.job(plan.study, inputs, parameters)), refusals_in(again)


def _jobs(plan: Plan, scan: Scan, files: Files) -> list[tuple[Job, Measured]]:
    pairs = []
    for region in scan.regions:
        item = f"{scan.item}/{region.name}/{region.reader}"
        for measures, left_out in _ways(plan, scan):
            inputs: dict[str, Input] = {"image": scan.image, "labels": region.mask, **models_of(measures, files)}
            parameters = {"label": region.label, "measures": measures, "left_out": left_out}
            pairs.append((radiomics.job(item, inputs, parameters), _measured(scan, region.name, region.reader)))
    if scan.detections is not None:
        pairs.append(
            (count_lesions.job(scan.item, {"detections": scan.detections}), _measured(scan, DETECTED, "method"))
        )
    return pairs


def _ways(plan: Plan, scan: Scan) -> list[tuple[tuple[Measure, ...], tuple[int, ...]]]:
    """Return each way in which channels of a scan are measured, with the channels that are not measured so."""
    if not scan.channels:
        measures = measures_of(plan, scan.modality)
        return [(measures, ())] if measures else []
    of = [() if name is None else measures_of(plan, measured_modality(name)) for name in scan.channels]
    return [
        (measures, tuple(number for number, other in enumerate(of) if other != measures))
        for measures in dict.fromkeys(of)
        if measures
    ]


def _facts(plan: Plan, scans: Iterable[Scan]) -> dict[str, dict[str, str]]:
    """Return what each column of the measurements means, with the digest of what made it in each modality."""
    found: dict[str, dict[str, str]] = {}
    digests: dict[str, dict[str, str]] = {}
    for modality in modalities_in(scans):
        for measure in measures_of(plan, modality):
            for column, facts in {**measure.facts(planar=True), **measure.facts(planar=False)}.items():
                found[column] = facts
                digests.setdefault(column, {})[modality] = facts["recipe"]
    return {column: {**facts, "recipe": joined_digests(digests[column])} for column, facts in found.items()}


def modalities_in(scans: Iterable[Scan]) -> list[str]:
    """Return the modalities that scans measure, sorted; of a fused image those of its own channels."""
    names = {name for scan in scans for name in (scan.channels or (scan.modality,)) if name is not None}
    return sorted({measured_modality(name) for name in names})


def _measured(scan: Scan, region: str, reader: str) -> Measured:
    of_scan = scan.model_dump(include={"patient", "visit", "day", "modality", "scanner", "channels"})
    return Measured(**of_scan, region=region, reader=reader)
