"""What has changed between two examinations of one patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tasks.methods.fusion.onto_grid import onto_grid, require_shape
from tasks.methods.method import Method
from tasks.methods.preprocessing.interpolation import Order
from tasks.methods.preprocessing.step import as_voxels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry


class TemporalDifference(Method):
    """Subtract an earlier image from a later one, on the later one's grid.

    Both images must have one unit and lie in one frame of reference: nothing is registered.
    """

    method: Literal["temporal_difference"] = "temporal_difference"
    order: Order = 1
    """Degree of the spline that interpolates the earlier image: 0 nearest, 1 linear, 2 quadratic, 3 cubic."""

    def __call__(
        self, fixed: NDArray[Any], fixed_geometry: Geometry, moving: NDArray[Any], moving_geometry: Geometry
    ) -> NDArray[np.float32]:
        """Return later (`fixed`) minus earlier (`moving`), (z, y, x) float32, NaN outside the earlier's grid.

        Raises
        ------
        BadData
            `no_overlap` when the grids do not meet, `other_grid` when array and geometry disagree.
        """
        require_shape(fixed, fixed_geometry)
        return as_voxels(fixed) - onto_grid(moving, moving_geometry, fixed_geometry, self.order)
