"""Which rules say something that other rules do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.contingency import fisher_greater, rule_counts, surely_without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from tasks.methods.rules.search import Pair, Search


def productive(search: Search, most: float) -> NDArray[np.intp]:
    """Return the positions of the rules that gain, beyond chance, on each rule with one item less.

    An item of the antecedent gains if, among the patients who have its other items, it goes with the
    consequent by Fisher's one-sided test, p <= `most`; an item of the consequent, if among the patients who
    have its other items it goes with the antecedent. A p-value of 0.05 implies that the confidence is higher.
    Whether a rule and its converse are productive is the same question.

    Webb, Mach Learn 2007;68:1, for the antecedent.
    """
    shorter = [
        (rule, side[:place] + side[place + 1 :])
        for rule, pair in enumerate(search.pairs)
        for side in pair
        for place in range(len(side))
    ]
    counts = rule_counts(
        search.table,
        [search.pairs[rule][0] for rule, _ in shorter],
        [search.pairs[rule][1] for rule, _ in shorter],
        [within for _, within in shorter],
    )
    gains = np.ones(len(search.pairs), bool)
    owners = np.array([rule for rule, _ in shorter], np.intp)
    gains[owners[fisher_greater(counts) > most]] = False
    return np.flatnonzero(gains)


def explanations(search: Search, most: float) -> list[int | None]:
    """Return for each rule, the better ones being first, the position of the first that explains it, or None.

    A rule is explained by an earlier one, itself not explained, beside which it shows nothing of its own:

    - both end in the same columns, and among the patients to whom the earlier rule does not apply, the
      later one's p-value is above `most`. Its consequent may be another value of those columns: that a
      negative marker goes with no progression is no second finding beside the rule that a positive one
      goes with progression, unless it holds among the patients without the positive one too;
    - a side of each, whichever, has the same items, the other sides have a column in common, and the same
      is so among the patients without the earlier rule's other side: a rule that may end in anything can be
      read from either end. Without a column in common, that the other sides go together would be a finding,
      and no rule might be left to tell it;
    - it has the same items as the earlier rule, arranged otherwise, or as one explained by it.

    A rule for a part of the earlier rule's patients is thereby explained by it. It may be more confident
    there, but among the many parts of a true rule's patients some are so by chance, and its gain is not
    adjusted for them. Whether the earlier rule would in turn be explained by the later is not asked: of
    two that data cannot tell apart, the better stands. Rules of which each says more than any single
    earlier one are not held against several together. A patient counts as one to whom a rule does not
    apply only if an item of it is known to be absent: with fewer patients left a rule is explained more
    readily, and never claimed on those of whom the earlier one could not be told.
    """
    explained: list[int | None] = [None] * len(search.pairs)
    items = [frozenset(left + right) for left, right in search.pairs]
    for rule in range(len(search.pairs)):
        if explained[rule] is None:
            later = [other for other in range(rule + 1, len(search.pairs)) if explained[other] is None]
            echoed = {items[rule], *(items[other] for other in _echoes(search, rule, later, most))}
            for other in later:
                explained[other] = rule if items[other] in echoed else None
    return explained


def first_explaining(number: int, shows_nothing: Callable[[int, int], bool]) -> list[int | None]:
    """Return for each of some findings, the better ones being first, the first that explains it, or None.

    Asked is whether a later one shows nothing beside an earlier one that is itself not explained.
    """
    explained: list[int | None] = []
    for later in range(number):
        better = (place for place in range(later) if explained[place] is None and shows_nothing(later, place))
        explained.append(next(better, None))
    return explained


def _echoes(search: Search, rule: int, later: Sequence[int], most: float) -> Iterator[int]:
    """Yield the later rules that show nothing among the patients without one side of the rule."""
    left, right = search.pairs[rule]
    columns = _columns(search, right)
    ending = [other for other in later if _columns(search, search.pairs[other][1]) == columns]
    rivals = [other for other in later if _are_rivals(search, search.pairs[other], left, right)]
    mirrored = [other for other in later if _are_rivals(search, search.pairs[other], right, left)]
    for others, side in ((ending, left), (rivals, left), (mirrored, right)):
        rest = search.table.select(surely_without(search.table, side))
        among = search.take(others)
        p = fisher_greater(rule_counts(rest, among.antecedents, among.consequents))
        yield from (others[place] for place in np.flatnonzero(p > most).tolist())


def _are_rivals(search: Search, pair: Pair, side: tuple[int, ...], shared: tuple[int, ...]) -> bool:
    """Return whether one side of a rule is `shared`, and its other side has a column in common with `side`."""
    others = [two for one, two in (pair, pair[::-1]) if one == shared]
    return any(_columns(search, side) & _columns(search, other) for other in others)


def _columns(search: Search, itemset: tuple[int, ...]) -> set[str]:
    return {search.table.items[item].column for item in itemset}
