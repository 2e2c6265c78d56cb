"""Tests of many antecedents against values of an outcome, within strata, and their p-values adjusted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.contingency import CELLS_AT_ONCE, covered, fully_known
from tasks.methods.rules.kernels.exact import exact
from tasks.methods.rules.row_bits import RowBits, row_bits
from tasks.methods.rules.westfall_young import permuted_classes, smallest_p_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.methods.rules.items import ItemTable


@dataclass(frozen=True, eq=False)
class ClassTests:
    """Be the two-by-two tables, in each stratum, of antecedents against values of the outcome.

    A table counts the rows where the antecedent is known. Antecedents that the same rows have, and are known of the
    same rows, are one hypothesis.

    Parameters
    ----------
    bits
        The bit of each row.
    present, known
        (hypotheses, words): the rows that have the antecedent, and of whom it is known.
    which
        (antecedents,): the hypothesis of each antecedent.
    classes, strata
        (rows,): each row's value of the outcome, and its stratum.
    values
        The values that rules end in.
    """

    bits: RowBits
    present: NDArray[np.uint64]
    known: NDArray[np.uint64]
    which: NDArray[np.intp]
    classes: NDArray[np.intp]
    strata: NDArray[np.intp]
    values: tuple[int, ...]

    @property
    def hypotheses(self) -> int:
        """Return how many tests there are, of different rows or values."""
        return len(self.present) * len(self.values)

    def p_values(self) -> NDArray[np.float64]:
        """Return (hypotheses, values) p-values.

        One-sided and exact, given in each stratum the rows with the antecedent and the rows with the value: Fisher's
        of one stratum; of several the exact test of Cochran, Mantel and Haenszel.

        Mehta, Patel and Gray, J Am Stat Assoc 1985;80:969.
        """
        return np.stack([self._p_values(self._labels(value)) for value in self.values], axis=1)

    def attainable(self) -> NDArray[np.float64]:
        """Return the smallest p-value that each of (hypotheses, values) tests could have with other outcomes.

        It is over all numbers of rows with the value that the unknown rows leave possible, so that it does not depend
        on the outcomes.

        Papaxanthos et al., NIPS 2016, p. 2271.
        """
        return np.stack([self._attainable(self._labels(value)) for value in self.values], axis=1)

    def smallest(self, permutations: Sequence[int], seed: int) -> NDArray[np.float64]:
        """Return the smallest p-value of all tests for each of some permutations of the outcome within strata."""
        permuted = permuted_classes(self.classes, self.strata, permutations, seed)
        return smallest_p_values(
            self.bits, self.present, self.known, permuted, self.values, log_factorials(self.classes.size)
        )

    @cached_property
    def _margins(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (hypotheses, strata) rows that have the antecedent, and rows of whom it is known."""
        return self.bits.counted(self.present), self.bits.counted(self.known)

    def _labels(self, value: int) -> NDArray[np.uint64]:
        """Return (1, words) bits of the rows with a value."""
        return self.bits.packed((self.classes == value)[:, None])

    def _p_values(self, labels: NDArray[np.uint64]) -> NDArray[np.float64]:
        both = np.bitwise_count(self.present & labels).sum(axis=1, dtype=np.int64)
        return self._exact(self.bits.counted(self.known & labels), both)

    def _attainable(self, labels: NDArray[np.uint64]) -> NDArray[np.float64]:
        having, known = self._margins
        in_class = self.bits.counted(labels)
        missing = self.bits.sizes - known
        fitting = np.clip(having, np.maximum(0, in_class - missing), np.minimum(in_class, known))
        return self._exact(fitting, np.minimum(having, fitting).sum(axis=1))

    def _exact(self, classed: NDArray[np.int64], both: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the p-values of so many rows of both, with (hypotheses, strata) rows of the class among the known."""
        having, known = self._margins
        order = np.lexsort(np.hstack([having, known, classed]).T)
        logs = log_factorials(self.classes.size)
        p = np.empty(both.size)
        p[order] = exact(having[order], known[order], classed[order], both[order], False, logs)  # noqa: FBT003 - a kernel
        return p


def class_tests(
    table: ItemTable,
    itemsets: Sequence[tuple[int, ...]],
    classes: NDArray[np.intp],
    strata: NDArray[np.intp],
    values: Sequence[int],
) -> ClassTests:
    """Return the tests of itemsets of a table against some of the classes that its rows are of."""
    bits = row_bits(strata)
    step = max(1, CELLS_AT_ONCE // max(1, len(table)))
    parts = [itemsets[start : start + step] for start in range(0, len(itemsets), step)] or [[]]
    packed = [np.hstack([bits.packed(covered(table, part)), bits.packed(fully_known(table, part))]) for part in parts]
    unique, which = np.unique(np.vstack(packed), axis=0, return_inverse=True)
    present, known = (np.ascontiguousarray(half) for half in np.hsplit(unique, 2))
    return ClassTests(bits, present, known, which.reshape(-1), classes, strata, tuple(values))


def log_factorials(most: int) -> NDArray[np.float64]:
    """Return the logarithms of 0! to most!."""
    from scipy.special import gammaln

    return np.asarray(gammaln(np.arange(most + 1.0) + 1.0))
