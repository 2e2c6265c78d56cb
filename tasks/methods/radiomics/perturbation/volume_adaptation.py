"""A reader who draws wider or narrower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from tasks.methods.radiomics.perturbation.perturber import Perturber, checked, drawn, voxels_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.perturbation.perturber import Voxels

Fraction = Annotated[float, Field(gt=-1, le=4)]


class VolumeAdaptation(Perturber):
    """Grow or shrink the region by a fraction of its volume.

    Voxels are added, or taken away, in the order of their distance in mm from the border; those equally far in
    random order. On a grid of equal spacings that is the dilation or erosion of the paper, of the last layer
    a random part; where slices are thick, the region does not jump to the next one.

    References
    ----------
    Zwanenburg et al. Assessing robustness of radiomic features by image perturbation. Scientific Reports 9
    (2019) 614.
    """

    method: Literal["volume_adaptation"] = "volume_adaptation"
    fractions: Annotated[tuple[Fraction, ...], Field(min_length=1)] = (-0.1, 0.0, 0.1)
    """Changes of the volume of which each repetition draws one: 0.1 grows it by a tenth, -0.1 takes a tenth away."""

    def __call__(
        self, image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple, seed: int
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the image as it is, and the mask of the other volume; at least one voxel stays."""
        from scipy import ndimage

        voxels, inside = checked(image, mask)
        generator = np.random.default_rng(seed)
        count = int(np.count_nonzero(inside))
        wanted = max(round(count * (1 + drawn(self.fractions, generator))), 1)
        changed = inside.copy()
        if wanted > count:
            outside = np.flatnonzero(~inside)
            far = ndimage.distance_transform_edt(~inside, sampling=spacing_mm).ravel()[outside]
            changed.ravel()[outside[_nearest(far, wanted - count, generator)]] = True
        elif wanted < count:
            own = np.flatnonzero(inside)
            changed.ravel()[own[_nearest(_depth(inside, spacing_mm).ravel()[own], count - wanted, generator)]] = False
        return voxels.copy(), changed

    def margin(self, spacing_mm: Triple, box: Voxels, *, planar: bool) -> Voxels:
        """Return how far a ball of the box's volume grows: no form grows farther (Brunn and Minkowski)."""
        sides = [length * mm for length, mm in zip(box, spacing_mm, strict=True)]
        growth = 1 + max(*self.fractions, 0.0)
        if planar:
            far = np.sqrt(sides[1] * sides[2] / np.pi) * (np.sqrt(growth) - 1)
        else:
            far = np.cbrt(3 * np.prod(sides) / (4 * np.pi)) * (np.cbrt(growth) - 1)
        z, y, x = voxels_in(float(far), spacing_mm, planar=planar)
        return (0 if planar else z + 1), y + 1, x + 1


def _nearest(distances: NDArray[np.float64], count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return the positions of the smallest distances; of those equal to the last one as many as are wanted, drawn."""
    count = min(count, len(distances))
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    last = np.partition(distances, count - 1)[count - 1]
    nearer, equal = np.flatnonzero(distances < last), np.flatnonzero(distances == last)
    return np.concatenate([nearer, generator.choice(equal, count - len(nearer), replace=False)])


def _depth(inside: NDArray[np.bool_], spacing_mm: Triple) -> NDArray[np.float64]:
    """Return the distance in mm of each voxel from what is not the region; beyond the image is none of it."""
    from scipy import ndimage

    edge = [(int(len(inside) > 1),) * 2, (1, 1), (1, 1)]
    z, y, x = (slice(before, before + length) for (before, _), length in zip(edge, inside.shape, strict=True))
    depth: NDArray[np.float64] = ndimage.distance_transform_edt(np.pad(inside, edge), sampling=spacing_mm)[z, y, x]
    return depth
