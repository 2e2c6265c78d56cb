"""Reading an image off between its voxels, along one axis at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def along_axis(
    values: NDArray[np.float64], places: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (before, new, after): at new place j the sum over k of `weights[j, k] * values[:, places[j, k], :]`.

    `values` is (before, old, after); `places` and `weights` are (new, taps).
    """
    before, _, after = values.shape
    count, taps = places.shape
    out = np.zeros((before, count, after))
    for outer in range(before):
        for new in range(count):
            for tap in range(taps):
                weight = weights[new, tap]
                if weight != 0.0:
                    old = places[new, tap]
                    for inner in range(after):
                        out[outer, new, inner] += weight * values[outer, old, inner]
    return out
