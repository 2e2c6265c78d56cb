"""The responses of many filters on one image, with shared work and one map at a time."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from tasks.methods.radiomics.filters.boundary import whole_box

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.filters.boundary import Box
    from tasks.methods.radiomics.filters.image_filter import ImageFilter


def responses(
    filters: Iterable[ImageFilter], image: NDArray[Any], spacing_mm: Triple
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the name and the response, (z, y, x) float32, of each filter on the whole image, in the filters' order.

    Raises
    ------
    BadData
        `missing_voxels`, `infinite_voxels`, `too_large_values`, `grid_too_large`, or `one_plane` for a 3-D filter on
        an image of one plane.
    """
    return responses_in_box(filters, image, whole_box(image.shape), spacing_mm)


def responses_in_box(
    filters: Iterable[ImageFilter], image: NDArray[Any], box: Box, spacing_mm: Triple
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the name and the response of each filter in a box of the image, in the filters' order.

    The values are those that filtering the whole image gives, also at its border; only a filter that needs the
    whole image is given it. Neighbours in the list share work: keep the subbands of a wavelet together.

    Parameters
    ----------
    filters : iterable of ImageFilter
        The filters.
    image : NDArray
        The whole image, (z, y, x).
    box : tuple of slice
        Start and stop along (z, y, x), as scipy.ndimage.find_objects gives them.
    spacing_mm : tuple of float
        Distance of voxel centres along (z, y, x).

    Raises
    ------
    BadData
        As `responses`; voxels that are missing further away than a filter sees do no harm.
    """

    def kind(each: ImageFilter) -> tuple[type, Hashable]:
        return type(each), each.shared_with(spacing_mm)

    for _, group in groupby(filters, key=kind):
        alike = list(group)
        for each in alike:
            each.require_fit(image.shape)
        maps = type(alike[0]).in_box(alike, image, box, spacing_mm)
        yield from zip((each.name for each in alike), maps, strict=True)
