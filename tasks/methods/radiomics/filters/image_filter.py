"""What every filter is: an image in, a map of its response out."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.method import Method
from tasks.methods.radiomics.filters.boundary import largest_magnitude, whole_box

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.filters.boundary import Boundary, Box

Dimension = Literal["2d", "3d"]
"""`2d` filters each plane (y, x) by itself, `3d` the volume."""
LARGEST_RESPONSE = float(np.finfo(np.float32).max)


class ImageFilter(Method):
    """Turn an image into a map of the filter's response on the same grid.

    An image is numeric, (z, y, x). Sums are float64 and a response is rounded to float32, so that values which
    differ only by the order of a sum become one. An image with missing voxels is refused where the filter would
    read them. Letters and orders of a filter are in IBSI's order of axes, (x, y, z).
    """

    method: str
    plane_form: ClassVar[str] = "`dimension: 2d`"
    """What to set so that each plane is filtered by itself, for a refusal's remedy."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Word for the names of columns, of small letters, digits and `_`; other parameters have another name."""

    @property
    @abstractmethod
    def in_plane(self) -> bool:
        """Whether each plane (y, x) is filtered by itself."""

    @abstractmethod
    def shared_with(self, spacing_mm: Triple) -> Hashable:
        """Return what two filters of one class must have in common to share work."""

    @classmethod
    @abstractmethod
    def in_box(
        cls, filters: Sequence[Self], image: NDArray[Any], box: Box, spacing_mm: Triple
    ) -> Iterator[NDArray[np.float32]]:
        """Yield each filter's response in a box of an image; the filters share work."""

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:
        """Return the response, (z, y, x) float32, in the image's unit.

        Raises
        ------
        BadData
            `missing_voxels`, `infinite_voxels`, `too_large_values`, `grid_too_large`, or `one_plane` for a 3-D
            filter on an image of one plane.
        """
        self.require_fit(image.shape)
        return next(iter(self.in_box([self], image, whole_box(image.shape), spacing_mm)))

    def require_fit(self, shape: tuple[int, ...]) -> None:
        """Raise `BadData` `one_plane` when a 3-D filter meets an image of one plane."""
        if shape[0] == 1 and not self.in_plane:
            raise BadData(
                "one_plane",
                "A 3-D filter needs an image of several planes",
                f"`{self.name}` met an image of shape {shape}",
                f"Use the filter's 2-D form: {self.plane_form}.",
            )

    def rounded(self, response: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return a response as float32, or raise `BadData` `too_large_values` when a value would become infinite."""
        largest = largest_magnitude(response)
        if not largest <= LARGEST_RESPONSE:
            raise BadData(
                "too_large_values",
                f"A response is at most {LARGEST_RESPONSE:.3g}, the largest float32",
                f"`{self.name}` answers with {largest:.3g}",
                "Rescale the image to smaller values, or use a wider filter.",
            )
        return response.astype(np.float32)


def number_word(value: float) -> str:
    """Return a number for a name: `2p5` is 2.5, `m` is minus; two numbers are two words."""
    return repr(float(value)).removesuffix(".0").replace(".", "p").replace("-", "m").replace("+", "")


def filter_name(*words: str, boundary: Boundary = "mirror") -> str:
    """Return a filter's name from those of its words that are not empty; the usual boundary is left out."""
    return "_".join([*filter(None, words), *([] if boundary == "mirror" else [boundary])])
