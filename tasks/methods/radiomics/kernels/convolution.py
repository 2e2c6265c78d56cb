"""One axis of an image weighed by a row of numbers: what every separable filter is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STRETCH = 1024
"""Numbers that are worked on together: 8 KiB, so that the sums stay in the nearest cache."""
AT_ONCE = 4
"""Weights that are worked on together, so that a sum is read and written once for them."""


@kernel
def add_weighed(
    values: NDArray[np.float64],
    weights: NDArray[np.float64],
    shifts: NDArray[np.int64],
    step: int,
    sums: NDArray[np.float64],
) -> None:
    """Add to `sums[r, i]` the sum over k of `weights[k] * values[r, i + shifts[k]]`.

    There are a multiple of four weights; an axis of steps of `step` numbers is weighed. A sum is taken in one order
    wherever it lies, so that a cut-out gives the same digits as the whole.
    """
    # with large steps the same stretch of each step is done in turn, as what it reads is then still in the cache
    period = step if step > STRETCH else sums.shape[1]
    for row in range(sums.shape[0]):
        for first in range(0, period, STRETCH):
            width = min(STRETCH, period - first)
            for start in range(first, sums.shape[1], period):
                here = sums[row, start : start + width]
                for k in range(0, weights.size, AT_ONCE):
                    w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
                    # slices from 0 on, as the compiler only makes vectors of indices it knows to be positive
                    v0 = values[row, start + shifts[k] :][:width]
                    v1 = values[row, start + shifts[k + 1] :][:width]
                    v2 = values[row, start + shifts[k + 2] :][:width]
                    v3 = values[row, start + shifts[k + 3] :][:width]
                    for i in range(here.size):
                        here[i] += (w0 * v0[i] + w1 * v1[i]) + (w2 * v2[i] + w3 * v3[i])
