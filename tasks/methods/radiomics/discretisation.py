"""Intensities turned into a few grey levels, before texture is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_LEVELS = 1024
"""More grey levels than this make matrices that no region fills."""


def fixed_number(values: NDArray[np.float64], number: int) -> NDArray[np.intp]:
    """Return grey levels 1 to `number`, evenly from the lowest to the highest value (IBSI K15C).

    Values that do not differ have level 1.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.ones(values.shape, dtype=np.intp)
    levels = np.floor(number * ((values - low) / (high - low))).astype(np.intp) + 1
    return np.minimum(levels, number)


def fixed_size(values: NDArray[np.float64], size: float, start: float) -> NDArray[np.intp]:
    """Return grey levels 1, 2, ... of width `size` from `start` (IBSI Q3RU).

    Raises
    ------
    BadData
        `below_first_bin` when a value lies below `start`, `too_many_bins` beyond 1024 levels.
    """
    below = int((values < start).sum())
    if below:
        raise BadData(
            "below_first_bin",
            f"Every intensity of the region is at least `bin_start` ({start:g})",
            f"{below} of {values.size} voxels lie below it",
            "Clip the image at `bin_start`, or lower it.",
        )
    highest = np.floor((float(values.max()) - start) / size) + 1
    if highest > MOST_LEVELS:
        raise BadData(
            "too_many_bins",
            f"There are at most {MOST_LEVELS} grey levels",
            f"bins of {size:g} make {highest:g} levels",
            "Use a larger `bin_size`, or binning `fixed_number`.",
        )
    return np.floor((values - start) / size).astype(np.intp) + 1
