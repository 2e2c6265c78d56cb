"""The features that runs, zones and dependences share: where a matrix of grey levels and extents has its weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.compiled import kernel

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
    found = np.zeros(17)
    mean_level, mean_extent = 0.0, 0.0
    for cell in range(cells.shape[1]):
        level, extent, p = np.float64(cells[0, cell]), np.float64(cells[1, cell]), cells[2, cell] / total
        low, high, short, long = 1 / level**2, level**2, 1 / extent**2, extent**2
        found[0] += p * short
        found[1] += p * long
        found[2] += p * low
        found[3] += p * high
        found[4] += p * short * low
        found[5] += p * short * high
        found[6] += p * long * low
        found[7] += p * long * high
        found[15] -= p * np.log2(p)
        found[16] += p * p
        mean_level += p * level
        mean_extent += p * extent
    for cell in range(cells.shape[1]):
        p = cells[2, cell] / total
        found[13] += p * (cells[0, cell] - mean_level) ** 2
        found[14] += p * (cells[1, cell] - mean_extent) ** 2
    found[8], found[9] = unlike_levels / total, unlike_levels / total**2
    found[10], found[11] = unlike_extents / total, unlike_extents / total**2
    found[12] = total / voxels
    found[15] = abs(found[15])
    return found


@kernel
def _cells(table: NDArray[np.int64], large: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the level, extent and count (rows) of each cell that has a count."""
    levels, extents = table.shape
    number = large.size
    for count in table.ravel():
        number += count > 0
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
