"""Association rules: any items of a patient that go with other items, with control of false discoveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from data_catalog.errors import BadData
from tasks.methods.method import Method
from tasks.methods.rules import by_mlxtend
from tasks.methods.rules.adjust import Adjust, adjusted_p_values
from tasks.methods.rules.antecedents import beginning, require_columns_apart, require_items_of
from tasks.methods.rules.contingency import fisher_greater, rule_counts
from tasks.methods.rules.items import ItemTable, require_one_row_each
from tasks.methods.rules.itemsets import MinSupport
from tasks.methods.rules.redundancy import explanations, productive
from tasks.methods.rules.rule import RuleSet
from tasks.methods.rules.search import Search
from tasks.methods.rules.table_itemsets import frequent_itemsets, pairs_apart, splits

if TYPE_CHECKING:
    from collections.abc import Sequence


ENGINES = {"own": frequent_itemsets, "mlxtend": by_mlxtend.frequent_itemsets}


class AssociationMiner(Method):
    """Find rules between any items, by support, confidence and lift, that chance does not explain.

    Itemsets are frequent because their items go together, so that to adjust for the rules found in them
    would be to choose by the association that is tested. Searched is therefore every antecedent and
    consequent that are each frequent by themselves, have no column in common and are short enough together.
    Those of them that are not frequent together are not tested and count with p = 1, as those that fail on
    confidence or lift count with theirs; a rule and its converse have one p-value and count as two. Tested
    by Fisher's exact one-sided test, over the patients of whom all items are known, and listed are the
    productive rules, of which no item of either side could be left out. A rule that only echoes a better
    one says by which it is explained: it is listed, but not claimed.

    Agrawal, Imielinski and Swami, SIGMOD 1993, p. 207. The default confidence is mlxtend's (Raschka, J Open
    Source Softw 2018;3:638); Holm's adjustment holds whatever the dependence between rules.
    """

    method: Literal["association"] = "association"
    min_support: MinSupport = 0.2
    """Smallest share of all patients that have every item of a rule; a whole number is a count, of which folds and
    resamples take their share. Raised, it lets fewer be searched."""
    required_columns: tuple[str, ...] = ()
    """Columns of which every antecedent has one at least; empty for any. Fewer are then searched."""
    excluded_columns: tuple[str, ...] = ()
    """Columns that no antecedent has; a rule may end in them. Fewer are then searched."""
    ends_in: tuple[str, ...] | None = None
    """Columns whose items rules may end in; None for any. Fewer let fewer be searched."""
    max_length: int = Field(default=3, ge=2, le=5)
    """Most items in a rule, antecedent and consequent together."""
    min_confidence: float = Field(default=0.8, ge=0, le=1)
    """Smallest share of patients with the consequent among those with the antecedent."""
    min_lift: float = Field(default=1.1, ge=0)
    """Smallest confidence over base rate; 1 is independence."""
    adjust: Adjust = "holm"
    """Adjustment for the number searched: bonferroni and holm bound the chance of any false discovery, by
    the share of false discoveries, bh that share if rules depend on each other positively."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """A rule is significant if its adjusted p-value is at most this."""
    productive_p: float = Field(default=0.05, gt=0, le=1)
    """Largest p-value, not adjusted, of a listed rule, of its gain over each rule with one item less, and of what
    it says, if it is to be claimed, of the patients to whom a better rule does not apply."""
    max_candidates: int = Field(default=100_000, ge=1)
    """Most itemsets to search; more are refused before memory runs out."""
    max_rules: int | None = Field(default=100, ge=1)
    """Most rules to list; None for all."""
    engine: Literal["own", "mlxtend"] = "own"
    """What searches for itemsets; `mlxtend` finds the same by other people's code, for comparison, and takes longer."""

    @model_validator(mode="after")
    def _asks_for_what_may_come(self) -> Self:
        require_columns_apart(self.required_columns, self.excluded_columns)
        return self

    def __call__(self, items: ItemTable, groups: Sequence[str]) -> RuleSet:
        """Return the rules among the items by adjusted p-value, p-value, fewer items and text.

        `groups` are the patients' keys, one per row.

        Raises
        ------
        BadData
            If a patient has several rows, a column that rules are to end in has no item, or too many itemsets are
            frequent.
        """
        require_one_row_each(groups, len(items))
        self._require_ends(items)
        require_items_of(items, self.required_columns, self.excluded_columns)
        search = self.search(items)
        listed = search.take(range(len(search.pairs))[: self.max_rules])
        return RuleSet(
            rules=listed.rules(groups, self.alpha, explanations(listed, self.productive_p)),
            found=len(search.pairs),
            searched=search.searched,
            rows=len(items),
            adjust=self.adjust,
            alpha=self.alpha,
        )

    def search(self, items: ItemTable) -> Search:
        """Return all rules found, by position, in their order."""
        itemsets = ENGINES[self.engine](items, self.min_support, self.max_length, self.max_candidates)
        sides = [itemset for itemset in itemsets if len(itemset) < self.max_length]
        ends = self._ends(items)
        may_end = [side for side in sides if ends.issuperset(side)]
        may_begin = beginning(items, sides, self.required_columns, self.excluded_columns)
        searched, begins = pairs_apart(items, may_begin, self.max_length, may_end), set(may_begin)
        pairs = [(left, right) for left, right in splits(itemsets) if left in begins and ends.issuperset(right)]
        counts = rule_counts(items, [left for left, _ in pairs], [right for _, right in pairs])
        p = fisher_greater(counts)
        search = Search(items, tuple(pairs), counts, searched, p, adjusted_p_values(p, self.adjust, searched))
        a, b, c, d = counts.T
        confidence = a / (a + b)
        lift = confidence * (a + b + c + d) / (a + c)
        kept = np.flatnonzero((confidence >= self.min_confidence) & (lift >= self.min_lift))
        search = search.take(kept.tolist())
        return search.take(productive(search, self.productive_p).tolist()).ordered()

    def _ends(self, items: ItemTable) -> frozenset[int]:
        """Return the items that rules may end in; patients held out may leave a column without items."""
        wanted = self.ends_in
        return frozenset(place for place, item in enumerate(items.items) if wanted is None or item.column in wanted)

    def _require_ends(self, items: ItemTable) -> None:
        columns = {item.column for item in items.items}
        unknown = sorted(set(self.ends_in or ()) - columns)
        if unknown:
            raise BadData(
                "unknown_end",
                f"Rules end in columns that have items: {', '.join(sorted(columns))}",
                f"{', '.join(unknown)} came",
                "Correct `ends_in`, or leave it empty for every column.",
            )
