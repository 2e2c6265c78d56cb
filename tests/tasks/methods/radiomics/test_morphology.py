"""How large a region is and what form it has."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist
from skimage.measure import marching_cubes, mesh_surface_area

from tasks.methods.radiomics.ellipsoid import ellipsoid_area
from tasks.methods.radiomics.kept import kept_voxels
from tasks.methods.radiomics.morphology import COLUMNS, FEATURES, UNCONFIRMED, UNDEFINED, morphology
from tests.tasks.methods.radiomics.boxes import CUBIC, ball, boxed, of_form, speckled

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning:skimage")
"""scikit-image, whose surface is compared, does what NumPy 2.5 has deprecated."""
UNEVEN = (2.0, 1.0, 1.5)
seeds = st.integers(0, 10_000)


def of(mask, spacing_mm=CUBIC):
    return morphology(of_form(mask, spacing_mm))


def surface_of(mask, spacing_mm):
    """Return corners (mm) and triangles of scikit-image's marching cubes around a mask."""
    corners, triangles, *_ = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5, spacing=spacing_mm)
    return corners.astype(np.float64), triangles


def volume_inside(corners, triangles):
    a, b, c = (corners - corners.mean(axis=0))[triangles].transpose(1, 0, 2)
    return abs((a * np.cross(b, c)).sum()) / 6


def test_one_voxel_is_an_octahedron():
    found = of(np.ones((1, 1, 1)), (2.0, 2.0, 2.0))
    assert found["morph_volume_mm3"] == pytest.approx(8 / 6)
    assert found["morph_volume_voxels_mm3"] == 8
    assert found["morph_surface_mm2"] == pytest.approx(8 * np.sqrt(3) / 4 * 2)
    assert found["morph_diameter_mm"] == pytest.approx(2)
    assert found["morph_volume_density_hull"] == pytest.approx(1)
    assert found["morph_area_density_hull"] == pytest.approx(1)
    assert found["morph_volume_density_box"] == pytest.approx(1 / 6)
    assert found["morph_volume_density_enclosing_ellipsoid"] == pytest.approx(1 / np.pi, rel=1e-3)
    assert found["morph_major_axis_mm"] == found["morph_center_shift_mm"] == 0


def test_a_row_of_voxels_is_long_and_has_no_height():
    found = of(np.ones((1, 1, 7)), (4.0, 1.0, 2.0))
    assert found["morph_major_axis_mm"] == pytest.approx(4 * 2 * np.std(np.arange(7), ddof=1))
    assert found["morph_minor_axis_mm"] == found["morph_elongation"] == found["morph_flatness"] == 0
    assert found["morph_diameter_mm"] == pytest.approx(14)
    assert found["morph_volume_density_box"] == pytest.approx((6 * 8 / 2 + 8 / 6) / 56)


def test_the_centre_of_mass_moves_towards_the_brighter_side():
    found = morphology(boxed([[[1.0, 3.0, 0.0]]], [[[1, 1, 1]]], (1.0, 1.0, 4.0)))
    assert found["morph_center_shift_mm"] == pytest.approx(4 * 0.25)
    assert found["morph_integrated_intensity"] == pytest.approx(4 / 3 * found["morph_volume_mm3"])


def test_voxels_left_out_count_for_the_form_and_not_for_the_intensities():
    image = np.array([[[1.0, np.nan, 3.0, 9.0]]])
    whole = morphology(boxed(image, [[[1, 1, 1, 1]]], kept=[[[1, 0, 1, 0]]]))
    assert whole["morph_volume_voxels_mm3"] == 4
    assert whole["morph_center_shift_mm"] == pytest.approx(0)
    assert whole["morph_integrated_intensity"] == pytest.approx(2 * whole["morph_volume_mm3"])


def test_a_ball_is_nearly_a_sphere():
    found = of(ball(12, (27, 27, 27)))
    assert found["morph_volume_mm3"] == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.02)
    assert found["morph_sphericity"] == pytest.approx(1, abs=0.1)
    assert found["morph_diameter_mm"] == pytest.approx(25, abs=0.5)
    assert found["morph_elongation"] == pytest.approx(1)
    assert found["morph_major_axis_mm"] == pytest.approx(4 * 12 / np.sqrt(5), rel=0.02)
    # half axes of the ellipsoid that is spread like a ball are 2 / sqrt(5) of its radius
    assert found["morph_volume_density_ellipsoid"] == pytest.approx((np.sqrt(5) / 2) ** 3, rel=0.02)
    assert 0.85 < found["morph_volume_density_enclosing_ellipsoid"] < 1


def test_a_block_that_stands_slantwise_fills_the_turned_box():
    z, y, x = np.indices((9, 61, 61)) - np.array([4, 30, 30]).reshape(3, 1, 1, 1)
    slanted = (abs(z) <= 3) & (abs(y + x) <= 14) & (abs(y - x) <= 28)
    found = of(slanted)
    assert found["morph_volume_density_turned_box"] > 0.9
    assert found["morph_volume_density_box"] < 0.5


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from([0.05, 0.5, 0.9]), st.sampled_from([CUBIC, UNEVEN]))
def test_the_surface_is_that_of_scikit_image(seed, share, spacing_mm):
    mask = speckled(seed, share=share)
    corners, triangles = surface_of(mask, spacing_mm)
    found = of(mask, spacing_mm)
    assert found["morph_surface_mm2"] == pytest.approx(mesh_surface_area(corners, triangles), rel=1e-5)
    assert found["morph_volume_mm3"] == pytest.approx(volume_inside(corners, triangles), rel=1e-5)
    assert found["morph_diameter_mm"] == pytest.approx(pdist(corners).max(), rel=1e-6)
    hull = ConvexHull(corners)
    assert found["morph_volume_mm3"] / found["morph_volume_density_hull"] == pytest.approx(hull.volume, rel=1e-5)
    assert found["morph_surface_mm2"] / found["morph_area_density_hull"] == pytest.approx(hull.area, rel=1e-5)
    sides = np.ptp(corners, axis=0)
    assert found["morph_volume_mm3"] / found["morph_volume_density_box"] == pytest.approx(sides.prod())


def test_rows_longer_than_a_machine_word_are_read_whole():
    mask = speckled(3, (3, 4, 150), 0.6)
    corners, triangles = surface_of(mask, UNEVEN)
    found = of(mask, UNEVEN)
    assert found["morph_surface_mm2"] == pytest.approx(mesh_surface_area(corners, triangles), rel=1e-5)
    assert found["morph_volume_mm3"] == pytest.approx(volume_inside(corners, triangles), rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(seeds, st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3), st.floats(0.2, 5))
def test_turning_changes_nothing_and_size_scales_by_its_power(seed, axes, mirrored, scale):
    mask = speckled(seed, (4, 5, 6), 0.6)
    spacing = np.array(UNEVEN)
    here = of(mask, tuple(spacing))
    other_way = np.flip(mask, [axis for axis in range(3) if mirrored[axis]]).transpose(axes)
    turned = of(other_way, tuple(scale * spacing[axes]))
    powers = {"mm": 1, "mm2": 2, "mm3": 3, "intensity": 3}
    sought = {f"morph_{word}" for word in UNCONFIRMED}
    for column in set(COLUMNS) - sought:
        power = -1 if column.endswith("per_mm") else powers.get(column.rsplit("_", 1)[-1], 0)
        # of a saddle, the surface is drawn over one of both diagonals, and which depends on where it lies
        tolerance = 0.02 if power > 1 or "mm2" in column else 0.04
        expected = here[column] * scale**power
        assert turned[column] == pytest.approx(expected, rel=tolerance, abs=1e-9), column


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_no_form_is_rounder_than_a_ball_or_fuller_than_what_is_around_it(seed):
    found = of(speckled(seed, (4, 5, 6)))
    assert 0 < found["morph_sphericity"] <= 1
    assert found["morph_compactness_2"] == pytest.approx(found["morph_sphericity"] ** 3)
    assert found["morph_asphericity"] == pytest.approx(found["morph_spherical_disproportion"] - 1)
    assert found["morph_volume_density_hull"] <= 1 + 1e-9
    assert found["morph_volume_density_turned_box"] <= found["morph_volume_density_hull"]
    assert found["morph_volume_density_box"] <= found["morph_volume_density_turned_box"] * (1 + 1e-9)
    assert found["morph_volume_density_enclosing_ellipsoid"] <= found["morph_volume_density_hull"] * (1 + 1e-9)
    assert found["morph_flatness"] <= found["morph_elongation"] <= 1


def smallest_ellipsoid(points, accuracy):
    """Return the volume of the smallest ellipsoid around points, by Khachiyan's steps forward alone."""
    lifted = np.column_stack([points, np.ones(len(points))])
    weights = np.full(len(points), 1 / len(points))
    while True:
        inverse = np.linalg.inv((lifted.T * weights) @ lifted)
        away = ((lifted @ inverse) * lifted).sum(axis=1)
        farthest = away.argmax()
        if away[farthest] <= 4 * (1 + accuracy):
            break
        step = (away[farthest] - 4) / (4 * (away[farthest] - 1))
        weights *= 1 - step
        weights[farthest] += step
    center = weights @ points
    spread = (points.T * weights) @ points - np.outer(center, center)
    return 4 / 3 * np.pi * np.sqrt(np.linalg.det(spread) * (away[farthest] - 1) ** 3)


@settings(max_examples=10, deadline=None)
@given(seeds, st.sampled_from([0.1, 0.6]))
def test_the_enclosing_ellipsoid_is_the_smallest_but_for_a_ten_thousandth(seed, share):
    mask = speckled(seed, (4, 6, 9), share)
    corners, _ = surface_of(mask, UNEVEN)
    points = corners[ConvexHull(corners).vertices]
    found = of(mask, UNEVEN)
    volume = found["morph_volume_mm3"] / found["morph_volume_density_enclosing_ellipsoid"]
    assert volume == pytest.approx(smallest_ellipsoid(points, 1e-3), rel=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_no_box_flush_with_a_face_of_the_hull_is_much_smaller_than_the_turned_box(seed):
    spread = np.random.default_rng(seed).normal(size=(3, 3))
    steps = np.indices((15, 15, 15)).reshape(3, -1).T - 7
    mask = (np.linalg.norm(steps @ spread, axis=1) <= 9).reshape(15, 15, 15)
    corners, _ = surface_of(mask, UNEVEN)
    hull = ConvexHull(corners)
    points = corners[hull.vertices]
    found = of(mask, UNEVEN)
    volume = found["morph_volume_mm3"] / found["morph_volume_density_turned_box"]
    assert volume <= 1.02 * min(_flush_box(points, normal) for normal in hull.equations[:, :3])


def _flush_box(points, normal):
    """Return the volume of the smallest box around points with a side along `normal`."""
    across = np.linalg.svd(normal[None])[2][1:]
    flat = points @ across.T
    outline = ConvexHull(flat)
    edges = np.diff(flat[[*outline.vertices, outline.vertices[0]]], axis=0)
    directions = edges / np.linalg.norm(edges, axis=1, keepdims=True)
    areas = [np.ptp(flat @ d) * np.ptp(flat @ (-d[1], d[0])) for d in directions]
    return np.ptp(points @ normal) * min(areas)


def test_the_surface_of_an_ellipsoid_is_by_the_series_of_the_manual():
    a, b, c = 5.7, 4.6, 4.3
    alpha, beta = np.sqrt(1 - (b / a) ** 2), np.sqrt(1 - (c / a) ** 2)
    at = (alpha**2 + beta**2) / (2 * alpha * beta)
    terms = [
        (alpha * beta) ** degree / (1 - 4 * degree**2) * np.polynomial.Legendre.basis(degree)(at)
        for degree in range(21)
    ]
    assert ellipsoid_area(a, b, c) == pytest.approx(4 * np.pi * a * b * sum(terms))
    assert ellipsoid_area(2, 2, 2) == pytest.approx(16 * np.pi)
    assert ellipsoid_area(2, 0, 0) == 0


@pytest.mark.parametrize(
    ("shape", "undefined"),
    [
        (
            (1, 1, 1),
            {"elongation", "flatness", "volume_density_ellipsoid", "area_density_ellipsoid"},
        ),
        ((1, 1, 5), {"volume_density_ellipsoid", "area_density_ellipsoid"}),
        ((4, 1, 5), {"volume_density_ellipsoid"}),
        ((2, 2, 2), set()),
    ],
)
def test_a_voxel_a_line_and_a_plane_leave_undefined_what_is_said(shape, undefined):
    found = of(np.ones(shape), UNEVEN)
    assert tuple(found) == COLUMNS
    assert {column.removeprefix("morph_") for column, value in found.items() if np.isnan(value)} == undefined
    assert undefined <= set(UNDEFINED)


def test_intensities_that_sum_up_to_nothing_have_no_centre():
    found = morphology(boxed([[[-1.0, 0.0, 1.0]]], [[[1, 1, 1]]]))
    assert np.isnan(found["morph_center_shift_mm"])
    assert found["morph_integrated_intensity"] == 0


def test_two_far_voxels_are_one_region():
    mask = np.zeros((9, 9, 30))
    mask[0, 0, 0] = mask[-1, -1, -1] = 1
    found = of(mask)
    assert found["morph_volume_mm3"] == pytest.approx(2 / 6)
    assert found["morph_diameter_mm"] == pytest.approx(np.sqrt(8**2 + 8**2 + 30**2))
    assert found["morph_volume_density_hull"] < 0.1


def test_gathered_voxels_may_be_passed_on_and_nothing_is_changed():
    region = boxed(np.arange(60.0).reshape(3, 4, 5), speckled(1, (3, 4, 5)))
    before = region.values.copy()
    assert morphology(region, kept_voxels(region)) == morphology(region)
    assert (region.values == before).all()


@pytest.mark.parametrize("seed", range(10))
def test_the_same_region_has_the_same_digits_again(seed):
    region = of_form(speckled(seed, (7, 8, 9), 0.3), UNEVEN)
    first = morphology(region)
    # what was in memory before must not show
    np.full(100_000, np.nan).sum()
    assert all(morphology(region) == first for _ in range(5))


def test_every_word_is_said_once():
    words = [word for word, *_ in FEATURES]
    assert len(words) == len(set(words)) == 27
    assert set(UNDEFINED) | UNCONFIRMED <= set(words)
