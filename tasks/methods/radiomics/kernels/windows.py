"""Features of the window around each voxel: its intensities, its grey levels, and the pairs of its neighbours.

Arrays lie as (x, z, y): a window moves along x, plane by plane, and what was counted in it is kept up to date. Counts
are whole numbers and intensities are summed anew in each window, so that a value does not depend on where the moving
began.
"""

from __future__ import annotations

from math import frexp
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel
from tasks.methods.radiomics.kernels.intensities import moments
from tasks.methods.radiomics.kernels.neighbours import at
from tasks.methods.radiomics.kernels.pairs import features_of_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

STATISTICS = 10
HISTOGRAM = 2
PAIRS = 25
LEAST_POWER = -1000
"""Intensities that differ by less than two to this power count as one."""


@kernel
def map_windows(  # noqa: C901 - one walk along every row
    values: NDArray[np.float64],
    grey: NDArray[np.uint16],
    inner: tuple[int, int, int, int, int, int],
    half: tuple[int, int, int],
    levels: int,
    place: NDArray[np.int64],
    out: NDArray[np.float32],
) -> None:
    """Write the features of the window around each voxel that has a grey level.

    Parameters
    ----------
    values, grey : array (x, z, y)
        Intensities, and grey levels from 1; 0 where a voxel does not count.
    inner : tuple of int
        First and last + 1 along x, z and y of the voxels whose window is measured.
    half : tuple of int
        Voxels of a window on either side of its middle along x, z and y.
    levels : int
        How many grey levels there are, 0 for the highest of each window.
    place : NDArray[np.int64]
        Where in `out` each of the 10 statistics, 2 of the histogram and 25 of pairs goes; -1 leaves one out.
    out : array (feature, z, y, x) of the inner box
        Prefilled with NaN.
    """
    deep, high = grey.shape[1:]
    width = int(grey.max()) + 1
    table, histogram = np.zeros(width * width, np.int32), np.zeros(width, np.int64)
    sums = np.zeros(4 * width, np.int64)
    cells = np.zeros(((width * (width - 1)) // 2, 2), np.int64)
    held = np.empty((2 * half[0] + 1) * (2 * half[1] + 1) * (2 * half[2] + 1))
    # a voxel begins at most 13 pairs, each of which is counted both ways round
    logs = np.log2(np.maximum(np.arange(26 * held.size + 1), 1))
    wants_spread = place[:STATISTICS].max() >= 0
    wants_pairs = place[STATISTICS + HISTOGRAM :].max() >= 0
    wants_levels = wants_pairs or place[STATISTICS : STATISTICS + HISTOGRAM].max() >= 0
    for z in range(inner[2], inner[3]):
        for y in range(inner[4], inner[5]):
            first, last = _ends(grey, z, y, inner[0], inner[1])
            box = (max(z - half[1], 0), min(z + half[1] + 1, deep), max(y - half[2], 0), min(y + half[2] + 1, high))
            begun = ended = max(first - half[0], 0)
            for x in range(first, last):
                begin, end = max(x - half[0], 0), min(x + half[0] + 1, grey.shape[0])
                if wants_levels:
                    while begun < begin:
                        _count_plane(grey, begun, begun + 1 if begun + 1 < ended else -1, box, -1, histogram, table)
                        begun += 1
                    while ended < end:
                        _count_plane(grey, ended, ended - 1 if ended > begun else -1, box, 1, histogram, table)
                        ended += 1
                if grey[x, z, y]:
                    here = out[:, z - inner[2], y - inner[4], x - inner[0]]
                    if wants_spread:
                        count = _gather(values, grey, (begin, end), box, held)
                        _write(_statistics(held[:count], place[4] >= 0), place[:STATISTICS], here)
                    if wants_levels:
                        low, top = _range(histogram)
                        shares = _shares(histogram[low : top + 1])
                        _write(shares, place[STATISTICS : STATISTICS + HISTOGRAM], here)
                        if wants_pairs:
                            found = _of_pairs(table, low, top, levels, sums, cells, logs)
                            _write(found, place[STATISTICS + HISTOGRAM :], here)
            if wants_levels:
                while begun < ended:
                    _count_plane(grey, begun, begun + 1 if begun + 1 < ended else -1, box, -1, histogram, table)
                    begun += 1


@kernel
def _ends(grey: NDArray[np.uint16], z: int, y: int, first: int, last: int) -> tuple[int, int]:
    """Return where the voxels of a row that count begin, and where they end."""
    while first < last and grey[first, z, y] == 0:
        first += 1
    while last > first and grey[last - 1, z, y] == 0:
        last -= 1
    return first, last


@kernel
def _write(found: NDArray[np.float64], place: NDArray[np.int64], out: NDArray[np.float32]) -> None:
    for number in range(found.size):
        if place[number] >= 0:
            out[place[number]] = found[number]


@kernel
def _gather(
    values: NDArray[np.float64],
    grey: NDArray[np.uint16],
    along: tuple[int, int],
    box: tuple[int, int, int, int],
    held: NDArray[np.float64],
) -> int:
    """Put the intensities of a window in a row; return how many there are."""
    count = 0
    for x in range(along[0], along[1]):
        for z in range(box[0], box[1]):
            for y in range(box[2], box[3]):
                held[count] = values[x, z, y]
                count += grey[x, z, y] > 0
    return count


@kernel
def _statistics(values: NDArray[np.float64], wants_median: bool) -> NDArray[np.float64]:  # noqa: FBT001 - a kernel
    """Return IBSI's statistics of some intensities: mean, variance, skewness, kurtosis, median, extremes, and so on."""
    lowest, highest = values.min(), values.max()
    unit = 2.0 ** max(frexp(highest - lowest)[1], LEAST_POWER)
    spread = moments(values, unit)
    mean, second, third, fourth, energy = spread[0], spread[1], spread[2], spread[3], spread[5]
    median = np.nan
    if wants_median:
        ordered = np.sort(values)
        above = ordered[values.size // 2]
        median = above - (above - ordered[(values.size - 1) // 2]) * 0.5
    return np.array(
        (
            mean,
            second * unit * unit,
            third / second**1.5 if second > 0 else 0.0,
            fourth / second**2 - 3.0 if second > 0 else 0.0,
            median,
            lowest,
            highest,
            highest - lowest,
            energy,
            np.sqrt(energy / values.size),
        )
    )


@kernel
def _range(histogram: NDArray[np.int64]) -> tuple[int, int]:
    """Return the lowest and the highest level of a histogram; there is one."""
    low, top = 1, histogram.size - 1
    while histogram[low] == 0:
        low += 1
    while histogram[top] == 0:
        top -= 1
    return low, top


@kernel
def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the entropy in bits, and the uniformity, of counts."""
    total = counts.sum()
    entropy = uniformity = 0.0
    for count in counts:
        if count:
            share = count / total
            entropy -= share * np.log2(share)
            uniformity += share * share
    return np.array((abs(entropy), uniformity))


@kernel
def _count_plane(
    grey: NDArray[np.uint16],
    x: int,
    other: int,
    box: tuple[int, int, int, int],
    by: int,
    histogram: NDArray[np.int64],
    table: NDArray[np.int32],
) -> None:
    """Add a plane of a window to what is counted, or take it away (`by` -1): with its neighbours in plane `other`.

    A pair of levels is counted at the higher times the number of levels plus the lower; level 0 stands for none.
    """
    here = grey[x]
    for z in range(box[0], box[1]):
        for y in range(box[2], box[3]):
            histogram[here[z, y]] += by
    histogram[0] = 0
    _count_shifted(here, here, (0, 1), box, by, table, histogram.size)
    for dy in range(-1, 2):
        _count_shifted(here, here, (1, dy), box, by, table, histogram.size)
        if other >= 0:
            for dz in range(-1, 2):
                _count_shifted(here, grey[other], (dz, dy), box, by, table, histogram.size)


@kernel
def _count_shifted(
    here: NDArray[np.uint16],
    there: NDArray[np.uint16],
    step: tuple[int, int],
    box: tuple[int, int, int, int],
    by: int,
    table: NDArray[np.int32],
    width: int,
) -> None:
    dz, dy = step
    for z in range(max(box[0], box[0] - dz), min(box[1], box[1] - dz)):
        row, beside = here[z], there[z + dz]
        for y in range(max(box[2], box[2] - dy), min(box[3], box[3] - dy)):
            one, two = row[at(y)], beside[at(y + dy)]
            table[at(max(one, two) * width + min(one, two))] += by


@kernel
def _of_pairs(
    table: NDArray[np.int32],
    low: int,
    top: int,
    levels: int,
    sums: NDArray[np.int64],
    cells: NDArray[np.int64],
    logs: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the 25 features of the pairs of a window whose levels lie in [low, top]; NaN where there is none."""
    width = sums.size // 4
    margin, differ, add = (
        sums[: top + 1],
        sums[width : width + top - low + 1],
        sums[2 * width : 2 * width + 2 * top + 1],
    )
    margin[:], differ[:], add[:] = 0, 0, 0
    number = total = 0
    for i in range(low, top + 1):
        for j in range(low, i + 1):
            pairs = table[at(i * width + j)]
            if pairs:
                ways = 1 if i == j else 2
                count = 2 * pairs // ways
                margin[i] += count
                margin[j] += count * (ways - 1)
                differ[i - j] += 2 * pairs
                add[i + j] += 2 * pairs
                total += 2 * pairs
                cells[number, 0], cells[number, 1] = count, ways
                number += 1
    if total == 0:
        return np.full(PAIRS, np.nan)
    greatest, squares, bits = 0.0, 0.0, 0.0
    for cell in range(number):
        count, ways = cells[cell, 0], cells[cell, 1]
        p = count / total
        greatest = max(greatest, p)
        squares += ways * p * p
        bits += ways * p * (logs[total] - logs[count])
    return features_of_sums((greatest, squares, bits), margin, differ, add, total, levels or top)
