"""Which slices lie at one position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.formats.dicom.stack import ROUNDING_MM, crooked, unknown_position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.formats.dicom.planes import Plane

SAME_PLACE_MM = (1e-3, 0.02)
"""Slices closer than a hundredth of a pixel lie at one position; not less than the first, nor more than the second."""
_OF_A_PIXEL = 0.01


def places_of(planes: Sequence[Plane]) -> NDArray[np.int64]:
    """Return for each plane which position it lies at, counted along the normal from 0.

    Planes without a position lie at one and the same, if none has one.

    Raises `BadData`: `unknown_position` where only some have one, `uneven_slices` where those at one height are
    shifted sideways.
    """
    known = [plane.position_mm for plane in planes if plane.position_mm is not None]
    if not known:
        return np.zeros(len(planes), dtype=np.int64)
    if len(known) < len(planes):
        raise unknown_position(f"{len(planes) - len(known)} of {len(planes)} do not")
    positions = np.array(known)
    along = positions @ np.array(planes[0].normal)
    order = np.argsort(along, kind="stable")
    begins = _begins(along[order], _same_place_mm(planes[0]))
    ranks = np.cumsum(begins) - 1
    first = positions[order][begins][ranks]
    if np.abs(positions[order] - first).max() > ROUNDING_MM:
        raise crooked("slices at one height are shifted sideways")
    places = np.empty(len(planes), dtype=np.int64)
    places[order] = ranks
    return places


def _same_place_mm(plane: Plane) -> float:
    least, most = SAME_PLACE_MM
    return min(most, max(least, _OF_A_PIXEL * min(plane.spacing_mm or (0.0,))))


def _begins(along: NDArray[np.float64], same_mm: float) -> NDArray[np.bool_]:
    """Return where a new position begins among ascending ones: more than the tolerance behind the first of the last."""
    begins = np.concatenate([[True], np.diff(along) > same_mm])
    start = along[0]
    for k in np.flatnonzero(~begins):
        # A chain of tiny steps is one position only as long as it stays near its beginning.
        start = along[k - 1] if begins[k - 1] else start
        begins[k] = along[k] - start > same_mm
    return begins
