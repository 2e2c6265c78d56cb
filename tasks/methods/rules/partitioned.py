"""Frequent itemsets of more rows than fit in memory, exactly: found in parts, and counted in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.rules.itemsets import MOST_ITEMSETS, Itemsets, least_rows, mine_itemsets, require_few
from tasks.methods.rules.kernels.recount import recounted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from tasks.methods.rules.baskets import Baskets

Itemset = tuple[int, ...]
"""Numbers of the items, rising."""


def partitioned_itemsets(
    parts: Callable[[], Iterable[Baskets]], min_support: float, *, longest: int | None = None, most: int = MOST_ITEMSETS
) -> Itemsets:
    """Return the itemsets that at least a share of the rows of all parts have.

    An itemset frequent in all rows is frequent in one part at least, so that the itemsets frequent in any part are
    the candidates; a second pass counts them in all parts. Parts may be of any size, are read twice, one at a time,
    and number the items alike. One part is worked on by `frequent_in_part` and `counts_in_part`, wherever that is;
    `merged` and `chosen` put together what they return.

    Raises
    ------
    BadData
        If there are no parts, or too many candidates, or a number of rows is given in the place of a share.

    References
    ----------
    Savasere, Omiecinski and Navathe, VLDB 1995, p. 432.
    """
    found, rows = [], 0
    for part in parts():
        found.append(frequent_in_part(part, min_support, longest=longest, most=most))
        rows += len(part)
    candidates = merged(found, most)
    counts = np.sum([counts_in_part(part, candidates) for part in parts()], axis=0)
    return chosen(candidates, counts, least_rows(min_support, rows))


def frequent_in_part(
    part: Baskets, min_support: float, *, longest: int | None = None, most: int = MOST_ITEMSETS
) -> list[Itemset]:
    """Return the itemsets that at least a share of the part's rows have.

    Raises
    ------
    BadData
        If a number of rows is given in the place of a share: it says nothing of a part.
    """
    if isinstance(min_support, int | np.integer):
        raise BadData(
            "count_in_parts",
            "In parts a share of the rows is asked for, as 0.05",
            f"the whole number {min_support} came, which is a number of rows",
            "Divide it by the number of all rows.",
        )
    return mine_itemsets(part, least_rows(min_support, len(part)), longest=longest, most=most).tuples()


def merged(found: Sequence[Sequence[Itemset]], most: int = MOST_ITEMSETS) -> list[Itemset]:
    """Return the candidates: what is frequent in any part, each right after its prefix.

    Raises
    ------
    BadData
        If there are no parts, or more candidates than `most`.
    """
    if not found:
        raise BadData("no_parts", "Rows are mined in one part or more", "none came", "Give the rows.")
    candidates = sorted(set().union(*found))
    require_few(len(candidates), most, remedy="Raise min_support, or mix the rows so that parts are alike.")
    return candidates


def counts_in_part(part: Baskets, candidates: Sequence[Itemset]) -> NDArray[np.int64]:
    """Return how many of the part's rows have each candidate."""
    lasts = np.array([itemset[-1] for itemset in candidates], np.int32)
    lengths = np.array([len(itemset) for itemset in candidates], np.uint16)
    return recounted(part.starts, part.codes, part.items, lasts, lengths)


def chosen(candidates: Sequence[Itemset], counts: NDArray[np.int64], least: int) -> Itemsets:
    """Return the candidates that are in enough rows of all parts, as a tree."""
    kept = np.flatnonzero(counts >= least)
    itemsets = [candidates[place] for place in kept.tolist()]
    places = {itemset: node for node, itemset in enumerate(itemsets)}
    return Itemsets(
        np.array([places.get(itemset[:-1], -1) for itemset in itemsets], np.int32),
        np.array([itemset[-1] for itemset in itemsets], np.int32),
        counts[kept].astype(np.int32),
        np.array([len(itemset) for itemset in itemsets], np.uint16),
        np.zeros(kept.size, np.int32),
    )
