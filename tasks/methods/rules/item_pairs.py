"""Which items go together in the same patients, two by two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.items import Item, Value

if TYPE_CHECKING:
    from tasks.methods.rules.items import ItemTable


class ItemPairs(Value):
    """Count, for each two items, the patients with both among those of whom both are known."""

    items: tuple[Item, ...]
    both: tuple[tuple[int, ...], ...]
    """(items, items): patients with both; with itself: patients with the item."""
    known: tuple[tuple[int, ...], ...]
    """(items, items): patients of whom both are known."""
    having: tuple[tuple[int, ...], ...]
    """(items, items): patients with the first of whom the second is known."""
    phi: tuple[tuple[float | None, ...], ...]
    """(items, items): correlation of having the one with having the other, -1 to 1 (Pearson's phi); None where one
    of them does not vary."""

    def table(self, first: int, second: int) -> tuple[int, int, int, int]:
        """Return how many patients have both of two items, the first only, the second only and neither."""
        both, known = self.both[first][second], self.known[first][second]
        one, other = self.having[first][second], self.having[second][first]
        return both, one - both, other - both, known - one - other + both


def item_pairs(table: ItemTable) -> ItemPairs:
    """Return which items of a table go together; a patient of whom one is not known does not count for a pair."""
    present, known = table.present.astype(np.int64), table.known.astype(np.int64)
    both, pairs = present.T @ present, known.T @ known
    first = present.T @ known
    return ItemPairs(
        items=table.items,
        both=_rows(both.tolist()),
        known=_rows(pairs.tolist()),
        having=_rows(first.tolist()),
        phi=tuple(
            tuple(_phi(int(n), int(a), int(b), int(c)) for n, a, b, c in zip(*row, strict=True))
            for row in zip(pairs, both, first, first.T, strict=True)
        ),
    )


def _phi(known: int, both: int, first: int, second: int) -> float | None:
    spread = first * (known - first) * second * (known - second)
    return None if not spread else float((known * both - first * second) / np.sqrt(float(spread)))


def _rows(counts: list[list[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, counts))
