"""What a run shows in Prefect: its items, its quarantine, its models and rules; opaque keys only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect.artifacts import create_table_artifact

from flows.rule_files import shown_cards
from tasks.methods.rules.card_table import brief_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data_catalog.catalog import Spent
    from data_catalog.refs import Study
    from data_catalog.store import Store
    from flows.plan import Plan
    from flows.results import Results
    from tasks.methods.learning.evaluation import Evaluation


def show(plan: Plan, results: Results, store: Store, spent: Sequence[Spent] = ()) -> None:
    """Make the results of a study, and what its run spent, tables of its run in Prefect."""
    study: Study = store.open(results.cohort.features.study)
    _table(plan, "items", [count.model_dump() for count in results.counts], "What became of the items of each stage")
    refusals = [{"item": one.item, "stage": one.stage, "why": f"{one.verdict}: {one.reason}"} for one in study.refusals]
    _table(plan, "spent", [one.row() for one in spent], "What the run spent on each stage")
    _table(plan, "quarantine", refusals, "What was refused, and why")
    _table(plan, "models", _models(results, store), "AUC in patients that no step had seen")
    _table(plan, "rules", _rules(plan, results, store), "Rules that are claimed, with their cards' numbers")
    artefacts = [{"result": name, "artefact": ref.short} for name, ref in results.refs()]
    _table(plan, "results", artefacts, "Names for `voxmine why`")


def _table(plan: Plan, what: str, rows: list[dict[str, Any]], description: str) -> None:
    key = f"{plan.study}-{what}".replace("_", "-")
    create_table_artifact(key=key, table=rows, description=description)


def _models(results: Results, store: Store) -> list[dict[str, Any]]:
    learnt = results.learnt
    if learnt is None:
        return []
    rows = []
    for role, evaluations in (("model", learnt.models), ("control", learnt.controls)):
        for name, ref in evaluations.items():
            held: Evaluation = store.open(ref)
            interval = f"{held.auc_interval.low:.2f} to {held.auc_interval.high:.2f}"
            rows.append({"name": name, "role": role, "AUC": round(held.auc, 3), "interval": interval})
    return rows


def _rules(plan: Plan, results: Results, store: Store) -> list[dict[str, Any]]:
    """Return the claimed rules as they may be shown: counts and lists of few patients are hidden here too."""
    cards = shown_cards(plan, results.mined, store)
    return [] if cards is None else brief_rows([card for card in cards.cards if card.claimed])
