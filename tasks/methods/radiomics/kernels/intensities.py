"""Intensities of a region's voxels: in a row, their moments, and which of them have a given rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUCKETS = 4096
"""Parts into which the range of intensities is cut to find ranks: few enough to stay in the first cache."""


@kernel
def gather(
    values: NDArray[np.float64], mask: NDArray[np.bool_], kept: NDArray[np.bool_], out: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Put the kept voxels of a box (z, y, x) in a row in `out`, as long as there are kept voxels.

    Returns
    -------
    sums : NDArray[np.float64]
        Of intensity, intensity times z, y and x, the lowest and the highest intensity.
    counts : NDArray[np.int64]
        Of kept voxels, and of voxels of the mask that are missing.
    """
    depth, height, width = values.shape
    sums = np.zeros(6)
    number = missing = 0
    lowest, highest = np.inf, -np.inf
    for z in range(depth):
        for y in range(height):
            total = along = 0.0
            for x in range(width):
                if kept[z, y, x]:
                    value = values[z, y, x]
                    out[number] = value
                    number += 1
                    total += value
                    along += value * x
                    lowest = min(lowest, value)
                    highest = max(highest, value)
                elif mask[z, y, x] and np.isnan(values[z, y, x]):
                    missing += 1
            sums[0] += total
            sums[1] += total * z
            sums[2] += total * y
            sums[3] += along
    sums[4] = lowest
    sums[5] = highest
    return sums, np.array([number, missing])


@kernel
def moments(values: NDArray[np.float64], unit: float) -> NDArray[np.float64]:
    """Return the mean, averages of the deviation's square, cube, fourth power and size, and the sum of squared values.

    Deviations are counted in units of `unit`: one as large as they are keeps their powers within what a number holds.
    """
    count = values.size
    # from the first value up, so that the spread of one intensity is exactly 0
    first = values[0]
    total = 0.0
    for value in values:
        total += value - first
    shift = total / count
    scale = 1.0 / unit
    second = third = fourth = size = energy = 0.0
    for value in values:
        deviation = ((value - first) - shift) * scale
        square = deviation * deviation
        second += square
        third += square * deviation
        fourth += square * square
        size += abs(deviation)
        energy += value * value
    return np.array([first + shift, second / count, third / count, fourth / count, size / count, energy])


@kernel
def deviations(values: NDArray[np.float64], center: float, low: float, high: float) -> tuple[float, float]:
    """Return the average distance from `center`, and of the values in [low, high] that from their own mean.

    The second is NaN where no value lies in [low, high].
    """
    away = total = number = 0.0
    for value in values:
        away += abs(value - center)
        # added and not jumped over: which values are inside cannot be foreseen
        inside = 1.0 if (value >= low) & (value <= high) else 0.0
        total += (value - low) * inside
        number += inside
    mean = total / number
    inner = 0.0
    for value in values:
        inside = 1.0 if (value >= low) & (value <= high) else 0.0
        inner += abs((value - low) - mean) * inside
    return away / values.size, inner / number


@kernel
def count_from(
    values: NDArray[np.float64], scale: tuple[float, float, float], steps: tuple[float, float, float]
) -> tuple[int, int, int, float]:
    """Count the values at or above a step, for three steps, and sum up their steps, the third at most.

    `scale` is (start, parts, width) of `Steps`.
    """
    start, parts, width = scale
    low, high, top = steps
    above_low = above_high = above_top = 0
    total = 0.0
    for value in values:
        # multiplied before the division, so that a whole quotient of whole numbers is never missed by rounding
        step = (value - start) * parts / width
        above_low += step >= low
        above_high += step >= high
        above_top += step >= top
        total += min(np.floor(step), top)
    return above_low, above_high, above_top, total


@kernel
def of_rank(  # noqa: C901 - two walks over the values and what lies between
    values: NDArray[np.float64], lowest: float, highest: float, ranks: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the values that would stand at some places, from 0 on, if all were sorted.

    Values are counted in equal parts of [lowest, highest]; only those that share a part with one looked for are
    looked at again.
    """
    scale = BUCKETS / (highest - lowest)
    # a range too narrow or too wide to be cut is one part
    cut = 0.0 < scale < np.inf
    counts = np.zeros(BUCKETS, dtype=np.int64)
    for value in values:
        part = min(int((value - lowest) * scale), BUCKETS - 1) if cut else 0
        counts[part] += 1
    place = np.full(BUCKETS, -1, dtype=np.int64)
    first = np.zeros(ranks.size, dtype=np.int64)
    rank = np.zeros(ranks.size, dtype=np.int64)
    size = np.zeros(ranks.size, dtype=np.int64)
    part = passed = room = 0
    for which in range(ranks.size):
        if ranks[which] < passed:
            part = passed = 0
        while passed + counts[part] <= ranks[which]:
            passed += counts[part]
            part += 1
        if place[part] < 0:
            place[part] = room
            room += counts[part]
        first[which] = place[part]
        size[which] = counts[part]
        rank[which] = ranks[which] - passed
    members = np.empty(room)
    for value in values:
        part = min(int((value - lowest) * scale), BUCKETS - 1) if cut else 0
        if place[part] >= 0:
            members[place[part]] = value
            place[part] += 1
    found = np.empty(ranks.size)
    for which in range(ranks.size):
        # what the search before has put in front stays there
        done = 0
        if which and first[which - 1] == first[which] and rank[which - 1] <= rank[which]:
            done = rank[which - 1]
        found[which] = _nth(members[first[which] + done : first[which] + size[which]], rank[which] - done)
    return found


@kernel
def _nth(values: NDArray[np.float64], rank: int) -> np.float64:
    """Return the value at a place if they were sorted, by Hoare's selection; the order of `values` changes."""
    left, right = 0, values.size - 1
    while left < right:
        pivot = values[(left + right) // 2]
        low, high = left, right
        while low <= high:
            while values[low] < pivot:
                low += 1
            while pivot < values[high]:
                high -= 1
            if low <= high:
                values[low], values[high] = values[high], values[low]
                low += 1
                high -= 1
        if rank <= high:
            right = high
        elif rank >= low:
            left = low
        else:
            break
    found: np.float64 = values[rank]
    return found
