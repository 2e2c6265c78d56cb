"""Slices that a scanner or a transfer has lost, filled from their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.preprocessing.step import Step, as_voxels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple


class FillSlices(Step):
    """Fill lost slices by linear interpolation along z between the nearest good slices.

    A slice is lost when all its voxels are missing, or when all have one value while good slices lie
    on both of its sides. Slices of one value at an end of the volume are the empty space beyond the
    body and stay; missing slices at an end repeat the nearest good slice.
    """

    method: Literal["fill_slices"] = "fill_slices"

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:  # noqa: ARG002 - as every step
        """Return the image with its lost slices filled, (z, y, x) float32.

        Raises
        ------
        BadData
            `no_good_slice` when every slice is missing or of one value.
        """
        filled = as_voxels(image)
        planes = filled.reshape(filled.shape[0], -1)
        lowest, highest = np.fmin.reduce(planes, axis=1), np.fmax.reduce(planes, axis=1)
        good = np.flatnonzero(highest > lowest)
        if good.size == 0:
            raise BadData(
                "no_good_slice",
                "At least one slice shows something",
                f"all {len(planes)} slices are missing or of one value",
                "Check the series.",
            )
        for lost in _lost(good, np.isnan(lowest)):
            filled[lost] = _between(filled, good, lost)
        return filled


def _lost(good: NDArray[np.intp], missing: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the slices to fill: between good slices all that are not good, beyond them the missing ones."""
    lost = missing.copy()
    lost[good[0] : good[-1]] = True
    lost[good] = False
    return np.flatnonzero(lost)


def _between(filled: NDArray[np.float32], good: NDArray[np.intp], lost: int) -> NDArray[np.float64]:
    after = int(np.searchsorted(good, lost))
    below, above = good[max(after - 1, 0)], good[min(after, good.size - 1)]
    way = (lost - below) / (above - below) if 0 < after < good.size else 0.0
    lower, upper = filled[below].astype(np.float64), filled[above].astype(np.float64)
    between: NDArray[np.float64] = lower + way * (upper - lower)
    return between
