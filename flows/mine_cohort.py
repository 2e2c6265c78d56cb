"""Mine rules in a cohort and patterns in its dated events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from data_catalog.refs import Ref, Study
from flows.cohort_study import cohort_study, facts_in, known_before
from flows.plan import Plan, measures_of
from flows.radiomics_study import modalities_in
from flows.readings import mined_readings
from flows.results import CohortTables, Mined
from flows.rule_cards import rule_cards
from flows.runtime import refusals_in, run_stage, study_flow, work
from flows.tables import event_table
from tasks.methods.cohort.columns import ColumnMeaning, feature_columns, finding_columns, matching, meanings
from tasks.methods.rules.items import ColumnLabel
from tasks.methods.text.item import FINDING
from tasks.mine import mine_associations, mine_rules, mine_sequences, mine_subgroups, permute_rules, target_label
from tasks.units import units_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    from data_catalog.refs import Recording, Scan
    from data_catalog.store import Store
    from flows.plan import Mining
    from tasks.stage import Input, Job

_NO_UNIT = "1"
"""The unit of values that have none, or no common one."""
PERMUTATIONS = 5000
"""Permutations of the outcome that are one piece of work."""


@study_flow("mine-cohort")
def mine_cohort(plan: Plan, tables: CohortTables | None = None) -> Mined:
    """Mine rules that explain the outcome, rules among all items, what comes before what, subgroups, and readings.

    Without tables, in those of the plan's sources.
    """
    with work(plan) as here:
        if plan.mine is None:
            raise PlanError("A plan that mines says how", "`mine` is empty", "Fill it in.")
        held = tables or cohort_study(plan)
        columns = _columns(plan, plan.mine, held, here.store)
        events = event_table(plan, held.clinical)
        jobs = _jobs(plan, plan.mine, held.cohort, columns, events)
        outcomes = {name: run_stage([job])[0] for name, job in jobs.items()}
        mined = {name: outcome.ref for name, outcome in outcomes.items()}
        features = tuple(feature_columns(columns, known_before(plan)))
        words = outcome_words(plan)
        subgroups = {job.item: run_stage([job])[0] for job in _subgroup_jobs(plan.mine, held, columns)}
        found = {name: outcome.ref for name, outcome in subgroups.items() if outcome.ref is not None}
        cards, untried = rule_cards(plan, plan.mine, held, mined, found.values(), columns, words, features, here.store)
        readings, unread = mined_readings(plan, held.cohort)
        tried = [*outcomes.values(), *subgroups.values()]
        return Mined(
            **mined,
            subgroups=found,
            readings=readings,
            cards=cards,
            refusals=(*refusals_in(tried), *untried, *unread),
        )


def _subgroup_jobs(mining: Mining, tables: CohortTables, columns: dict[str, ColumnLabel]) -> Iterator[Job]:
    """Yield one search for subgroups for each target, by its words."""
    inputs: dict[str, Input] = {"cohort": tables.cohort}
    if tables.clinical is not None:
        inputs["clinical"] = tables.clinical
    for search in mining.subgroups:
        parameters = {"columns": columns, "target": search.target, "discretiser": mining.discretiser}
        yield mine_subgroups.job(target_label(search.target), inputs, {**parameters, "miner": search.miner})


def _jobs(
    plan: Plan, mining: Mining, cohort: Ref, columns: dict[str, ColumnLabel], events: Ref | None
) -> dict[str, Job]:
    jobs = {}
    shared = {"columns": columns, "discretiser": mining.discretiser, "outcome": outcome_words(plan)}
    if plan.outcome is not None:
        within = {**shared, "miner": mining.rules, "strata": mining.strata}
        permuted = _permuted(mining, cohort, within)
        parameters = {**within, "folds": mining.folds, "seed": mining.seed}
        jobs["rules"] = mine_rules.job(plan.study, {"cohort": cohort, "permuted": permuted}, parameters)
    if mining.associations is not None:
        jobs["associations"] = mine_associations.job(
            plan.study,
            {"cohort": cohort},
            {**shared, "miner": mining.associations, "folds": mining.folds, "seed": mining.seed},
        )
    if mining.sequences is not None and events is not None:
        jobs["sequences"] = mine_sequences.job(
            plan.study,
            {"events": events, "cohort": cohort},
            {"miner": mining.sequences, "outcome": outcome_words(plan)},
        )
    return jobs


def _permuted(mining: Mining, cohort: Ref, within: Mapping[str, object]) -> tuple[Ref, ...]:
    """Return permutations of the outcome in blocks, where they are so many that several workers pay; else none."""
    draws = mining.rules.permutations
    if mining.rules.adjust != "westfall_young" or draws <= PERMUTATIONS:
        return ()
    blocks = [(first, min(first + PERMUTATIONS, draws)) for first in range(0, draws, PERMUTATIONS)]
    outcomes = run_stage(
        [
            permute_rules.job(f"permutations from {first + 1}", {"cohort": cohort}, {**within, "draws": (first, end)})
            for first, end in blocks
        ]
    )
    done = tuple(outcome.ref for outcome in outcomes if outcome.ref is not None)
    return done if len(done) == len(blocks) else ()


def outcome_words(plan: Plan) -> tuple[str, str, str] | None:
    """Return the outcome's column in words, its positive value, and the word for the other."""
    outcome = plan.outcome
    if outcome is None:
        return None
    return outcome.column.replace("_", " "), outcome.positive, outcome.negative or f"not {outcome.positive}"


def _columns(plan: Plan, mining: Mining, tables: CohortTables, store: Store) -> dict[str, ColumnLabel]:
    """Return the columns that become items, with their words: features that differ, and clinical columns."""
    table: pd.DataFrame = store.open(tables.cohort)
    known = column_meanings(plan, tables, store)
    features = matching([name for name, meaning in known.items() if meaning.is_feature], mining.features)
    chosen = mining.representatives(table[features])
    if mining.clinical:
        chosen += facts_in(plan, table)
    return {name: ColumnLabel(label=known[name].label, unit=known[name].unit) for name in chosen}


def column_meanings(plan: Plan, tables: CohortTables, store: Store) -> dict[str, ColumnMeaning]:
    """Return what each feature and clinical column of the cohort means, in words and units."""
    table: pd.DataFrame = store.open(tables.cohort)
    study: Study = store.open(tables.features.study)
    units = shared_units(units_of(scan, store) for scan in measured_scans(study.scans))
    units |= {one.modality: unit for one in study.recordings if (unit := _signal_unit(one, store)) is not None}
    definitions = [
        definition
        for modality in modalities_in(study.scans)
        for measure in measures_of(plan, modality)
        for planar in (False, True)
        for definition in measure.definitions(planar=planar)
    ]
    definitions += [definition for extractor in plan.signals for definition in extractor.definitions()]
    return meanings(
        feature_columns(table.columns, known_before(plan)),
        definitions,
        units,
        [*clinical_meanings(plan), *map(_finding_meaning, finding_columns(table.columns))],
    )


def measured_scans(scans: Sequence[Scan]) -> list[Scan]:
    """Return the scans of each modality that have regions, or all of a modality in which none has."""
    drawn = {scan.modality for scan in scans if scan.regions}
    return [scan for scan in scans if scan.regions or scan.modality not in drawn]


def shared_units(units: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the unit of each modality or channel; none (1) where scans have several, as PET in SUV and in Bq/ml."""
    shared: dict[str, str] = {}
    for named in units:
        for name, unit in named.items():
            shared[name] = unit if shared.get(name, unit) == unit else _NO_UNIT
    return shared


def _finding_meaning(column: str) -> ColumnMeaning:
    return ColumnMeaning(column=column, label=f"{column.removeprefix(FINDING)} in the report")


def _signal_unit(recording: Recording, store: Store) -> str | None:
    """Return the unit of a recording's channels, None where they have several."""
    units = set(store.open(recording.signal).attrs["unit"])
    return str(units.pop()) if len(units) == 1 else None


def clinical_meanings(plan: Plan) -> list[ColumnMeaning]:
    """Return what the clinical columns known before the outcome mean."""
    table = plan.clinical
    if table is None:
        return []
    return [
        ColumnMeaning(
            column=column, label=table.labels.get(column, column.replace("_", " ")), unit=table.units.get(column, "")
        )
        for column in table.all_known_before
    ]
