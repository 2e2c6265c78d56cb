"""How large a region is and what form it has."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from skimage.measure import marching_cubes, mesh_surface_area, regionprops

from tasks.methods.radiomics.shape import Shape, largest_distance

ANY_SIZE = Shape(minimum_voxels=1)
CUBIC = (1.0, 1.0, 1.0)


def of(mask, spacing_mm=CUBIC):
    return ANY_SIZE(np.zeros(mask.shape), np.asarray(mask, dtype=bool), spacing_mm)


def ball(radius, shape, spacing_mm=CUBIC):
    steps = (np.indices(shape) - np.reshape(shape, (-1, 1, 1, 1)) // 2) * np.reshape(spacing_mm, (3, 1, 1, 1))
    return (steps**2).sum(axis=0) <= radius**2


def test_one_voxel_is_an_octahedron():
    found = of(np.ones((2, 2, 2)) * np.eye(2)[0] * np.eye(2)[0][:, None] * np.eye(2)[0][:, None, None], (2.0, 2.0, 2.0))
    assert found["morph_volume_mm3"] == pytest.approx(8 / 6)
    assert found["morph_volume_voxels_mm3"] == 8
    assert found["morph_surface_mm2"] == pytest.approx(8 * np.sqrt(3) / 4 * 2)
    assert found["morph_diameter_mm"] == pytest.approx(2)
    assert found["morph_volume_density_hull"] == pytest.approx(1)
    assert found["morph_major_axis_mm"] == 0
    assert np.isnan([found["morph_elongation"], found["morph_flatness"]]).all()


def test_a_row_of_voxels_is_long_and_has_no_height():
    mask = np.zeros((3, 3, 9))
    mask[1, 1, 1:8] = 1
    found = of(mask, (4.0, 1.0, 2.0))
    assert found["morph_major_axis_mm"] == pytest.approx(4 * 2 * np.std(np.arange(7), ddof=1))
    assert found["morph_minor_axis_mm"] == found["morph_elongation"] == found["morph_flatness"] == 0
    assert found["morph_diameter_mm"] == pytest.approx(14)


def test_a_ball_is_nearly_a_sphere():
    found = of(ball(12, (27, 27, 27)))
    assert found["morph_volume_mm3"] == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.02)
    assert found["morph_sphericity"] == pytest.approx(1, abs=0.1)
    assert found["morph_diameter_mm"] == pytest.approx(25, abs=0.5)
    assert found["morph_elongation"] == pytest.approx(1)
    assert found["morph_major_axis_mm"] == pytest.approx(4 * 12 / np.sqrt(5), rel=0.02)


def test_the_spacing_counts():
    spacing_mm = (3.0, 1.0, 1.5)
    found = of(ball(12, (9, 27, 19), spacing_mm), spacing_mm)
    assert found["morph_volume_mm3"] == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.05)
    assert found["morph_flatness"] == pytest.approx(1, abs=0.03)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_size_and_surface_agree_with_scikit_image(seed):
    mask = np.random.default_rng(seed).random((5, 6, 7)) < 0.5
    vertices, faces, *_ = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5, spacing=(2, 1, 1.5))
    found = of(mask, (2.0, 1.0, 1.5))
    assert found["morph_surface_mm2"] == pytest.approx(mesh_surface_area(vertices, faces), rel=1e-6)
    assert found["morph_diameter_mm"] == pytest.approx(pdist(vertices).max(), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.permutations([0, 1, 2]), st.floats(0.2, 5))
def test_turning_changes_nothing_and_size_scales_by_its_power(seed, axes, scale):
    mask = np.random.default_rng(seed).random((4, 5, 6)) < 0.6
    spacing = np.array([2.0, 1.0, 1.5])
    here = of(mask, tuple(spacing))
    turned = of(mask.transpose(axes), tuple(scale * spacing[axes]))
    powers = {"mm": 1, "mm2": 2, "mm3": 3}
    for column, value in here.items():
        power = -1 if column.endswith("per_mm") else powers.get(column.rsplit("_", 1)[-1], 0)
        assert turned[column] == pytest.approx(value * scale**power, rel=1e-6, abs=1e-9), column


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_no_form_is_rounder_than_a_ball_or_fuller_than_its_hull(seed):
    found = of(np.random.default_rng(seed).random((4, 5, 6)) < 0.5)
    assert 0 < found["morph_sphericity"] <= 1
    assert found["morph_compactness_2"] == pytest.approx(found["morph_sphericity"] ** 3)
    assert found["morph_asphericity"] == pytest.approx(found["morph_spherical_disproportion"] - 1)
    assert found["morph_volume_density_hull"] <= 1 + 1e-9
    assert found["morph_flatness"] <= found["morph_elongation"] <= 1


def test_a_region_in_one_slice_of_a_volume_has_the_columns_of_a_volume():
    mask = np.zeros((3, 5, 5))
    mask[1, 1:4, 1:4] = 1
    found = of(mask)
    assert found["morph_volume_voxels_mm3"] == 9
    assert found["morph_flatness"] == 0
    assert found["morph_elongation"] == pytest.approx(1)


def test_a_rectangle_in_a_plane():
    mask = np.zeros((1, 6, 8))
    mask[0, 1:4, 1:6] = 1
    corner = np.hypot(0.5, 0.25)
    found = of(mask, (9.0, 1.0, 0.5))
    assert found["morph2d_area_pixels_mm2"] == 7.5
    assert found["morph2d_area_mm2"] == pytest.approx(7.5 - 4 * 0.5 * 0.5 * 0.25)
    assert found["morph2d_perimeter_mm"] == pytest.approx(2 * 2 + 2 * 2 + 4 * corner)
    assert found["morph2d_diameter_mm"] == pytest.approx(np.hypot(3, 2))
    assert found["morph2d_solidity"] == pytest.approx(1)


def test_a_disc_in_a_plane_is_round_and_a_hole_is_left_out():
    disc = ball(20, (1, 45, 45))
    ring = disc & ~ball(8, (1, 45, 45))
    found, holed = of(disc), of(ring)
    assert found["morph2d_area_mm2"] == pytest.approx(np.pi * 400, rel=0.02)
    assert found["morph2d_circularity"] == pytest.approx(1, abs=0.15)
    assert found["morph2d_solidity"] > 0.97
    assert holed["morph2d_area_mm2"] == pytest.approx(np.pi * (400 - 64), rel=0.02)
    assert holed["morph2d_perimeter_mm"] > found["morph2d_perimeter_mm"] + 2 * np.pi * 7
    assert holed["morph2d_solidity"] < 0.9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_axes_in_a_plane_agree_with_scikit_image(seed):
    mask = np.random.default_rng(seed).random((1, 9, 9)) < 0.6
    count = mask.sum()
    (region,) = regionprops(mask[0].astype(int))
    found = of(mask)
    # scikit-image divides by n where IBSI divides by n - 1
    by_n = np.sqrt((count - 1) / count)
    assert found["morph2d_major_axis_mm"] * by_n == pytest.approx(region.axis_major_length)
    assert found["morph2d_minor_axis_mm"] * by_n == pytest.approx(region.axis_minor_length)
    assert found["morph2d_area_pixels_mm2"] == region.area


def test_one_pixel_has_no_elongation():
    found = of(np.ones((1, 1, 1)))
    assert found["morph2d_area_mm2"] == pytest.approx(0.5)
    assert np.isnan(found["morph2d_elongation"])


def test_the_largest_distance_is_found_across_blocks_of_rows():
    points = np.random.default_rng(0).normal(size=(1500, 3))
    assert largest_distance(points) == pytest.approx(pdist(points).max())
    assert largest_distance(points[:1]) == 0


def test_intensities_do_not_matter():
    mask = ball(3, (7, 7, 7))
    image = np.random.default_rng(0).normal(size=mask.shape)
    image[3, 3, 3] = np.nan
    assert Shape()(image, mask, CUBIC) == of(mask)
