"""Association rules: any items of a patient that go with other items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from tasks.methods.method import Method
from tasks.methods.rules.contingency import rule_counts
from tasks.methods.rules.items import ItemTable, require_one_row_each
from tasks.methods.rules.itemsets import frequent_itemsets, splits
from tasks.methods.rules.rule import RuleSet
from tasks.methods.rules.search import Search

if TYPE_CHECKING:
    from collections.abc import Sequence


class AssociationMiner(Method):
    """Find rules between any items, by support, confidence and lift.

    They describe; no p-values are given, because frequent itemsets are already chosen by the association
    that would be tested. Agrawal, Imielinski and Swami, SIGMOD 1993, p. 207; itemsets and rules by mlxtend
    (Raschka, J Open Source Softw 2018;3:638), counts over the patients of whom all items are known. The
    default confidence is mlxtend's.
    """

    method: Literal["association"] = "association"
    min_support: float = Field(default=0.2, gt=0, le=1)
    """Smallest share of all patients that have every item of a rule."""
    max_length: int = Field(default=3, ge=2, le=5)
    """Most items in a rule, antecedent and consequent together."""
    min_confidence: float = Field(default=0.8, ge=0, le=1)
    """Smallest share of patients with the consequent among those with the antecedent."""
    min_lift: float = Field(default=1.1, ge=0)
    """Smallest confidence over base rate; 1 is independence."""
    max_candidates: int = Field(default=100_000, ge=1)
    """Most itemsets to search; more are refused before memory runs out."""
    max_rules: int | None = Field(default=100, ge=1)
    """Most rules to list; None for all."""

    def __call__(self, items: ItemTable, groups: Sequence[str]) -> RuleSet:
        """Return the rules among the items, those of highest lift and then support first.

        `groups` are the patients' keys, one per row.

        Raises
        ------
        BadData
            If a patient has several rows, or too many itemsets are frequent.
        """
        require_one_row_each(groups, len(items))
        search = self.search(items)
        listed = search.take(range(len(search.pairs))[: self.max_rules])
        return RuleSet(rules=listed.rules(groups), found=len(search.pairs), searched=search.searched, rows=len(items))

    def search(self, items: ItemTable) -> Search:
        """Return all rules found, by position, in their order."""
        pairs = splits(frequent_itemsets(items, self.min_support, self.max_length, self.max_candidates))
        counts = rule_counts(items, [left for left, _ in pairs], [right for _, right in pairs])
        a, b, c, d = counts.T
        confidence = a / (a + b)
        lift = confidence * (a + b + c + d) / (a + c)
        kept = np.flatnonzero((confidence >= self.min_confidence) & (lift >= self.min_lift))
        search = Search(items, tuple(pairs), counts, len(pairs)).take(kept.tolist())
        return search.sorted_by([-lift[kept], -a[kept].astype(float)])
