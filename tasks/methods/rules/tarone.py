"""Which hypotheses could be significant at all: control of false discoveries by Tarone, for rules known as LAMP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TaroneLevel:
    """Say how many hypotheses are tested, and at which level.

    Parameters
    ----------
    number
        Hypotheses whose smallest attainable p-value is at most `threshold`; the others are not tested.
    threshold
        The largest smallest p-value at which all of these may be tested.
    delta
        A p-value at most this is significant: alpha over the number.
    """

    number: int
    threshold: float
    delta: float


def tarone_level(attainable: NDArray[np.float64], alpha: float) -> TaroneLevel:
    """Return the most hypotheses that can be tested, given the smallest p-value that each can have.

    That value depends on the margins of a hypothesis' table and not on how items and outcome go together. Tested are
    those whose value is at most a threshold, the largest at which their number times the threshold is at most alpha.
    By Bonferroni over them, the chance of any false discovery is at most alpha, whatever the dependence between
    hypotheses and however many of them are true: those left out could not have been significant anyway.

    Tarone, Biometrics 1990;46:515. Terada et al., PNAS 2013;110:12996 (LAMP). The levels as in Llinares-López et al.,
    KDD 2015, p. 725.
    """
    levels, counts = np.unique(attainable, return_counts=True)
    numbers = np.cumsum(counts)
    fitting = int(np.count_nonzero(numbers * levels <= alpha))
    if not fitting:
        return TaroneLevel(0, 0.0, 0.0)
    number = int(numbers[fitting - 1])
    return TaroneLevel(number, float(levels[fitting - 1]), alpha / number)


def tarone_adjusted(p: NDArray[np.float64], attainable: NDArray[np.float64], level: TaroneLevel) -> NDArray[np.float64]:
    """Return p-values times the number tested, at most 1; 1 of what is not tested."""
    return np.where(attainable <= level.threshold, np.minimum(1.0, p * level.number), 1.0)
