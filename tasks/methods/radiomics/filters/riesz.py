"""Edges, ridges and corners by direction: Riesz transforms of an image or of another filter's response."""

from __future__ import annotations

from functools import partial
from math import factorial, prod, sqrt
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from tasks.methods.method import Choice
from tasks.methods.radiomics.filters.boundary import Boundary, continued, whole_box
from tasks.methods.radiomics.filters.fourier import Spectrum, distance
from tasks.methods.radiomics.filters.image_filter import ImageFilter, filter_name
from tasks.methods.radiomics.filters.laplacian_of_gaussian import LaplacianOfGaussian
from tasks.methods.radiomics.filters.simoncelli import Simoncelli

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.filters.boundary import Box

PADDING = 32
"""Voxels of margin with which IBSI-2's reference maps are met; without any, 9.b.1 is missed."""
Order = Annotated[int, Field(ge=0, le=10)]


class Riesz(ImageFilter):
    """Respond with one component of a Riesz transform (IBSI-2: AYRS), of the image or of another filter's response.

    The image is first continued beyond its border, and then transformed as a whole; frequencies are per voxel, so
    that spacings should be equal.
    """

    method: Literal["riesz"] = "riesz"
    plane_form: ClassVar[str] = (
        "an `order` of two numbers, as `[1, 0]`, and `dimension: 2d` of the filter `of`, if there is one"
    )
    order: tuple[Order, Order] | tuple[Order, Order, Order] = (1, 0, 0)
    """Order of the transform along (x, y, z): (1, 0, 0) answers to edges across x, (0, 2, 0) to ridges across y.
    With two numbers, for x and y, as (1, 0), each plane is filtered by itself; a filter `of` then has `dimension: 2d`.
    """
    of: Annotated[LaplacianOfGaussian | Simoncelli, Choice()] | None = None
    """The filter whose response is transformed; not set, the image itself."""
    padding: int = Field(default=PADDING, ge=0, le=512)
    """How many voxels the image is continued by, so that its opposite borders do not meet."""
    boundary: Boundary = "mirror"
    """How the image goes on beyond its border: `zero`, `nearest` (the outermost voxel), `periodic` (from the other
    side) or `mirror`. The filter `of` has the same."""

    @model_validator(mode="after")
    def _check_agreement(self) -> Self:
        if sum(self.order) == 0:
            raise ValueError("A Riesz transform has an order: one of its numbers is 1 or more.")
        if self.of is not None and self.of.in_plane != self.in_plane:
            own = "2d" if self.in_plane else "3d"
            raise ValueError(
                f"Both filters are 2-D, or both 3-D: the order {self.order} is {own}, `of` is {self.of.dimension}. "
                f"Set `of.dimension` to {own}, or `order` to {2 if self.of.in_plane else 3} numbers."
            )
        if isinstance(self.of, LaplacianOfGaussian) and self.of.boundary != self.boundary:
            raise ValueError(
                f"Both filters have one boundary: {self.boundary} meets {self.of.boundary}. "
                f"Set `of.boundary` to {self.boundary}."
            )
        return self

    @property
    def name(self) -> str:
        """Word for the names of columns: `riesz_1_0_0_of_log_3mm`."""
        own = filter_name(
            "riesz",
            "_".join(map(str, self.order)),
            "" if self.padding == PADDING else f"pad{self.padding}",
            boundary=self.boundary,
        )
        return own if self.of is None else f"{own}_of_{self.of.name}"

    @property
    def in_plane(self) -> bool:
        """Whether each plane (y, x) is filtered by itself."""
        return len(self.order) == 2  # noqa: PLR2004 - x and y

    def shared_with(self, spacing_mm: Triple) -> Hashable:  # noqa: ARG002 - frequencies are per voxel
        """Return what filters must have in common to share the frequencies of the filtered image."""
        return self.of, self.in_plane, self.padding, self.boundary

    @classmethod
    def in_box(
        cls, filters: Sequence[Self], image: NDArray[Any], box: Box, spacing_mm: Triple
    ) -> Iterator[NDArray[np.float32]]:
        """Yield each filter's response in a box of an image; the frequencies are found once."""
        first = filters[0]
        spectrum = Spectrum(first.filtered(image, spacing_mm), in_plane=first.in_plane)
        z, y, x = (slice(part.start + far, part.stop + far) for part, far in zip(box, first.margin(), strict=True))
        for each in filters:
            yield each.rounded(spectrum.filtered(partial(_component, order=each.order[::-1]))[z, y, x])

    def margin(self) -> tuple[int, int, int]:
        """Return by how many voxels (z, y, x) the image is continued."""
        return (0 if self.in_plane else self.padding), self.padding, self.padding

    def filtered(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[Any]:
        """Return the image with its margin, or the response of the other filter there."""
        wide = continued(image, whole_box(image.shape), self.margin(), self.boundary)
        if self.of is None:
            return wide
        if isinstance(self.of, Simoncelli):
            return self.of.band(Spectrum(wide, in_plane=self.in_plane))
        return self.of(wide, spacing_mm)


def _component(coordinates: Sequence[NDArray[np.float64]], order: tuple[int, ...]) -> NDArray[np.complex128]:
    """Return (-i)^L sqrt(L! / (l1! l2! l3!)) nu1^l1 nu2^l2 nu3^l3 / |nu|^L, 0 at frequency 0."""
    total = sum(order)
    weight = (-1j) ** total * sqrt(factorial(total) / prod(factorial(each) for each in order))
    length = distance(coordinates)
    directions = prod(axis**each for axis, each in zip(coordinates, order, strict=True))
    return np.asarray(weight * directions / np.where(length > 0, length, 1.0) ** total)
