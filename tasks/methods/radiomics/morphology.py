"""How large a region is and what form it has (IBSI's HCUG); two features ask for its intensities too."""

from __future__ import annotations

from math import pi, prod, sqrt
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.ellipsoid import ellipsoid_area
from tasks.methods.radiomics.kept import kept_voxels
from tasks.methods.radiomics.kernels.enclosure import enclosing_ellipsoid, oriented_box
from tasks.methods.radiomics.kernels.hull import convex_hull, hull_size, surface_extremes
from tasks.methods.radiomics.kernels.outline import cell_codes, row_sums
from tasks.methods.radiomics.mesh import VOXELS_IN_CELL, cell_areas, cell_volumes
from tasks.methods.radiomics.places import bits, diameter, principal_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.methods.radiomics.kept import KeptVoxels
    from tasks.methods.radiomics.region import Region

FEATURES = (
    ("volume_mm3", "Volume", "RNU0", "mm^3", "The volume inside the surface drawn around the voxels."),
    ("volume_voxels_mm3", "Volume by counting voxels", "YEKZ", "mm^3", "The volume of all voxels together."),
    ("surface_mm2", "Surface area", "C0JK", "mm^2", "The area of the surface drawn around the voxels."),
    ("surface_to_volume_per_mm", "Surface to volume ratio", "2PR5", "1/mm", "Low in large and in compact regions."),
    ("compactness_1", "Compactness 1", "SKGS", "1", "Highest, 0.053, in a ball."),
    ("compactness_2", "Compactness 2", "BQWJ", "1", "The cube of sphericity: 1 in a ball, less in any other form."),
    ("spherical_disproportion", "Spherical disproportion", "KRCK", "1", "1 in a ball, more in any other form."),
    ("sphericity", "Sphericity", "QCFX", "1", "1 in a ball, less in any other form."),
    ("asphericity", "Asphericity", "25C7", "1", "0 in a ball, more in any other form."),
    ("center_shift_mm", "Centre of mass shift", "KLMA", "mm", "High when one side of the region is brighter."),
    (
        "diameter_mm",
        "Maximum 3-D diameter",
        "L0JK",
        "mm",
        "The longest straight line between two points of the surface.",
    ),
    ("major_axis_mm", "Major axis length", "TDIC", "mm", "The length of the ellipsoid that is spread like the voxels."),
    ("minor_axis_mm", "Minor axis length", "P9VJ", "mm", "The width of the ellipsoid that is spread like the voxels."),
    ("least_axis_mm", "Least axis length", "7J51", "mm", "The height of the ellipsoid that is spread like the voxels."),
    ("elongation", "Elongation", "Q3CK", "1", "1 when as wide as long, near 0 when long and narrow."),
    ("flatness", "Flatness", "N17B", "1", "1 when as high as long, 0 when a sheet."),
    ("volume_density_box", "Volume density, bounding box", "PBX1", "1", "The part of the bounding box that it fills."),
    ("area_density_box", "Area density, bounding box", "R59B", "1", "Its surface beside that of the bounding box."),
    (
        "volume_density_turned_box",
        "Volume density, oriented bounding box",
        "ZH1A",
        "1",
        "The part that it fills of the smallest box around it in any direction.",
    ),
    (
        "area_density_turned_box",
        "Area density, oriented bounding box",
        "IQYR",
        "1",
        "Its surface beside that of the smallest box around it in any direction.",
    ),
    (
        "volume_density_ellipsoid",
        "Volume density, approximate enclosing ellipsoid",
        "6BDE",
        "1",
        "Its volume beside that of the ellipsoid that is spread like the voxels.",
    ),
    (
        "area_density_ellipsoid",
        "Area density, approximate enclosing ellipsoid",
        "RDD2",
        "1",
        "Its surface beside that of the ellipsoid that is spread like the voxels.",
    ),
    (
        "volume_density_enclosing_ellipsoid",
        "Volume density, minimum volume enclosing ellipsoid",
        "SWZ1",
        "1",
        "The part that it fills of the smallest ellipsoid around it.",
    ),
    (
        "area_density_enclosing_ellipsoid",
        "Area density, minimum volume enclosing ellipsoid",
        "BRI8",
        "1",
        "Its surface beside that of the smallest ellipsoid around it.",
    ),
    ("volume_density_hull", "Volume density, convex hull", "R3ER", "1", "1 when convex, less with dents and arms."),
    ("area_density_hull", "Area density, convex hull", "7T7F", "1", "1 when convex, more with a rough surface."),
    (
        "integrated_intensity",
        "Integrated intensity",
        "99N0",
        "image mm^3",
        "The average intensity times the volume: high in large, bright regions.",
    ),
)
UNDEFINED = {
    "center_shift_mm": "The intensities sum up to 0, so that they have no centre of mass.",
    "elongation": "The region is one voxel and has no length.",
    "flatness": "The region is one voxel and has no length.",
    "volume_density_ellipsoid": "All voxels lie in one plane, so that the ellipsoid spread like them has no volume.",
    "area_density_ellipsoid": "All voxels lie on one line, so that the ellipsoid spread like them has no surface.",
}
"""Why a feature of a region is NaN."""
UNCONFIRMED = frozenset(
    {
        "volume_density_turned_box",
        "area_density_turned_box",
        "volume_density_enclosing_ellipsoid",
        "area_density_enclosing_ellipsoid",
    }
)
"""Features of IBSI's manual for which it gives no reference values."""
COLUMNS = tuple(f"morph_{word}" for word, *_ in FEATURES)
ELLIPSOID_ACCURACY = 1e-4
"""How close the smallest enclosing ellipsoid is found: its volume is less than this part times 1.5 too large."""
DIAGONAL = sqrt(0.5)
TURNS = np.array(
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[1, 0, 0], [0, DIAGONAL, DIAGONAL], [0, -DIAGONAL, DIAGONAL]],
        [[DIAGONAL, 0, DIAGONAL], [0, 1, 0], [-DIAGONAL, 0, DIAGONAL]],
        [[DIAGONAL, DIAGONAL, 0], [-DIAGONAL, DIAGONAL, 0], [0, 0, 1]],
    ]
)
"""From where the oriented box is sought: the axes of the image and of the region, as they are and half way between."""


def morphology(region: Region, kept: KeptVoxels | None = None) -> dict[str, float]:
    """Return `morph_<word>` of a region, in mm and its powers; a feature that is undefined is NaN.

    The surface is that of marching cubes (see `mesh.TRIANGLES`) at 0.5 of the morphological mask; even around one
    voxel it holds a volume, so that no hull is flat. The oriented box is a good one and not always the smallest: none
    of eight starts leads to a smaller one by turning about an axis of its own. `kept` saves gathering them again.
    """
    spacing = region.spacing_mm
    voxel = prod(spacing)
    rows = bits(region.mask)
    codes = cell_codes(rows)
    sums, ends = row_sums(rows)
    count = int(sums[0])
    # cells that are all inside are not counted: each voxel is a corner of eight cells
    whole_cells = (8 * count - int(codes @ VOXELS_IN_CELL)) // 8
    volume = (float(codes @ cell_volumes()) + whole_cells) * voxel
    surface = float(codes @ cell_areas(spacing))
    kept = kept_voxels(region) if kept is None else kept
    found = (
        volume,
        count * voxel,
        *_roundness(volume, surface),
        _shift(kept, sums, spacing),
        *_extent(ends, spacing, principal_axes(sums.tolist(), spacing), (volume, surface)),
        volume * kept.mean,
    )
    return dict(zip(COLUMNS, found, strict=True))


def _roundness(volume: float, surface: float) -> tuple[float, ...]:
    """Return surface and the features that compare it with that of a ball of the same volume."""
    ball_surface = (36 * pi * volume**2) ** (1 / 3)
    return (
        surface,
        surface / volume,
        volume / (sqrt(pi) * surface**1.5),
        (ball_surface / surface) ** 3,
        surface / ball_surface,
        ball_surface / surface,
        surface / ball_surface - 1,
    )


def _shift(kept: KeptVoxels, sums: NDArray[np.int64], spacing: Sequence[float]) -> float:
    """Return the distance of the centre of mass of the intensities from that of the voxels."""
    count, *places = sums[:4].tolist()
    away = [(at - place / count) * mm for at, place, mm in zip(kept.center, places, spacing, strict=True)]
    return sqrt(sum(part * part for part in away))


def _extent(
    ends: NDArray[np.int32],
    spacing: Sequence[float],
    principal: tuple[list[float], NDArray[np.float64]],
    size: tuple[float, float],
) -> tuple[float, ...]:
    """Return diameter, axes, and how volume and surface (`size`) fill what is drawn around the region."""
    half = np.array(spacing) / 2
    points = surface_extremes(ends)
    triangles = convex_hull(points)
    places = points * half
    is_corner = np.zeros(len(points), dtype=bool)
    is_corner[triangles[:, :3]] = True
    corners = places[is_corner]
    variances, directions = principal
    sides = np.ptp(corners, axis=0)
    turned = oriented_box(places, triangles, np.concatenate([TURNS, TURNS @ directions]))
    # about as far across in every direction, which keeps the digits
    around = enclosing_ellipsoid(corners / sides, ELLIPSOID_ACCURACY) * np.outer(sides, sides)
    major, minor, least = (2 * sqrt(variance) for variance in variances)
    hull = hull_size(points, triangles, half).tolist()
    return (
        diameter(corners),
        2 * major,
        2 * minor,
        2 * least,
        _share(minor, major),
        _share(least, major),
        *_of_box(size, sides.tolist()),
        *_of_box(size, turned.tolist()),
        *_of_ellipsoid(size, (major, minor, least)),
        *_of_ellipsoid(size, np.sqrt(np.linalg.eigvalsh(around))[::-1].tolist()),
        size[0] / hull[0],
        size[1] / hull[1],
    )


def _of_box(size: tuple[float, float], sides: Sequence[float]) -> tuple[float, float]:
    a, b, c = sides
    return size[0] / (a * b * c), size[1] / (2 * (a * b + b * c + c * a))


def _of_ellipsoid(size: tuple[float, float], axes: Sequence[float]) -> tuple[float, float]:
    area = ellipsoid_area(*axes) if axes[0] > 0 else 0.0
    return _share(size[0], 4 / 3 * pi * prod(axes)), _share(size[1], area)


def _share(part: float, whole: float) -> float:
    """Return part / whole, NaN (undefined for this region) when the whole is 0."""
    return part / whole if whole > 0 else np.nan
