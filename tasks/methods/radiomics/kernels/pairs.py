"""Grey levels of neighbouring voxels: the matrix of their pairs, and its features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel
from tasks.methods.radiomics.kernels.neighbours import IN_SLICE, at

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def count_pairs(grey: NDArray[np.uint16], steps: NDArray[np.int64], tables: NDArray[np.int32]) -> None:
    """Count the grey levels of each voxel and of the voxel one step before it, for every step.

    `grey` is flat and 0 wherever a step could leave it; `steps` are those of a plane, of a volume, or of one direction.
    `tables` is (copies, (levels + 1)^2): a pair of levels i and j is counted at i (levels + 1) + j in any copy, of
    which there are 4 or 1. Neighbours take turns with them, since a count that is raised twice in a row waits for
    itself.
    """
    copies, size = tables.shape
    width = np.int64(np.sqrt(size))
    counts, apart = tables.ravel(), size if copies > 1 else 0
    if steps.size == 1:
        for p in range(steps[0], grey.size):
            counts[at(grey[at(p)] * width + grey[at(p - steps[0])])] += 1
        return
    volume, along = steps.size > IN_SLICE, steps[0]
    a, b, c, d = steps[2], steps[-8 * volume], steps[-5 * volume], steps[-2 * volume]
    for p in range(steps[-1], grey.size):
        if grey[at(p)]:
            row = grey[at(p)] * width
            counts[at(row + 3 * apart + grey[at(p - along)])] += 1
            _count_three(counts, row, apart, grey, p - a, along)
            if volume:
                _count_three(counts, row, apart, grey, p - b, along)
                _count_three(counts, row, apart, grey, p - c, along)
                _count_three(counts, row, apart, grey, p - d, along)


@kernel
def _count_three(
    counts: NDArray[np.int32], row: int, apart: int, grey: NDArray[np.uint16], middle: int, along: int
) -> None:
    """Count the pairs with three voxels in a line."""
    counts[at(row + grey[at(middle - along)])] += 1
    counts[at(row + apart + grey[at(middle)])] += 1
    counts[at(row + 2 * apart + grey[at(middle + along)])] += 1


@kernel
def pair_features(  # noqa: C901 - one pass over the matrix
    tables: NDArray[np.int32], width: int
) -> NDArray[np.float64]:
    """Return IBSI's 25 features of the pairs that `count_pairs` counted, each pair taken both ways round.

    Every feature is of the matrix's margin, of how often levels differ by k or add up to k, or of its cells one by
    one; all of these are whole numbers. They come in the order of `glcm.FEATURES`, NaN when there is no pair.
    """
    total = 0
    for i in range(1, width):
        for copy in range(tables.shape[0]):
            for j in range(1, width):
                total += 2 * tables[copy, i * width + j]
    if total == 0:
        return np.full(25, np.nan)
    margin = np.zeros(width, np.int64)
    differ, add = np.zeros(width, np.int64), np.zeros(2 * width, np.int64)
    greatest, squares, bits = 0.0, 0.0, 0.0
    for i in range(1, width):
        for j in range(1, i + 1):
            count = 0
            for copy in range(tables.shape[0]):
                count += tables[copy, i * width + j]
                count += tables[copy, j * width + i]
            if count:
                ways = 1 if i == j else 2
                margin[i] += count
                margin[j] += count * (ways - 1)
                differ[i - j] += ways * count
                add[i + j] += ways * count
                p = count / total
                greatest = max(greatest, p)
                squares += ways * p * p
                bits -= ways * p * np.log2(p)
    return features_of_sums((greatest, squares, abs(bits)), margin, differ, add, total, width - 1)


@kernel
def features_of_sums(
    of_cells: tuple[float, float, float],
    margin: NDArray[np.int64],
    differ: NDArray[np.int64],
    add: NDArray[np.int64],
    total: int,
    levels: int,
) -> NDArray[np.float64]:
    """Return the features of `total` pairs, each counted both ways round, of which there is one, of some levels.

    `of_cells` are the largest of the matrix's shares, the sum of their squares, and their entropy in bits. `margin`
    says how many pairs begin with a level, `differ` and `add` how many have a difference and a sum; what lies beyond
    their ends is 0.
    """
    greatest, squares, joint_entropy = of_cells
    average, difference, both = _mean(margin, total), _mean(differ, total), _mean(add, total)
    variance, _, _ = _moments(margin, total, average)
    contrast, _, _ = _moments(differ, total, 0.0)
    tendency, shade, prominence = _moments(add, total, both)
    near, near_share, near_squared, near_share_squared, inverse_variance = _nearness(differ, total, levels)
    # the matrix is symmetric: both margins have one entropy, and IBSI's HXY1 and HXY2 are twice that
    margin_entropy = _entropy(margin, total)
    shared = max(2 * margin_entropy - joint_entropy, 0.0)
    return np.array(
        (
            greatest,
            average,
            variance,
            joint_entropy,
            difference,
            _moments(differ, total, difference)[0],
            _entropy(differ, total),
            both,
            tendency,
            _entropy(add, total),
            squares,
            contrast,
            difference,
            near,
            near_share,
            near_squared,
            near_share_squared,
            inverse_variance,
            # a product is a quarter of the square of the sum less that of the difference
            0.25 * (tendency - contrast) / variance if variance > 0 else 1.0,
            0.25 * (_moments(add, total, 0.0)[0] - contrast),
            tendency,
            shade,
            prominence,
            -shared / margin_entropy if margin_entropy > 0 else 0.0,
            np.sqrt(1 - np.exp(-2 * shared)),
        )
    )


@kernel
def _nearness(differ: NDArray[np.int64], total: int, levels: int) -> tuple[float, float, float, float, float]:
    """Return the means of 1 / (1 + k), of the same for k / levels, of both for squares, and of 1 / k^2."""
    near = near_share = near_squared = near_share_squared = differ[0] / total
    inverse_square = 0.0
    for k in range(1, differ.size):
        p, share = differ[k] / total, k / levels
        near += p / (1 + k)
        near_share += p / (1 + share)
        near_squared += p / (1 + k * k)
        near_share_squared += p / (1 + share * share)
        inverse_square += p / (k * k)
    return near, near_share, near_squared, near_share_squared, inverse_square


@kernel
def _mean(counts: NDArray[np.int64], total: int) -> float:
    """Return the mean of `total` numbers, of which counts[k] are k."""
    weighed = 0
    for k in range(counts.size):
        weighed += k * counts[k]
    return weighed / total


@kernel
def _moments(counts: NDArray[np.int64], total: int, centre: float) -> tuple[float, float, float]:
    """Return the means of (k - centre)^2, ^3 and ^4 of `total` numbers, of which counts[k] are k."""
    second, third, fourth = 0.0, 0.0, 0.0
    for k in range(counts.size):
        p, away = counts[k] / total, k - centre
        second += p * away**2
        third += p * away**3
        fourth += p * away**4
    return second, third, fourth


@kernel
def _entropy(counts: NDArray[np.int64], total: int) -> float:
    """Return the Shannon entropy of counts that add up to `total`, in bits."""
    bits = 0.0
    for count in counts:
        if count > 0:
            bits -= count / total * np.log2(count / total)
    return abs(bits)
