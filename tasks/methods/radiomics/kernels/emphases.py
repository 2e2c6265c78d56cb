"""The features that runs, zones and dependences share: where a matrix of grey levels and extents has its weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def emphases(table: NDArray[np.int64], large: NDArray[np.int64], voxels: int) -> NDArray[np.float64]:
    """Return IBSI's 16 features of a matrix with at least one count, and its energy, which dependences alone have.

    `table[level, extent]` counts elements of a grey level and an extent; `large` are further elements, one by one
    and sorted, as extent (levels + 1) + level. `voxels` is how many elements there would be if none held two voxels.
    """
    cells = _cells(table, large)
    total, unlike_levels = _total_and_squares(cells[0], cells[2], table.shape[0])
    _, unlike_extents = _total_and_squares(cells[1], cells[2], table.shape[1])
    short, long, low, high = 0.0, 0.0, 0.0, 0.0
    short_low, short_high, long_low, long_high = 0.0, 0.0, 0.0, 0.0
    mean_level, mean_extent, bits, energy = 0.0, 0.0, 0.0, 0.0
    for cell in range(cells.shape[1]):
        level, extent, p = np.float64(cells[0, cell]), np.float64(cells[1, cell]), cells[2, cell] / total
        level_squared, extent_squared = level * level, extent * extent
        short += p / extent_squared
        long += p * extent_squared
        low += p / level_squared
        high += p * level_squared
        short_low += p / (extent_squared * level_squared)
        short_high += p * level_squared / extent_squared
        long_low += p * extent_squared / level_squared
        long_high += p * extent_squared * level_squared
        mean_level += p * level
        mean_extent += p * extent
        bits -= p * np.log2(p)
        energy += p * p
    level_variance, extent_variance = 0.0, 0.0
    for cell in range(cells.shape[1]):
        p = cells[2, cell] / total
        level_variance += p * (cells[0, cell] - mean_level) ** 2
        extent_variance += p * (cells[1, cell] - mean_extent) ** 2
    return np.array(
        (
            short,
            long,
            low,
            high,
            short_low,
            short_high,
            long_low,
            long_high,
            unlike_levels / total,
            unlike_levels / total**2,
            unlike_extents / total,
            unlike_extents / total**2,
            total / voxels,
            level_variance,
            extent_variance,
            abs(bits),
            energy,
        )
    )


@kernel
def _cells(table: NDArray[np.int64], large: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the level, extent and count (rows) of each cell that has a count."""
    levels, extents = table.shape
    number = large.size
    for count in table.ravel():
        number += int(count > 0)
    cells = np.empty((3, number), np.int64)
    cell = 0
    for level in range(levels):
        for extent in range(extents):
            if table[level, extent]:
                cells[0, cell], cells[1, cell], cells[2, cell] = level, extent, table[level, extent]
                cell += 1
    for k in range(large.size):
        if k > 0 and large[k] == large[k - 1]:
            cells[2, cell - 1] += 1
        else:
            cells[0, cell], cells[1, cell], cells[2, cell] = large[k] % levels, large[k] // levels, 1
            cell += 1
    return cells[:, :cell]


@kernel
def _total_and_squares(keys: NDArray[np.int64], counts: NDArray[np.int64], bound: int) -> tuple[float, float]:
    """Return the sum of all counts, and that of the squares of each key's count; keys from `bound` on are in order."""
    of_key = np.zeros(bound)
    total, squares, last, of_last = 0.0, 0.0, -1, 0.0
    for cell in range(keys.size):
        key, count = keys[cell], np.float64(counts[cell])
        total += count
        if key < bound:
            of_key[key] += count
        elif key == last:
            of_last += count
        else:
            squares += of_last**2
            last, of_last = key, count
    for count in of_key:
        squares += count**2
    return total, squares + of_last**2
