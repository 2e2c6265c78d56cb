"""Closed itemsets that go with one of two classes, however few rows they are in: LAMP and Westfall-Young light."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor
from typing import TYPE_CHECKING, Literal

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.rules.baskets import Baskets
from tasks.methods.rules.class_tests import log_factorials
from tasks.methods.rules.contingency import CELLS_AT_ONCE
from tasks.methods.rules.items import require_same_rows
from tasks.methods.rules.itemsets import (
    MOST_ITEMSETS,
    ROUNDING,
    Itemsets,
    itemset_parts,
    least_rows_testable,
    mine_itemsets,
)
from tasks.methods.rules.kernels.bits import rows_of
from tasks.methods.rules.kernels.exact import AS_LIKELY, exact
from tasks.methods.rules.row_bits import RowBits, row_bits
from tasks.methods.rules.westfall_young import (
    permutation_delta,
    permuted_classes,
    smallest_p_values,
    westfall_young_adjusted,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Control = Literal["lamp", "westfall_young"]
PART_OF_ROWS = 100_000
"""Itemsets whose rows are held at once: 13 MB for a thousand rows."""


@dataclass(frozen=True, eq=False)
class SignificantItemsets:
    """Be the closed itemsets tested, with what the test says of each.

    Parameters
    ----------
    itemsets
        The itemsets, with how many of their rows are of the class.
    places
        The nodes of the itemsets tested.
    p, adjusted
        (tested,): p-values, and the same adjusted; by permutation, exact up to alpha and above it too small.
    delta
        A p-value at most this is significant.
    alpha
        The chance of any false discovery is at most this.
    """

    itemsets: Itemsets
    places: NDArray[np.intp]
    p: NDArray[np.float64]
    adjusted: NDArray[np.float64]
    delta: float
    alpha: float

    @property
    def tested(self) -> int:
        """Return how many itemsets were tested: the others could not be significant."""
        return int(self.places.size)

    @property
    def significant(self) -> NDArray[np.intp]:
        """Return the nodes of the significant itemsets, by p-value."""
        chosen = np.flatnonzero(self.adjusted <= self.alpha)
        return self.places[chosen[np.argsort(self.p[chosen], kind="stable")]]


def significant_itemsets(
    baskets: Baskets,
    in_class: NDArray[np.bool_],
    *,
    control: Control = "lamp",
    alpha: float = 0.05,
    permutations: int = 1000,
    seed: int = 0,
    two_sided: bool = True,
    most: int = MOST_ITEMSETS,
) -> SignificantItemsets:
    """Return the closed itemsets that go with a class, or with the other (`two_sided`), by Fisher's exact test.

    No least support is asked for: itemsets of so few rows (or, two-sided, of so many) that they could not be
    significant are left out, and how few that is follows from how many others there are. With `lamp` those left are
    tested at alpha over their number; with `westfall_young` at the alpha-quantile of the smallest p-values of all
    itemsets when the rows' classes are permuted, so that fewer rows may be enough.

    Raises
    ------
    BadData
        If the class has no row, or every row, or there are more than `most` itemsets to test.

    References
    ----------
    Terada et al., PNAS 2013;110:12996. Minato et al., ECML PKDD 2014, p. 422. Llinares-López et al., KDD 2015, p. 725.
    """
    require_same_rows(len(baskets), in_class.size)
    positives = int(np.count_nonzero(in_class))
    if not 0 < positives < in_class.size:
        raise BadData(
            "one_class",
            "Rows are of two classes",
            f"{positives} of {in_class.size} rows are of the class",
            "Choose another class.",
        )
    search = _Search(
        baskets.select(np.argsort(~in_class, kind="stable")),
        positives,
        attainable_p_values(in_class.size, positives, two_sided=two_sided),
        two_sided,
        most,
    )
    least = least_rows_testable(search.baskets, positives, search.attainable, alpha)
    if control == "lamp":
        return search.by_tarone(least, alpha)
    return search.by_permutation(least, alpha, permutations, seed)


@dataclass(frozen=True, eq=False)
class _Search:
    """Be the rows, those of the class first, and the smallest p-value of an itemset in so many of them."""

    baskets: Baskets
    positives: int
    attainable: NDArray[np.float64]
    two_sided: bool
    most: int

    def by_tarone(self, least: int, alpha: float) -> SignificantItemsets:
        """Return the testable itemsets tested at alpha over their number."""
        found = self.found(least)
        places = self.testable(found, self.attainable[least])
        p = self.p_values(found, places)
        return SignificantItemsets(
            found, places, p, np.minimum(1.0, p * places.size), alpha / max(1, places.size), alpha
        )

    def by_permutation(self, least: int, alpha: float, permutations: int, seed: int) -> SignificantItemsets:
        """Return the itemsets tested against the smallest p-values of permuted classes.

        In the fewer rows itemsets may be, the larger are the p-values they can have; they are added row by row until
        these can no longer be among the smallest that decide.
        """
        spared = floor(alpha * (permutations + 1) + ROUNDING) - 1
        if spared < 0:
            raise BadData(
                "too_few_permutations",
                f"With alpha {alpha}, at least {ceil(1 / alpha - ROUNDING) - 1} permutations are drawn",
                f"{permutations} came",
                "Draw more.",
            )
        permuted = self.permuted(range(permutations), seed)
        smallest, above = np.ones(permutations), -1.0
        while True:
            smallest = np.minimum(smallest, self.smallest(least, above, permuted))
            above = float(self.attainable[least])
            if least == 1 or self.attainable[least - 1] > np.partition(smallest, spared)[spared]:
                break
            least -= 1
        found = self.found(least)
        places = self.testable(found, above)
        p = self.p_values(found, places)
        adjusted = westfall_young_adjusted(p, smallest)
        return SignificantItemsets(found, places, p, adjusted, permutation_delta(smallest, alpha), alpha)

    def permuted(self, permutations: Sequence[int], seed: int) -> NDArray[np.intp]:
        """Return which rows are of the class in each of some permutations."""
        rows = len(self.baskets)
        classes = (np.arange(rows) < self.positives).astype(np.intp)
        return permuted_classes(classes, np.zeros(rows, np.intp), permutations, seed)

    @cached_property
    def bits(self) -> RowBits:
        """Return the bit of each row, all of one stratum."""
        return row_bits(np.zeros(len(self.baskets), np.intp))

    @cached_property
    def items(self) -> NDArray[np.uint64]:
        """Return (items, words) bits of the rows of each item."""
        return _item_bits(self.baskets, self.bits)

    @cached_property
    def everyone(self) -> NDArray[np.uint64]:
        """Return (1, words) bits of all rows."""
        return self.bits.packed(np.ones((len(self.baskets), 1), bool))

    def smallest(self, least: int, above: float, permuted: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the smallest p-value, in each permutation, of the itemsets that become testable with `least` rows."""
        smallest = np.ones(len(permuted))
        for part in itemset_parts(self.baskets, least, kind="closed", most=self.most, part=PART_OF_ROWS):
            places = self.testable(part, self.attainable[least])
            fresh = places[self.attainable[part.supports[places]] > above]
            present = rows_of(part.parents, part.lasts, self.items)[fresh]
            known = np.broadcast_to(self.everyone, present.shape)
            found = smallest_p_values(
                self.bits, present, known, permuted, [1], log_factorials(len(self.baskets)), two_sided=self.two_sided
            )
            smallest = np.minimum(smallest, found)
        return smallest

    def found(self, least: int) -> Itemsets:
        """Return the closed itemsets of at least so many rows."""
        return mine_itemsets(self.baskets, least, kind="closed", positives=self.positives, most=self.most)

    def testable(self, found: Itemsets, threshold: float) -> NDArray[np.intp]:
        """Return the nodes of the itemsets whose smallest p-value is at most a threshold."""
        places = np.flatnonzero(found.supports)
        return places[self.attainable[found.supports[places]] <= threshold]

    def p_values(self, found: Itemsets, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return Fisher's exact p-values of some itemsets."""
        supports, classed = found.supports[places].astype(np.int64), found.classed[places].astype(np.int64)
        order = np.argsort(supports, kind="stable")
        having = supports[order][:, None]
        rows, positives = np.full_like(having, len(self.baskets)), np.full_like(having, self.positives)
        p = np.empty(places.size)
        p[order] = exact(having, rows, positives, classed[order], self.two_sided, log_factorials(len(self.baskets)))
        return p


def attainable_p_values(rows: int, positives: int, *, two_sided: bool) -> NDArray[np.float64]:
    """Return the smallest p-value that an itemset in 0 to all rows can have, given how many are of the class.

    Tarone, Biometrics 1990;46:515.
    """
    having = np.arange(rows + 1)
    most, fewest = np.minimum(having, positives), np.maximum(0, having - (rows - positives))
    largest, smallest = (_chance(number, having, rows, positives) for number in (most, fewest))
    if not two_sided:
        return largest
    lower, higher = np.minimum(largest, smallest), np.maximum(largest, smallest)
    as_likely = (higher <= lower * AS_LIKELY) & (most != fewest)
    return np.where(as_likely, lower + higher, lower)


def _chance(both: NDArray[np.intp], having: NDArray[np.intp], rows: int, positives: int) -> NDArray[np.float64]:
    """Return the hypergeometric chance of so many rows of both."""
    logs = log_factorials(rows)
    margins = logs[having] + logs[rows - having] + logs[positives] + logs[rows - positives] - logs[rows]
    cells = logs[both] + logs[having - both] + logs[positives - both] + logs[rows - having - positives + both]
    return np.asarray(np.minimum(1.0, np.exp(margins - cells)))


def _item_bits(baskets: Baskets, bits: RowBits) -> NDArray[np.uint64]:
    """Return (items, words) bits of the rows of each item."""
    step = max(1, CELLS_AT_ONCE // max(1, len(baskets)))
    parts = []
    for start in range(0, baskets.items, step):
        own = (baskets.codes >= start) & (baskets.codes < start + step)
        present = np.zeros((len(baskets), min(step, baskets.items - start)), bool)
        present[baskets.rows[own], baskets.codes[own] - start] = True
        parts.append(bits.packed(present))
    return np.vstack(parts)
