"""Class rules: items that make an outcome more likely, with control of false discoveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from data_catalog.errors import BadData
from tasks.methods.method import Method
from tasks.methods.rules.adjust import Adjust, adjusted_p_values
from tasks.methods.rules.contingency import fisher_greater, rule_counts
from tasks.methods.rules.items import ItemTable, require_one_row_each, require_same_rows
from tasks.methods.rules.itemsets import frequent_itemsets
from tasks.methods.rules.redundancy import explanations, productive
from tasks.methods.rules.rule import RuleSet
from tasks.methods.rules.search import Search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class ClassRuleMiner(Method):
    """Find items, alone or together, that go with a value of the outcome more often than chance allows.

    Every frequent antecedent is tested against every value of the outcome by Fisher's exact one-sided test,
    and p-values are adjusted for all of these tests. The outcome takes no part in choosing what is frequent,
    so that the adjustment is honest. Listed are the productive rules: those better, beyond chance, than
    each rule with one item less (Webb, Mach Learn 2007;68:1), and of these a rule that only echoes a better
    one says by which it is explained: it is listed, but not claimed. Holm's adjustment is the default because it
    holds whatever the dependence between rules, as they share rows and items, and asks of the first rule
    no more than alpha over the number searched, where Benjamini and Yekutieli's asks a further factor of
    the logarithm of that number.
    """

    method: Literal["class_rules"] = "class_rules"
    min_support: float = Field(default=0.2, gt=0, le=1)
    """Smallest share of patients (of known outcome) to whom a rule applies. Raised, it lets fewer be searched."""
    max_length: int = Field(default=2, ge=1, le=4)
    """Most items in the antecedent."""
    consequents: tuple[str, ...] | None = None
    """Values of the outcome that rules may end in; None for each of them."""
    adjust: Adjust = "holm"
    """Adjustment for the number searched: bonferroni and holm bound the chance of any false discovery, by
    the share of false discoveries, bh that share if rules depend on each other positively."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """A rule is significant if its adjusted p-value is at most this."""
    productive_p: float = Field(default=0.05, gt=0, le=1)
    """Largest p-value, not adjusted, of a listed rule, of its gain over each rule with one item less, and of what
    it says, if it is to be claimed, of the patients to whom a better rule does not apply."""
    max_candidates: int = Field(default=100_000, ge=1)
    """Most antecedents to search; more are refused before memory runs out."""
    max_rules: int | None = Field(default=100, ge=1)
    """Most rules to list; None for all."""

    def __call__(self, items: ItemTable, outcome: ItemTable, groups: Sequence[str]) -> RuleSet:
        """Return the rules by adjusted p-value, p-value, fewer items and text.

        `outcome` has one item per value; rows where it is not known are left out. `groups` are the
        patients' keys, one per row.

        Raises
        ------
        BadData
            If a patient has several rows, the tables differ in rows, the outcome is among the items, a
            consequent is not a value of the outcome, or too many antecedents are frequent.
        """
        require_one_row_each(groups, len(items))
        search = self.search(items, outcome)
        answered = answered_rows(outcome)
        listed = search.take(range(len(search.pairs))[: self.max_rules])
        keys = [groups[row] for row in answered.tolist()]
        return RuleSet(
            rules=listed.rules(keys, self.alpha, explanations(listed, self.productive_p)),
            found=len(search.pairs),
            searched=search.searched,
            rows=answered.size,
            left_out=len(items) - answered.size,
            adjust=self.adjust,
            alpha=self.alpha,
        )

    def search(self, items: ItemTable, outcome: ItemTable) -> Search:
        """Return all rules found, by position, in their order; the outcome's items come after the others."""
        require_same_rows(len(items), len(outcome))
        _require_apart(items, outcome)
        answered = answered_rows(outcome)
        table = items.select(answered).beside(outcome.select(answered))
        ends = [(len(items.items) + value,) for value in self._values(outcome)]
        starts = frequent_itemsets(items.select(answered), self.min_support, self.max_length, self.max_candidates)
        pairs = [(start, end) for start in starts for end in ends]
        counts = rule_counts(table, [start for start, _ in pairs], [end for _, end in pairs])
        p = fisher_greater(counts)
        adjusted = adjusted_p_values(p, self.adjust)
        search = Search(table, tuple(pairs), counts, len(pairs), p, adjusted)
        search = search.take(np.flatnonzero(p <= self.productive_p).tolist())
        return search.take(productive(search, self.productive_p).tolist()).ordered()

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


def _require_apart(items: ItemTable, outcome: ItemTable) -> None:
    shared = {item.column for item in items.items} & {item.column for item in outcome.items}
    if shared:
        raise BadData(
            "outcome_among_items",
            "A rule's outcome is not among the items it may begin with",
            f"{', '.join(sorted(shared))} came as both",
            "Take the column from the items.",
        )
