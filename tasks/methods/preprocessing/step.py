"""What every preprocessing step is: an image in, an image out, and what becomes of its grid and its masks."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field

from data_catalog.errors import BadData
from tasks.methods.method import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry, Triple


class Step(Method):
    """Turn an image into an image; its masks can go along.

    An image is numeric, (z, y, x), with NaN for a missing voxel; an image of one plane (z = 1) is 2-D
    and is only ever changed within its plane.
    """

    method: str

    @abstractmethod
    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:
        """Return the changed image, (z, y, x) float32, NaN where a voxel is missing."""

    def grid(self, geometry: Geometry) -> Geometry:
        """Return the grid of the result for an image on the grid `geometry`."""
        return geometry

    def unit(self, unit: str) -> str:
        """Return the unit of the result for an image in `unit`; `1` is a pure number."""
        return unit

    def on_mask(self, labels: NDArray[Any], spacing_mm: Triple) -> NDArray[Any]:  # noqa: ARG002 - Resample needs it
        """Return the (z, y, x) labels that belong to the changed image."""
        return labels


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError(f"The size of a filter is odd, so that it has a centre: {size} is even.")
    return size


OddSize = Annotated[int, Field(ge=1), AfterValidator(_odd)]
"""Width of a filter along one axis, in voxels: 1, 3, 5, ..."""


def as_voxels(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return the voxels as a new float32 array, NaN where a voxel is missing.

    Raises
    ------
    BadData
        `infinite_voxels` when a value is infinite or beyond float32.
    """
    with np.errstate(over="ignore"):
        voxels = np.array(image, dtype=np.float32, order="C")
    infinite = int(np.isinf(voxels).sum())
    if infinite:
        raise BadData(
            "infinite_voxels",
            "Every voxel is a finite number, or NaN where it is missing",
            f"{infinite} of {voxels.size} voxels are infinite",
            "Correct the rescale slope and intercept, or mark these voxels as missing.",
        )
    return voxels


def present_values(voxels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the values that are not missing, flat; raise `BadData` `all_missing` when there is none."""
    values: NDArray[np.float64] = voxels[~np.isnan(voxels)].astype(np.float64)
    if values.size == 0:
        raise BadData(
            "all_missing",
            "An image has at least one voxel that is not missing",
            f"all {voxels.size} voxels are NaN",
            "Check the series.",
        )
    return values


def require_complete(voxels: NDArray[np.float32]) -> None:
    """Raise `BadData` `missing_voxels` when any voxel is NaN."""
    missing = int(np.isnan(voxels).sum())
    if missing:
        raise BadData(
            "missing_voxels",
            "This method needs an image without missing voxels",
            f"{missing} of {voxels.size} voxels are NaN",
            "Put `fill_missing` before it.",
        )
