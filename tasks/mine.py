"""Mine rules in the cohort and patterns in the dated events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from data_catalog.kinds import RULES
from tasks.methods.cohort.wide import OUTCOME
from tasks.methods.rules.items import ColumnLabel
from tasks.methods.rules.validation import associate_and_validate, mine_and_validate
from tasks.stage import stage

if TYPE_CHECKING:
    from tasks.methods.rules import Discretiser
    from tasks.methods.rules.association import AssociationMiner
    from tasks.methods.rules.class_rules import ClassRuleMiner
    from tasks.methods.rules.rule import RuleSet
    from tasks.methods.rules.sequence_rule import SequenceSet
    from tasks.methods.rules.sequences import SequenceMiner


@stage(RULES)
def mine_rules(
    cohort: pd.DataFrame,
    *,
    columns: dict[str, ColumnLabel],
    outcome: tuple[str, str, str],
    discretiser: Discretiser,
    miner: ClassRuleMiner,
    folds: int,
    seed: int,
) -> RuleSet:
    """Return the rules that explain the outcome, each measured on held-out patients too.

    `outcome` is its label and the words for coming true and not.
    """
    label, positive, negative = outcome
    values = cohort[OUTCOME].map({1.0: positive, 0.0: negative}).astype("object").rename(OUTCOME)
    return mine_and_validate(
        cohort[list(columns)],
        values,
        cohort["patient"].tolist(),
        {**columns, OUTCOME: ColumnLabel(label=label)},
        discretiser=discretiser,
        miner=miner,
        folds=folds,
        seed=seed,
    )


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
    table, labels = cohort[list(columns)].copy(), dict(columns)
    if outcome is not None:
        label, positive, negative = outcome
        table[OUTCOME] = cohort[OUTCOME].map({1.0: positive, 0.0: negative}).astype("object")
        labels[OUTCOME] = ColumnLabel(label=label)
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
