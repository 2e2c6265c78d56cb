"""Baskets, the items of each row as numbers: what the search for itemsets reads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.rules.kernels.frequent import turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Baskets:
    """Be the items of each row, numbered from 0: 4 bytes an item, and 8 a row.

    Parameters
    ----------
    starts
        (rows + 1,): where each row's items begin in `codes`.
    codes
        The items of all rows; an item is in a row once at most.
    items
        How many items there are.
    """

    starts: NDArray[np.int64]
    codes: NDArray[np.int32]
    items: int

    def __len__(self) -> int:
        return self.starts.size - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Return how many rows have each item."""
        return np.bincount(self.codes, minlength=self.items).astype(np.int64)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Return the row that each of `codes` is in."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def select(self, rows: NDArray[np.intp]) -> Baskets:
        """Return the baskets of some rows, given by their positions, in the order given."""
        sizes = np.diff(self.starts)[rows]
        starts = _starts(sizes)
        places = np.repeat(self.starts[rows] - starts[:-1], sizes) + np.arange(starts[-1])
        return Baskets(starts, self.codes[places], self.items)

    def holding(self, itemset: Sequence[int]) -> NDArray[np.intp]:
        """Return the positions of the rows that have every item of an itemset."""
        wanted = np.isin(self.codes, np.asarray(itemset, np.int32))
        held = np.bincount(self.rows[wanted], minlength=len(self))
        return np.flatnonzero(held == len(set(itemset)))

    def numbered(self, order: NDArray[np.int32]) -> tuple[Baskets, NDArray[np.int64], NDArray[np.int32]]:
        """Return the baskets with only the items in `order`, numbered by their place in it and rising in each row.

        With them come where each item's rows start, and these rows.
        """
        number = np.full(self.items, -1, np.int32)
        number[order] = np.arange(order.size, dtype=np.int32)
        codes = number[self.codes]
        kept = codes >= 0
        starts = np.concatenate([[0], np.cumsum(kept)])[self.starts].astype(np.int64)
        item_starts, item_rows = turned(starts, codes[kept], order.size)
        return Baskets(*turned(item_starts, item_rows, len(self)), order.size), item_starts, item_rows


def baskets_of(present: NDArray[np.bool_]) -> Baskets:
    """Return the baskets of a (rows, items) matrix that is true where a row has an item."""
    rows, items = np.divmod(np.flatnonzero(present), max(1, present.shape[1]))
    return Baskets(_starts(np.bincount(rows, minlength=len(present))), items.astype(np.int32), present.shape[1])


def baskets_from(rows: Sequence[Sequence[int]], items: int | None = None) -> Baskets:
    """Return baskets from the items of each row, whole numbers of 0 or more; an item that repeats counts once.

    Raises
    ------
    BadData
        If a number is negative, or not below `items`.
    """
    unique = [sorted(set(row)) for row in rows]
    codes = np.fromiter(chain.from_iterable(unique), np.int32)
    number = int(codes.max(initial=-1)) + 1 if items is None else items
    if codes.size and not (codes.min() >= 0 and codes.max() < number):
        raise BadData(
            "item_numbers",
            f"Items are whole numbers from 0 to {number - 1}",
            f"{codes.min()} to {codes.max()} came",
            "Number the items anew.",
        )
    return Baskets(_starts(np.array([len(row) for row in unique], np.int64)), codes, number)


def _starts(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
