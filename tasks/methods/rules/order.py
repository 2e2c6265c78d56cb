"""Whether some events come before others more often than the patients' own dates make it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.kernels.orders import shuffles_in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.methods.rules.events import History
    from tasks.methods.rules.sequence_search import Limits, Order

FEWEST = 2
"""Events that can be in order."""


def order_chances(
    histories: Sequence[History], rules: Sequence[Order], limits: Limits, permutations: int, seed: int
) -> list[list[float]]:
    """Return, rule by rule, the chances of the patients with all its events that they are in its order.

    It is the chance when the patient's events are shuffled over the patient's own dates: the exact share of
    shuffles for a pair of events that both happened once, otherwise (hits + 1) / (permutations + 1) of random ones.
    Patients of whom no two dates are in order are left out: their chance is 0.
    """
    chances: list[list[float]] = [[] for _ in rules]
    events = [frozenset((*rule.before, *rule.after)) for rule in rules]
    sides = [(np.array(rule.before, np.int64), np.array(rule.after, np.int64)) for rule in rules]
    nearest = min(limits.gap, limits.window)
    for place, history in enumerate(histories):
        ordered = history.in_order(nearest)
        own = frozenset(history.codes.tolist())
        if len(own) < FEWEST or not ordered.any():
            continue
        shares = _Shuffles(history, permutations, (seed, place))
        exact = np.count_nonzero(ordered) / (history.codes.size * (history.codes.size - 1))
        for number, (before, after) in enumerate(sides):
            if events[number] <= own:
                is_pair = len(events[number]) == FEWEST and history.happen_once(events[number])
                chances[number].append(exact if is_pair else shares.in_order(before, after, limits))
    return chances


class _Shuffles:
    """Hold random shuffles of a patient's events, drawn when they are first needed, the same for every rule."""

    def __init__(self, history: History, permutations: int, seed: tuple[int, int]) -> None:
        self.history, self.permutations, self.seed = history, permutations, seed
        self.drawn: NDArray[np.int64] | None = None

    def in_order(self, before: NDArray[np.int64], after: NDArray[np.int64], limits: Limits) -> float:
        """Return the share of shuffles that have the order, the true one among them."""
        if self.drawn is None:
            rows = np.tile(self.history.codes.astype(np.int64), (self.permutations, 1))
            self.drawn = np.random.default_rng(self.seed).permuted(rows, axis=1)
        hits = shuffles_in_order(self.history.days, self.drawn, before, after, limits.gap, limits.window)
        return (hits + 1) / (self.permutations + 1)


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
