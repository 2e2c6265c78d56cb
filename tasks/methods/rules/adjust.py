"""How p-values are adjusted for the number of hypotheses searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Adjust = Literal["bonferroni", "holm", "bh", "by"]
ClassAdjust = Literal["bonferroni", "holm", "bh", "by", "lamp", "westfall_young"]
"""Adjustments of rules that end in an outcome: `tarone` and `westfall_young` hold the last two."""


def adjusted_p_values(p: NDArray[np.float64], adjust: Adjust, searched: int | None = None) -> NDArray[np.float64]:
    """Return p-values adjusted over everything searched, in the same order.

    `p` are the p-values of the hypotheses that were tested, not only of those found, and `searched` is the
    number of all hypotheses that could have been, if there were more: the others have p = 1. Calling
    significant what is at most alpha keeps, whatever the dependence between hypotheses: with `bonferroni`
    and `holm` the chance of any false discovery at most alpha; with `by` the expected share of false
    discoveries at most alpha. `bh` keeps that share only if the tests are independent or positively
    dependent, which rules sharing rows are not in general.

    Holm, Scand J Stat 1979;6:65. Benjamini and Hochberg, J R Stat Soc B 1995;57:289. Benjamini and
    Yekutieli, Ann Stat 2001;29:1165.
    """
    number = p.size if searched is None else searched
    if adjust == "bonferroni":
        return np.minimum(p * number, 1.0)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = _holm(p[order], number) if adjust == "holm" else _step_up(p[order], number, adjust)
    return np.minimum(adjusted, 1.0)


def _holm(rising: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    return np.maximum.accumulate(rising * (number - np.arange(rising.size)))


def _step_up(rising: NDArray[np.float64], number: int, adjust: Adjust) -> NDArray[np.float64]:
    dependence = _harmonic(number) if adjust == "by" else 1.0
    scaled = rising * (dependence * number / np.arange(1, rising.size + 1))
    return np.minimum.accumulate(scaled[::-1])[::-1]


def _harmonic(number: int) -> float:
    """Return 1 + 1/2 + ... + 1/number, without adding up what may be billions."""
    from scipy.special import digamma

    return float(digamma(number + 1.0) + np.euler_gamma)
