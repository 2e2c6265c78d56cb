"""The same image on a grid of another spacing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from data_catalog.geometry import Geometry
from tasks.methods.preprocessing.interpolation import EXACT_DECIMALS, Order, Places, interpolate, interpolate_labels
from tasks.methods.preprocessing.step import Step, as_voxels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

SpacingMm = Annotated[float, Field(gt=0)]


class Resample(Step):
    """Interpolate an image to another spacing, with the grids' centres aligned.

    Defaults and conventions are IBSI-1's configuration C: 2 mm, trilinear, grids aligned by centre
    (3WE3), the border repeated beyond the old grid, a mask kept where at least half of it is inside. A
    finer image is not smoothed before it is made coarser. An image of one plane keeps its z.
    """

    method: Literal["resample"] = "resample"
    spacing_mm: SpacingMm | tuple[SpacingMm, SpacingMm, SpacingMm] = 2.0
    """New distance between voxel centres in mm: one number for every axis, or one each for (z, y, x)."""
    order: Order = 1
    """Degree of the interpolating spline for the image: 0 nearest, 1 linear, 2 quadratic, 3 cubic."""
    mask_by: Literal["linear", "nearest"] = "linear"
    """How masks are read off: `linear` is inside where at least half of the weight is, `nearest` where the
    nearest voxel is."""
    round_to_integers: bool = False
    """Round the interpolated intensities to whole numbers, as IBSI does for CT in HU."""

    def grid(self, geometry: Geometry) -> Geometry:
        """Return the grid of the new spacing over the same extent."""
        z, y, x = np.broadcast_to(np.asarray(self.spacing_mm, dtype=np.float64), (3,)).tolist()
        return geometry.resized((geometry.spacing_mm[0] if geometry.is_planar else z, y, x))

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:
        """Return the interpolated image, (z, y, x) float32 in the image's unit, missing where half is missing.

        Raises
        ------
        BadData
            `all_missing` when every voxel is missing.
        """
        voxels = as_voxels(image)
        values = interpolate(voxels, spacing_mm, self._places(voxels.shape, spacing_mm), self.order)
        return np.rint(np.round(values, EXACT_DECIMALS)) if self.round_to_integers else values

    def on_mask(self, labels: NDArray[Any], spacing_mm: Triple) -> NDArray[Any]:
        """Return the (z, y, x) labels on the new grid, in their own type."""
        return interpolate_labels(labels, self._places(labels.shape, spacing_mm), self.mask_by)

    def _places(self, shape: tuple[int, ...], spacing_mm: Triple) -> Places:
        z, y, x = shape
        new = self.grid(Geometry(shape=(z, y, x), spacing_mm=spacing_mm))
        old_mm = np.asarray(spacing_mm)
        return Places(np.diag(np.asarray(new.spacing_mm) / old_mm), np.asarray(new.origin_mm) / old_mm, new.shape)
