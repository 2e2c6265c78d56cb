"""How large a region is and what form it has, whatever its intensities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist
from skimage.measure import find_contours, marching_cubes

from tasks.methods.radiomics.definition import FeatureDefinition
from tasks.methods.radiomics.extractor import RegionFeatures, cut_out, require_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

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
    ("volume_density_hull", "Volume density, convex hull", "R3ER", "1", "1 when convex, less with dents and arms."),
    ("area_density_hull", "Area density, convex hull", "7T7F", "1", "1 when convex, more with a rough surface."),
)
PLANAR_FEATURES = (
    ("area_mm2", "Area", "mm^2", "The area inside the contour drawn around the pixels."),
    ("area_pixels_mm2", "Area by counting pixels", "mm^2", "The area of all pixels together."),
    ("perimeter_mm", "Perimeter", "mm", "The length of the contour drawn around the pixels, holes among it."),
    ("circularity", "Circularity", "1", "1 in a disc, less in any other form."),
    ("diameter_mm", "Maximum diameter", "mm", "The longest straight line between two points of the contour."),
    ("major_axis_mm", "Major axis length", "mm", "The length of the ellipse that is spread like the pixels."),
    ("minor_axis_mm", "Minor axis length", "mm", "The width of the ellipse that is spread like the pixels."),
    ("elongation", "Elongation", "1", "1 when as wide as long, near 0 when long and narrow."),
    ("solidity", "Solidity", "1", "1 when convex, less with dents and arms."),
)
FLAT = 1e-12
"""A variance below this part of the largest is rounding, and counts as none."""
ROWS_AT_A_TIME = 512


class Shape(RegionFeatures):
    """Compute 19 morphological features of IBSI (HCUG) from the mask alone.

    Surface and volume are those of the marching-cubes mesh (Lewiner et al., Journal of Graphics Tools 8
    (2003) 1-15) at 0.5 of the mask; missing voxels of the image belong to the region. In an image of
    one plane the columns are others: the family `morph2d`, of the contour by marching squares, which
    IBSI does not define. `elongation` and `flatness` of a single voxel are NaN: undefined for this region.
    """

    method: Literal["shape"] = "shape"

    def definitions(self, *, planar: bool = False) -> tuple[FeatureDefinition, ...]:
        """Return what each column means; images of one plane have columns of their own."""
        if planar:
            rows = [(f"morph2d_{name}", label, None, unit, meaning) for name, label, unit, meaning in PLANAR_FEATURES]
        else:
            rows = [(f"morph_{name}", *rest) for name, *rest in FEATURES]  # type: ignore[misc]
        return tuple(
            FeatureDefinition(
                column=column,
                label=label,
                ibsi=ibsi,
                aggregation=None if planar else "DHQ4",
                unit=unit,
                conformant=not planar,
                meaning=meaning,
            )
            for column, label, ibsi, unit, meaning in rows
        )

    def __call__(self, image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple) -> dict[str, float]:
        """Return the form and size of the region, in mm and its powers.

        Raises
        ------
        BadData
            `empty_region`, `region_too_small`, `infinite_voxels`, or `other_grid` when shapes differ.
        """
        region = cut_out(image, mask, spacing_mm)
        require_size(int(region.mask.sum()), self.minimum_voxels)
        if region.planar:
            return _of_plane(region.mask[0], np.asarray(spacing_mm[1:]))
        return _of_volume(region.mask, np.asarray(spacing_mm))


def _of_volume(mask: NDArray[np.bool_], spacing: NDArray[np.float64]) -> dict[str, float]:
    vertices, faces, *_ = marching_cubes(np.pad(mask, 1).astype(np.float32), level=0.5)
    points = vertices.astype(np.float64) * spacing
    volume, surface = _mesh_size(points[faces])
    # even around one voxel the mesh has a volume, so its hull is never degenerate
    hull = ConvexHull(points)
    sides = np.ptp(points, axis=0)
    axes = _axes(np.argwhere(mask) * spacing)
    ball_surface = (36 * np.pi * volume**2) ** (1 / 3)
    found = {
        "volume_mm3": volume,
        "volume_voxels_mm3": mask.sum() * spacing.prod(),
        "surface_mm2": surface,
        "surface_to_volume_per_mm": surface / volume,
        "compactness_1": volume / (np.sqrt(np.pi) * surface**1.5),
        "compactness_2": (ball_surface / surface) ** 3,
        "spherical_disproportion": surface / ball_surface,
        "sphericity": ball_surface / surface,
        "asphericity": surface / ball_surface - 1,
        "diameter_mm": largest_distance(points[hull.vertices]),
        "major_axis_mm": axes[0],
        "minor_axis_mm": axes[1],
        "least_axis_mm": axes[2],
        "elongation": _ratio(axes[1], axes[0]),
        "flatness": _ratio(axes[2], axes[0]),
        "volume_density_box": volume / sides.prod(),
        "area_density_box": surface / (2 * (sides[0] * sides[1] + sides[1] * sides[2] + sides[2] * sides[0])),
        "volume_density_hull": volume / hull.volume,
        "area_density_hull": surface / hull.area,
    }
    return {f"morph_{name}": float(found[name]) for name, *_ in FEATURES}


def _of_plane(mask: NDArray[np.bool_], spacing: NDArray[np.float64]) -> dict[str, float]:
    contours = [contour * spacing for contour in find_contours(np.pad(mask, 1).astype(np.float64), level=0.5)]
    # holes run the other way round, so their area counts against the whole
    area = abs(sum(_signed_area(contour) for contour in contours))
    perimeter = sum(float(np.linalg.norm(np.diff(contour, axis=0), axis=1).sum()) for contour in contours)
    hull = ConvexHull(np.concatenate(contours))
    axes = _axes(np.argwhere(mask) * spacing)
    found = {
        "area_mm2": area,
        "area_pixels_mm2": mask.sum() * spacing.prod(),
        "perimeter_mm": perimeter,
        "circularity": 4 * np.pi * area / perimeter**2,
        "diameter_mm": largest_distance(hull.points[hull.vertices]),
        "major_axis_mm": axes[0],
        "minor_axis_mm": axes[1],
        "elongation": _ratio(axes[1], axes[0]),
        # the volume of a hull in two dimensions is its area
        "solidity": area / hull.volume,
    }
    return {f"morph2d_{name}": float(found[name]) for name, *_ in PLANAR_FEATURES}


def _mesh_size(triangles: NDArray[np.float64]) -> tuple[float, float]:
    """Return volume and surface of a closed mesh of triangles (n, 3 corners, 3 coordinates)."""
    corners = triangles - triangles.mean(axis=(0, 1))
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    volume = abs(float((corners[:, 0] * normals).sum())) / 6
    return volume, float(np.linalg.norm(normals, axis=1).sum()) / 2


def _signed_area(contour: NDArray[np.float64]) -> float:
    y, x = (contour - contour.mean(axis=0)).T
    return float((y[:-1] * x[1:] - y[1:] * x[:-1]).sum()) / 2


def _axes(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return four standard deviations of the points along their principal axes, the longest first."""
    centred = points - points.mean(axis=0)
    # sums and not BLAS, whose last digits depend on the number of threads
    covariance = np.array([[(a * b).sum() for b in centred.T] for a in centred.T]) / max(len(points) - 1, 1)
    variances = np.linalg.eigvalsh(covariance)[::-1]
    lengths: NDArray[np.float64] = 4 * np.sqrt(np.where(variances > FLAT * variances[0], variances, 0.0))
    return lengths


def _ratio(shorter: float, longer: float) -> float:
    """Return shorter / longer, NaN (undefined for this region) when both are 0."""
    return shorter / longer if longer > 0 else np.nan


def largest_distance(points: NDArray[np.float64]) -> float:
    """Return the largest distance between any two of the points (n, d), comparing every pair."""
    rows = range(0, len(points), ROWS_AT_A_TIME)
    return max(float(cdist(points[row : row + ROWS_AT_A_TIME], points[row:]).max()) for row in rows)
