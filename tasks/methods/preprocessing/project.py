"""One image from the steps of a series over time, echo, b-value or colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.preprocessing.step import Step, as_voxels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luminance (ITU-R BT.601-7, 2.5.1)."""


def _luminance(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(steps) != len(LUMA):
        raise BadData(
            "not_a_colour_image",
            "Luminance is taken of red, green and blue",
            f"the axis has {len(steps)} steps",
            "Choose another `by`, or another `axis`.",
        )
    return np.tensordot(LUMA, steps, axes=1)


_WAYS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "mean": lambda steps: steps.mean(axis=0),
    "median": lambda steps: np.median(steps, axis=0),
    "max": lambda steps: steps.max(axis=0),
    "min": lambda steps: steps.min(axis=0),
    "sd": lambda steps: steps.std(axis=0),
    "first": lambda steps: steps[0],
    "last": lambda steps: steps[-1],
    "luminance": _luminance,
}


class Project(Step):
    """Make one image of a series of images: their mean over time, the first echo, the luminance of colours.

    Images without the axis stay as they are.
    """

    method: Literal["project"] = "project"
    axis: Literal["t", "echo", "inversion_time", "flip_angle", "b_value", "phase", "part", "c"] = "t"
    """Which axis ends: time, echo, inversion time, flip angle, b-value, cardiac phase, part (magnitude, phase, ...) or
    channel (colour)."""
    by: Literal["mean", "median", "max", "min", "sd", "first", "last", "luminance"] = "mean"
    """What is kept of each voxel's values along the axis; a voxel that is missing in one step is missing."""

    def across(self, steps: NDArray[Any]) -> NDArray[np.float32]:
        """Return one image, (..., z, y, x) float32, of steps (n, ..., z, y, x).

        Raises
        ------
        BadData
            `not_a_colour_image` where luminance is asked of other than three steps; `infinite_voxels`.
        """
        return _WAYS[self.by](as_voxels(steps).astype(np.float64)).astype(np.float32)

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:  # noqa: ARG002 - as every step
        """Return the image itself, as float32: a single image has no such axis."""
        return as_voxels(image)
