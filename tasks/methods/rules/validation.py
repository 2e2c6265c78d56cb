"""Rules mined in all patients and checked in patients held out of the mining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.rules.class_rules import ClassRuleMiner, answered_rows
from tasks.methods.rules.contingency import rule_counts
from tasks.methods.rules.items import ItemTable, outcome_apart, require_one_row_each, require_same_rows
from tasks.methods.rules.itemsets import share_of
from tasks.methods.rules.rule import Counts, FoldCheck, HeldOut, Rule, RuleKey, RuleSet, rule_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.rules.association import AssociationMiner
    from tasks.methods.rules.discretise import FixedBins, QuantileBins
    from tasks.methods.rules.items import ColumnLabel, Refusal
    from tasks.methods.rules.search import Search


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
    strata: Sequence[str | None] | None = None,
    smallest: Sequence[float] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> RuleSet:
    """Return the class rules of all patients, each with its counts in held-out patients.

    In each of `folds` folds, stratified by outcome and drawn by `seed`, items are learnt and rules mined
    anew among the training patients only, and the rules found there are counted in the held-out patients
    with the training patients' cut-offs. A rule of all patients is matched by columns and levels, and its
    held-out counts are added up over the folds that found it again: a fold whose training patients do not
    show the rule would not have predicted by it, so its held-out patients are no evidence for it.
    `groups` are the patients' keys, one per row, and `strata` the groups within which they are compared; the
    column of `outcome`, where `columns` has it, lends its label and gives no items. `smallest` are the smallest
    p-values of permuted outcomes, as of `smallest_of_permuted`, where they were worked on apart.

    Raises
    ------
    BadData
        If a patient has several rows, the outcome is of other rows, has no name, one value or too many, or
        there are fewer than two patients per fold.
    """
    require_one_row_each(groups, len(table))
    _require_same_index(table, outcome)
    target, described = outcome_apart(outcome, columns)
    binning = discretiser.fit(table, described)
    mined = miner(binning.items(table), target, groups, strata, smallest)
    share = share_of(miner.min_support, answered_rows(target).size)
    # A fold tests nothing, so permutes nothing.
    counting = miner.model_copy(update={"adjust": "bonferroni", "min_support": share})
    checks = []
    for training, held_out in _rows(stratified_folds(target, folds, seed), folds):
        seen, unseen = _learnt(discretiser, described, table.iloc[training], table.iloc[held_out])
        own = None if strata is None else [strata[row] for row in training.tolist()]
        search = counting.search(seen, target.select(training), own)
        checks.append(_check(search, unseen.beside(target.select(held_out))))
    return _validated(mined, binning.refused, checks)


def smallest_of_permuted(
    table: pd.DataFrame,
    outcome: pd.Series,
    columns: Mapping[str, ColumnLabel],
    *,
    discretiser: QuantileBins | FixedBins,
    miner: ClassRuleMiner,
    strata: Sequence[str | None] | None,
    draws: Sequence[int],
) -> NDArray[np.float64]:
    """Return the smallest p-value of all rules of `mine_and_validate` in the permutations of some numbers."""
    target, described = outcome_apart(outcome, columns)
    return miner.smallest_p_values(discretiser.fit(table, described).items(table), target, strata, draws)


def associate_and_validate(
    table: pd.DataFrame,
    groups: Sequence[str],
    columns: Mapping[str, ColumnLabel],
    *,
    discretiser: QuantileBins | FixedBins,
    miner: AssociationMiner,
    folds: int = 5,
    seed: int = 0,
) -> RuleSet:
    """Return the associations of all patients, each with its counts in held-out patients.

    They are found again and counted as by `mine_and_validate`. Any column may be an end of a rule, so the
    folds are not stratified by one.

    Raises
    ------
    BadData
        If a patient has several rows, or there are fewer than two patients per fold.
    """
    require_one_row_each(groups, len(table))
    binning = discretiser.fit(table, columns)
    mined = miner(binning.items(table), groups)
    counting = miner.model_copy(update={"min_support": share_of(miner.min_support, len(table))})
    checks = []
    for training, held_out in _rows(patient_folds(len(table), folds, seed), folds):
        seen, unseen = _learnt(discretiser, columns, table.iloc[training], table.iloc[held_out])
        checks.append(_check(counting.search(seen), unseen))
    return _validated(mined, binning.refused, checks)


def stratified_folds(outcome: ItemTable, folds: int, seed: int) -> NDArray[np.intp]:
    """Return each row's fold, 0 to folds - 1, with the outcome's values spread evenly; -1 if it is not known.

    Raises
    ------
    BadData
        If there are fewer than two folds, or fewer than two rows of known outcome per fold.
    """
    answered = answered_rows(outcome)
    _require_enough(answered.size, folds)
    values = outcome.present[answered].argmax(axis=1)
    shuffled = np.random.default_rng(seed).permutation(answered.size)
    dealt = shuffled[np.argsort(values[shuffled], kind="stable")]
    parts = np.full(len(outcome), -1, np.intp)
    parts[answered[dealt]] = np.arange(answered.size) % folds
    return parts


def patient_folds(rows: int, folds: int, seed: int) -> NDArray[np.intp]:
    """Return each row's fold, 0 to folds - 1, drawn in parts as even as can be.

    Raises
    ------
    BadData
        If there are fewer than two folds, or fewer than two rows per fold.
    """
    _require_enough(rows, folds)
    parts = np.empty(rows, np.intp)
    parts[np.random.default_rng(seed).permutation(rows)] = np.arange(rows) % folds
    return parts


def _rows(parts: NDArray[np.intp], folds: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield the positions of each fold's training and held-out rows."""
    for fold in range(folds):
        yield np.flatnonzero((parts >= 0) & (parts != fold)), np.flatnonzero(parts == fold)


def _learnt(
    discretiser: QuantileBins | FixedBins,
    columns: Mapping[str, ColumnLabel],
    training: pd.DataFrame,
    held_out: pd.DataFrame,
) -> tuple[ItemTable, ItemTable]:
    """Return which training and which held-out row has which of the items learnt from the training rows."""
    binning = discretiser.fit(training, columns)
    return binning.items(training), binning.items(held_out)


def _check(search: Search, unseen: ItemTable) -> _Fold:
    return _Fold(
        places={rule_key(*search.items(rule)): rule for rule in range(len(search.pairs))},
        training=search.counts,
        held_out=rule_counts(unseen, search.antecedents, search.consequents),
    )


def _validated(mined: RuleSet, refused: tuple[Refusal, ...], checks: Sequence[_Fold]) -> RuleSet:
    """Return the rules of all patients with what the folds say of them."""
    return mined.model_copy(
        update={
            "rules": tuple(_with_held_out(rule, checks) for rule in mined.rules),
            "refused": refused,
            "folds": tuple(_summary(check) for check in checks),
        }
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


def _require_enough(rows: int, folds: int) -> None:
    if folds < 2 or rows < 2 * folds:  # noqa: PLR2004 - the least that can be split
        raise BadData(
            "too_few_rows",
            "There are two folds or more, with two patients each to count",
            f"{folds} folds for {rows} patients came",
            "Choose fewer folds, or add patients.",
        )


def _require_same_index(table: pd.DataFrame, outcome: pd.Series) -> None:
    require_same_rows(len(table), len(outcome))
    if outcome.name is None or not table.index.equals(outcome.index):
        raise BadData(
            "outcome_not_aligned",
            "The outcome is a named column with the table's own index",
            "it has another index" if outcome.name is not None else "it has no name",
            "Take the outcome from the table itself, as table[name].",
        )
