"""How often a rule is found again among patients drawn anew, cut-offs learnt from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from tasks.methods.method import Method
from tasks.methods.rules.class_rules import answered_rows
from tasks.methods.rules.items import Value, outcome_apart
from tasks.methods.rules.itemsets import share_of
from tasks.methods.rules.rule import RuleKey, rule_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.rules.association import AssociationMiner
    from tasks.methods.rules.class_rules import ClassRuleMiner
    from tasks.methods.rules.discretise import FixedBins, QuantileBins
    from tasks.methods.rules.items import ColumnLabel, ItemTable
    from tasks.methods.rules.search import Search

    Mine = Callable[[pd.DataFrame, NDArray[np.intp]], Search]
    """Mine some rows of a table: the rows themselves, and their positions in the whole."""


class Stability(Value):
    """Say in how many resamples of the patients a rule was found again."""

    resamples: int = Field(ge=1)
    """How often patients were drawn."""
    found: int = Field(ge=0)
    """Resamples in which the search found the rule again, by its columns and levels."""
    significant: int = Field(ge=0)
    """Those of them in which its adjusted p-value was at most alpha."""

    @property
    def share(self) -> float:
        """Return the share of resamples in which it was found again."""
        return self.found / self.resamples

    @property
    def sentence(self) -> str:
        """Return the part of the rule's sentence on resamples."""
        return f"found again in {self.found} of {self.resamples} resamples of the patients"


class Resampled(Value):
    """Count, over some resamples, how often each of several rules was found again."""

    resamples: int = Field(ge=0)
    found: tuple[int, ...]
    """Times found, rule by rule."""
    significant: tuple[int, ...]
    """Times significant, rule by rule."""


class PatientResampling(Method):
    """Draw patients anew many times, learn cut-offs and mine them as the study did, and look for its rules.

    Every draw has a generator of its own, seeded by `seed` and the draw's number, so that draws may be worked
    on anywhere and in any order. Patients drawn with replacement stand several times in a resample: that makes
    its p-values smaller than those of as many different patients, and "significant" a generous count; half of
    the patients, each once, makes a strict one.

    Efron and Tibshirani, An introduction to the bootstrap, 1993, ch. 6 (`bootstrap`). Meinshausen and
    Bühlmann, J R Stat Soc B 2010;72:417 (`half`).
    """

    method: Literal["patient_resampling"] = "patient_resampling"
    draw: Literal["bootstrap", "half"] = "bootstrap"
    """`bootstrap` draws as many as there are, with replacement; `half` draws half of them, each once."""
    resamples: int = Field(default=50, ge=2)
    """How often patients are drawn."""
    seed: int = Field(default=0, ge=0)
    """Starts the drawing."""

    def rows(self, number: int, patients: int) -> NDArray[np.intp]:
        """Return the positions of the patients of one draw, rising."""
        rng = np.random.default_rng([self.seed, number])
        if self.draw == "half":
            return np.sort(rng.permutation(patients)[: patients // 2])
        return np.sort(rng.integers(patients, size=patients))

    def __call__(
        self, table: pd.DataFrame, mine: Mine, keys: Sequence[RuleKey], alpha: float, draws: Iterable[int]
    ) -> Resampled:
        """Return how often the search gave each of some rules again, over the draws of some numbers.

        Parameters
        ----------
        table : DataFrame
            One row a patient.
        mine : callable
            Learns items of the rows it is given and searches them.
        keys : sequence
            What stays the same of each rule when its cut-offs are learnt again.
        alpha : float
            A rule is significant if its adjusted p-value is at most this.
        draws : iterable of int
            Numbers of the draws; blocks of them add up to the whole.
        """
        found, significant = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
        resamples = 0
        for number in draws:
            rows = self.rows(number, len(table))
            again, strong = _found_again(mine(table.iloc[rows], rows), keys, alpha)
            found += again
            significant += strong
            resamples += 1
        return Resampled(resamples=resamples, found=tuple(found.tolist()), significant=tuple(significant.tolist()))


def class_rules_again(
    outcome: pd.Series,
    columns: Mapping[str, ColumnLabel],
    discretiser: QuantileBins | FixedBins,
    miner: ClassRuleMiner,
    strata: Sequence[str | None] | None = None,
) -> Mine:
    """Return how rules that end in the outcome are mined in some rows.

    `outcome` and `strata`, the groups within which patients are compared, are of all rows, in their order.
    """
    target, described = outcome_apart(outcome, columns)
    own_share = share_of(miner.min_support, answered_rows(target).size)
    counting = miner.model_copy(update={"min_support": own_share})

    def mine(table: pd.DataFrame, rows: NDArray[np.intp]) -> Search:
        own = None if strata is None else [strata[row] for row in rows.tolist()]
        return counting.search(discretiser.fit(table, described).items(table), target.select(rows), own)

    return mine


def associations_again(
    columns: Mapping[str, ColumnLabel], discretiser: QuantileBins | FixedBins, miner: AssociationMiner, rows: int
) -> Mine:
    """Return how rules among all items are mined in some of so many rows."""
    counting = miner.model_copy(update={"min_support": share_of(miner.min_support, rows)})

    def mine(table: pd.DataFrame, _rows: NDArray[np.intp]) -> Search:
        items: ItemTable = discretiser.fit(table, columns).items(table)
        return counting.search(items)

    return mine


def added(parts: Sequence[Resampled]) -> tuple[Stability, ...]:
    """Return how stable each rule is, from blocks of resamples; empty without any."""
    resamples = sum(part.resamples for part in parts)
    if not resamples:
        return ()
    return tuple(
        Stability(resamples=resamples, found=sum(found), significant=sum(significant))
        for found, significant in zip(
            zip(*(part.found for part in parts), strict=True),
            zip(*(part.significant for part in parts), strict=True),
            strict=True,
        )
    )


def _found_again(search: Search, keys: Sequence[RuleKey], alpha: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    places = {rule_key(*search.items(rule)): rule for rule in range(len(search.pairs))}
    again = np.array([key in places for key in keys], bool)
    strong = [key in places and bool(search.adjusted[places[key]] <= alpha) for key in keys]
    return again, np.array(strong, bool)
