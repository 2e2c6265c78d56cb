"""One table of the study: features beside clinical columns, and how far scanners and readers agree."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from data_catalog.refs import Ref, Study
from flows.plan import Plan
from flows.radiomics_study import radiomics_study
from flows.recordings import measured_beside_images
from flows.results import CohortTables, Features
from flows.runtime import keep, one, run_stage, study_flow, work
from flows.tables import clinical_table
from tasks.cohort import (
    agreement,
    build_cohort,
    gather_overlaps,
    overlap,
    repeat_readings,
    stability,
)
from tasks.learn import scanner_effects
from tasks.methods.cohort.columns import feature_columns, finding_columns

if TYPE_CHECKING:
    import pandas as pd

    from tasks.stage import Input


@study_flow("cohort-study")
def cohort_study(plan: Plan, features: Features | None = None) -> CohortTables:
    """Put features and clinical columns side by side. Without features, those of the plan's sources.

    Returns the cohort, with how far scanners differ and readers agree.
    """
    with work(plan) as here:
        measured = features or radiomics_study(plan)
        clinical = clinical_table(plan)
        study: Study = here.store.open(measured.study)
        further, refusals = measured_beside_images(plan, study)
        if refusals:
            study = study.model_copy(update={"refusals": (*study.refusals, *refusals)})
            measured = measured.model_copy(update={"study": keep(plan, study, "recordings")})
        inputs: dict[str, Input] = {"study": measured.study, "features": measured.table}
        inputs |= {} if clinical is None else {"clinical": clinical}
        inputs |= {"further": further} if further else {}
        cohort = one(
            build_cohort.job(
                plan.study,
                inputs,
                {
                    "rows": plan.cohort.rows,
                    "visit": plan.cohort.visit,
                    "readers": plan.cohort.readers,
                    "known_before": known_before(plan),
                    "outcome": plan.outcome,
                    "first_patients": None if plan.sources else plan.first_patients,
                    "deltas": plan.cohort.deltas,
                },
            )
        )
        readings = _readings(plan, study, measured)
        again = {"perturbed": measured.perturbed, "readings": readings}
        repeats: dict[str, Input] = {name: ref for name, ref in again.items() if ref is not None}
        table: pd.DataFrame = here.store.open(cohort)
        names = tuple(feature_columns(table.columns, known_before(plan)))
        if plan.sources and not names and not finding_columns(table.columns):
            raise PlanError(
                "At least one region was measured",
                "no region of any scan gave features",
                "Name the regions (`regions`), or let the plan draw them (`segment`).",
            )
        several = table["scanner"].nunique() > 1 and bool(names)
        return CohortTables(
            features=measured,
            cohort=cohort,
            clinical=clinical,
            scanners=one(scanner_effects.job(plan.study, {"cohort": cohort}, {"columns": names})) if several else None,
            readers=one(agreement.job(plan.study, {"features": measured.table})) if plan.sources else None,
            overlaps=_overlaps(plan, study),
            readings=readings,
            stability=one(stability.job(plan.study, repeats)) if repeats else None,
        )


def _readings(plan: Plan, study: Study, measured: Features) -> Ref | None:
    """Return what regions that several readers have drawn gave, or None where there is none."""
    if not any(first.name == second.name for scan in study.scans for first, second in combinations(scan.regions, 2)):
        return None
    inputs: dict[str, Input] = {"study": measured.study, "features": measured.table}
    return one(repeat_readings.job(plan.study, inputs, {"deltas": plan.cohort.deltas}))


def facts_in(plan: Plan, table: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns of a cohort that are no measurements: clinical ones, and what reports say."""
    return (*known_before(plan), *finding_columns(table.columns))


def known_before(plan: Plan) -> tuple[str, ...]:
    """Return the clinical columns that may predict and explain."""
    return () if plan.clinical is None else plan.clinical.all_known_before


def _overlaps(plan: Plan, study: Study) -> Ref | None:
    """Return how far the regions of each two readers overlap, or None where every region has one reader."""
    pairs = [
        (scan, first, second)
        for scan in study.scans
        if not scan.channels  # a fused image has the regions of its first
        for first, second in combinations(scan.regions, 2)
        if first.name == second.name
    ]
    outcomes = run_stage(
        [
            overlap.job(
                f"{scan.item}/{first.name}",
                {"first": first.mask, "second": second.mask},
                {"label_first": first.label, "label_second": second.label},
            )
            for scan, first, second in pairs
        ]
    )
    made = [(pair, outcome.ref) for pair, outcome in zip(pairs, outcomes, strict=True) if outcome.ref is not None]
    if not made:
        return None
    places = tuple(
        (scan.patient, str(scan.visit), scan.modality, first.name, first.reader, second.reader)
        for (scan, first, second), _ in made
    )
    return one(gather_overlaps.job(plan.study, {"tables": tuple(ref for _, ref in made)}, {"places": places}))
