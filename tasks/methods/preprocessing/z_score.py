"""Intensities in units of their own spread, for images whose unit is arbitrary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.preprocessing.step import Step, as_voxels, present_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple


class ZScore(Step):
    """Subtract the mean and divide by the population standard deviation.

    For MR, whose unit is arbitrary (Reinhold et al., SPIE Medical Imaging 2019). Missing voxels do not
    count and stay missing.
    """

    method: Literal["z_score"] = "z_score"
    over: Literal["all", "nonzero"] = "all"
    """Voxels whose mean and standard deviation are taken: `all`, or only the `nonzero` ones of an image
    whose background was set to zero. Every voxel is scaled either way."""

    def unit(self, unit: str) -> str:  # noqa: ARG002 - whatever it was
        """Return `1`: standard deviations are a pure number."""
        return "1"

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:  # noqa: ARG002 - as every step
        """Return the scaled image, (z, y, x) float32, mean 0 and standard deviation 1 over the voxels counted.

        Raises
        ------
        BadData
            `constant_image` when the voxels counted have one value, `all_missing` when there is none.
        """
        voxels = as_voxels(image)
        values = present_values(voxels)
        if self.over == "nonzero":
            values = values[values != 0]
        if values.size == 0 or values.min() == values.max():
            raise BadData(
                "constant_image",
                "A z-score needs at least two different intensities",
                f"the {values.size} voxels counted ({self.over}) do not differ",
                "Check the series, or leave this step out.",
            )
        scaled: NDArray[np.float32] = ((voxels - values.mean()) / values.std()).astype(np.float32)
        return scaled
