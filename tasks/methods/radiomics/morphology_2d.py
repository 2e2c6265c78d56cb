"""How large a region of an image of one plane is and what form it has, which IBSI does not define."""

from __future__ import annotations

from math import hypot, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.hull import surface_extremes
from tasks.methods.radiomics.kernels.outline import cell_codes, row_sums
from tasks.methods.radiomics.places import bits, diameter, principal_axes

if TYPE_CHECKING:
    from tasks.methods.radiomics.region import Region

FEATURES = (
    ("area_mm2", "Area", None, "mm^2", "The area inside the contour drawn around the pixels."),
    ("area_pixels_mm2", "Area by counting pixels", None, "mm^2", "The area of all pixels together."),
    ("perimeter_mm", "Perimeter", None, "mm", "The length of the contour drawn around the pixels, holes among it."),
    ("circularity", "Circularity", None, "1", "1 in a disc, less in any other form."),
    ("diameter_mm", "Maximum diameter", None, "mm", "The longest straight line between two points of the contour."),
    ("major_axis_mm", "Major axis length", None, "mm", "The length of the ellipse that is spread like the pixels."),
    ("minor_axis_mm", "Minor axis length", None, "mm", "The width of the ellipse that is spread like the pixels."),
    ("elongation", "Elongation", None, "1", "1 when as wide as long, near 0 when long and narrow."),
    ("solidity", "Solidity", None, "1", "1 when convex, less with dents and arms."),
)
UNDEFINED = {"elongation": "The region is one pixel and has no length."}
"""Why a feature of a region is NaN."""
UNCONFIRMED = frozenset(word for word, *_ in FEATURES)
COLUMNS = tuple(f"morph2d_{word}" for word, *_ in FEATURES)
INSIDE = np.array([0, 1, 1, 4, 1, 4, 2, 7, 1, 2, 4, 7, 4, 7, 7, 8]) / 8
"""The part of a cell of four pixels inside the contour, by which of them (bit 2y + x) are in the region.

Pixels that touch across a corner are not joined."""
SLANTED = np.array([0, 1, 1, 0, 1, 0, 2, 1, 1, 2, 0, 1, 0, 1, 1, 0])
"""How often the contour cuts off a corner of such a cell."""
ALONG_X, ALONG_Y = (3, 12), (5, 10)
"""Cells that the contour crosses straight."""


def morphology_2d(region: Region) -> dict[str, float]:
    """Return `morph2d_<word>` of a region of an image of one plane, in mm and its powers.

    The contour is that of marching squares at 0.5 of the mask; holes have contours of their own.
    """
    _, height, width = region.spacing_mm
    rows = bits(region.mask)
    sums, ends = row_sums(rows)
    # of the cells above the plane, the four voxels below are empty
    codes = cell_codes(rows)[::16]
    area = float(codes @ INSIDE) * height * width
    perimeter = (
        float(codes @ SLANTED) * hypot(height, width) / 2
        + int(codes[list(ALONG_X)].sum()) * width
        + int(codes[list(ALONG_Y)].sum()) * height
    )
    variances, _ = principal_axes(sums.tolist(), (0.0, height, width))
    major, minor = (4 * sqrt(variance) for variance in variances[:2])
    corners = _contour_corners(surface_extremes(ends).tolist())
    places = np.array([(0, y, x) for y, x in corners]) * (0.0, height / 2, width / 2)
    found = (
        area,
        int(sums[0]) * height * width,
        perimeter,
        4 * pi * area / perimeter**2,
        diameter(places),
        major,
        minor,
        minor / major if major > 0 else np.nan,
        area / (_area(corners) * height * width / 4),
    )
    return dict(zip(COLUMNS, found, strict=True))


def _contour_corners(points: list[list[int]]) -> list[tuple[int, int]]:
    """Return the corners (y, x) of the convex hull of those points (z, y, x) that are in the plane, in turn."""
    places = sorted({(y, x) for z, y, x in points if z == 0})
    return [*_half(places), *_half(places[::-1])]


def _half(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the corners of one side of the hull without the last; `places` run from one end to the other."""
    chain: list[tuple[int, int]] = []
    for y, x in places:
        while len(chain) > 1:
            (y0, x0), (y1, x1) = chain[-2:]
            if (y1 - y0) * (x - x0) - (x1 - x0) * (y - y0) > 0:
                break
            chain.pop()
        chain.append((y, x))
    return chain[:-1]


def _area(corners: list[tuple[int, int]]) -> float:
    following = [*corners[1:], corners[0]]
    return abs(sum(y * b - a * x for (y, x), (a, b) in zip(corners, following, strict=True))) / 2
