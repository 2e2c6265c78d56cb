"""Roundish objects found as the maxima of a filter over place and size."""

from __future__ import annotations

from abc import abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from tasks.methods.method import Method
from tasks.methods.preprocessing.step import as_voxels, require_complete

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

COLUMNS = ("z_mm", "y_mm", "x_mm", "radius_mm", "strength")
"""Columns of a table of detections: offset of the centre from the first voxel, radius, and strength."""
VOLUME = 3


class Response(NamedTuple):
    """Hold how strongly each voxel is the centre of a ball of one radius."""

    radius_mm: float
    values: NDArray[np.float32]


class Blobs(Method):
    """Find balls (discs in an image of one plane) by a filter whose answer is greatest at their centre and radius.

    Intensities are scaled to 0 to 1 over the image first. Of two detections that overlap too much the
    weaker is dropped.
    """

    target: Literal["bright", "dark"] = "bright"
    """Whether the objects are brighter or darker than their surroundings."""
    min_radius_mm: float = Field(default=1.5, gt=0)
    """Smallest radius looked for, in mm: that of the smallest nodule by the Fleischner glossary, 3 mm across."""
    max_radius_mm: float = Field(default=15.0, gt=0)
    """Largest radius looked for, in mm: that of the largest nodule by the Fleischner glossary, 3 cm across."""
    threshold: float = Field(default=0.2, gt=0)
    """Least strength: a ball as bright as the image's whole range has about 0.9, a disc about 0.7."""
    overlap: float = Field(default=0.5, ge=0, le=1)
    """Two detections are one when they share more than this part of the smaller one's volume (area in 2-D)."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_radius_mm > self.max_radius_mm:
            raise ValueError(f"`min_radius_mm` {self.min_radius_mm} is greater than `max_radius_mm`.")
        return self

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> pd.DataFrame:
        """Return one row per object, strongest first: `z_mm`, `y_mm`, `x_mm`, `radius_mm`, `strength`.

        Positions are offsets in mm from the centre of the first voxel along the array's axes; `strength`
        is the filter's answer as a share of the image's range. Without objects the table is empty.

        Raises
        ------
        BadData
            `missing_voxels` when a voxel is NaN.
        """
        import pandas as pd

        voxels = as_voxels(image)
        require_complete(voxels)
        first = int(voxels.shape[0] == 1)
        flat = voxels[0] if first else voxels
        found = _peaks(self._responses(_scaled(flat, self.target), spacing_mm[first:]), self.threshold)
        found[:, :-2] *= spacing_mm[first:]
        kept = _without_overlaps(found, self.overlap)
        return pd.DataFrame(np.insert(kept, 0, 0.0, axis=1) if first else kept, columns=list(COLUMNS))

    @abstractmethod
    def _responses(self, scaled: NDArray[np.float32], spacing_mm: tuple[float, ...]) -> Iterator[Response]:
        """Yield the filter's answer for growing radii."""


class LogBlobs(Blobs):
    """Find blobs by the scale-normalised Laplacian of Gaussian.

    Lindeberg, International Journal of Computer Vision 30 (1998) 79-116: for a ball of radius r in D
    dimensions the answer is greatest at sigma = r / sqrt(D). Derivatives are taken in mm.
    """

    method: Literal["log_blobs"] = "log_blobs"
    scales: int = Field(default=10, ge=1)
    """Number of radii tried, evenly from the smallest to the largest."""

    def _responses(self, scaled: NDArray[np.float32], spacing_mm: tuple[float, ...]) -> Iterator[Response]:
        from scipy import ndimage

        for radius_mm in np.linspace(self.min_radius_mm, self.max_radius_mm, self.scales):
            sigmas = radius_mm / np.sqrt(scaled.ndim) / np.asarray(spacing_mm)
            smooth = ndimage.gaussian_filter(scaled, sigmas, mode="reflect")
            values = np.zeros_like(smooth)
            for axis, sigma in enumerate(sigmas):
                # differences of the smoothed image: unlike a sampled derivative they are 0 on even grey
                # where a Gaussian is narrower than a voxel
                values -= sigma**2 * ndimage.correlate1d(smooth, [1.0, -2.0, 1.0], axis=axis, mode="reflect")
            yield Response(float(radius_mm), values)


class DogBlobs(Blobs):
    """Find blobs by differences of Gaussians: faster than the Laplacian, and coarser in its radii.

    Marr and Hildreth, Proceedings of the Royal Society B 207 (1980) 187-217; Lowe, International
    Journal of Computer Vision 60 (2004) 91-110.
    """

    method: Literal["dog_blobs"] = "dog_blobs"
    ratio: float = Field(default=1.6, gt=1)
    """Ratio of successive Gaussians, and so of successive radii; 1.6 comes nearest to the Laplacian."""

    def _responses(self, scaled: NDArray[np.float32], spacing_mm: tuple[float, ...]) -> Iterator[Response]:
        # the difference is greatest at the centre of a ball of this many sigmas of the narrower Gaussian
        from scipy import ndimage

        sigmas_in_radius = np.sqrt(2 * scaled.ndim * np.log(self.ratio) / (1 - self.ratio**-2))
        steps = int(np.floor(np.log(self.max_radius_mm / self.min_radius_mm) / np.log(self.ratio) + 1e-9)) + 1
        radii = self.min_radius_mm * self.ratio ** np.arange(steps + 1)
        smooth = (
            ndimage.gaussian_filter(scaled, radius / sigmas_in_radius / np.asarray(spacing_mm), mode="reflect")
            for radius in radii
        )
        for radius_mm, (narrow, wide) in zip(radii, pairwise(smooth), strict=False):
            yield Response(float(radius_mm), (narrow - wide) / (self.ratio - 1))


def _scaled(voxels: NDArray[np.float32], target: str) -> NDArray[np.float32]:
    low, high = float(voxels.min()), float(voxels.max())
    if low == high:
        return np.zeros_like(voxels)
    scaled: NDArray[np.float32] = ((voxels.astype(np.float64) - low) / (high - low)).astype(np.float32)
    return scaled if target == "bright" else 1 - scaled


def _peaks(responses: Iterator[Response], threshold: float) -> NDArray[np.float64]:
    """Return voxel index, radius and strength of the maxima over place and radius, strongest first.

    Three radii are held at a time.
    """
    from scipy import ndimage

    rows = []
    below: NDArray[np.float32] | None = None
    current = next(responses, None)
    while current is not None:
        around = ndimage.maximum_filter(current.values, size=3, mode="nearest")
        following = next(responses, None)
        peak = (current.values == around) & (current.values > threshold)
        if below is not None:
            peak &= current.values >= below
        if following is not None:
            peak &= current.values >= ndimage.maximum_filter(following.values, size=3, mode="nearest")
        index = np.argwhere(peak)
        rows.append(np.column_stack([index, np.full(len(index), current.radius_mm), current.values[peak]]))
        below, current = around, following
    found = np.concatenate(rows).astype(np.float64)
    return found[np.lexsort([*found[:, :-1].T[::-1], -found[:, -1]])]


def _without_overlaps(found: NDArray[np.float64], overlap: float) -> NDArray[np.float64]:
    """Return the rows (centre in mm, radius, strength) that no stronger row kept overlaps too much."""
    kept: list[int] = []
    for row, blob in enumerate(found):
        stronger = found[kept]
        apart = np.sqrt(((stronger[:, :-2] - blob[:-2]) ** 2).sum(axis=1))
        if not (shared_part(apart, stronger[:, -2], float(blob[-2]), found.shape[1] - 2) > overlap).any():
            kept.append(row)
    return found[kept]


def shared_part(
    apart: NDArray[np.float64], radii: NDArray[np.float64], radius: float, dimensions: int
) -> NDArray[np.float64]:
    """Return which part of the smaller of two balls (discs if `dimensions` is 2) lies in the larger.

    `apart` are the distances of the centres of balls of `radii` from that of a ball of `radius`.
    """
    small, large = np.minimum(radii, radius), np.maximum(radii, radius)
    distance = np.clip(apart, large - small, large + small)
    if dimensions == VOLUME:
        return _lens_volume(distance, small, large) / (4 / 3 * np.pi * small**3)
    return _lens_area(distance, small, large) / (np.pi * small**2)


def _lens_volume(
    distance: NDArray[np.float64], small: NDArray[np.float64], large: NDArray[np.float64]
) -> NDArray[np.float64]:
    within = distance <= large - small
    safe = np.where(within, 1.0, distance)
    lens = (
        np.pi
        * (large + small - safe) ** 2
        * (safe**2 + 2 * safe * (large + small) - 3 * (large - small) ** 2)
        / (12 * safe)
    )
    return np.where(within, 4 / 3 * np.pi * small**3, lens)


def _lens_area(
    distance: NDArray[np.float64], small: NDArray[np.float64], large: NDArray[np.float64]
) -> NDArray[np.float64]:
    within = distance <= large - small
    safe = np.where(within, 1.0, distance)
    in_small = np.clip((safe**2 + small**2 - large**2) / (2 * safe * small), -1, 1)
    in_large = np.clip((safe**2 + large**2 - small**2) / (2 * safe * large), -1, 1)
    # Heron's product of the triangle of the two centres and a crossing point
    product = (large + small - safe) * (safe + small - large) * (safe - small + large) * (safe + small + large)
    lens = small**2 * np.arccos(in_small) + large**2 * np.arccos(in_large) - 0.5 * np.sqrt(np.clip(product, 0, None))
    return np.where(within, np.pi * small**2, lens)
