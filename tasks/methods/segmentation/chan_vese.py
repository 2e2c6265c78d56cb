"""Segmentation by the energy of two regions of even grey and a short border."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from tasks.methods.segmentation.otsu import otsu_threshold
from tasks.methods.segmentation.two_class import TwoClass
from tasks.methods.segmentation.watershed import gradient_magnitude

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ChanVese(TwoClass):
    """Move a border until object and background are each of even grey and the border is smooth.

    Chan and Vese, IEEE Transactions on Image Processing 10 (2001) 266-277, in the morphological form of
    Marquez-Neila, Baumela and Alvarez, IEEE Transactions on Pattern Analysis and Machine Intelligence
    36 (2014) 2-17, with that paper's weights. The two smoothing operators alternate from the same one
    in every call, so that a call does not depend on those before it. They work in voxels, not in mm: an
    object three or four voxels thick is smoothed away unless `border_smoothing` is 0.
    """

    method: Literal["chan_vese"] = "chan_vese"
    start: Literal["otsu", "checkerboard"] = "otsu"
    """The first border: around what is beyond `otsu`'s threshold, or a `checkerboard` of five voxels."""
    iterations: int = Field(default=35, ge=1)
    """Number of times the border moves, each time by at most a voxel."""
    border_smoothing: int = Field(default=1, ge=0, le=4)
    """Number of times the border is smoothed after each move; 0 leaves it rough."""
    weight_inside: float = Field(default=1.0, gt=0)
    """Weight of uneven grey inside; the larger, the more even the inside."""
    weight_outside: float = Field(default=1.0, gt=0)
    """Weight of uneven grey outside; the larger, the more even the outside."""

    def _inside(self, scaled: NDArray[np.float64], spacing_mm: tuple[float, ...]) -> NDArray[np.bool_]:  # noqa: ARG002
        inside = self._first(scaled)
        smoothings = 0
        for _ in range(self.iterations):
            if inside.all() or not inside.any():
                break
            inside = self._moved(inside, scaled)
            for _ in range(self.border_smoothing):
                inside = _smoother(inside, opening_first=smoothings % 2 == 1)
                smoothings += 1
        return inside if _is_brighter(inside, scaled) else ~inside

    def _first(self, scaled: NDArray[np.float64]) -> NDArray[np.bool_]:
        from skimage.segmentation import checkerboard_level_set

        if self.start == "otsu":
            above: NDArray[np.bool_] = scaled > otsu_threshold(scaled)
            return above
        return np.asarray(checkerboard_level_set(scaled.shape) > 0)

    def _moved(self, inside: NDArray[np.bool_], scaled: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Give each voxel on the border to the side whose mean grey it is nearer to."""
        far_from_inside = self.weight_inside * (scaled - scaled[inside].mean()) ** 2
        far_from_outside = self.weight_outside * (scaled - scaled[~inside].mean()) ** 2
        on_border = gradient_magnitude(inside.astype(np.float64), (1.0,) * scaled.ndim) > 0
        grown = inside | (on_border & (far_from_inside < far_from_outside))
        moved: NDArray[np.bool_] = grown & ~(on_border & (far_from_inside > far_from_outside))
        return moved


def _is_brighter(inside: NDArray[np.bool_], scaled: NDArray[np.float64]) -> bool:
    if inside.all() or not inside.any():
        return True
    return bool(scaled[inside].mean() >= scaled[~inside].mean())


def _smoother(inside: NDArray[np.bool_], *, opening_first: bool) -> NDArray[np.bool_]:
    """Apply one step of mean curvature motion: both operators over short lines (planes in 3-D)."""
    lines = _lines(inside.ndim)
    if opening_first:
        return _dilated_least(_eroded_most(inside, lines), lines)
    return _eroded_most(_dilated_least(inside, lines), lines)


def _eroded_most(inside: NDArray[np.bool_], lines: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Return the union of the erosions by each line: what some line through the voxel fills.

    Beyond the image nothing is lost, so that an object at its border is smoothed as its complement is.
    """
    from scipy import ndimage

    filled: NDArray[np.bool_] = np.any([ndimage.binary_erosion(inside, line, border_value=1) for line in lines], axis=0)
    return filled


def _dilated_least(inside: NDArray[np.bool_], lines: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Return the intersection of the dilations by each line: what every line through the voxel meets."""
    from scipy import ndimage

    met: NDArray[np.bool_] = np.all([ndimage.binary_dilation(inside, line) for line in lines], axis=0)
    return met


def _lines(dimensions: int) -> list[NDArray[np.bool_]]:
    """Return the 4 lines through the centre of a 3 x 3 square, or the 9 planes through that of a cube.

    Each is where the inner product with a normal is zero; normals have one or two entries of -1 or 1.
    """
    steps = np.indices((3,) * dimensions) - 1
    origin = (0,) * dimensions
    normals = [n for n in product((-1, 0, 1), repeat=dimensions) if n > origin and np.count_nonzero(n) <= 2]  # noqa: PLR2004
    return [np.tensordot(normal, steps, axes=1) == 0 for normal in normals]
