"""Mine rules in the cohort and patterns in the dated events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pydantic import BaseModel, ConfigDict

from data_catalog.kinds import RESAMPLES, RULES
from tasks.methods.cohort.wide import OUTCOME
from tasks.methods.rules.items import ColumnLabel, strata_of
from tasks.methods.rules.validation import associate_and_validate, mine_and_validate, smallest_of_permuted
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.methods.rules import Discretiser
    from tasks.methods.rules.association import AssociationMiner
    from tasks.methods.rules.class_rules import ClassRuleMiner
    from tasks.methods.rules.rule import RuleSet
    from tasks.methods.rules.sequence_rule import SequenceSet
    from tasks.methods.rules.sequences import SequenceMiner


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
