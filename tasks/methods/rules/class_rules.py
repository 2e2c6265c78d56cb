"""Class rules: items that make an outcome more likely, with control of false discoveries."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from data_catalog.errors import BadData
from tasks.methods.method import Method
from tasks.methods.rules.adjust import ClassAdjust, adjusted_p_values
from tasks.methods.rules.antecedents import beginning, require_columns_apart, require_items_of
from tasks.methods.rules.class_tests import ClassTests, class_tests
from tasks.methods.rules.contingency import rule_counts
from tasks.methods.rules.items import ItemTable, require_one_row_each, require_same_rows
from tasks.methods.rules.itemsets import ROUNDING, MinSupport
from tasks.methods.rules.redundancy import explanations, productive
from tasks.methods.rules.rule import RuleSet
from tasks.methods.rules.search import Search
from tasks.methods.rules.table_itemsets import frequent_itemsets
from tasks.methods.rules.tarone import tarone_adjusted, tarone_level
from tasks.methods.rules.westfall_young import permutation_delta, westfall_young_adjusted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class ClassRuleMiner(Method):
    """Find items, alone or together, that go with a value of the outcome more often than chance allows.

    Every frequent antecedent is tested against every value of the outcome by an exact one-sided test, Fisher's or,
    within strata such as centres, the one of Cochran, Mantel and Haenszel, and p-values are adjusted for all of these
    tests. The outcome takes no part in choosing what is frequent, so that the adjustment is honest. Listed are the
    productive rules: those better, beyond chance, than each rule with one item less (Webb, Mach Learn 2007;68:1),
    and of these a rule that only echoes a better one says by which it is explained: it is listed, but not claimed.

    Holm's adjustment is the default because it holds whatever the dependence between rules, as they share rows and
    items, and however many of them are true, and draws nothing. `lamp` holds as widely and is stricter with fewer:
    it counts rules of the same patients once and rules of so few or so many patients that they could not be
    significant not at all, which pays when `min_support` is low. `westfall_young` also allows for how much rules
    overlap, and finds the most, but bounds the chance of a false discovery for sure only where no rule is true.
    Benjamini and Yekutieli's asks of the first rule a further factor of the logarithm of the number searched.
    """

    method: Literal["class_rules"] = "class_rules"
    min_support: MinSupport = 0.2
    """Smallest share of patients (of known outcome) to whom a rule applies; a whole number is a count, of which folds
    and resamples take their share. Raised, it lets fewer be searched."""
    required_columns: tuple[str, ...] = ()
    """Columns of which every antecedent has one at least; empty for any. Fewer are then searched."""
    excluded_columns: tuple[str, ...] = ()
    """Columns that no antecedent has. Fewer are then searched."""
    max_length: int = Field(default=2, ge=1, le=4)
    """Most items in the antecedent."""
    consequents: tuple[str, ...] | None = None
    """Values of the outcome that rules may end in; None for each of them."""
    adjust: ClassAdjust = "holm"
    """Adjustment for the number searched: bonferroni, holm, lamp and westfall_young bound the chance of any false
    discovery, by the share of false discoveries, bh that share if rules depend on each other positively."""
    permutations: int = Field(default=1000, ge=1)
    """How often westfall_young gives the patients' outcomes to others, of the same stratum."""
    seed: int = Field(default=0, ge=0)
    """Starts the drawing of these permutations."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """A rule is significant if its adjusted p-value is at most this."""
    productive_p: float = Field(default=0.05, gt=0, le=1)
    """Largest p-value, not adjusted, of a listed rule, of its gain over each rule with one item less, and of what
    it says, if it is to be claimed, of the patients to whom a better rule does not apply."""
    max_candidates: int = Field(default=100_000, ge=1)
    """Most antecedents to search; more are refused before memory runs out."""
    max_rules: int | None = Field(default=100, ge=1)
    """Most rules to list; None for all."""

    @model_validator(mode="after")
    def _asks_for_what_may_come(self) -> Self:
        require_columns_apart(self.required_columns, self.excluded_columns)
        return self

    @model_validator(mode="after")
    def _draws_enough(self) -> Self:
        fewest = ceil(1 / self.alpha - ROUNDING) - 1
        if self.adjust == "westfall_young" and self.permutations < fewest:
            raise ValueError(f"With fewer than {fewest} permutations no rule can be significant at {self.alpha}")
        return self

    def __call__(
        self,
        items: ItemTable,
        outcome: ItemTable,
        groups: Sequence[str],
        strata: Sequence[str | None] | None = None,
        smallest: Sequence[float] | None = None,
    ) -> RuleSet:
        """Return the rules by adjusted p-value, p-value, fewer items and text.

        `outcome` has one item per value; rows where it is not known are left out. `groups` are the patients' keys
        and `strata` the centres, say, within which they are compared, one per row; those of unknown stratum are one
        stratum. `smallest` is what `smallest_p_values` gave for all permutations, where they were worked on apart.

        Raises
        ------
        BadData
            If a patient has several rows, the tables differ in rows, the outcome is among the items, a
            consequent is not a value of the outcome, no item is of a column required or excluded, or too many
            antecedents are frequent.
        """
        require_one_row_each(groups, len(items))
        require_items_of(items, self.required_columns, self.excluded_columns)
        search = self.search(items, outcome, strata, smallest)
        answered = answered_rows(outcome)
        listed = search.take(range(len(search.pairs))[: self.max_rules])
        keys = [groups[row] for row in answered.tolist()]
        return RuleSet(
            rules=listed.rules(keys, self.alpha, explanations(listed, self.productive_p)),
            found=len(search.pairs),
            searched=search.searched,
            tested=search.tested,
            delta=search.delta,
            rows=answered.size,
            left_out=len(items) - answered.size,
            adjust=self.adjust,
            alpha=self.alpha,
        )

    def search(
        self,
        items: ItemTable,
        outcome: ItemTable,
        strata: Sequence[str | None] | None = None,
        smallest: Sequence[float] | None = None,
    ) -> Search:
        """Return all rules found, by position, in their order; the outcome's items come after the others."""
        starts, tests = self._tests(items, outcome, strata)
        answered = answered_rows(outcome)
        table = items.select(answered).beside(outcome.select(answered))
        pairs = [(start, (len(items.items) + value,)) for start in starts for value in tests.values]
        counts = rule_counts(table, [start for start, _ in pairs], [end for _, end in pairs])
        untested = Search(table, tuple(pairs), counts, len(pairs), *np.ones((2, len(pairs))))
        search = self._adjusted(tests, untested, smallest)
        search = search.take(np.flatnonzero(search.p <= self.productive_p).tolist())
        return search.take(productive(search, self.productive_p).tolist()).ordered()

    def smallest_p_values(
        self, items: ItemTable, outcome: ItemTable, strata: Sequence[str | None] | None, draws: Sequence[int]
    ) -> NDArray[np.float64]:
        """Return the smallest p-value of all rules in the permutations of some numbers; blocks of them add up."""
        return self._tests(items, outcome, strata)[1].smallest(draws, self.seed)

    def _tests(
        self, items: ItemTable, outcome: ItemTable, strata: Sequence[str | None] | None
    ) -> tuple[list[tuple[int, ...]], ClassTests]:
        """Return the antecedents, and their tests against the outcome, of the rows where it is known."""
        require_same_rows(len(items), len(outcome))
        _require_apart(items, outcome)
        answered = answered_rows(outcome)
        known, classes = items.select(answered), outcome.present[answered].argmax(axis=1)
        itemsets = frequent_itemsets(
            known, self.min_support, self.max_length, self.max_candidates, self.excluded_columns
        )
        starts = beginning(known, itemsets, self.required_columns, self.excluded_columns)
        codes = _codes(strata, len(items))[answered]
        return starts, class_tests(known, starts, classes, codes, self._values(outcome))

    def _adjusted(self, tests: ClassTests, search: Search, smallest: Sequence[float] | None) -> Search:
        """Return the search with the p-values of its tests, and these adjusted."""
        p = tests.p_values()
        own = p[tests.which].ravel()
        if self.adjust == "lamp":
            attainable = tests.attainable()
            level = tarone_level(attainable.ravel(), self.alpha)
            adjusted = tarone_adjusted(p, attainable, level)[tests.which].ravel()
            return replace(search, p=own, adjusted=adjusted, tested=level.number, delta=level.delta)
        if self.adjust == "westfall_young":
            drawn = tests.smallest(range(self.permutations), self.seed) if smallest is None else np.array(smallest)
            adjusted, delta = westfall_young_adjusted(own, drawn), permutation_delta(drawn, self.alpha)
            return replace(search, p=own, adjusted=adjusted, tested=tests.hypotheses, delta=delta)
        return replace(search, p=own, adjusted=adjusted_p_values(own, self.adjust))

    def _values(self, outcome: ItemTable) -> list[int]:
        levels = [item.level for item in outcome.items]
        wanted = levels if self.consequents is None else list(self.consequents)
        unknown = sorted(set(wanted) - set(levels))
        if unknown:
            raise BadData(
                "unknown_consequent",
                f"A rule ends in one of the outcome's values {', '.join(levels)}",
                f"{', '.join(unknown)} came",
                "Correct `consequents`, or leave it empty for every value.",
            )
        return [position for position, level in enumerate(levels) if level in wanted]


def answered_rows(outcome: ItemTable) -> NDArray[np.intp]:
    """Return the positions of the rows whose outcome is known."""
    return np.flatnonzero(outcome.known.all(axis=1))


def _codes(strata: Sequence[str | None] | None, rows: int) -> NDArray[np.intp]:
    """Return the number of each row's stratum, from 0; all are of one where there are none."""
    if strata is None:
        return np.zeros(rows, np.intp)
    require_same_rows(rows, len(strata))
    numbers = {stratum: number for number, stratum in enumerate(dict.fromkeys(strata))}
    return np.array([numbers[stratum] for stratum in strata], np.intp)


def _require_apart(items: ItemTable, outcome: ItemTable) -> None:
    shared = {item.column for item in items.items} & {item.column for item in outcome.items}
    if shared:
        raise BadData(
            "outcome_among_items",
            "A rule's outcome is not among the items it may begin with",
            f"{', '.join(sorted(shared))} came as both",
            "Take the column from the items.",
        )
