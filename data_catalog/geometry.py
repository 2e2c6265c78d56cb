"""Where voxels lie in the patient: a frozen value, apart from the voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Triple = tuple[float, float, float]
SAME_GRID_TOLERANCE_MM = 1e-3
"""Two grids are the same when no corner differs by more than this: the precision DICOM writes."""


@dataclass(frozen=True)
class Geometry:
    """Place a grid of voxels in the patient.

    Every triple is in the order (z, y, x) and in the DICOM patient frame (LPS: x grows to the
    patient's left, y to the back, z to the head); formats turn their own order at their edge.

    Parameters
    ----------
    shape : tuple of int
        Number of voxels along (z, y, x).
    spacing_mm : tuple of float
        Distance between voxel centres along each array axis.
    origin_mm : tuple of float
        Patient position (z, y, x) of the centre of voxel (0, 0, 0).
    direction : tuple of tuple of float
        Columns are the unit vectors, in patient (z, y, x), of the array axes. They need not be
        orthogonal: a tilted gantry keeps its shear.
    """

    shape: tuple[int, int, int]
    spacing_mm: Triple
    origin_mm: Triple = (0.0, 0.0, 0.0)
    direction: tuple[Triple, Triple, Triple] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def __post_init__(self) -> None:
        if min(self.shape) < 1:
            raise BadData(
                "empty_grid", "A grid has at least one voxel along each axis", f"shape {self.shape}", "Check the file."
            )
        if not all(np.isfinite(s) and s > 0 for s in self.spacing_mm):
            raise BadData(
                "bad_spacing", "Voxel spacing is positive, in mm", f"{self.spacing_mm}", "Correct the header."
            )
        if not np.isfinite(self.origin_mm).all():
            raise BadData("bad_origin", "The origin is a place in mm", f"{self.origin_mm}", "Correct the header.")
        if not np.isfinite(self._axes()).all() or abs(np.linalg.det(self._axes())) <= 1e-6:  # noqa: PLR2004 - flat axes
            raise BadData(
                "bad_direction", "The three axes span a volume", f"{self.direction}", "Correct the orientation."
            )

    def _axes(self) -> NDArray[np.float64]:
        return np.asarray(self.direction, dtype=np.float64)

    @property
    def is_planar(self) -> bool:
        """Whether the grid is a single plane: a 2-D image, whose z spacing means nothing."""
        return self.shape[0] == 1

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel, in mm3."""
        return float(abs(np.linalg.det(self._axes() * np.asarray(self.spacing_mm))))

    def affine(self) -> NDArray[np.float64]:
        """Return the 4 x 4 matrix from voxel index (k, j, i, 1) to patient (z, y, x, 1) in mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self._axes() * np.asarray(self.spacing_mm)
        matrix[:3, 3] = self.origin_mm
        return matrix

    def to_mm(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn voxel indices (..., 3) into patient positions (..., 3) in mm, both (z, y, x)."""
        affine = self.affine()
        return (np.asarray(index, dtype=np.float64) @ affine[:3, :3].T + affine[:3, 3]).astype(np.float64)

    def to_index(self, position_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn patient positions (..., 3) in mm into fractional voxel indices (..., 3), both (z, y, x)."""
        affine = self.affine()
        offsets = (np.asarray(position_mm, dtype=np.float64) - affine[:3, 3]).reshape(-1, 3)
        index: NDArray[np.float64] = np.linalg.inv(affine[:3, :3]).astype(np.float64) @ offsets.T
        return np.asarray(index.T.reshape(np.shape(position_mm)), dtype=np.float64)

    def axis_positions_mm(self, axis: int) -> NDArray[np.float64]:
        """Return the positions of the voxel centres along one array axis, projected on that axis.

        With an axis-aligned direction these are the patient's own coordinates.
        """
        start = float(self._axes()[:, axis] @ np.asarray(self.origin_mm))
        return (start + self.spacing_mm[axis] * np.arange(self.shape[axis])).astype(np.float64)

    def resized(self, spacing_mm: Triple) -> Geometry:
        """Return the grid over the same extent with another spacing, centred alike (IBSI's align-by-centre)."""
        old = np.asarray(self.spacing_mm)
        new = np.asarray(spacing_mm, dtype=np.float64)
        shape = np.ceil(np.asarray(self.shape) * old / new - 1e-6).astype(int)
        first = 0.5 * (np.asarray(self.shape) - 1) - 0.5 * (shape - 1) * new / old
        origin = self.to_mm(first)
        return Geometry(
            shape=(int(shape[0]), int(shape[1]), int(shape[2])),
            spacing_mm=(float(new[0]), float(new[1]), float(new[2])),
            origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
            direction=self.direction,
        )

    def part(self, first: tuple[int, int, int], shape: tuple[int, int, int]) -> Geometry:
        """Return the grid of a box of the voxels, which begins at an index (z, y, x)."""
        z, y, x = self.to_mm(np.asarray(first, dtype=np.float64)).tolist()
        return Geometry(shape, self.spacing_mm, (z, y, x), self.direction)

    def require_same_grid(self, other: Geometry) -> None:
        """Raise `BadData` unless both grids have the same voxels at the same places."""
        if self.shape != other.shape:
            raise BadData(
                "other_grid",
                "Image and mask must share a grid",
                f"shapes {self.shape} and {other.shape} differ",
                "Resample the mask onto the image's grid.",
            )
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape], indexing="ij")).reshape(3, -1).T
        apart = float(np.abs(self.to_mm(corners) - other.to_mm(corners)).max())
        if apart > SAME_GRID_TOLERANCE_MM:
            raise BadData(
                "other_grid",
                "Image and mask must share a grid",
                f"their corners lie up to {apart:.3f} mm apart",
                "Resample the mask onto the image's grid.",
            )

    def to_attrs(self) -> dict[str, Any]:
        """Return spacing, origin and direction as plain lists, as they stand in a volume's attributes."""
        return {
            "spacing_mm": list(self.spacing_mm),
            "origin_mm": list(self.origin_mm),
            "direction": [list(row) for row in self.direction],
        }

    @classmethod
    def from_attrs(cls, shape: tuple[int, int, int], attrs: Mapping[Any, Any]) -> Geometry:
        """Build the geometry from a shape and the attributes of a volume or a mask."""
        z, y, x = (tuple(float(v) for v in row) for row in attrs["direction"])
        return cls(
            shape=shape,
            spacing_mm=_triple(attrs["spacing_mm"]),
            origin_mm=_triple(attrs["origin_mm"]),
            direction=(_triple(z), _triple(y), _triple(x)),
        )


def _triple(values: Any) -> Triple:  # noqa: ANN401 - attributes are read from JSON
    a, b, c = values
    return float(a), float(b), float(c)
