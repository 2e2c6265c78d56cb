"""Whether one event comes before another more often than the patients' own dates make it."""

from __future__ import annotations

from itertools import permutations as orders
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.methods.rules.events import History


def order_chances(
    histories: Sequence[History], max_gap_days: float | None, permutations: int, seed: int
) -> dict[tuple[int, int], list[float]]:
    """Return, by pair of events, the chances of the patients with both that the first comes before the second.

    It is the chance when the patient's events are shuffled over the patient's own dates: the exact share of
    shuffles where both events happened once, otherwise (hits + 1) / (permutations + 1) of random ones.
    Patients of whom no two dates are in order are left out: their chance is 0.
    """
    chances: dict[tuple[int, int], list[float]] = {}
    rng = np.random.default_rng(seed)
    for history in histories:
        own, labels, counts = np.unique(history.codes, return_inverse=True, return_counts=True)
        ordered = history.in_order(max_gap_days)
        if own.size > 1 and ordered.any():
            table = _chances(labels, counts, ordered, permutations, rng)
            for first, second in orders(range(own.size), 2):
                chances.setdefault((int(own[first]), int(own[second])), []).append(float(table[first, second]))
    return chances


def _chances(
    labels: NDArray[np.intp],
    counts: NDArray[np.intp],
    ordered: NDArray[np.bool_],
    permutations: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    once = (counts[:, None] == 1) & (counts[None, :] == 1)
    exact = np.count_nonzero(ordered) / (labels.size * (labels.size - 1))
    if once.all():
        return np.full(once.shape, exact)
    shuffled = rng.permuted(np.tile(labels, (permutations, 1)), axis=1)
    first, second = np.nonzero(ordered)
    hits = np.zeros((permutations, counts.size, counts.size), bool)
    hits[np.arange(permutations)[:, None], shuffled[:, first], shuffled[:, second]] = True
    return np.where(once, exact, (hits.sum(axis=0) + 1) / (permutations + 1))


def chance_of_at_least(count: int, chances: Sequence[float]) -> float:
    """Return the chance that at least `count` of independent events happen, each with its own chance.

    The Poisson-binomial tail, added up from its terms so that a small one keeps its digits (Hong, Comput
    Stat Data Anal 2013;59:41).
    """
    exactly = np.zeros(len(chances) + 1)
    exactly[0] = 1.0
    for chance in chances:
        exactly[1:] = exactly[1:] * (1 - chance) + exactly[:-1] * chance
        exactly[0] *= 1 - chance
    return min(1.0, float(exactly[count:].sum()))
