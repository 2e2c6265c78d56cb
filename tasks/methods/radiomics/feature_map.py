"""Maps of features: at every voxel what is measured in the window around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import Field, field_validator, model_validator

from data_catalog.errors import BadData
from tasks.methods.method import Method
from tasks.methods.preprocessing.step import OddSize
from tasks.methods.radiomics import glcm, intensity_histogram, intensity_statistics
from tasks.methods.radiomics.kernels.levels import fill_levels
from tasks.methods.radiomics.kernels.windows import map_windows
from tasks.methods.radiomics.window_bins import WindowBinning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.crop import Box

WindowFeature = Literal[
    "stat_mean",
    "stat_variance",
    "stat_skewness",
    "stat_kurtosis",
    "stat_median",
    "stat_minimum",
    "stat_maximum",
    "stat_range",
    "stat_energy",
    "stat_rms",
    "ih_entropy",
    "ih_uniformity",
    "cm_joint_maximum",
    "cm_joint_average",
    "cm_joint_variance",
    "cm_joint_entropy",
    "cm_difference_average",
    "cm_difference_variance",
    "cm_difference_entropy",
    "cm_sum_average",
    "cm_sum_variance",
    "cm_sum_entropy",
    "cm_angular_second_moment",
    "cm_contrast",
    "cm_dissimilarity",
    "cm_inverse_difference",
    "cm_inverse_difference_normalised",
    "cm_inverse_difference_moment",
    "cm_inverse_difference_moment_normalised",
    "cm_inverse_variance",
    "cm_correlation",
    "cm_autocorrelation",
    "cm_cluster_tendency",
    "cm_cluster_shade",
    "cm_cluster_prominence",
    "cm_information_correlation_1",
    "cm_information_correlation_2",
]
"""Features of IBSI by the words of a recipe's columns, in the order of the kernel."""
FEATURES: tuple[WindowFeature, ...] = get_args(WindowFeature)
INTENSITIES = "stat_"
UNITS = {
    f"{prefix}_{word}": unit
    for prefix, features in (
        ("stat", intensity_statistics.FEATURES),
        ("ih", intensity_histogram.FEATURES),
        ("cm", glcm.FEATURES),
    )
    for word, _, _, unit, _ in features
}
MOST_REACH = 31
"""Voxels on either side of a window's middle, at the most: larger windows are regions."""


class FeatureMap(Method):
    """Measure features in a box around every voxel: intensities, grey levels and their co-occurrence by IBSI.

    A window holds the voxels of the mask alone, and ends where the image ends. Neighbours are counted in all directions
    at a distance of 1, merged (3d_mrg), or 2d_mrg in windows of one plane.
    """

    method: Literal["feature_map"] = "feature_map"
    features: Annotated[tuple[WindowFeature, ...], Field(min_length=1)] = (
        "stat_mean",
        "stat_variance",
        "ih_entropy",
        "cm_contrast",
        "cm_correlation",
        "cm_joint_entropy",
    )
    """What is measured in each window: `stat_` of its intensities, `ih_` of its grey levels, `cm_` of their
    co-occurrence."""
    size: tuple[OddSize, OddSize, OddSize] = (5, 5, 5)
    """Voxels of a window along (z, y, x), odd; 1 along z keeps to the plane. z does not count in an image of one
    plane."""
    radius_mm: Annotated[float, Field(gt=0)] | None = None
    """In place of `size`: the window holds the voxels so far away along each axis."""
    binning: WindowBinning | None = None
    """Grey levels for `ih_` and `cm_`, the same for all windows: `fixed_size` with a start, `fixed_number` with a
    range."""

    @field_validator("features")
    @classmethod
    def _names_each_once(cls, features: tuple[WindowFeature, ...]) -> tuple[WindowFeature, ...]:
        if len(set(features)) < len(features):
            raise ValueError("Each feature is mapped once: one is named twice. Leave it out.")
        return features

    @model_validator(mode="after")
    def _has_the_levels_it_needs(self) -> Self:
        levels = [name for name in self.features if not name.startswith(INTENSITIES)]
        if levels and self.binning is None:
            raise ValueError(f"{', '.join(levels)} are of grey levels: `binning` is empty. Say how they are made.")
        if any(length > 2 * MOST_REACH + 1 for length in self.size):
            raise ValueError(f"A window is at most {2 * MOST_REACH + 1} voxels wide: `size` is more. Make it smaller.")
        return self

    def reach(self, spacing_mm: Triple) -> tuple[int, int, int]:
        """Return half a window's width along (z, y, x), in voxels."""
        if self.radius_mm is None:
            z, y, x = (length // 2 for length in self.size)
        else:
            # a whole quotient is not missed by rounding
            z, y, x = (int(self.radius_mm / mm * (1 + 1e-9)) for mm in spacing_mm)
        return z, y, x

    def units(self, unit: str) -> tuple[str, ...]:
        """Return the unit of each map for an image in `unit`."""
        return tuple(UNITS[name].replace("image", unit) for name in self.features)

    def __call__(self, image: NDArray[Any], mask: NDArray[np.bool_] | None, spacing_mm: Triple) -> NDArray[np.float32]:
        """Return a map of each feature, (feature, z, y, x) float32.

        NaN stands outside of the (z, y, x) `mask`, where a voxel is missing, and for features of co-occurrence where
        no two voxels of a window touch.

        Raises
        ------
        BadData
            `other_grid` when shapes differ, `infinite_voxels`, and `window_too_large` when `radius_mm` is more than 31
            voxels.
        """
        z, y, x = (slice(0, length) for length in image.shape)
        return self.in_box(image, mask, spacing_mm, (z, y, x))

    def in_box(
        self, image: NDArray[Any], mask: NDArray[np.bool_] | None, spacing_mm: Triple, box: Box
    ) -> NDArray[np.float32]:
        """Return the maps in a box of the image, (feature, z, y, x) of the box."""
        half = self.reach(spacing_mm)
        _require_small(half, self.radius_mm)
        kept = _kept(image, mask)
        values = np.where(kept, image, 0).astype(np.float64)
        found = np.full((len(self.features), *(one.stop - one.start for one in box)), np.nan, dtype=np.float32)
        if kept.any():
            grey = self._levels(values, kept)
            place = np.array([self.features.index(name) if name in self.features else -1 for name in FEATURES])
            inner = tuple(end for axis in (2, 0, 1) for end in (box[axis].start, box[axis].stop))
            number = 0 if self.binning is None else self.binning.levels
            z, y, x = half
            map_windows(_turned(values), _turned(grey), inner, (x, z, y), number, place, found)
        return found

    def _levels(self, values: NDArray[np.float64], kept: NDArray[np.bool_]) -> NDArray[np.uint16]:
        """Return the grey levels (z, y, x), 0 where a voxel does not count; all 1 where none are asked for."""
        if self.binning is None:
            return kept.astype(np.uint16)
        scale = self.binning.scale()
        z, y, x = values.shape
        padded = np.zeros((z + 2, y + 2, x + 2), dtype=np.uint16)
        within = np.clip(values, scale.low, scale.low + scale.last * scale.width / scale.steps)
        fill_levels(
            within,
            kept,
            (scale.low, scale.steps, scale.width, scale.last),
            padded,
            np.zeros(scale.last + 1, dtype=np.int64),
        )
        return padded[1:-1, 1:-1, 1:-1]


def _turned(voxels: NDArray[Any]) -> NDArray[Any]:
    """Return voxels (x, z, y): windows move along x, and what enters them lies together."""
    return np.ascontiguousarray(voxels.transpose(2, 0, 1))


def _kept(image: NDArray[Any], mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Return the voxels (z, y, x) that count."""
    if mask is not None and mask.shape != image.shape:
        raise BadData(
            "other_grid",
            "Image and mask must share a grid",
            f"shapes {image.shape} and {mask.shape} differ",
            "Resample the mask onto the image's grid.",
        )
    kept = ~np.isnan(image) if mask is None else ~np.isnan(image) & mask
    infinite = int((np.isinf(image) & kept).sum())
    if infinite:
        raise BadData(
            "infinite_voxels",
            "Every voxel that is mapped is a finite number, or NaN where it is missing",
            f"{infinite} are infinite",
            "Correct the rescale slope and intercept, or mark these voxels as missing.",
        )
    return np.ascontiguousarray(kept)


def _require_small(half: tuple[int, int, int], radius_mm: float | None) -> None:
    if max(half) > MOST_REACH:
        raise BadData(
            "window_too_large",
            f"A window reaches at most {MOST_REACH} voxels from its middle",
            f"{radius_mm:g} mm are {max(half)} voxels here",
            "Use a smaller `radius_mm`, or measure the whole region by a recipe.",
        )
