"""A region's contours onto the slices of its image, with what has to be known of how they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from data_catalog.verdicts import Correction
from tasks.methods.regions.scanline import HALF_SLICE, crossing, rasterise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry

IN_SLICE = 0.02
"""A contour lies in its slice when it is off by at most this share of the step between slices: rounding."""
ONE_PLANE = 0.1
"""Contours of one slice lie in one plane when their heights differ by at most this share of the step."""


def place_contours(
    contours: Sequence[NDArray[np.float64]], geometry: Geometry
) -> tuple[NDArray[np.bool_], list[Correction]]:
    """Return the (z, y, x) voxels inside a region's contours, as `rasterise` draws them, and what should be known.

    Contours are (n, 3) patient positions (z, y, x) in mm. Each goes to the slice it lies nearest to, whatever image
    it refers to. One that is there twice counts once: even-odd, it would rub itself out. Slices between contours
    stay empty, and are counted.

    Raises `BadData` as `rasterise` does, and `contours_between_slices` where contours of several planes fall into
    one slice: they were drawn on thinner slices than these.
    """
    once = list({_shape_of(contour): contour for contour in contours}.values())
    mask = rasterise(once, geometry)
    heights = np.array([geometry.to_index(contour)[:, 0].mean() for contour in once])
    slices = np.floor(heights + HALF_SLICE).astype(np.int64)
    _require_one_plane(heights, slices)
    notes = [
        _copies(len(contours) - len(once)),
        _off_slices(np.abs(heights - slices) * geometry.spacing_mm[0], IN_SLICE * geometry.spacing_mm[0]),
        _between(slices),
        _crossing(crossing(once, geometry)),
    ]
    return mask, [note for note in notes if note is not None]


def _shape_of(contour: NDArray[np.float64]) -> bytes:
    """Return what contours of the same edges have in common, wherever they start and whichever way they go."""
    ends = np.stack([contour, np.roll(contour, -1, axis=0)], axis=1)
    backward = np.array([tuple(one) > tuple(other) for one, other in ends.tolist()], dtype=np.bool_)
    ends[backward] = ends[backward][:, ::-1]
    edges = ends.reshape(len(ends), -1)
    return edges[np.lexsort(edges.T[::-1])].tobytes()


def _require_one_plane(heights: NDArray[np.float64], slices: NDArray[np.int64]) -> None:
    order = np.argsort(heights, kind="stable")
    apart = np.diff(heights[order])
    shared = int(((np.diff(slices[order]) == 0) & (apart > ONE_PLANE)).sum())
    if shared:
        raise BadData(
            "contours_between_slices",
            "The contours in a slice of the image lie in one plane",
            f"{shared} further planes with contours fall into slices that have one",
            "Read the region on the series it was drawn on: its slices are thinner.",
        )


def _copies(count: int) -> Correction | None:
    text = f"{count} contours that are there twice were drawn once"
    return Correction(name="duplicate_contours", text=text) if count else None


def _crossing(count: int) -> Correction | None:
    text = f"{count} contours cross another one of their slice: what both enclose was left out, as even-odd has it"
    return Correction(name="contours_cross", text=text) if count else None


def _off_slices(off_mm: NDArray[np.float64], rounding_mm: float) -> Correction | None:
    off = int((off_mm > rounding_mm).sum())
    text = f"{off} contours lie up to {off_mm.max(initial=0):.3f} mm off their slices and were drawn in the nearest"
    return Correction(name="contours_off_slices", text=text) if off else None


def _between(slices: NDArray[np.int64]) -> Correction | None:
    held = np.unique(slices)
    empty = int(held[-1] - held[0] + 1 - len(held)) if held.size else 0
    text = f"{empty} slices between the first and the last contour have none and stay empty"
    return Correction(name="slices_without_contours", text=text) if empty else None
