"""Intensities kept between two fixed values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from tasks.methods.preprocessing.step import Step, as_voxels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple


class Window(Step):
    """Clip to a window of intensities, as a viewer shows it.

    The function is DICOM's LINEAR_EXACT (PS3.3, C.11.2.1.3.2): from centre - width / 2 to
    centre + width / 2. A lung window in HU is centre -600, width 1500; an abdominal one 40 and 400.
    """

    method: Literal["window"] = "window"
    centre: float
    """Intensity in the middle of the window, in the image's unit."""
    width: float = Field(gt=0)
    """Difference between the window's upper and lower end, in the image's unit."""
    output: Literal["zero_to_one", "image_unit"] = "zero_to_one"
    """`zero_to_one` scales the window's lower end to 0 and its upper end to 1; `image_unit` only clips."""

    def reach(self, spacing_mm: Triple) -> tuple[int, int, int]:  # noqa: ARG002 - each voxel by itself
        """Return zeros: each voxel counts by itself."""
        return 0, 0, 0

    def unit(self, unit: str) -> str:
        """Return `1` where the window is scaled, else the image's own unit."""
        return "1" if self.output == "zero_to_one" else unit

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:  # noqa: ARG002 - as every step
        """Return the windowed image, (z, y, x) float32, missing voxels still missing."""
        low = self.centre - 0.5 * self.width
        clipped = np.clip(as_voxels(image).astype(np.float64), low, low + self.width)
        return ((clipped - low) / self.width if self.output == "zero_to_one" else clipped).astype(np.float32)


class Clip(Step):
    """Set intensities below `low` to `low` and those above `high` to `high`."""

    method: Literal["clip"] = "clip"
    low: float
    """Lowest intensity kept, in the image's unit."""
    high: float
    """Highest intensity kept, in the image's unit; greater than `low`."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"`low` must be less than `high`: {self.low} is not less than {self.high}.")
        return self

    def reach(self, spacing_mm: Triple) -> tuple[int, int, int]:  # noqa: ARG002 - each voxel by itself
        """Return zeros: each voxel counts by itself."""
        return 0, 0, 0

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:  # noqa: ARG002 - as every step
        """Return the clipped image, (z, y, x) float32, missing voxels still missing."""
        return np.clip(as_voxels(image).astype(np.float64), self.low, self.high).astype(np.float32)
