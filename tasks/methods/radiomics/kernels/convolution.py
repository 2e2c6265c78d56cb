"""One axis of an image weighed by a row of numbers: what every separable filter is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.methods.radiomics.kernels.compiled import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STRETCH = 1024
"""Numbers that are worked on together: 8 KiB, so that the sums stay in the nearest cache."""


@kernel
def add_weighed(
    values: NDArray[np.float64], weights: NDArray[np.float64], step: int, sums: NDArray[np.float64]
) -> None:
    """Add to `sums[r, i]` the sum over k of `weights[k] * values[r, i + k * step]`; rows of `values` are longer.

    A sum is taken in the order of k wherever it lies, so that a cut-out gives the same digits as the whole.
    """
    for row in range(sums.shape[0]):
        for start in range(0, sums.shape[1], STRETCH):
            here = sums[row, start : start + STRETCH]
            for k in range(weights.size):
                weight = weights[k]
                if weight != 0.0:
                    # slices from 0 on, as the compiler only makes vectors of indices it knows to be positive
                    there = values[row, start + k * step : start + k * step + here.size]
                    for i in range(here.size):
                        here[i] += weight * there[i]
