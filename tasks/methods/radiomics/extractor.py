"""What every extractor is: a region in, one number a column out, and what the columns mean."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from tasks.methods.method import Method
from tasks.methods.radiomics.crop import whole_crop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.crop import Crop
    from tasks.methods.radiomics.definition import FeatureDefinition

DIGEST_DIGITS = 12
"""Hexadecimal digits of a digest: enough to tell any two recipes apart."""


class RegionFeatures(Method):
    """Describe one region of an image; every region of one image gets the same columns."""

    @abstractmethod
    def measure(self, crop: Crop) -> dict[str, float]:
        """Return the value of each column for the region in a part of an image that holds `margin` around it."""

    @abstractmethod
    def margin(self, spacing_mm: Triple, whole: tuple[int, int, int]) -> tuple[int, int, int] | None:
        """Return how many voxels (z, y, x) around a region its features can see, or None for the whole image."""

    @abstractmethod
    def definitions(self, *, planar: bool = False) -> tuple[FeatureDefinition, ...]:
        """Return what each column means, in the columns' order; `planar` for images of one plane."""

    def __call__(self, image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple) -> dict[str, float]:
        """Return the value of each column for the voxels where the (z, y, x) `mask` is True.

        Raises
        ------
        BadData
            `not_an_image`, `other_grid`, `bad_spacing` and `not_one_region` where these are not what they should be,
            and what the extractor cannot measure.
        """
        return self.measure(whole_crop(image, mask, spacing_mm))

    @property
    def file(self) -> Path | None:
        """The file whose content it needs to be called; None needs none."""
        return None

    def reading(self, read: Callable[[], bytes]) -> Self:  # noqa: ARG002 - those with a file need it
        """Return the extractor with a way to read its file."""
        return self

    @cached_property
    def digest(self) -> str:
        """First digits of the SHA-256 of all parameters: columns of one name and one digest compare."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]
