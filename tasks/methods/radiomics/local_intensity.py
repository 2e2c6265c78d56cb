"""How bright the brightest part of a region is, a cubic centimetre in size (IBSI's 9ST6)."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kept import kept_voxels
from tasks.methods.radiomics.kernels.surroundings import highest_means, row_totals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.kept import KeptVoxels
    from tasks.methods.radiomics.region import Region

FEATURES = (
    ("peak_local", "Local intensity peak", "VJGA", "image", "The average of 1 cm^3 around the brightest voxel."),
    ("peak_global", "Global intensity peak", "0F91", "image", "The highest average of 1 cm^3 around a voxel."),
)
UNDEFINED: dict[str, str] = {}
"""No feature is: a sphere holds at least the voxel in its middle."""
UNCONFIRMED: frozenset[str] = frozenset()
COLUMNS = tuple(f"loc_{word}" for word, *_ in FEATURES)
RADIUS_MM = 10 * (3 / (4 * pi)) ** (1 / 3)
"""The radius of a sphere of one cubic centimetre."""


def local_intensity(region: Region, kept: KeptVoxels | None = None) -> dict[str, float]:
    """Return `loc_<word>` of a region, in the image's unit.

    The sphere goes beyond the region and takes in the voxels whose centres are in it; those that are missing or beyond
    the image's border are left out of the average. Of several brightest voxels the highest average counts.
    """
    kept = kept_voxels(region) if kept is None else kept
    margin, sphere = _sphere(region.spacing_mm)
    seen, before = _seen(region, margin)
    room = np.array(region.values.shape) + 2 * margin + (0, 0, 1)
    totals = np.zeros(room)
    numbers = np.zeros(room, dtype=np.int32)
    whole = row_totals(seen, before, totals, numbers)
    highest, at_top = highest_means(
        np.ascontiguousarray(region.values),
        np.ascontiguousarray(region.kept),
        kept.highest,
        sphere,
        totals,
        numbers,
        whole,
    )
    return dict(zip(COLUMNS, (at_top, highest), strict=True))


def _sphere(spacing: Triple) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how far the sphere reaches (z, y, x), and its rows as `highest_means` takes them."""
    reach = np.array([RADIUS_MM // mm for mm in spacing]).astype(np.int64)
    z, y = (np.arange(-reach[axis], reach[axis] + 1) for axis in (0, 1))
    left = RADIUS_MM**2 - (z[:, None] * spacing[0]) ** 2 - (y * spacing[1]) ** 2
    rows = np.argwhere(left >= 0)
    half = (np.sqrt(left[left >= 0]) // spacing[2]).astype(np.int64)
    return reach, np.column_stack([rows, reach[2] - half, 2 * half + 1])


def _seen(region: Region, margin: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the voxels that spheres around the box can take in, and how many steps of the margin lack before them."""
    place = np.array(region.place)
    first = np.maximum(place - margin, 0)
    z, y, x = (slice(start, stop) for start, stop in zip(first, place + region.values.shape + margin, strict=True))
    return np.ascontiguousarray(region.around[z, y, x], dtype=np.float64), first - (place - margin)
