"""Grey levels of neighbouring voxels: the matrix of their pairs, and its features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.compiled import kernel
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
def pair_features(tables: NDArray[np.int32], width: int) -> NDArray[np.float64]:
    """Return IBSI's 25 features of the pairs that `count_pairs` counted, each pair taken both ways round.

    Every feature is of the matrix's margin, of how often levels differ by k or add up to k, or of its cells one by
    one; all of these are whole numbers. NaN when there is no pair.
    """
    found = np.full(25, np.nan)
    total = 0
    for i in range(1, width):
        for copy in range(tables.shape[0]):
            total += 2 * np.int64(tables[copy, i * width + 1 : (i + 1) * width].sum())
    if total == 0:
        return found
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
    found[0] = greatest
    found[3] = abs(bits)
    found[10] = squares
    _of_margin(margin, found)
    _of_differences(differ, width - 1, found)
    _of_sums(add, found)
    # a product is a quarter of the square of the sum less that of the difference
    found[19] = 0.25 * (_moment(add, 2, 0.0) - found[11])
    found[18] = 0.25 * (found[8] - found[11]) / found[2] if found[2] > 0 else 1.0
    of_margin = _entropy(margin)
    # the matrix is symmetric: both margins have one entropy, and IBSI's HXY1 and HXY2 are twice that
    shared = max(2 * of_margin - found[3], 0.0)
    found[23] = -shared / of_margin if of_margin > 0 else 0.0
    found[24] = np.sqrt(1 - np.exp(-2 * shared))
    return found


@kernel
def _of_margin(counts: NDArray[np.int64], found: NDArray[np.float64]) -> None:
    found[1] = _moment(counts, 1, 0.0)
    found[2] = _moment(counts, 2, found[1])


@kernel
def _of_differences(counts: NDArray[np.int64], levels: int, found: NDArray[np.float64]) -> None:
    average = _moment(counts, 1, 0.0)
    found[4] = found[12] = average
    found[5] = _moment(counts, 2, average)
    found[6] = _entropy(counts)
    found[11] = _moment(counts, 2, 0.0)
    sums = np.zeros(5)
    for k in range(counts.size):
        count, share = np.float64(counts[k]), k / levels
        sums[0] += count / (1 + k)
        sums[1] += count / (1 + share)
        sums[2] += count / (1 + k * k)
        sums[3] += count / (1 + share * share)
        if k > 0:
            sums[4] += count / (k * k)
    found[13:18] = sums / counts.sum()


@kernel
def _of_sums(counts: NDArray[np.int64], found: NDArray[np.float64]) -> None:
    average = _moment(counts, 1, 0.0)
    found[7] = average
    found[8] = found[20] = _moment(counts, 2, average)
    found[9] = _entropy(counts)
    found[21] = _moment(counts, 3, average)
    found[22] = _moment(counts, 4, average)


@kernel
def _moment(counts: NDArray[np.int64], power: int, centre: float) -> float:
    """Return the mean of (k - centre)^power of what is counted at k."""
    total, weighed = 0, 0.0
    for k in range(counts.size):
        total += counts[k]
        weighed += counts[k] * (k - centre) ** power
    return weighed / total


@kernel
def _entropy(counts: NDArray[np.int64]) -> float:
    """Return the Shannon entropy of counts, in bits."""
    total, bits = np.float64(counts.sum()), 0.0
    for count in counts:
        if count > 0:
            bits -= count / total * np.log2(count / total)
    return abs(bits)
