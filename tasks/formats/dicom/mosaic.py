"""Siemens' mosaics: the slices of a volume as the tiles of one image."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, isqrt
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.formats.dicom.binary import number, private, unpacked
from tasks.formats.dicom.csa import csa_header
from tasks.formats.dicom.elements import bad_element

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet
    from tasks.formats.dicom.planes import Plane

Tile = tuple[slice, slice]
"""Rows and columns of the frame that a slice fills."""

ALONG_NORMAL = 0.99
"""The stated normal of the slices is that of the image, or its opposite, when their cosine is above this."""


def is_mosaic(dataset: DataSet) -> bool:
    """Say whether the image is a mosaic of slices."""
    return "MOSAIC" in dataset.texts("ImageType")


def tiles(dataset: DataSet, plane: Plane) -> list[tuple[Plane, Tile]]:
    """Return the slices of a mosaic: the plane of each, and the part of the image it fills.

    The header places the mosaic as if it were one slice, centred where the tiles are; the first tile lies
    there, the others follow along the normal that the CSA header states.

    Raises `BadData`: `mosaic_not_placed`, `bad_element`.
    """
    header = csa_header(dataset)
    count = _count(dataset, header)
    normal = _numbers(header, "SliceNormalVector")
    step = number(dataset, "SpacingBetweenSlices") or plane.depth_mm
    if not count or len(normal) != 3 or not step or plane.position_mm is None or plane.spacing_mm is None:  # noqa: PLR2004
        raise _not_placed("its CSA header, which says how many slices there are and in which direction, is not there")
    cosine = float(np.dot(normal[::-1], plane.normal))
    if abs(cosine) < ALONG_NORMAL:
        raise _not_placed("its CSA header states another orientation than the image")
    rows, columns, across = _tile_shape(dataset, count)
    corner = _corner(plane, (dataset.require_integer("Rows") - rows, dataset.require_integer("Columns") - columns))
    along = np.array(plane.normal) * abs(step) * np.sign(cosine)
    out = []
    for k in range(count):
        z, y, x = (float(one) for one in corner + k * along)
        row, column = rows * (k // across), columns * (k % across)
        placed = replace(plane, position_mm=(z, y, x), depth_mm=abs(step))
        out.append((placed, (slice(row, row + rows), slice(column, column + columns))))
    return out


def _count(dataset: DataSet, header: dict[str, tuple[str, ...]]) -> int:
    stated = _numbers(header, "NumberOfImagesInMosaic")
    beside = unpacked(dataset, private(dataset, 0x0019, "SIEMENS MR HEADER", 0x0A), "H") or ()
    return int((*stated, *beside, 0)[0])


def _numbers(header: dict[str, tuple[str, ...]], name: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(text) for text in header.get(name, ()))
    except ValueError:
        return ()
    return numbers if np.isfinite(numbers).all() else ()


def _tile_shape(dataset: DataSet, count: int) -> tuple[int, int, int]:
    """Return the rows and columns of a tile, and how many tiles stand side by side."""
    rows, columns = dataset.require_integer("Rows"), dataset.require_integer("Columns")
    across = ceil(count**0.5) if isqrt(count) ** 2 != count else isqrt(count)
    if not count <= across**2 or rows % across or columns % across:
        raise bad_element(
            "Rows", f"and Columns are those of {across} x {across} tiles", f"{across} does not divide them"
        )
    return rows // across, columns // across, across


def _corner(plane: Plane, beyond: tuple[int, int]) -> np.ndarray:
    """Return the centre of the first pixel of the first tile; `beyond` is how much larger the mosaic is, (y, x)."""
    spacing, down, across = plane.spacing_mm, plane.down, plane.across
    if spacing is None or down is None or across is None:
        raise _not_placed("the image does not state its orientation")
    moved = np.array(down) * beyond[0] * spacing[0] / 2 + np.array(across) * beyond[1] * spacing[1] / 2
    return np.asarray(np.array(plane.position_mm) + moved)


def _not_placed(came: str) -> BadData:
    return BadData(
        "mosaic_not_placed",
        "A mosaic says how many slices it holds and how they are stacked",
        came,
        "Export the series again with its private elements, or convert it on the scanner.",
    )
