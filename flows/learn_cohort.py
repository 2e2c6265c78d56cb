"""Train models on a cohort and judge them on patients they have not seen, beside controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data_catalog.errors import PlanError
from flows.cohort_study import cohort_study, facts_in, known_before
from flows.columns import column_meanings
from flows.plan import Plan
from flows.results import CohortTables, Learnt
from flows.runtime import one, refusals_in, run_stage, study_flow, work
from tasks.learn import evaluate, fit_model, leak, permute, tell_rule_list
from tasks.methods.cohort.columns import feature_columns, size_columns
from tasks.methods.learning.controls import LeakCheck, PermutedLabels
from tasks.methods.rules.items import ColumnLabel

if TYPE_CHECKING:
    import pandas as pd

    from data_catalog.refs import Study
    from flows.plan import Learning
    from tasks.methods.learning import Learner
    from tasks.stage import Input, Job


RULE_LIST = "rule_list"
"""The learner whose model is told in words."""
PERMUTED = "permuted outcomes"
LEAKED = "what leakage would show"


@study_flow("learn-cohort")
def learn_cohort(plan: Plan, tables: CohortTables | None = None) -> Learnt:
    """Judge the plan's learners by nested cross-validation, beside controls. Without tables, on the plan's sources.

    Returns the evaluations, the controls and the models fitted to all rows.
    """
    with work(plan) as here:
        if plan.learn is None or plan.outcome is None:
            raise PlanError(
                "A plan that learns says what and how",
                "`outcome` or `learn` is empty",
                "Fill both in, or learn nothing.",
            )
        made = tables or cohort_study(plan)
        table: pd.DataFrame = here.store.open(made.cohort)
        features = tuple(feature_columns(table.columns, known_before(plan)))
        facts = facts_in(plan, table)
        size = tuple(size_columns(features))
        learnt = _learnt(plan.learn, _rows(plan.learn, made), (*features, *facts), size=size, clinical=facts)
        if RULE_LIST not in learnt.fitted:
            return learnt
        study: Study = here.store.open(made.features.study)
        words = {
            name: ColumnLabel(label=meaning.label, unit=meaning.unit)
            for name, meaning in column_meanings(plan, study, table, here.store).items()
        }
        told = one(tell_rule_list.job(plan.study, {"model": learnt.fitted[RULE_LIST]}, {"columns": words}))
        return learnt.model_copy(update={"rule_list": told})


def _rows(learning: Learning, tables: CohortTables) -> dict[str, Input]:
    """Return the rows to learn from, with what was measured again where models select on it."""
    repeats = {"perturbed": tables.features.perturbed, "readings": tables.readings} if learning.stability else {}
    return {"cohort": tables.cohort, **{name: ref for name, ref in repeats.items() if ref is not None}}


def _learnt(
    learning: Learning,
    rows: dict[str, Input],
    columns: tuple[str, ...],
    *,
    size: tuple[str, ...],
    clinical: tuple[str, ...],
) -> Learnt:
    first = learning.learners[0]
    # A control is what it is, stable or not: volume alone, clinical columns alone.
    plain, only = learning.model_copy(update={"stability": None}), {"cohort": rows["cohort"]}
    models = {learner.method: _evaluation(learning, learner, rows, columns) for learner in learning.learners}
    sets = {"volume only": size, "clinical only": clinical} if learning.controls else {}
    controls = {name: _evaluation(plain, first, only, chosen, name) for name, chosen in sets.items() if chosen}
    fitted = {learner.method: _fit(learning, learner, rows, columns) for learner in learning.learners}
    judged = run_stage([*models.values(), *controls.values()])
    trained = run_stage(list(fitted.values()))
    permuted = run_stage([_permutations(learning, rows, columns)] if learning.controls else [])
    leaked = run_stage([_leak(learning, only, columns)] if learning.controls else [])
    found = {outcome.item: outcome.ref for outcome in [*judged, *trained, *permuted, *leaked] if outcome.ref}
    return Learnt(
        models={name: found[job.item] for name, job in models.items() if job.item in found},
        controls={name: found[job.item] for name, job in controls.items() if job.item in found},
        permuted=found.get(PERMUTED),
        leak=found.get(LEAKED),
        fitted={name: found[job.item] for name, job in fitted.items() if job.item in found},
        refusals=tuple(refusals_in([*judged, *trained, *permuted, *leaked])),
    )


def _evaluation(
    learning: Learning,
    learner: Learner,
    rows: dict[str, Input],
    columns: tuple[str, ...],
    what: str = "all columns",
) -> Job:
    parameters = _parameters(learning, learner, columns)
    return evaluate.job(f"{learner.method} on {what}", rows, {**parameters, "validation": learning.validation})


def _fit(learning: Learning, learner: Learner, rows: dict[str, Input], columns: tuple[str, ...]) -> Job:
    parameters = _parameters(learning, learner, columns)
    return fit_model.job(f"{learner.method} on all rows", rows, {**parameters, "seed": learning.validation.seed})


def _permutations(learning: Learning, rows: dict[str, Input], columns: tuple[str, ...]) -> Job:
    control = PermutedLabels(validation=learning.validation.model_copy(update={"repeats": 1}))
    parameters = _parameters(learning, learning.learners[0], columns)
    return permute.job(PERMUTED, rows, {**parameters, "control": control})


def _parameters(learning: Learning, learner: Learner, columns: tuple[str, ...]) -> dict[str, Any]:
    return {
        "columns": columns,
        "learner": learner,
        "harmoniser": learning.harmoniser,
        "stability": learning.stability,
    }


def _leak(learning: Learning, rows: dict[str, Input], columns: tuple[str, ...]) -> Job:
    control = LeakCheck(validation=learning.validation.model_copy(update={"repeats": 1}))
    return leak.job(LEAKED, rows, {"columns": columns, "control": control})
