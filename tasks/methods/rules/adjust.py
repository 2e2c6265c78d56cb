"""How p-values are adjusted for the number of hypotheses searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import false_discovery_control

if TYPE_CHECKING:
    from numpy.typing import NDArray

Adjust = Literal["bonferroni", "holm", "bh", "by"]


def adjusted_p_values(p: NDArray[np.float64], adjust: Adjust) -> NDArray[np.float64]:
    """Return p-values adjusted over everything searched, in the same order.

    `p` are the p-values of all hypotheses searched, not only of those found. Calling significant what is
    at most alpha keeps, whatever the dependence between hypotheses: with `bonferroni` and `holm` the chance
    of any false discovery at most alpha; with `by` the expected share of false discoveries at most alpha.
    `bh` keeps that share only if the tests are independent or positively dependent, which rules sharing
    rows are not in general.

    Holm, Scand J Stat 1979;6:65. Benjamini and Hochberg, J R Stat Soc B 1995;57:289. Benjamini and
    Yekutieli, Ann Stat 2001;29:1165.
    """
    if not p.size:
        return p.copy()
    if adjust == "bonferroni":
        return np.minimum(p * p.size, 1.0)
    if adjust == "holm":
        return _holm(p)
    return np.asarray(false_discovery_control(p, method=adjust))


def _holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.argsort(p, kind="stable")
    left = np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * left), 1.0)
    return adjusted
