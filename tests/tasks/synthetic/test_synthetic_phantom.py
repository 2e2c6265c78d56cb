import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion
from skimage.measure import points_in_poly

from tasks.synthetic.design import cases
from tasks.synthetic.phantom import (
    Tumour,
    as_reader_b,
    ct_grid,
    ct_voxels,
    inside_polygon,
    outlines_mm,
    pet_grid,
    pet_voxels,
    rasterised,
    tumour_of,
)

UPRIGHT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
BALL = Tumour((0.0, 0.0, 0.0), (12.0, 12.0, 12.0), 2.0, (0.0, 0.0), ())


def test_a_drawn_triangle_has_the_voxels_below_its_slope():
    triangle = np.array([[-0.5, -0.5], [3.5, -0.5], [3.5, 3.5]])
    expected = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]], dtype=bool)
    shifted = inside_polygon(triangle + np.array([0.0, 0.1]), np.arange(4.0), np.arange(4.0))
    np.testing.assert_array_equal(shifted, expected)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), corners=st.integers(3, 12))
def test_inside_a_polygon_agrees_with_scikit_image(seed, corners):
    vertices = np.random.default_rng(seed).uniform(-1, 11, (corners, 2))
    lattice = np.argwhere(np.ones((10, 9))).astype(float)
    ours = inside_polygon(vertices, np.arange(10.0), np.arange(9.0))
    np.testing.assert_array_equal(ours.ravel(), points_in_poly(lattice, vertices))


def test_neighbouring_polygons_share_no_voxel_on_their_common_edge():
    left = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [0.0, 2.0]])
    right = left + np.array([0.0, 2.0])
    rows, columns = np.arange(6.0), np.arange(6.0)
    together = inside_polygon(left, rows, columns).astype(int) + inside_polygon(right, rows, columns)
    assert together.max() == 1
    assert together.sum() == 4 * 4


def test_a_ball_has_the_volume_of_a_ball():
    grid = ct_grid(UPRIGHT, (0.0, 0.0, 0.0))
    voxels = rasterised(outlines_mm(BALL, grid), grid).sum()
    assert voxels * grid.geometry.voxel_volume_mm3 == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.05)


def test_a_slice_beside_the_tumour_has_no_outline():
    assert BALL.outline_mm(12.0) is None
    assert BALL.outline_mm(50.0) is None


@settings(max_examples=25, deadline=None)
@given(number=st.integers(0, 19), seed=st.integers(0, 100))
def test_every_tumour_has_about_its_volume_and_lies_in_the_body(number, seed):
    case = cases(3, 20)[number]
    tumour = tumour_of(case, np.random.default_rng(seed))
    grid = ct_grid(UPRIGHT, (0.0, 0.0, 0.0))
    mask = rasterised(outlines_mm(tumour, grid), grid)
    assert mask.sum() * grid.geometry.voxel_volume_mm3 == pytest.approx(case.volume_mm3, rel=0.15)
    far = np.concatenate(list(outlines_mm(tumour.scaled(1.2), grid).values())) / (24.5, 21.5)
    assert np.hypot(*far.T).max() < 1.0


def test_reader_b_sees_a_larger_tumour_beside_the_first():
    other = as_reader_b(BALL, np.random.default_rng(1))
    assert other.radii_mm[0] > BALL.radii_mm[0]
    assert other.centre_mm[0] == 0.0
    assert np.hypot(*other.centre_mm[1:]) == pytest.approx(0.12 * 12.0)


def test_both_grids_of_a_visit_put_the_same_point_at_the_same_place():
    turn = np.deg2rad(30.0)
    turned = ((1.0, 0.0, 0.0), (0.0, np.cos(turn), -np.sin(turn)), (0.0, np.sin(turn), np.cos(turn)))
    offset = (10.0, -20.0, 30.0)
    point = np.array([[3.0, 0.0, 4.0]])
    expected = (13.0, -20.0 - 4.0 * np.sin(turn), 30.0 + 4.0 * np.cos(turn))
    for grid in (ct_grid(turned, offset), pet_grid(turned, offset)):
        np.testing.assert_allclose(grid.to_patient(point)[0], expected, atol=1e-4)


def test_scanner_b_reads_the_body_higher_and_the_air_alike():
    case_a = next(case for case in cases(7, 8) if case.scanner == "A")
    case_b = type(case_a)(**{**vars(case_a), "scanner": "B"})
    grid = ct_grid(UPRIGHT, (0.0, 0.0, 0.0))
    mask = rasterised(outlines_mm(BALL, grid), grid)
    a, b = (ct_voxels(case, grid, mask, np.random.default_rng(1)) for case in (case_a, case_b))
    assert np.unique(np.round(b - a, 9)).tolist() == [0.0, 35.0]
    assert (b - a)[mask].min() > 34.9
    assert a[:, 0, 0].max() < -900


def test_pet_glows_in_the_tumour_and_is_never_negative():
    case = cases(7, 8)[0]
    grid = pet_grid(UPRIGHT, (0.0, 0.0, 0.0))
    mask = rasterised(outlines_mm(BALL, grid), grid)
    suv = pet_voxels(case, grid, mask, np.random.default_rng(1))
    assert suv.min() >= 0.0
    assert suv[mask].mean() > 3 * suv[~mask].max() / 4
    core = binary_erosion(mask, iterations=2)
    assert suv[core].mean() == pytest.approx(case.uptake_suv, rel=0.05)
