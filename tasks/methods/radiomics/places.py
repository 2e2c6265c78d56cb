"""Where the voxels of a region lie, apart from their intensities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.hull import largest_distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FLAT = 1e-12
"""A variance below this part of the largest is rounding, and counts as none."""


def bits(mask: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return a bit for each voxel (z, y, words of 64), with empty planes, rows and a bit around them."""
    depth, height, width = mask.shape
    packed = np.packbits(mask, axis=2, bitorder="little")
    rows = np.zeros((depth + 2, height + 2, 8 * (width // 64 + 1)), dtype=np.uint8)
    rows[1:-1, 1:-1, : packed.shape[2]] = packed
    return rows.view(np.uint64)


def principal_axes(sums: list[int], spacing: Sequence[float]) -> tuple[list[float], NDArray[np.float64]]:
    """Return the variances of the voxels' places, the largest first, and the directions they are along (3, z y x)."""
    n, z, y, x, zz, yy, xx, zy, zx, yx = sums
    # whole numbers of Python, of any size: nothing is lost before the division
    spread = [
        [n * zz - z * z, n * zy - z * y, n * zx - z * x],
        [n * zy - z * y, n * yy - y * y, n * yx - y * x],
        [n * zx - z * x, n * yx - y * x, n * xx - x * x],
    ]
    pairs = n * max(n - 1, 1)
    covariance = [[spread[i][j] / pairs * spacing[i] * spacing[j] for j in range(3)] for i in range(3)]
    values, vectors = np.linalg.eigh(covariance)
    variances = values[::-1].tolist()
    return [value if value > FLAT * variances[0] else 0.0 for value in variances], vectors.T[::-1]


def diameter(corners: NDArray[np.float64]) -> float:
    """Return the largest distance between any two of the corners (n, 3) of a convex hull."""
    radii = np.sqrt(((corners - (corners.max(axis=0) + corners.min(axis=0)) / 2) ** 2).sum(axis=1))
    order = np.argsort(-radii, kind="stable")
    return float(largest_distance(corners[order], radii[order]))
