"""A reader who draws along other edges of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from tasks.methods.radiomics.crop import box_of, widened
from tasks.methods.radiomics.perturbation.perturber import Perturber, checked, voxels_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.perturbation.perturber import Voxels

ALWAYS = 0.9
"""A supervoxel of which so much lies in the region is always kept."""
NEVER = 0.2
"""A supervoxel of which less than this lies in the region is never kept."""
FEWEST_VOXELS = 20
"""Voxels of a supervoxel at the least: fewer have no form."""
FEWEST_PARTS = 20
"""Supervoxels a region is cut into at the least: of fewer, one that is left out takes half a small lesion away."""
ITERATIONS = 5
"""Times supervoxels are drawn anew; they hardly move after that, and ten take twice as long."""
BEYOND = 0.1
"""Part of the region's range of intensities by which it is widened before supervoxels are looked for."""


class ContourRandomisation(Perturber):
    """Draw the region anew of supervoxels, each kept with the probability of its overlap with the region.

    References
    ----------
    Zwanenburg et al. Assessing robustness of radiomic features by image perturbation. Scientific Reports 9
    (2019) 614. Achanta et al. SLIC superpixels compared to state-of-the-art superpixel methods. IEEE Transactions
    on Pattern Analysis and Machine Intelligence 34 (2012) 2274-2282.
    """

    method: Literal["contour_randomisation"] = "contour_randomisation"
    supervoxel_mm3: Annotated[float, Field(gt=0)] = 500.0
    """Volume of a supervoxel; at the most a twentieth of the region, at the least 20 voxels. In images of one plane,
    the face of a cube of this volume."""
    compactness: Annotated[float, Field(gt=0)] = 0.05
    """How much nearness counts beside likeness of intensities, which are scaled to 0..1."""

    def __call__(
        self, image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple, seed: int
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the image as it is, and the mask drawn anew; the supervoxel most inside is always kept."""
        voxels, inside = checked(image, mask)
        box = box_of(inside)
        z, y, x = (part.stop - part.start for part in box)
        area = widened(box, self.margin(spacing_mm, (z, y, x), planar=len(voxels) == 1), inside.shape)
        labels = self._supervoxels(voxels[area], inside[area], spacing_mm)
        changed = np.zeros(inside.shape, dtype=bool)
        changed[area] = _closed(_kept(labels, inside[area], np.random.default_rng(seed))[labels])
        return voxels.copy(), changed

    def margin(self, spacing_mm: Triple, box: Voxels, *, planar: bool) -> Voxels:  # noqa: ARG002 - a supervoxel has its size
        """Return the width of a supervoxel: it may be added to the region, and must not be cut."""
        return voxels_in(float(np.cbrt(self.supervoxel_mm3)), spacing_mm, planar=planar)

    def _supervoxels(
        self, image: NDArray[np.float64], inside: NDArray[np.bool_], spacing_mm: Triple
    ) -> NDArray[np.int64]:
        """Return the number of the supervoxel of each voxel, from 0."""
        from skimage.segmentation import slic

        planar = len(image) == 1
        one = float(np.prod(spacing_mm[1:] if planar else spacing_mm))
        wanted = self.supervoxel_mm3 ** (2 / 3) if planar else self.supervoxel_mm3
        size = max(min(wanted / one, np.count_nonzero(inside) / FEWEST_PARTS), FEWEST_VOXELS)
        labels = slic(
            _scaled(image, inside)[0] if planar else _scaled(image, inside),
            n_segments=max(round(image.size / size), 1),
            compactness=self.compactness,
            max_num_iter=ITERATIONS,
            sigma=min(spacing_mm[1:] if planar else spacing_mm),
            spacing=spacing_mm[1:] if planar else spacing_mm,
            convert2lab=False,
            channel_axis=None,
            start_label=0,
        )
        return np.asarray(labels, dtype=np.int64).reshape(image.shape)


def _scaled(image: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return intensities from 0 to 1 over a little more than the region's range; missing ones are 0."""
    values = image[inside]
    values = values[~np.isnan(values)]
    if values.size == 0:
        return np.zeros(image.shape, dtype=np.float32)
    low, high = float(values.min()), float(values.max())
    low, high = low - BEYOND * (high - low), high + BEYOND * (high - low)
    if low == high:
        return np.zeros(image.shape, dtype=np.float32)
    return np.clip((np.nan_to_num(image, nan=low) - low) / (high - low), 0.0, 1.0).astype(np.float32)


def _kept(labels: NDArray[np.int64], inside: NDArray[np.bool_], generator: np.random.Generator) -> NDArray[np.bool_]:
    """Return for each supervoxel whether it is kept."""
    overlap = np.bincount(labels[inside], minlength=labels.max() + 1) / np.bincount(labels.ravel())
    chance = np.where(overlap >= ALWAYS, 1.0, np.where(overlap < NEVER, 0.0, overlap))
    chance[np.argmax(overlap)] = 1.0
    kept: NDArray[np.bool_] = generator.random(len(chance)) < chance
    return kept


def _closed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask with gaps of a voxel between its parts closed."""
    from scipy import ndimage

    near = ndimage.generate_binary_structure(3, 1)
    if len(mask) == 1:
        near[[0, 2]] = False
    closed: NDArray[np.bool_] = ndimage.binary_closing(mask, near) | mask
    return closed
