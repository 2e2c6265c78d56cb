"""Frequent, closed and maximal itemsets under constraints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, PositiveInt

from data_catalog.errors import BadData
from tasks.methods.rules.baskets import Baskets
from tasks.methods.rules.kernels.closed import closed
from tasks.methods.rules.kernels.frequent import frequent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

Kind = Literal["all", "closed", "maximal"]
MinSupport = PositiveInt | Annotated[float, Field(gt=0, le=1)]
"""Smallest number of rows, as a whole number, or smallest share of them: 1 is one row, and 1.0 are all."""
ROUNDING = 1e-9
"""A minimum count this little above a whole number is that number: 0.07 of 100 rows are 7."""
MOST_ITEMSETS = 50_000_000
"""Itemsets that are refused as too many unless told otherwise: 18 bytes each, 900 MB, twice that while they grow."""
PART = 1_000_000
"""Itemsets that a part has at least, but for the last."""
LONGEST = 60_000
"""Items of the longest itemset: their number is kept in 16 bits."""
NEVER = np.empty(0, np.float64)
"""No p-values: itemsets are kept, and not counted."""


@dataclass(frozen=True, eq=False)
class Itemsets:
    """Be itemsets as a tree of prefixes, 18 bytes a node: an itemset is its prefix and one item more.

    Parameters
    ----------
    parents
        Position of the node with the last item less, which comes before; -1 for none.
    lasts
        The last item.
    supports
        How many rows have all items; 0 of a node that only leads to others and is no itemset.
    lengths
        How many items.
    classed
        How many of these rows are among the first ones that were told apart; 0 where all itemsets were asked for.
    """

    parents: NDArray[np.int32]
    lasts: NDArray[np.int32]
    supports: NDArray[np.int32]
    lengths: NDArray[np.uint16]
    classed: NDArray[np.int32]

    def __len__(self) -> int:
        return int(np.count_nonzero(self.supports))

    @property
    def places(self) -> NDArray[np.intp]:
        """Return the nodes that are itemsets, by length and then by their items."""
        return np.concatenate([places for places, _ in self.by_length()] or [np.empty(0, np.intp)])

    def by_length(self) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int32]]]:
        """Yield for each length, rising, the nodes of its itemsets and their (itemsets, length) items, in order."""
        for length in np.unique(self.lengths[self.supports > 0]).tolist():
            nodes = np.flatnonzero((self.lengths == length) & (self.supports > 0))
            items = np.empty((nodes.size, length), np.int32)
            at: NDArray[np.signedinteger] = nodes
            for place in range(length):
                items[:, place] = self.lasts[at]
                at = self.parents[at]
            items.sort(axis=1)
            order = np.lexsort(items.T[::-1])
            yield nodes[order], items[order]

    def tuples(self) -> list[tuple[int, ...]]:
        """Return the itemsets by length and then by their items, which rise."""
        return [itemset for _, items in self.by_length() for itemset in map(tuple, items.tolist())]


def least_rows(min_support: float | np.integer[Any], rows: int) -> int:
    """Return the smallest number of rows that is at least the share `min_support`, or the count, 1 or more.

    A whole number (of Python or of NumPy) is a count, and any other a share.
    """
    if isinstance(min_support, int | np.integer):
        return max(1, int(min_support))
    return max(1, ceil(min_support * rows - ROUNDING))


def share_of(min_support: float, rows: int) -> float:
    """Return a minimum support as a share, so that a count of all rows can be asked of a part or a resample of them."""
    return min_support / max(rows, 1) if isinstance(min_support, int) else min_support


def mine_itemsets(
    baskets: Baskets,
    least: int,
    *,
    kind: Kind = "all",
    longest: int | None = None,
    required: Sequence[int] = (),
    excluded: Sequence[int] = (),
    columns: Sequence[int] | None = None,
    positives: int = 0,
    most: int = MOST_ITEMSETS,
) -> Itemsets:
    """Return the itemsets that at least `least` rows have, as a tree of prefixes.

    Closed are those that no item could join without a row being lost, maximal those that none could join and be
    frequent. Both are judged among the itemsets of the items not excluded, whatever their length. With `required`,
    only itemsets with all of these items; with `columns`, the column of each item, only those with one item of a
    column at most; of more than `longest` items, none. Of closed and maximal ones it is also counted how many of
    their rows are among the first `positives`.

    Raises
    ------
    BadData
        If there are more than `most`, or closed or maximal ones are asked for where a row has two items of a column.
    """
    parts = itemset_parts(
        baskets,
        least,
        kind=kind,
        longest=longest,
        required=required,
        excluded=excluded,
        columns=columns,
        positives=positives,
        most=most,
        part=most + 1,
    )
    return _joined(list(parts))


def minimal_generators(found: Itemsets, rows: int) -> Itemsets:
    """Return those of all itemsets that every item less would give more rows (Bastide et al., SIGKDD Explor 2000;2:66).

    They are the shortest ways to say what a closed itemset says: each closed one has the rows of one of them or more.

    Parameters
    ----------
    found : Itemsets
        All itemsets (of the kind `all`, without `required`), as every one with an item less is looked up among them.
    rows : int
        Rows of the table, which the itemset without any item has.
    """
    supports = found.supports.copy()
    known, held = np.zeros(1, "S1"), np.array([rows], np.int32)
    for places, items in found.by_length():
        own = found.supports[places]
        for place in range(items.shape[1]):
            less = held[np.searchsorted(known, _words(np.delete(items, place, axis=1)))]
            supports[places[less == own]] = 0
        known, held = _words(items), own
    return replace(found, supports=supports)


def _words(items: NDArray[np.int32]) -> NDArray[np.bytes_]:
    """Return rows of items as texts of one length, in whose order they are."""
    rows, length = items.shape
    if not length:
        return np.zeros(rows, "S1")
    return np.ascontiguousarray(items.astype(">i4")).view(f"S{4 * length}").ravel()


def itemset_parts(
    baskets: Baskets,
    least: int,
    *,
    kind: Kind = "all",
    longest: int | None = None,
    required: Sequence[int] = (),
    excluded: Sequence[int] = (),
    columns: Sequence[int] | None = None,
    positives: int = 0,
    most: int = MOST_ITEMSETS,
    part: int = PART,
) -> Iterator[Itemsets]:
    """Yield what `mine_itemsets` returns in parts, each a tree of its own, so that memory stays bounded.

    A part has `part` nodes or a few more: it ends with the first item after which it has so many. Refused are more
    than `most` of one first item, or, where all are one part, in all.

    Raises
    ------
    BadData
        As by `mine_itemsets`, when the part with too many comes.
    """
    search = _Search.of(baskets, least, kind, required, excluded, columns, positives)
    yield search.prefix_itemset(longest)
    waiting: list[Itemsets] = []
    nodes = 0
    whole = part > most
    for begin in [0] if whole else range(search.order.size):
        end = search.order.size if whole else begin + 1
        found = search.mine(begin, end, longest, most)
        waiting.append(found)
        nodes += found.parents.size
        if nodes >= part:
            yield _joined(waiting)
            waiting, nodes = [], 0
    yield _joined(waiting)


def least_rows_testable(baskets: Baskets, positives: int, attainable: NDArray[np.float64], alpha: float) -> int:
    """Return the fewest rows of a closed itemset such that all testable ones in so many rows can be tested.

    `attainable` is the smallest p-value of an itemset in 0 to all rows. Testable are the itemsets whose own is not
    above that of the fewest rows; their number times it is at most alpha. Nothing is kept: memory stays small.
    """
    return _Search.of(baskets, 1, "closed", (), (), None, positives).least_rows_testable(attainable, alpha)


@dataclass(frozen=True, eq=False)
class _Search:
    """Be what is searched: rows with the required items, and the other frequent items, by rising count."""

    numbered: Baskets
    item_starts: NDArray[np.int64]
    item_rows: NDArray[np.int32]
    order: NDArray[np.int32]
    prefix: tuple[int, ...]
    columns: NDArray[np.int32]
    overlapping: bool
    least: int
    kind: Kind
    positives: int

    @classmethod
    def of(
        cls,
        baskets: Baskets,
        least: int,
        kind: Kind,
        required: Sequence[int],
        excluded: Sequence[int],
        columns: Sequence[int] | None,
        positives: int,
    ) -> _Search:
        own = np.arange(baskets.items) if columns is None else np.unique(np.asarray(columns), return_inverse=True)[1]
        holding = baskets.holding(required) if required else np.arange(len(baskets))
        rows = baskets.select(holding) if required else baskets
        positives = int(np.count_nonzero(holding < positives))
        counts = rows.counts
        possible = counts >= least
        possible[list(excluded)] = False
        if required:
            possible &= ~np.isin(own, own[list(required)])
        everywhere = possible & (counts == len(rows)) if kind != "all" else np.zeros(baskets.items, bool)
        prefix = (*sorted(set(required)), *np.flatnonzero(everywhere).tolist())
        chosen = np.flatnonzero(possible & ~everywhere)
        order = chosen[np.argsort(counts[chosen], kind="stable")].astype(np.int32)
        overlapping = columns is not None and _overlap(rows, own, np.flatnonzero(possible))
        if overlapping and kind != "all":
            raise BadData(
                "items_of_a_column_together",
                "Closed and maximal itemsets have one item of a column in a row",
                "a row has two",
                "Ask for all itemsets, or give the items no columns.",
            )
        numbered = rows.numbered(order)
        return cls(*numbered, order, prefix, own[order].astype(np.int32), overlapping, least, kind, positives)

    def prefix_itemset(self, longest: int | None) -> Itemsets:
        """Return the itemset of the items that all rows searched have, if it is one to return."""
        size, rows = len(self.prefix), len(self.numbered)
        supports = np.zeros(size, np.int32)
        wanted = rows >= self.least and (self.kind != "maximal" or not self.order.size)
        if size and wanted and size <= (longest or LONGEST):
            supports[-1] = rows
        parents, lengths = np.arange(-1, size - 1, dtype=np.int32), np.arange(1, size + 1, dtype=np.uint16)
        classed = np.full(size, self.positives, np.int32)
        return Itemsets(parents, np.array(self.prefix, np.int32), supports, lengths, classed)

    def mine(self, begin: int, end: int, longest: int | None, most: int) -> Itemsets:
        """Return the itemsets that begin with some of the items, after the prefix of their own tree."""
        size = len(self.prefix)
        left = (longest or LONGEST) - size
        if left < 1 or begin == end:
            return _joined([])
        tree = self._all(begin, end, left, most) if self.kind == "all" else self._closed(begin, end, left, most)
        return _after(np.array(self.prefix, np.int32), tree) if size else tree

    def least_rows_testable(self, attainable: NDArray[np.float64], alpha: float) -> int:
        """Return the fewest rows of which all testable itemsets can be tested."""
        rows, items = (self.numbered.starts, self.numbered.codes), (self.item_starts, self.item_rows)
        end = self.order.size
        return int(closed(*rows, *items, 0, end, 1, LONGEST, 0, self.positives, False, attainable, alpha)[1])  # noqa: FBT003

    def _all(self, begin: int, end: int, left: int, most: int) -> Itemsets:
        columns = self.columns if self.overlapping else np.arange(self.order.size, dtype=np.int32)
        rows, items = (self.numbered.starts, self.numbered.codes), (self.item_starts, self.item_rows)
        found, parents, lasts, supports, lengths = frequent(
            *rows, columns, *items, begin, end, self.least, left, most, not self.overlapping
        )
        require_few(found, most)
        return self._tree(found, parents, lasts, supports, lengths, np.zeros(found, np.int32))

    def _closed(self, begin: int, end: int, left: int, most: int) -> Itemsets:
        rows, items = (self.numbered.starts, self.numbered.codes), (self.item_starts, self.item_rows)
        largest = self.kind == "maximal"
        found, _, _, parents, lasts, supports, classed, lengths = closed(
            *rows, *items, begin, end, self.least, left, most, self.positives, largest, NEVER, 1.0
        )
        require_few(found, most)
        return self._tree(found, parents, lasts, supports, lengths, classed)

    def _tree(
        self,
        found: int,
        parents: NDArray[np.int32],
        lasts: NDArray[np.int32],
        supports: NDArray[np.int32],
        lengths: NDArray[np.uint16],
        classed: NDArray[np.int32],
    ) -> Itemsets:
        """Return the nodes found, with the items' own numbers, without what the buffers have beyond them."""
        own = self.order[lasts[:found]]
        return Itemsets(
            parents[:found].copy(), own, supports[:found].copy(), lengths[:found].copy(), classed[:found].copy()
        )


def _overlap(baskets: Baskets, own: NDArray[np.intp], items: NDArray[np.intp]) -> bool:
    """Return whether a row has two of some items that are of one column."""
    kept = np.isin(baskets.codes, items)
    cells = baskets.rows[kept] * (int(own.max(initial=0)) + 1) + own[baskets.codes[kept]]
    return np.unique(cells).size < cells.size


def _after(prefix: NDArray[np.int32], tree: Itemsets) -> Itemsets:
    """Return a tree whose every itemset goes on from the prefix, which is itself none."""
    size = prefix.size
    return Itemsets(
        np.concatenate([np.arange(-1, size - 1), tree.parents + size]).astype(np.int32),
        np.concatenate([prefix, tree.lasts]),
        np.concatenate([np.zeros(size, np.int32), tree.supports]),
        np.concatenate([np.arange(1, size + 1), tree.lengths + size]).astype(np.uint16),
        np.concatenate([np.zeros(size, np.int32), tree.classed]),
    )


def _joined(trees: Sequence[Itemsets]) -> Itemsets:
    """Return the itemsets of several trees as one."""
    if len(trees) == 1:
        return trees[0]
    sizes = np.cumsum([0, *(tree.parents.size for tree in trees)])
    parents = [np.where(tree.parents < 0, -1, tree.parents + size) for tree, size in zip(trees, sizes, strict=False)]
    return Itemsets(
        np.concatenate([np.empty(0), *parents]).astype(np.int32),
        np.concatenate([np.empty(0, np.int32), *(tree.lasts for tree in trees)]),
        np.concatenate([np.empty(0, np.int32), *(tree.supports for tree in trees)]),
        np.concatenate([np.empty(0, np.uint16), *(tree.lengths for tree in trees)]),
        np.concatenate([np.empty(0, np.int32), *(tree.classed for tree in trees)]),
    )


def require_few(
    found: int,
    most: int,
    what: str = "itemsets",
    remedy: str = "Raise min_support, take fewer columns or levels, or shorten max_length.",
) -> None:
    """Raise `BadData` `too_many_candidates` where more is frequent than is searched."""
    if found > most:
        raise BadData(
            "too_many_candidates", f"At most {most} {what} are searched", f"{found} or more are frequent", remedy
        )
