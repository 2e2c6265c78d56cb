"""Class rules mined in all patients and checked in patients held out of the mining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.rules.class_rules import ClassRuleMiner, answered_rows
from tasks.methods.rules.contingency import rule_counts
from tasks.methods.rules.discretise import FixedBins, QuantileBins
from tasks.methods.rules.items import ColumnLabel, ItemTable, outcome_items, require_one_row_each, require_same_rows
from tasks.methods.rules.rule import Counts, FoldCheck, HeldOut, Rule, RuleKey, RuleSet, rule_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class _Fold:
    """Be the rules found among a fold's training patients, and their counts there and in the held-out ones."""

    places: dict[RuleKey, int]
    training: NDArray[np.int64]
    held_out: NDArray[np.int64]


def mine_and_validate(
    table: pd.DataFrame,
    outcome: pd.Series,
    groups: Sequence[str],
    columns: Mapping[str, ColumnLabel],
    *,
    discretiser: QuantileBins | FixedBins,
    miner: ClassRuleMiner,
    folds: int = 5,
    seed: int = 0,
) -> RuleSet:
    """Return the rules of all patients, each with its counts in held-out patients.

    In each of `folds` folds, stratified by outcome and drawn by `seed`, items are learnt and rules mined
    anew among the training patients only, and the rules found there are counted in the held-out patients
    with the training patients' cut-offs. A rule of all patients is matched by columns and levels, and its
    held-out counts are added up over the folds that found it again: a fold whose training patients do not
    show the rule would not have predicted by it, so its held-out patients are no evidence for it.
    `groups` are the patients' keys, one per row; the column of `outcome`, where `columns` has it, lends
    its label and gives no items.

    Raises
    ------
    BadData
        If a patient has several rows, the outcome is of other rows, has no name, one value or too many, or
        there are fewer than two patients per fold.
    """
    require_one_row_each(groups, len(table))
    _require_same_index(table, outcome)
    name = str(outcome.name)
    target = outcome_items(outcome, columns.get(name, ColumnLabel(label=name)))
    described = {column: label for column, label in columns.items() if column != name}
    binning = discretiser.fit(table, described)
    mined = miner(binning.items(table), target, groups)
    parts = stratified_folds(target, folds, seed)
    checks = [
        _check_fold(table, target, described, (parts, fold), discretiser=discretiser, miner=miner)
        for fold in range(folds)
    ]
    return mined.model_copy(
        update={
            "rules": tuple(_with_held_out(rule, checks) for rule in mined.rules),
            "refused": binning.refused,
            "folds": tuple(_summary(check) for check in checks),
        }
    )


def stratified_folds(outcome: ItemTable, folds: int, seed: int) -> NDArray[np.intp]:
    """Return each row's fold, 0 to folds - 1, with the outcome's values spread evenly; -1 if it is not known.

    Raises
    ------
    BadData
        If there are fewer than two folds, or fewer than two rows of known outcome per fold.
    """
    answered = answered_rows(outcome)
    if folds < 2 or answered.size < 2 * folds:  # noqa: PLR2004 - the least that can be split
        raise BadData(
            "too_few_rows",
            "There are two folds or more, with two patients of known outcome each",
            f"{folds} folds for {answered.size} patients came",
            "Choose fewer folds, or add patients.",
        )
    values = outcome.present[answered].argmax(axis=1)
    shuffled = np.random.default_rng(seed).permutation(answered.size)
    dealt = shuffled[np.argsort(values[shuffled], kind="stable")]
    parts = np.full(len(outcome), -1, np.intp)
    parts[answered[dealt]] = np.arange(answered.size) % folds
    return parts


def _check_fold(
    table: pd.DataFrame,
    target: ItemTable,
    columns: Mapping[str, ColumnLabel],
    fold: tuple[NDArray[np.intp], int],
    *,
    discretiser: QuantileBins | FixedBins,
    miner: ClassRuleMiner,
) -> _Fold:
    parts, out = fold
    training, held_out = np.flatnonzero((parts >= 0) & (parts != out)), np.flatnonzero(parts == out)
    binning = discretiser.fit(table.iloc[training], columns)
    search = miner.search(binning.items(table.iloc[training]), target.select(training))
    unseen = binning.items(table.iloc[held_out]).beside(target.select(held_out))
    return _Fold(
        places={rule_key(*search.items(rule)): rule for rule in range(len(search.pairs))},
        training=search.counts,
        held_out=rule_counts(unseen, search.antecedents, search.consequents),
    )


def _with_held_out(rule: Rule, checks: Sequence[_Fold]) -> Rule:
    found = [check.held_out[check.places[rule.key]] for check in checks if rule.key in check.places]
    a, b, c, d = np.sum(found, axis=0).tolist() if found else (0, 0, 0, 0)
    held_out = HeldOut(a=a, b=b, c=c, d=d, found_in_folds=len(found), folds=len(checks))
    return rule.model_copy(update={"held_out": held_out})


def _summary(check: _Fold) -> FoldCheck:
    return FoldCheck(found=len(check.places), training=_added(check.training), held_out=_added(check.held_out))


def _added(counts: NDArray[np.int64]) -> Counts:
    a, b, c, d = counts.sum(axis=0).tolist()
    return Counts(a=a, b=b, c=c, d=d)


def _require_same_index(table: pd.DataFrame, outcome: pd.Series) -> None:
    require_same_rows(len(table), len(outcome))
    if outcome.name is None or not table.index.equals(outcome.index):
        raise BadData(
            "outcome_not_aligned",
            "The outcome is a named column with the table's own index",
            "it has another index" if outcome.name is not None else "it has no name",
            "Take the outcome from the table itself, as table[name].",
        )
