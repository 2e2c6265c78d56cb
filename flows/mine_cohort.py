"""Mine rules in a cohort and patterns in its dated events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from data_catalog.refs import Ref
from flows.cohort_study import cohort_study, facts_in, known_before
from flows.columns import column_meanings
from flows.plan import Plan
from flows.readings import mined_readings
from flows.results import CohortTables, Mined
from flows.rule_cards import rule_cards
from flows.runtime import refusals_in, run_stage, study_flow, work
from flows.tables import event_table
from tasks.methods.cohort.columns import feature_columns, matching
from tasks.methods.rules.items import ColumnLabel
from tasks.mine import mine_associations, mine_rules, mine_sequences, mine_subgroups, permute_rules, target_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from data_catalog.refs import Refusal
    from data_catalog.store import Store
    from flows.mining import Mining
    from tasks.stage import Input, Job, Outcome

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
        rules, unpermuted = _rules_job(plan, plan.mine, held.cohort, columns)
        jobs = rules | _jobs(plan, plan.mine, held.cohort, columns, events)
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
            refusals=(*unpermuted, *refusals_in(tried), *untried, *unread),
        )


def _subgroup_jobs(mining: Mining, tables: CohortTables, columns: dict[str, ColumnLabel]) -> Iterator[Job]:
    """Yield one search for subgroups for each target, by its words."""
    inputs: dict[str, Input] = {"cohort": tables.cohort}
    if tables.clinical is not None:
        inputs["clinical"] = tables.clinical
    for search in mining.subgroups:
        parameters = {"columns": columns, "target": search.target, "discretiser": mining.discretiser}
        yield mine_subgroups.job(target_label(search.target), inputs, {**parameters, "miner": search.miner})


def _rules_job(
    plan: Plan, mining: Mining, cohort: Ref, columns: dict[str, ColumnLabel]
) -> tuple[dict[str, Job], list[Refusal]]:
    """Return the search for rules that explain the outcome, none without one, and what its permutations refuse."""
    if plan.outcome is None:
        return {}, []
    shared = {"columns": columns, "discretiser": mining.discretiser, "outcome": outcome_words(plan)}
    within = {**shared, "miner": mining.rules, "strata": mining.strata}
    outcomes = _permuted(mining, cohort, within)
    if refused := refusals_in(outcomes):
        return {}, refused[:1]
    permuted = tuple(outcome.ref for outcome in outcomes if outcome.ref is not None)
    parameters = {**within, "folds": mining.folds, "seed": mining.seed}
    return {"rules": mine_rules.job(plan.study, {"cohort": cohort, "permuted": permuted}, parameters)}, []


def _jobs(
    plan: Plan, mining: Mining, cohort: Ref, columns: dict[str, ColumnLabel], events: Ref | None
) -> dict[str, Job]:
    jobs = {}
    shared = {"columns": columns, "discretiser": mining.discretiser, "outcome": outcome_words(plan)}
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


def _permuted(mining: Mining, cohort: Ref, within: Mapping[str, object]) -> list[Outcome]:
    """Permute the outcome in blocks where so many permutations are asked for that several workers pay; else not."""
    draws = mining.rules.permutations
    if mining.rules.adjust != "westfall_young" or draws <= PERMUTATIONS:
        return []
    blocks = [(first, min(first + PERMUTATIONS, draws)) for first in range(0, draws, PERMUTATIONS)]
    return run_stage(
        [
            permute_rules.job(f"permutations from {first + 1}", {"cohort": cohort}, {**within, "draws": (first, end)})
            for first, end in blocks
        ]
    )


def outcome_words(plan: Plan) -> tuple[str, str, str] | None:
    """Return the outcome's column in words, its positive value, and the word for the other."""
    outcome = plan.outcome
    if outcome is None:
        return None
    return outcome.column.replace("_", " "), outcome.positive, outcome.negative or f"not {outcome.positive}"


def _columns(plan: Plan, mining: Mining, tables: CohortTables, store: Store) -> dict[str, ColumnLabel]:
    """Return the columns that become items, with their words: features that differ, and clinical columns."""
    table: pd.DataFrame = store.open(tables.cohort)
    known = column_meanings(plan, store.open(tables.features.study), table, store)
    features = matching([name for name, meaning in known.items() if meaning.is_feature], mining.features)
    chosen = mining.representatives(table[features])
    if mining.clinical:
        chosen += facts_in(plan, table)
    return {name: ColumnLabel(label=known[name].label, unit=known[name].unit) for name in chosen}
