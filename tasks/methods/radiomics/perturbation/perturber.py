"""What every perturbation is: an image and a region in, both a little changed out."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from data_catalog.errors import BadData
from tasks.methods.method import Method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

Voxels = tuple[int, int, int]
"""Numbers of voxels along (z, y, x)."""
Values = Annotated[tuple[float, ...], Field(min_length=1)]
"""Values of which every repetition draws one."""


class Perturber(Method):
    """Change an image and a region of it a little."""

    @abstractmethod
    def __call__(
        self, image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple, seed: int
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return a changed image (z, y, x) float64 and a changed mask on the same grid; the same for the same seed.

        A missing voxel of the image is NaN. What lies farther from the region than `margin` plays no part in
        what is near it.

        Raises
        ------
        BadData
            `other_grid` when shapes differ, `empty_region` when the mask is empty.
        """

    @abstractmethod
    def margin(self, spacing_mm: Triple, box: Voxels, *, planar: bool) -> Voxels:
        """Return how many voxels (z, y, x) around a box play a part in what is in it; `planar` for images of one plane.

        The box holds the region, and what is to be right around it. A part of an image that is perturbed must go on
        so far on each side of it, unless the image itself ends there.
        """


def checked(image: NDArray[Any], mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return an image as float64 and its mask as bool.

    Raises
    ------
    BadData
        `other_grid` when shapes differ, `empty_region` when the mask is empty.
    """
    if image.shape != mask.shape:
        raise BadData(
            "other_grid",
            "Image and mask must share a grid",
            f"shapes {image.shape} and {mask.shape} differ",
            "Resample the mask onto the image's grid.",
        )
    inside = np.asarray(mask, dtype=bool)
    if not inside.any():
        raise BadData("empty_region", "A region has voxels", "the mask is empty", "Check the segmentation.")
    return np.asarray(image, dtype=np.float64), inside


def drawn(values: Sequence[float], generator: np.random.Generator) -> float:
    """Return one of the values, each as likely as the others."""
    return float(values[int(generator.integers(len(values)))])


def voxels_in(distance_mm: float, spacing_mm: Triple, *, planar: bool) -> Voxels:
    """Return how many voxels (z, y, x) a distance takes, rounded up; none along z in an image of one plane."""
    z, y, x = (int(np.ceil(distance_mm / mm)) for mm in spacing_mm)
    return (0 if planar else z), y, x
