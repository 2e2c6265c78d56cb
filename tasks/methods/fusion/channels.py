"""Two modalities of one examination, side by side on one grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.methods.fusion.onto_grid import onto_grid, require_shape
from tasks.methods.method import Method
from tasks.methods.preprocessing.interpolation import Order
from tasks.methods.preprocessing.step import as_voxels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry


class Channels(Method):
    """Put a second modality beside the first, on the first's grid (PET beside CT, say).

    Both images must lie in one frame of reference: nothing is registered.
    """

    method: Literal["channels"] = "channels"
    order: Order = 1
    """Degree of the spline that interpolates the second modality: 0 nearest, 1 linear, 2 quadratic, 3 cubic."""

    def __call__(
        self, fixed: NDArray[Any], fixed_geometry: Geometry, moving: NDArray[Any], moving_geometry: Geometry
    ) -> NDArray[np.float32]:
        """Return (c, z, y, x) float32, c = 2: the first modality, then the second, NaN outside the second's grid.

        Raises
        ------
        BadData
            `no_overlap` when the grids do not meet, `other_grid` when array and geometry disagree.
        """
        require_shape(fixed, fixed_geometry)
        return np.stack([as_voxels(fixed), onto_grid(moving, moving_geometry, fixed_geometry, self.order)])
