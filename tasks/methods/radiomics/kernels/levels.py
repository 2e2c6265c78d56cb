"""Kernels that turn intensities into grey levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel
from tasks.methods.radiomics.kernels.neighbours import at

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def lowest_and_highest(values: NDArray[np.float64], kept: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the least and the greatest of the kept values (z, y, x); infinity and minus infinity of none."""
    low, high = np.inf, -np.inf
    for z in range(values.shape[0]):
        for y in range(values.shape[1]):
            row, inside = values[z, y], kept[z, y]
            for x in range(row.size):
                if inside[x]:
                    low = min(low, row[x])
                    high = max(high, row[x])
    return low, high


@kernel
def fill_levels(
    values: NDArray[np.float64],
    kept: NDArray[np.bool_],
    scale: tuple[float, float, float, int],
    padded: NDArray[np.uint16],
    histogram: NDArray[np.int64],
) -> None:
    """Write floor((value - low) steps / width) + 1, at most `last`, into a zeroed volume with one voxel more around it.

    `scale` is (low, steps, width, last). `histogram` is raised by one for each kept voxel at its level.
    """
    low, steps, width, last = scale
    for z in range(values.shape[0]):
        for y in range(values.shape[1]):
            row, inside = values[z, y], kept[z, y]
            levels = padded[z + 1, y + 1, 1 : 1 + row.size]
            for x in range(row.size):
                value = row[x] if inside[x] else low
                level = min(int((value - low) * steps / width) + 1, last)
                levels[x] = level if inside[x] else 0
            for x in range(row.size):
                if levels[x]:
                    histogram[at(levels[x])] += 1
