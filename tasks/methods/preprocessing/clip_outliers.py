"""Intensities kept between two values that the image itself sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from tasks.methods.preprocessing.step import Step, as_voxels, present_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple


class ClipOutliers(Step):
    """Set intensities that lie far out to the nearest one that does not.

    The percentiles 0.5 and 99.5 are those of nnU-Net (Isensee et al., Nature Methods 2021); three standard
    deviations around the mean are the outliers of IBSI's re-segmentation (7ACA), which this clips
    where IBSI leaves them out of the region. Missing voxels do not count and stay missing.
    """

    method: Literal["clip_outliers"] = "clip_outliers"
    rule: Literal["percentiles", "sigma"] = "percentiles"
    """What is far out: beyond two `percentiles`, or more than `sigmas` standard deviations from the mean."""
    low_percent: float = Field(default=0.5, ge=0, le=100)
    """Percentile kept as the lowest intensity, for the rule `percentiles`."""
    high_percent: float = Field(default=99.5, ge=0, le=100)
    """Percentile kept as the highest intensity, for the rule `percentiles`; greater than `low_percent`."""
    sigmas: float = Field(default=3.0, gt=0)
    """Population standard deviations kept on each side of the mean, for the rule `sigma`."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low_percent < self.high_percent:
            raise ValueError(
                f"`low_percent` must be less than `high_percent`: {self.low_percent} and {self.high_percent}."
            )
        return self

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:  # noqa: ARG002 - as every step
        """Return the clipped image, (z, y, x) float32.

        Raises
        ------
        BadData
            `all_missing` when there is no intensity to judge by.
        """
        voxels = as_voxels(image)
        low, high = self._limits(present_values(voxels))
        return np.clip(voxels, np.float32(low), np.float32(high))

    def _limits(self, values: NDArray[np.float64]) -> tuple[float, float]:
        if self.rule == "percentiles":
            low, high = np.percentile(values, [self.low_percent, self.high_percent])
            return float(low), float(high)
        mean, margin = values.mean(), self.sigmas * values.std()
        return float(mean - margin), float(mean + margin)
