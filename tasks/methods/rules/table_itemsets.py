"""The itemsets of a table's items, what they split into, and how many pairs of them there are."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

from tasks.methods.rules.baskets import baskets_of
from tasks.methods.rules.itemsets import least_rows, mine_itemsets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tasks.methods.rules.items import ItemTable


def frequent_itemsets(
    table: ItemTable,
    min_support: float,
    max_length: int | None,
    max_candidates: int,
    excluded: Collection[str] = (),
) -> list[tuple[int, ...]]:
    """Return the itemsets present in at least a share of all rows, or a count, by length and then by position.

    An itemset has at most one item of a column, and none of those `excluded`. Rows where an item is not known
    count among all rows: the rows needed are the same for every itemset, and a part of a frequent itemset is always
    frequent.

    Raises
    ------
    BadData
        If more than `max_candidates` are frequent.
    """
    if not table.items or not len(table):
        return []
    names = {column: number for number, column in enumerate(dict.fromkeys(item.column for item in table.items))}
    found = mine_itemsets(
        baskets_of(table.present),
        least_rows(min_support, len(table)),
        longest=max_length,
        excluded=[place for place, item in enumerate(table.items) if item.column in excluded],
        columns=[names[item.column] for item in table.items],
        most=max_candidates,
    )
    return found.tuples()


def splits(itemsets: Sequence[tuple[int, ...]]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return every split of every itemset into antecedent and consequent, neither of them empty, in order."""
    return sorted(
        (left, tuple(item for item in itemset if item not in left))
        for itemset in itemsets
        for length in range(1, len(itemset))
        for left in combinations(itemset, length)
    )


def pairs_apart(
    table: ItemTable,
    itemsets: Sequence[tuple[int, ...]],
    longest: int,
    ends: Sequence[tuple[int, ...]] | None = None,
) -> int:
    """Return how many ordered pairs of itemsets have no column in common and at most `longest` items together.

    With `ends`, the second of a pair is one of these. The pairs are counted and not made, as there may be billions: by
    inclusion and exclusion over the columns they could have in common. An itemset has one item of a column at most.
    """
    alike = _by_columns(table, itemsets)
    holding: Counter[tuple[int, tuple[str, ...]]] = Counter()
    for columns, times in (alike if ends is None else _by_columns(table, ends)).items():
        for part in _parts(columns):
            holding[len(columns), part] += times
    return sum(
        times * (-1) ** len(part) * holding[length, part]
        for columns, times in alike.items()
        for part in _parts(columns)
        for length in range(1, longest - len(columns) + 1)
    )


def _by_columns(table: ItemTable, itemsets: Sequence[tuple[int, ...]]) -> Counter[tuple[str, ...]]:
    """Return how many itemsets are of the same columns."""
    return Counter(tuple(sorted(table.items[item].column for item in itemset)) for itemset in itemsets)


def _parts(columns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return (part for length in range(len(columns) + 1) for part in combinations(columns, length))
