"""A patient who lies a little turned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.methods.radiomics.crop import box_of
from tasks.methods.radiomics.perturbation.moving import REACH, Interpolation, Outside, moved
from tasks.methods.radiomics.perturbation.perturber import Perturber, Values, checked, drawn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.perturbation.perturber import Voxels

ORDERS = {"linear": 1, "cubic": 3}
MODES = {"border": "nearest", "nothing": "grid-constant"}


class Rotation(Perturber):
    """Turn image and region about the z axis through the middle of the region's box.

    References
    ----------
    Zwanenburg et al. Assessing robustness of radiomic features by image perturbation. Scientific Reports 9
    (2019) 614.
    """

    method: Literal["rotation"] = "rotation"
    degrees: Values = (-6.0, -2.0, 2.0, 6.0)
    """Angles of which each repetition draws one; a positive one turns the x axis towards the y axis."""
    interpolation: Interpolation = "cubic"
    """How intensities are read off between voxels; `linear` smooths noise away, and texture with it."""

    def __call__(
        self, image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple, seed: int
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return image and mask turned."""
        from scipy import ndimage

        voxels, inside = checked(image, mask)
        angle = np.deg2rad(drawn(self.degrees, np.random.default_rng(seed)))
        if angle == 0:
            return voxels.copy(), inside.copy()
        along = np.diag(spacing_mm[1:])
        turn_back = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        to_source = np.linalg.inv(along) @ turn_back @ along
        centre = np.array([(part.start + part.stop - 1) / 2 for part in box_of(inside)[1:]])
        offset = centre - to_source @ centre

        def move(values: NDArray[np.float64], by: Interpolation, outside: Outside) -> NDArray[np.float64]:
            order, mode = ORDERS[by], MODES[outside]
            planes = [ndimage.affine_transform(plane, to_source, offset, order=order, mode=mode) for plane in values]
            return np.stack(planes)

        return moved(voxels, inside, spacing_mm, move, self.interpolation)

    def margin(self, spacing_mm: Triple, box: Voxels, *, planar: bool) -> Voxels:  # noqa: ARG002 - it stays in the plane
        """Return what the box turned, and turned back, takes beyond the box."""
        steepest = np.deg2rad(min(max(map(abs, self.degrees)), 90.0))
        sine, cosine = np.sin(steepest), np.cos(steepest)
        old = [length * mm for length, mm in zip(box[1:], spacing_mm[1:], strict=True)]
        height, width = old
        for _ in range(2):
            height, width = max(height, height * cosine + width * sine), max(width, width * cosine + height * sine)
        y, x = (
            int(np.ceil((new - before) / 2 / mm)) + REACH[self.interpolation] + 1
            for new, before, mm in zip((height, width), old, spacing_mm[1:], strict=True)
        )
        return 0, y, x
