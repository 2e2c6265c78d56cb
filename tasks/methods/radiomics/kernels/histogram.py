"""Statistics of grey levels from how often each occurs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def level_spread(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return mean, averages of the deviation's square, cube, fourth power and size, entropy in bits and uniformity.

    `counts[level]` says how often a level occurs; one does.
    """
    number = total = 0
    for level in range(counts.size):
        number += counts[level]
        total += counts[level] * level
    mean = total / number
    second = third = fourth = size = entropy = uniformity = 0.0
    for level in range(counts.size):
        if counts[level]:
            share = counts[level] / number
            deviation = level - mean
            square = deviation * deviation
            second += share * square
            third += share * square * deviation
            fourth += share * square * square
            size += share * abs(deviation)
            entropy -= share * np.log2(share)
            uniformity += share * share
    return np.array([mean, second, third, fourth, size, entropy, uniformity])


@kernel
def levels_of_rank(counts: NDArray[np.int64], ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the levels that stand at some places, from 0 on, when all are sorted."""
    found = np.empty(ranks.size, dtype=np.int64)
    level = passed = 0
    for which in range(ranks.size):
        if ranks[which] < passed:
            level = passed = 0
        while passed + counts[level] <= ranks[which]:
            passed += counts[level]
            level += 1
        found[which] = level
    return found


@kernel
def level_deviations(counts: NDArray[np.int64], center: float, low: float, high: float) -> tuple[float, float]:
    """Return the average distance from `center`, and of the levels in [low, high] that from their own mean.

    The second is NaN where no level lies in [low, high].
    """
    number = within = total = 0
    away = 0.0
    for level in range(counts.size):
        number += counts[level]
        away += counts[level] * abs(level - center)
        if low <= level <= high:
            within += counts[level]
            total += counts[level] * level
    mean = total / within
    inner = 0.0
    for level in range(counts.size):
        if low <= level <= high:
            inner += counts[level] * abs(level - mean)
    return away / number, inner / within


@kernel
def mode_and_slopes(counts: NDArray[np.int64], mean: float) -> NDArray[np.float64]:
    """Return the commonest level, then the steepest rise and its level, and the steepest fall and its level.

    Of levels equally common it is the one nearest to the mean, then the lower; of equal slopes the lowest level's.
    Slopes are taken over levels 1 to the last, between both neighbours, and at the ends to the only one.
    """
    mode = 1
    rise, fall = -np.inf, np.inf
    rise_at = fall_at = 1
    last = counts.size - 1
    for level in range(1, counts.size):
        nearer = abs(level - mean) < abs(mode - mean)
        if counts[level] > counts[mode] or (counts[level] == counts[mode] and nearer):
            mode = level
        before, after = max(level - 1, 1), min(level + 1, last)
        slope = (counts[after] - counts[before]) / max(after - before, 1)
        if slope > rise:
            rise, rise_at = slope, level
        if slope < fall:
            fall, fall_at = slope, level
    return np.array([float(mode), rise, float(rise_at), fall, float(fall_at)])
