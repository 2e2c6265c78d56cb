"""Perturbations one after the other, several times over: what the stability of features is measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, NonNegativeInt

from tasks.methods.method import Choice, Method
from tasks.methods.radiomics.perturbation.contour_randomisation import ContourRandomisation
from tasks.methods.radiomics.perturbation.noise_addition import NoiseAddition
from tasks.methods.radiomics.perturbation.perturber import checked
from tasks.methods.radiomics.perturbation.rotation import Rotation
from tasks.methods.radiomics.perturbation.translation import Translation
from tasks.methods.radiomics.perturbation.volume_adaptation import VolumeAdaptation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.perturbation.perturber import Voxels

Perturbation = Annotated[Rotation | Translation | NoiseAddition | VolumeAdaptation | ContourRandomisation, Choice()]


class PerturbationChain(Method):
    """Change image and region by several perturbations in order, anew for every repetition.

    By default noise, translation, volume and contour: of the chains of the paper the one that took the fewest
    features for stable that were not in a second scan. Every region of a study gets the same perturbations.

    References
    ----------
    Zwanenburg et al. Assessing robustness of radiomic features by image perturbation. Scientific Reports 9
    (2019) 614.
    """

    method: Literal["perturbation_chain"] = "perturbation_chain"
    perturbations: Annotated[tuple[Perturbation, ...], Field(min_length=1)] = (
        NoiseAddition(),
        Translation(),
        VolumeAdaptation(),
        ContourRandomisation(),
    )
    """What is changed, in order; noise comes before what smooths it."""
    repetitions: Annotated[int, Field(ge=2, le=1000)] = 10
    """Times each region is perturbed and measured."""
    seed: NonNegativeInt = 0
    """Starts the drawing of noise, angles, shifts and contours."""

    def __call__(
        self, image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple, repetition: int
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return image (z, y, x) and mask of one repetition, numbered from 0, on the same grid.

        Raises
        ------
        BadData
            `other_grid` when shapes differ, `empty_region` when the mask is empty, or moved out of the image.
        """
        voxels, inside = checked(image, mask)
        seeds = np.random.SeedSequence((self.seed, repetition)).generate_state(len(self.perturbations))
        for perturb, seed in zip(self.perturbations, seeds, strict=True):
            voxels, inside = perturb(voxels, inside, spacing_mm, int(seed))
        return checked(voxels, inside)

    def margin(self, spacing_mm: Triple, box: Voxels, *, planar: bool) -> Voxels:
        """Return how many voxels (z, y, x) around a box all perturbations together need; see `Perturber.margin`."""
        # What one needs depends on how far the others see and grow: first a sum, then each for a box of that size.
        first = self._sum(spacing_mm, box, planar=planar)
        z, y, x = (length + 2 * more for length, more in zip(box, first, strict=True))
        return self._sum(spacing_mm, (z, y, x), planar=planar)

    def _sum(self, spacing_mm: Triple, box: Voxels, *, planar: bool) -> Voxels:
        each = [perturb.margin(spacing_mm, box, planar=planar) for perturb in self.perturbations]
        z, y, x = (sum(more) for more in zip(*each, strict=True))
        return (0 if planar else z), y, x
