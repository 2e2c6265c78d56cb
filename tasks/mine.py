"""Mine rules in the cohort and patterns in the dated events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from data_catalog.kinds import RESAMPLES, RULES
from tasks.methods.cohort.wide import OUTCOME
from tasks.methods.rules.items import ColumnLabel, category_texts, numbers, require_columns, strata_of
from tasks.methods.rules.targets import number_target, survival_target
from tasks.methods.rules.validation import associate_and_validate, mine_and_validate, smallest_of_permuted
from tasks.sources.targets import NumberTarget
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from tasks.methods.rules import Discretiser
    from tasks.methods.rules.association import AssociationMiner
    from tasks.methods.rules.class_rules import ClassRuleMiner
    from tasks.methods.rules.rule import RuleSet
    from tasks.methods.rules.sequence_rule import SequenceSet
    from tasks.methods.rules.sequences import SequenceMiner
    from tasks.methods.rules.subgroup import SubgroupSet
    from tasks.methods.rules.subgroups import SubgroupMiner
    from tasks.methods.rules.targets import Target
    from tasks.sources.targets import SubgroupTarget


class Permuted(BaseModel):
    """Be the smallest p-value of all rules in each of some permutations of the outcome."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    smallest: tuple[float, ...]


@stage(RESAMPLES)
def permute_rules(
    cohort: pd.DataFrame,
    *,
    columns: dict[str, ColumnLabel],
    outcome: tuple[str, str, str],
    discretiser: Discretiser,
    miner: ClassRuleMiner,
    strata: str | None,
    draws: tuple[int, int],
) -> Permuted:
    """Return the smallest p-values of some permutations of the outcome within strata.

    `draws` are the numbers of the first permutation and of the one after the last.
    """
    smallest = smallest_of_permuted(
        cohort[list(columns)],
        spoken_outcome(cohort, outcome),
        {**columns, OUTCOME: ColumnLabel(label=outcome[0])},
        discretiser=discretiser,
        miner=miner,
        strata=strata_of(cohort, strata),
        draws=range(*draws),
    )
    return Permuted(smallest=tuple(smallest.tolist()))


@stage(RULES)
def mine_rules(
    cohort: pd.DataFrame,
    permuted: Sequence[Permuted] = (),
    *,
    columns: dict[str, ColumnLabel],
    outcome: tuple[str, str, str],
    discretiser: Discretiser,
    miner: ClassRuleMiner,
    strata: str | None = None,
    folds: int,
    seed: int,
) -> RuleSet:
    """Return the rules that explain the outcome, each measured on held-out patients too.

    `outcome` is its label and the words for coming true and not; `strata` is the column within whose values
    patients are compared, and `permuted` all permutations, where they were worked on apart.
    """
    found = mine_and_validate(
        cohort[list(columns)],
        spoken_outcome(cohort, outcome),
        cohort["patient"].tolist(),
        {**columns, OUTCOME: ColumnLabel(label=outcome[0])},
        discretiser=discretiser,
        miner=miner,
        strata=strata_of(cohort, strata),
        smallest=[p for block in permuted for p in block.smallest] if permuted else None,
        folds=folds,
        seed=seed,
    )
    return found.model_copy(update={"strata": strata})


@stage(RULES)
def mine_associations(
    cohort: pd.DataFrame,
    *,
    columns: dict[str, ColumnLabel],
    outcome: tuple[str, str, str] | None,
    discretiser: Discretiser,
    miner: AssociationMiner,
    folds: int,
    seed: int,
) -> RuleSet:
    """Return the rules among all items, the outcome's among them, each measured on held-out patients too."""
    labels = columns if outcome is None else {**columns, OUTCOME: ColumnLabel(label=outcome[0])}
    table = worded(cohort, outcome)[list(labels)]
    return associate_and_validate(
        table, cohort["patient"].tolist(), labels, discretiser=discretiser, miner=miner, folds=folds, seed=seed
    )


@stage(RULES)
def mine_subgroups(
    cohort: pd.DataFrame,
    clinical: pd.DataFrame | None = None,
    *,
    columns: dict[str, ColumnLabel],
    target: SubgroupTarget,
    discretiser: Discretiser,
    miner: SubgroupMiner,
) -> SubgroupSet:
    """Return the subgroups of the cohort's patients that differ in a target."""
    compared = target_of(target, cohort, clinical)
    own = {name: label for name, label in columns.items() if name not in _columns_of(target)}
    binning = discretiser.fit(cohort[list(own)], own)
    found = miner(binning.items(cohort), compared, cohort["patient"].tolist())
    return found.model_copy(update={"refused": binning.refused})


def target_of(target: SubgroupTarget, cohort: pd.DataFrame, clinical: pd.DataFrame | None) -> Target:
    """Return what the cohort's rows are compared in, from its own columns or the clinical table's.

    Raises
    ------
    BadData
        If a column is missing, is no number where it should be, or tells nobody apart.
    """
    import pandas as pd

    table = cohort
    if target.clinical_columns:
        table = pd.DataFrame() if clinical is None else clinical.set_index("patient").reindex(cohort["patient"])
    require_columns(table, _columns_of(target))
    if isinstance(target, NumberTarget):
        return number_target(target_label(target), target.unit, numbers(table[target.column]))
    times, said = numbers(table[target.time]), category_texts(table[target.event])
    known = ~np.isnan(times) & np.array([text is not None for text in said])
    happened = np.array([text == target.happened for text in said])
    return survival_target(target_label(target), target.unit, times, happened, known)


def target_label(target: SubgroupTarget) -> str:
    """Return the words for a target."""
    column = target.column if isinstance(target, NumberTarget) else target.event
    return target.label or column.replace("_", " ")


def _columns_of(target: SubgroupTarget) -> tuple[str, ...]:
    return (target.column,) if isinstance(target, NumberTarget) else target.clinical_columns


@stage(RULES)
def mine_sequences(
    events: pd.DataFrame, cohort: pd.DataFrame, *, miner: SequenceMiner, outcome: tuple[str, str, str] | None = None
) -> SequenceSet:
    """Return what comes before what in the dated events of the cohort's patients, and what goes with the outcome.

    `outcome` is its label and the words for coming true and not.
    """
    own = events[events["patient"].isin(cohort["patient"])]
    if outcome is None:
        return miner(own)
    label, positive, _ = outcome
    values = cohort.drop_duplicates("patient").set_index("patient")[OUTCOME]
    return miner(own, values, f"{label} is {positive}")


def spoken_outcome(cohort: pd.DataFrame, words: tuple[str, str, str]) -> pd.Series:
    """Return the outcome in its own words; `words` are its label, and those for coming true and not."""
    _, positive, negative = words
    return cohort[OUTCOME].map({1.0: positive, 0.0: negative}).astype("object").rename(OUTCOME)


def worded(cohort: pd.DataFrame, words: tuple[str, str, str] | None) -> pd.DataFrame:
    """Return the cohort with its outcome in words, if it has one."""
    return cohort if words is None else cohort.assign(**{OUTCOME: spoken_outcome(cohort, words)})
