"""A patient who lies a part of a voxel beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from tasks.methods.radiomics.perturbation.moving import REACH, Interpolation, Outside, moved
from tasks.methods.radiomics.perturbation.perturber import Perturber, checked, drawn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.perturbation.perturber import Voxels

PADDING = 12
"""Voxels by which the border is repeated before a spline is fitted, as SciPy does."""
Fraction = Annotated[float, Field(ge=-1, le=1)]


class Translation(Perturber):
    """Move image and region by a part of a voxel along each axis.

    References
    ----------
    Zwanenburg et al. Assessing robustness of radiomic features by image perturbation. Scientific Reports 9
    (2019) 614; a shift by 0.75 of a voxel there is one by -0.25 here, and a whole voxel that changes nothing.
    """

    method: Literal["translation"] = "translation"
    fractions: Annotated[tuple[Fraction, ...], Field(min_length=1)] = (-0.25, 0.25)
    """Parts of a voxel of which each repetition draws one for each axis; images of one plane stay in it."""
    interpolation: Interpolation = "cubic"
    """How intensities are read off between voxels; `linear` smooths noise away, and texture with it."""

    def __call__(
        self, image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple, seed: int
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return image and mask moved towards larger indices by the fractions drawn."""
        voxels, inside = checked(image, mask)
        generator = np.random.default_rng(seed)
        shift = [drawn(self.fractions, generator) for _ in range(3)]
        if len(voxels) == 1:
            shift[0] = 0.0
        if not any(shift):
            return voxels.copy(), inside.copy()

        def move(values: NDArray[np.float64], by: Interpolation, outside: Outside) -> NDArray[np.float64]:
            for axis, part in enumerate(shift):
                values = _shifted(values, part, axis, by, outside) if part else values
            return values

        return moved(voxels, inside, spacing_mm, move, self.interpolation)

    def margin(self, spacing_mm: Triple, box: Voxels, *, planar: bool) -> Voxels:  # noqa: ARG002 - parts of voxels
        """Return the shift, and what is read beside a voxel."""
        more = int(np.ceil(max(map(abs, self.fractions)))) + REACH[self.interpolation]
        return (0 if planar else more), more, more


def _shifted(
    values: NDArray[np.float64], shift: float, axis: int, by: Interpolation, outside: Outside
) -> NDArray[np.float64]:
    """Return the array moved along one axis: a product of axes costs far less than a spline of all three."""
    from scipy import ndimage

    width = [(0, 0)] * values.ndim
    width[axis] = (PADDING, PADDING)
    padded = np.pad(values, width, mode="edge" if outside == "border" else "constant")
    whole = int(np.floor(-shift))
    t = -shift - whole
    weights, first = [1 - t, t], 0
    if by == "cubic":
        padded = ndimage.spline_filter1d(padded, order=3, axis=axis)
        weights = [(1 - t) ** 3 / 6, (4 - 6 * t**2 + 3 * t**3) / 6, (1 + 3 * t + 3 * t**2 - 3 * t**3) / 6, t**3 / 6]
        first = -1
    result = np.zeros_like(values)
    for place, weight in enumerate(weights, start=PADDING + whole + first):
        part = [slice(None)] * values.ndim
        part[axis] = slice(place, place + values.shape[axis])
        result += weight * padded[tuple(part)]
    return result
