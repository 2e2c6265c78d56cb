"""Whether two programs have made the same volume of a series: every voxel, and where it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel
import numpy as np

from data_catalog.kinds import VOLUME, geometry_of
from data_catalog.refs import Ref
from data_catalog.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CORNERS_MM = 1e-4
"""Corners may lie so far apart: NIfTI keeps places in 32 bits."""
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From NIfTI's right, anterior, superior to DICOM's left, posterior, superior."""


def require_same(root: Path, digest: str, nifti: Path) -> None:
    """Stop unless a volume of the store and a NIfTI file hold the same voxels at the same places."""
    volume = Store(root).open(Ref(kind=VOLUME.name, digest=digest))
    theirs = nibabel.load(nifti)
    affine = geometry_of(volume).affine()[np.ix_([2, 1, 0, 3], [2, 1, 0, 3])]  # (z, y, x) to (x, y, z), both sides
    steps = np.linalg.inv(LPS @ theirs.affine) @ affine  # from our (x, y, z) to theirs
    turns = np.rint(steps[:3, :3]).astype(int)
    corners = _corners(volume.shape[::-1])
    apart = np.abs(affine @ corners - LPS @ theirs.affine @ np.rint(steps) @ corners).max()
    if apart > CORNERS_MM or (np.abs(turns).sum(axis=0) != 1).any():
        message = f"The corners of both volumes lie {apart:.2g} mm apart."
        raise RuntimeError(message)
    if not np.array_equal(_turned(np.asanyarray(theirs.dataobj), turns), volume.to_numpy()):
        message = "The voxels of both volumes differ."
        raise RuntimeError(message)


def _corners(shape: tuple[int, ...]) -> NDArray[np.float64]:
    ends = np.meshgrid(*[(0, length - 1) for length in shape])
    return np.vstack([*(axis.ravel() for axis in ends), np.ones(8)]).astype(float)


def _turned(values: NDArray[np.int16], turns: NDArray[np.int_]) -> NDArray[np.int16]:
    """Return (x, y, z) values, turned and flipped, as (z, y, x)."""
    order = [int(np.flatnonzero(turns[:, axis])[0]) for axis in range(3)]
    turned = values.transpose(order)
    backwards = [axis for axis in range(3) if turns[order[axis], axis] < 0]
    return np.flip(turned, backwards).transpose(2, 1, 0)
