"""What a search for rules gives before it is written out: positions, counts and p-values, in order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.contingency import covered, fully_known
from tasks.methods.rules.items import Item, ItemTable
from tasks.methods.rules.rule import Rule, claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Pair = tuple[tuple[int, ...], tuple[int, ...]]
"""Positions of the antecedent's and of the consequent's items."""


@dataclass(frozen=True, eq=False)
class Search:
    """Be the rules found in a table of items, by position.

    Parameters
    ----------
    table
        The items and rows that were searched.
    pairs
        The rules found.
    counts
        (rules, 4): both, antecedent only, consequent only, neither.
    searched
        Number of rules looked at, or passed over for what does not depend on how items go together.
    p, adjusted
        P-values of the rules found, and the same adjusted for everything searched.
    tested
        Number of tests p-values are adjusted for where it is not `searched`: those of different rows that could be
        significant at all; None where it is.
    delta
        The largest p-value that is significant; None where the adjustment depends on the other p-values.
    """

    table: ItemTable
    pairs: tuple[Pair, ...]
    counts: NDArray[np.int64]
    searched: int
    p: NDArray[np.float64]
    adjusted: NDArray[np.float64]
    tested: int | None = None
    delta: float | None = None

    @property
    def antecedents(self) -> list[tuple[int, ...]]:
        """Return the antecedents' positions."""
        return [left for left, _ in self.pairs]

    @property
    def consequents(self) -> list[tuple[int, ...]]:
        """Return the consequents' positions."""
        return [right for _, right in self.pairs]

    def items(self, rule: int) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
        """Return the items of a rule's antecedent and consequent."""
        left, right = self.pairs[rule]
        return tuple(self.table.items[i] for i in left), tuple(self.table.items[i] for i in right)

    def take(self, rules: Sequence[int]) -> Search:
        """Return the search with some of its rules, in the order given."""
        chosen = np.asarray(rules, np.intp)
        return replace(
            self,
            pairs=tuple(self.pairs[rule] for rule in rules),
            counts=self.counts[chosen],
            p=self.p[chosen],
            adjusted=self.adjusted[chosen],
        )

    def ordered(self) -> Search:
        """Return the rules by adjusted p-value, p-value, fewer items and text."""
        adjusted, p = self.adjusted.tolist(), self.p.tolist()

        def place(rule: int) -> tuple[float, float, int, str]:
            left, right = self.pairs[rule]
            return adjusted[rule], p[rule], len(left) + len(right), claim(*self.items(rule))

        return self.take(sorted(range(len(self.pairs)), key=place))

    def rules(self, patients: Sequence[str], alpha: float, explained: Sequence[int | None]) -> tuple[Rule, ...]:
        """Return the rules written out, with the keys of the patients for and against each.

        `explained` gives for each rule the position of the one that explains it.
        """
        return tuple(self._rule(rule, patients, alpha, better) for rule, better in enumerate(explained))

    def _rule(self, rule: int, patients: Sequence[str], alpha: float, better: int | None) -> Rule:
        (left, right), (antecedent, consequent) = self.pairs[rule], self.items(rule)
        applies = (covered(self.table, [left]) & fully_known(self.table, [left + right]))[:, 0]
        holds = applies & covered(self.table, [right])[:, 0]
        a, b, c, d = self.counts[rule].tolist()
        return Rule(
            antecedent=antecedent,
            consequent=consequent,
            a=a,
            b=b,
            c=c,
            d=d,
            p=float(self.p[rule]),
            adjusted_p=float(self.adjusted[rule]),
            alpha=alpha,
            explained_by=None if better is None else claim(*self.items(better)),
            supporting=tuple(patients[row] for row in np.flatnonzero(holds).tolist()),
            contradicting=tuple(patients[row] for row in np.flatnonzero(applies & ~holds).tolist()),
        )
