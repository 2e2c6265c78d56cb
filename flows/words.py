"""What a plan and its study say in words, for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.plan import measures_of
from tasks.methods.cohort.wide import OUTCOME
from tasks.methods.reporting.data import FlowStep, MethodUsed, OutcomeWords
from tasks.methods.rules.shown import SMALLEST
from tasks.mine import target_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

    from data_catalog.refs import Refusal, Study
    from flows.mining import Mining
    from flows.plan import Plan
    from tasks.methods.reporting.data import Section

READING = (
    "scan",
    "scan_dicom",
    "scan_names",
    "fetch_series",
    "read_dicom",
    "read_volume",
    "read_sound",
    "read_waveform",
    "read_report_text",
    "read_structured_report",
    "read_report_numbers",
)  # fmt: skip
MINED: dict[str, Section] = {
    "mine_rules": "rules",
    "mine_associations": "associations",
    "mine_sequences": "sequences",
    "mine_subgroups": "subgroups",
    "read_readings": "readings",
    "mine_readings": "readings",
    "resample_rules": "rules",
    "resample_associations": "associations",
    "locate_region": "rules",
}
CLEANING = ("preprocess", "fuse")


def question(plan: Plan) -> str:
    """Return what the study asks, in one sentence."""
    if plan.outcome is None:
        return "What do the scans show?" if plan.sources else "What goes together in the tables?"
    return f"What goes with {plan.outcome.sentence}?"


def outcome_in_words(plan: Plan) -> OutcomeWords | None:
    """Return the outcome and its two values in words."""
    outcome = plan.outcome
    if outcome is None:
        return None
    name = outcome.column.replace("_", " ")
    other = outcome.negative or f"not {outcome.positive}"
    return OutcomeWords(label=outcome.sentence, event=f"{name}: {outcome.positive}", other=f"{name}: {other}")


def smallest_shown(plan: Plan) -> int:
    """Return the fewest patients whose count is shown; counts of fewer, but not of none, are hidden."""
    return SMALLEST if plan.mine is None else plan.mine.cards.smallest


def centres_in(plan: Plan, cohort: pd.DataFrame) -> int | None:
    """Return how many centres the column that the plan names tells apart; None where it names none but scanners."""
    named = () if plan.mine is None else (plan.mine.cards.centre, plan.mine.strata)
    column = next((one for one in named if one is not None and one != "scanner"), None)
    return None if column is None else cohort[column].nunique() or None


def flow_steps(study: Study, cohort: pd.DataFrame) -> tuple[FlowStep, ...]:
    """Return what was there after each step, and what each refused: n in, n out, why."""
    reading = tuple(refusal for refusal in study.refusals if refusal.stage in READING)
    cleaning = tuple(refusal for refusal in study.refusals if refusal.stage in CLEANING)
    regions = tuple(refusal for refusal in study.refusals if refusal not in {*reading, *cleaning})
    kept = {(one.patient, one.visit, one.series) for one in study.scans}
    kept |= {(one.patient, one.visit, one.series) for one in study.recordings}
    kept |= {(one.patient, one.visit, one.series) for one in study.reports}
    cleaned = sum(refusal.stage == "preprocess" for refusal in cleaning)
    everyone = set(study.patients()) | _patients(study.refusals)
    read = set(study.patients()) | _patients(cleaning)
    known = cohort[cohort[OUTCOME].notna()]
    scanned = [
        FlowStep(what="Series found", patients=len(everyone), series=study.found),
        FlowStep(what="Series read and kept", patients=len(read), series=len(kept) + cleaned, refusals=reading),
        FlowStep(what="Scans cleaned", patients=len(study.patients()), series=len(kept), refusals=cleaning),
    ]
    in_table = FlowStep(what="Patients in the table", patients=cohort["patient"].nunique(), refusals=regions)
    steps = [*scanned, in_table] if everyone else [in_table]
    if len(known):
        steps.append(FlowStep(what="Patients with a known outcome", patients=known["patient"].nunique()))
    return tuple(steps)


def refused_by_section(
    unjudged: tuple[Refusal, ...], unmined: tuple[Refusal, ...]
) -> dict[Section, tuple[Refusal, ...]]:
    """Return what could not be judged or mined, by the part of the report where it is missed."""
    found: dict[Section, tuple[Refusal, ...]] = {"models": unjudged} if unjudged else {}
    for refusal in unmined:
        section = MINED[refusal.stage]
        found[section] = (*found.get(section, ()), refusal)
    return found


def _patients(refusals: tuple[Refusal, ...]) -> set[str]:
    items = (refusal.item.partition("/")[0] for refusal in refusals)
    return {item for item in items if item.startswith("P-")}


def methods_used(plan: Plan, modalities: Iterable[str]) -> tuple[MethodUsed, ...]:
    """Return the methods of a plan in the order in which they are used; regions of some modalities were measured."""
    return tuple(_methods(plan, modalities))


def _methods(plan: Plan, modalities: Iterable[str]) -> Iterator[MethodUsed]:
    yield from _image_methods(plan)
    for modality in modalities:
        for measure in measures_of(plan, modality):
            yield MethodUsed.of("radiomics", measure.extractor, modality)
    for entry in plan.feature_maps:
        yield MethodUsed.of("maps", entry.feature_map, entry.modality)
    if plan.perturb is not None:
        yield MethodUsed.of("perturbation", plan.perturb)
    yield MethodUsed.of("cohort", plan.cohort)
    if plan.mine is not None:
        yield from _mining_methods(plan.mine)


def _mining_methods(mining: Mining) -> Iterator[MethodUsed]:
    yield MethodUsed.of("representatives", mining.representatives)
    yield MethodUsed.of("levels", mining.discretiser)
    yield MethodUsed.of("rules", mining.rules)
    if mining.associations is not None:
        yield MethodUsed.of("associations", mining.associations)
    if mining.sequences is not None:
        yield MethodUsed.of("sequences", mining.sequences)
    for search in mining.subgroups:
        yield MethodUsed.of("subgroups", search.miner, target_label(search.target))
    if mining.readings is not None:
        yield MethodUsed.of("readings", mining.readings.miner)


def _image_methods(plan: Plan) -> Iterator[MethodUsed]:
    for cleaning in plan.preprocess:
        for step in cleaning.steps:
            yield MethodUsed.of("preprocessing", step, cleaning.modality)
    for fusion in plan.fuse:
        yield MethodUsed.of("fusion", fusion.fuser, f"{fusion.first} and {fusion.second}")
    for drawing in plan.segment:
        yield MethodUsed.of("segmentation", drawing.segmenter, drawing.region)
    for looking in plan.detect:
        yield MethodUsed.of("detection", looking.detector, looking.modality)
