"""Pictures of scans: one plane in grey, with the region's outline."""

from __future__ import annotations

import math
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from data_catalog.geometry import Triple

GREYS = 128
"""Levels of grey, 0 black: more cannot be told apart on a screen, and would double the file."""
OUTLINE, BAR = GREYS, GREYS + 1
"""Entries of the palette after the greys."""
OUTLINE_COLOUR = (255, 170, 0)
BAR_COLOUR = (255, 255, 255)
PERCENTILES = (0.5, 99.5)
"""Part of the plane's values that the grey levels span: a few bright voxels do not darken the rest."""
BAR_SHARE = 0.3
"""Largest part of the picture's width that the scale bar takes."""
BAR_MARGIN, BAR_HEIGHT = 10, 3


def picture_of(
    image: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    spacing_mm: Triple,
    window: tuple[float, float] | None = None,
    *,
    width: int = 360,
    bar_mm: float | None = None,
) -> bytes:
    """Return a PNG of the plane in which a region is largest, with the region's outline one pixel wide.

    Parameters
    ----------
    image : array
        (z, y, x) numbers, NaN where a voxel is missing (black); of several channels (c, z, y, x) the first is shown.
    mask : array or None
        (z, y, x), the region; without one the middle plane is shown.
    spacing_mm : tuple of float
        Distance of voxel centres along (z, y, x); the picture has the plane's true proportions.
    window : tuple of float, optional
        Values shown as black and as white; without it they span the middle 99 % of the plane's values.
    width : int
        Width of the picture in pixels.
    bar_mm : float, optional
        Length of a scale bar; `bar_length_mm` gives one that fits.

    Raises
    ------
    BadData
        `other_grid` when image and mask differ in shape, `empty_region` when the mask is empty,
        `all_missing` when the plane has no value.
    """
    from PIL import Image

    voxels = np.asarray(image).reshape(-1, *image.shape[-3:])[0]
    _require_grid(voxels, mask)
    z = shown_plane(voxels.shape, mask)
    size = (width, max(1, round(width * voxels.shape[1] * spacing_mm[1] / (voxels.shape[2] * spacing_mm[2]))))
    painted = _levels(_resized(_grey(voxels[z], window), size, Image.Resampling.BILINEAR))
    if mask is not None:
        inside = _resized(np.asarray(mask[z], dtype=np.float32), size, Image.Resampling.NEAREST) > 0
        painted[outline(inside)] = OUTLINE
    if bar_mm is not None:
        _paint_bar(painted, bar_mm * width / (voxels.shape[2] * spacing_mm[2]))
    return _png(painted)


def shown_plane(shape: tuple[int, ...], mask: NDArray[np.bool_] | None) -> int:
    """Return the index of the plane with most voxels of the region, the first of equals; the middle one without."""
    return shape[0] // 2 if mask is None else int(np.count_nonzero(mask, axis=(1, 2)).argmax())


def outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a region (y, x) that touch, by a side, a pixel outside it or the picture's edge."""
    from scipy import ndimage

    return np.asarray(inside & ~ndimage.binary_erosion(inside))


def bar_length_mm(width_mm: float) -> float:
    """Return a length of 1, 2 or 5 times a power of ten that takes at most three tenths of a width."""
    power = 10.0 ** math.floor(math.log10(BAR_SHARE * width_mm))
    return max(step * power for step in (1, 2, 5) if step * power <= BAR_SHARE * width_mm)


def _require_grid(voxels: NDArray[Any], mask: NDArray[np.bool_] | None) -> None:
    if mask is not None and mask.shape != voxels.shape:
        raise BadData(
            "other_grid",
            "Image and mask must share a grid",
            f"shapes {voxels.shape} and {mask.shape} differ",
            "Resample the mask onto the image's grid.",
        )
    if mask is not None and not mask.any():
        raise BadData("empty_region", "A region has voxels", "the mask is empty", "Show the image without it.")


def _grey(plane: NDArray[Any], window: tuple[float, float] | None) -> NDArray[np.float32]:
    """Return the plane with 0 for black and 1 for white; missing pixels are black, a constant plane is grey."""
    values = np.asarray(plane, dtype=np.float64)
    known = np.isfinite(values)
    if not known.any():
        raise BadData("all_missing", "A plane has at least one value", "all are missing", "Check the series.")
    low, high = window or np.percentile(values[known], PERCENTILES).tolist()
    if high <= low:
        low, high = low - 1.0, low + 1.0
    return np.where(known, np.clip((values - low) / (high - low), 0, 1), 0).astype(np.float32)


def _resized(plane: NDArray[np.float32], size: tuple[int, int], how: Image.Resampling) -> NDArray[np.float32]:
    """Return the plane as (height, width) pixels; `size` is (width, height)."""
    from PIL import Image

    return np.asarray(Image.fromarray(plane).resize(size, how), dtype=np.float32)


def _levels(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(grey * (GREYS - 1)), 0, GREYS - 1).astype(np.uint8)


def _paint_bar(painted: NDArray[np.uint8], length: float) -> None:
    """Paint the bar into the lower left corner of a picture that nobody else holds."""
    bottom = max(BAR_HEIGHT, painted.shape[0] - BAR_MARGIN)
    painted[bottom - BAR_HEIGHT : bottom, BAR_MARGIN : BAR_MARGIN + max(1, round(length))] = BAR


def _png(painted: NDArray[np.uint8]) -> bytes:
    """Return the file, without any text or time in it."""
    from PIL import Image

    picture = Image.fromarray(painted)
    greys = [(round(level * 255 / (GREYS - 1)),) * 3 for level in range(GREYS)]
    picture.putpalette([part for colour in [*greys, OUTLINE_COLOUR, BAR_COLOUR] for part in colour])
    held = BytesIO()
    picture.save(held, format="PNG", optimize=True)
    return held.getvalue()
