"""Sums over the voxels around each voxel of a region, and over all pairs of its voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def row_totals(
    values: NDArray[np.float64], before: NDArray[np.int64], totals: NDArray[np.float64], numbers: NDArray[np.int32]
) -> bool:
    """Add up each row of values (z, y, x) from its start, in arrays of zeros with a margin on every side.

    `totals` and `numbers` at x are the sum and the count of the row's voxels before x; voxels that are not finite, and
    the margin, count nothing. `before` is how wide the margin is at the start (z, y, x). Returns whether all voxels of
    the arrays count, the margin's among them.
    """
    depth, height, width = values.shape
    whole: bool = totals.shape == (depth, height, width + 1)
    for z in range(depth):
        for y in range(height):
            row = values[z, y]
            total_row, number_row = totals[z + before[0], y + before[1]], numbers[z + before[0], y + before[1]]
            total = 0.0
            number = np.int32(0)
            x = before[2]
            for value in row:
                if np.isfinite(value):
                    total += value
                    number += np.int32(1)
                x += 1
                total_row[x] = total
                number_row[x] = number
            whole = whole and number == width
            for after in range(x + 1, totals.shape[2]):
                total_row[after] = total
                number_row[after] = number
    return whole


@kernel
def highest_means(  # noqa: C901 - one walk over the region
    values: NDArray[np.float64],
    kept: NDArray[np.bool_],
    top: float,
    sphere: NDArray[np.int64],
    totals: NDArray[np.float64],
    numbers: NDArray[np.int32],
    whole: bool,  # noqa: FBT001 - a kernel's parameters have no names
) -> tuple[float, float]:
    """Return the highest average over a sphere around a kept voxel, and the highest around one as bright as `top`.

    `sphere` is a list of rows (z, y, first x, number of voxels) from the first voxel of the margin; `totals` and
    `numbers` as `row_totals` fills them, with a margin as wide as the sphere reaches around `values` (z, y, x).
    """
    depth, height, width = values.shape
    total = np.empty(width)
    number = np.empty(width, dtype=np.int32)
    size = np.int32(0)
    for row in range(len(sphere)):
        size += np.int32(sphere[row, 3])
    highest, highest_at_top = -np.inf, -np.inf
    for z in range(depth):
        for y in range(height):
            first, last = width, 0
            for x in range(width):
                if kept[z, y, x]:
                    first = min(first, x)
                    last = x + 1
            total[:] = 0.0
            number[:] = size if whole else 0
            for row in range(len(sphere)):
                start, length = sphere[row, 2], sphere[row, 3]
                # parts of rows and not places in them, which the compiler can take several of at a time
                below = totals[z + sphere[row, 0], y + sphere[row, 1], first + start : last + start]
                above = totals[z + sphere[row, 0], y + sphere[row, 1], first + start + length : last + start + length]
                for x in range(below.size):
                    total[x] += above[x] - below[x]
                if not whole:
                    less = numbers[z + sphere[row, 0], y + sphere[row, 1], first + start : last + start]
                    more = numbers[
                        z + sphere[row, 0], y + sphere[row, 1], first + start + length : last + start + length
                    ]
                    for x in range(less.size):
                        number[x] += more[x] - less[x]
            for x in range(first, last):
                if kept[z, y, x]:
                    mean = total[x - first] / number[x - first]
                    highest = max(highest, mean)
                    if values[z, y, x] == top:
                        highest_at_top = max(highest_at_top, mean)
    return highest, highest_at_top


@kernel
def sums_over_pairs(
    places: NDArray[np.int64], values: NDArray[np.float64], nearness: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return over all ordered pairs the sum of nearness, of nearness x value x value, and of nearness x squared value.

    `nearness[z, y, x]` is that of voxels so many steps apart, of which `places` (n, z y x) are.
    """
    near = products = squares = 0.0
    for one in range(len(places)):
        around = product = square = 0.0
        z, y, x = places[one, 0], places[one, 1], places[one, 2]
        for other in range(one):
            weight = nearness[abs(places[other, 0] - z), abs(places[other, 1] - y), abs(places[other, 2] - x)]
            around += weight
            product += weight * values[other]
            square += weight * values[other] * values[other]
        near += around
        products += product * values[one]
        squares += square + around * values[one] * values[one]
    return 2 * near, 2 * products, squares


@kernel
def sums_over_waves(
    fields: NDArray[np.complex128], nearness: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return what `sums_over_pairs` does, times the number of places, from some of the waves (3, x, z, y).

    The waves are those of the mask, the values and the squared values, `nearness` (x, z, y) is in waves too, which are
    even: only the first half of them is given. `weights` says how often each wave along x is to be counted.
    """
    _, number, depth, height = fields.shape
    near = products = squares = 0.0
    for x in range(number):
        for z in range(depth):
            row = nearness[x, min(z, depth - z)]
            mask, value, square = fields[0, x, z], fields[1, x, z], fields[2, x, z]
            a = b = c = 0.0
            for y in range(height):
                weight = row[min(y, height - y)]
                a += weight * (mask[y].real * mask[y].real + mask[y].imag * mask[y].imag)
                b += weight * (value[y].real * value[y].real + value[y].imag * value[y].imag)
                c += weight * (mask[y].real * square[y].real + mask[y].imag * square[y].imag)
            near += weights[x] * a
            products += weights[x] * b
            squares += weights[x] * c
    return near, products, squares
