"""The lump phantom: a smooth irregular tumour in an elliptic body, its outlines, and its voxels on CT and PET.

Shapes are analytic, in the phantom's own frame (z, y, x) in mm; a grid says where its voxels lie in
that frame and in the patient. Voxels belong to a region when their centres lie inside its polygon.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.geometry import Geometry, Triple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tasks.synthetic.design import Case

CT_SHAPE, CT_SPACING_MM = (20, 44, 48), (3.0, 1.25, 1.0)
PET_SHAPE, PET_SPACING_MM = (14, 24, 26), (4.0, 2.3, 2.1)
PET_START_MM = (-26.9, -26.2, -27.0)
"""The PET grid is not centred on the CT grid, and no multiple of it."""

BODY_RADII_MM = (24.5, 21.5)
"""Radii (y, x) of the body, the same in every slice."""
AIR_HU, SOFT_TISSUE_HU = -1000.0, 40.0
AIR_NOISE_HU, TISSUE_NOISE_HU = 4.0, 6.0
TEXTURE_SCALE_VOXELS = (0.7, 1.2, 1.2)
"""Standard deviation of the Gaussian that smooths the texture: grains of two to three voxels."""
SCANNER_OFFSET_HU = {"A": 0.0, "B": 35.0}
BACKGROUND_SUV, PET_NOISE_SUV = 1.0, 0.08
PET_BLUR_VOXELS = 0.8

VERTICES = 48
THINNEST = 0.3
"""A slice that cuts the tumour at less than this part of its widest radius is not contoured."""
READER_B_SCALE, READER_B_SHIFT = 1.07, 0.12
"""Reader B draws the tumour larger by the first, and beside it by the second part of its radius."""


@dataclass(frozen=True)
class Grid:
    """Place a grid of voxels in the phantom's frame and in the patient."""

    geometry: Geometry
    start_mm: Triple

    def centres_mm(self, axis: int) -> NDArray[np.float64]:
        """Return the positions of the voxel centres along one axis, in the phantom's frame."""
        return self.start_mm[axis] + self.geometry.spacing_mm[axis] * np.arange(self.geometry.shape[axis], dtype=float)

    def to_patient(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn points (..., 3) of the phantom's frame into positions in the patient, both (z, y, x) in mm."""
        return self.geometry.to_mm((points_mm - np.asarray(self.start_mm)) / np.asarray(self.geometry.spacing_mm))


@dataclass(frozen=True)
class Tumour:
    """Describe a tumour: in each slice a superellipse whose radius waves with the angle.

    Parameters
    ----------
    centre_mm, radii_mm : tuple of float
        Along (z, y, x).
    exponent : float
        2 is an ellipse, more is squarer.
    lean : tuple of float
        How far the centre moves along (y, x) per mm of z.
    waves : tuple of (int, float, float)
        Waves per turn, height as a part of the radius, phase; the phase turns with z.
    """

    centre_mm: Triple
    radii_mm: Triple
    exponent: float
    lean: tuple[float, float]
    waves: tuple[tuple[int, float, float], ...]

    def scaled(self, factor: float) -> Tumour:
        """Return the tumour with every radius larger by a factor."""
        z, y, x = self.radii_mm
        return replace(self, radii_mm=(factor * z, factor * y, factor * x))

    def moved(self, shift_mm: Triple) -> Tumour:
        """Return the tumour moved along (z, y, x)."""
        (z, y, x), (dz, dy, dx) = self.centre_mm, shift_mm
        return replace(self, centre_mm=(z + dz, y + dy, x + dx))

    def outline_mm(self, z_mm: float) -> NDArray[np.float64] | None:
        """Return the vertices (n, 2) as (y, x) of the outline at one height; None where it is too thin to draw."""
        height = (z_mm - self.centre_mm[0]) / self.radii_mm[0]
        width = float(np.sqrt(max(0.0, 1.0 - height**2)))
        if width < THINNEST:
            return None
        angle = np.linspace(0.0, 2.0 * np.pi, VERTICES, endpoint=False)
        directions = np.column_stack([np.sin(angle), np.cos(angle)])
        radius = (np.abs(directions / self.radii_mm[1:]) ** self.exponent).sum(axis=1) ** (-1.0 / self.exponent)
        for turns, part, phase in self.waves:
            radius *= 1.0 + part * np.cos(turns * angle + phase + height)
        centre = np.asarray(self.centre_mm[1:]) + np.asarray(self.lean) * (z_mm - self.centre_mm[0])
        outline: NDArray[np.float64] = centre + width * radius[:, np.newaxis] * directions
        return outline


def tumour_of(case: Case, rng: np.random.Generator) -> Tumour:
    """Draw a tumour of the case's volume near the middle of the body."""
    from scipy.special import gamma

    exponent = float(rng.uniform(2.0, 2.8))
    aspect = np.exp(rng.uniform(-0.12, 0.12, 3))
    area = 4.0 * gamma(1.0 + 1.0 / exponent) ** 2 / gamma(1.0 + 2.0 / exponent)
    radius = (case.volume_mm3 / (4.0 / 3.0 * area * aspect.prod())) ** (1.0 / 3.0)
    z, y, x = (float(value) for value in radius * aspect)
    waves = tuple((turns, float(rng.uniform(0.02, 0.06)), float(rng.uniform(0.0, 6.28))) for turns in (2, 3, 5))
    near_z, near_y, near_x = (float(value) for value in rng.uniform(-3.0, 3.0, 3))
    lean_y, lean_x = (float(value) for value in rng.uniform(-0.12, 0.12, 2))
    return Tumour((near_z, near_y, near_x), (z, y, x), exponent, (lean_y, lean_x), waves)


def as_reader_b(tumour: Tumour, rng: np.random.Generator) -> Tumour:
    """Return the tumour as reader B sees it: a little larger and beside its place."""
    angle = float(rng.uniform(0.0, 2.0 * np.pi))
    _, y, x = tumour.radii_mm
    shift = (0.0, READER_B_SHIFT * y * float(np.sin(angle)), READER_B_SHIFT * x * float(np.cos(angle)))
    return tumour.scaled(READER_B_SCALE * float(rng.uniform(0.985, 1.015))).moved(shift)


def ct_grid(direction: tuple[Triple, Triple, Triple], offset_mm: Triple) -> Grid:
    """Place the CT grid centred on the phantom, whose frame is turned and moved in the patient."""
    z, y, x = (-(n - 1) / 2.0 * step for n, step in zip(CT_SHAPE, CT_SPACING_MM, strict=True))
    return _grid(CT_SHAPE, CT_SPACING_MM, (z, y, x), direction, offset_mm)


def pet_grid(direction: tuple[Triple, Triple, Triple], offset_mm: Triple) -> Grid:
    """Place the PET grid beside the CT grid of the same visit."""
    return _grid(PET_SHAPE, PET_SPACING_MM, PET_START_MM, direction, offset_mm)


def _grid(
    shape: tuple[int, int, int],
    spacing_mm: Triple,
    start_mm: Triple,
    direction: tuple[Triple, Triple, Triple],
    offset_mm: Triple,
) -> Grid:
    # Rounded as the headers will say it, so that what was planted is what can be read.
    z, y, x = np.round(np.asarray(offset_mm) + np.asarray(direction) @ np.asarray(start_mm), 4)
    return Grid(Geometry(shape, spacing_mm, (float(z), float(y), float(x)), direction), start_mm)


def outlines_mm(tumour: Tumour, grid: Grid) -> dict[int, NDArray[np.float64]]:
    """Return, for each slice that shows the tumour, the vertices (n, 2) as (y, x) of its outline."""
    drawn = {index: tumour.outline_mm(float(z)) for index, z in enumerate(grid.centres_mm(0))}
    return {index: outline for index, outline in drawn.items() if outline is not None}


def rasterised(outlines: Mapping[int, NDArray[np.float64]], grid: Grid) -> NDArray[np.bool_]:
    """Return the voxels (z, y, x) whose centres lie inside the outlines of their slices."""
    mask = np.zeros(grid.geometry.shape, dtype=bool)
    for index, outline in outlines.items():
        mask[index] = inside_polygon(outline, grid.centres_mm(1), grid.centres_mm(2))
    return mask


def inside_polygon(
    vertices: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which points of a lattice lie inside a closed polygon, by the even-odd rule.

    `vertices` is (n, 2) as (y, x); the result is (rows, columns). An edge spans the half-open
    interval lo <= y < hi, so that a row through a vertex is counted once.
    """
    start, end = vertices, np.roll(vertices, -1, axis=0)
    row = rows[np.newaxis, :]
    spans = (start[:, :1] <= row) != (end[:, :1] <= row)
    rise = end[:, :1] - start[:, :1]
    slope = (end[:, 1:] - start[:, 1:]) / np.where(rise == 0.0, 1.0, rise)
    crossing = np.where(spans, start[:, 1:] + (row - start[:, :1]) * slope, -np.inf)
    inside: NDArray[np.bool_] = (crossing[:, :, np.newaxis] > columns).sum(axis=0) % 2 == 1
    return inside


def ct_voxels(case: Case, grid: Grid, tumour: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return CT voxels (z, y, x) in HU: body in air, tumour with the case's texture, the scanner's offset."""
    shape = grid.geometry.shape
    body = _body(grid)
    hu = np.where(body, SOFT_TISSUE_HU, AIR_HU)
    hu = np.where(tumour, case.tumour_hu + case.texture_hu * _texture(tumour, rng), hu)
    hu += rng.standard_normal(shape) * np.where(body, TISSUE_NOISE_HU, AIR_NOISE_HU)
    hu[body] += SCANNER_OFFSET_HU[case.scanner]
    return hu


def _texture(tumour: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a smooth random field (z, y, x) with mean 0 and standard deviation 1 inside the tumour, 0 outside.

    The values are those of a normal sample, placed in the order of a smooth field: a small tumour
    holds few grains, and would otherwise be flatter or more skewed than a large one.
    """
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(rng.standard_normal(tumour.shape), TEXTURE_SCALE_VOXELS)
    sample = np.sort(rng.standard_normal(int(tumour.sum())))
    texture = np.zeros(tumour.shape)
    texture[tumour] = ((sample - sample.mean()) / sample.std())[np.argsort(np.argsort(smooth[tumour]))]
    return texture


def pet_voxels(case: Case, grid: Grid, tumour: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return PET voxels (z, y, x) in SUV: even uptake in the tumour, blurred, the same on both scanners."""
    from scipy.ndimage import gaussian_filter

    uptake = np.where(tumour, case.uptake_suv, np.where(_body(grid), BACKGROUND_SUV, 0.0))
    blurred = gaussian_filter(uptake, PET_BLUR_VOXELS)
    noise = PET_NOISE_SUV * np.sqrt(blurred) * rng.standard_normal(uptake.shape)
    suv: NDArray[np.float64] = np.clip(blurred + noise, 0.0, None)
    return suv


def _body(grid: Grid) -> NDArray[np.bool_]:
    y, x = np.meshgrid(grid.centres_mm(1) / BODY_RADII_MM[0], grid.centres_mm(2) / BODY_RADII_MM[1], indexing="ij")
    body: NDArray[np.bool_] = np.broadcast_to(y**2 + x**2 <= 1.0, grid.geometry.shape)
    return body
