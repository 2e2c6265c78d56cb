"""Compile every kernel that a recipe needs: `python -m tasks.methods.radiomics.warm`, as when an image is built."""

from __future__ import annotations

import numpy as np

from tasks.methods.radiomics.filters.laplacian_of_gaussian import LaplacianOfGaussian
from tasks.methods.radiomics.preparation import Resampling
from tasks.methods.radiomics.recipe import Recipe

SIDE = 24
SPACING_MM = (2.0, 1.0, 1.0)
SPARSE = 0.05
"""Part of the voxels of a region so small that its pairs are walked through."""


def warm() -> None:
    """Measure small invented regions, a volume and a plane, in every way that has kernels of its own."""
    generator = np.random.default_rng(0)
    image = generator.normal(40, 20, (SIDE, SIDE, SIDE))
    radius = SIDE / 3
    mask = ((np.indices(image.shape) - SIDE / 2) ** 2).sum(axis=0) < radius**2
    every_way = Recipe(
        resampling=Resampling(spacing_mm=1.5, interpolation="cubic"),
        aggregations=("2d_avg", "2d_mrg", "2.5d_avg", "2.5d_mrg", "3d_avg", "3d_mrg"),
        filters=(LaplacianOfGaussian(sigma_mm=2.0),),
    )
    every_way(image, mask, SPACING_MM)
    Recipe()(image, mask & (generator.random(mask.shape) < SPARSE), SPACING_MM)
    Recipe()(image[:1], mask[SIDE // 2 : SIDE // 2 + 1], SPACING_MM)


if __name__ == "__main__":
    warm()
