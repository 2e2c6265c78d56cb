"""An image carried onto another grid keeps its place in the patient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.interpolate import RegularGridInterpolator
from scipy.spatial.transform import Rotation

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from tasks.methods.fusion.onto_grid import onto_grid

MOVING = Geometry(shape=(6, 7, 8), spacing_mm=(2.0, 1.0, 1.5), origin_mm=(-3.0, 5.0, 1.0))


def turned(shape, spacing_mm, origin_mm, degrees):
    """Make a grid whose axes are turned in the patient."""
    matrix = Rotation.from_euler("zyx", degrees, degrees=True).as_matrix()
    return Geometry(shape, spacing_mm, origin_mm, tuple(tuple(float(v) for v in row) for row in matrix))


def positions_mm(geometry):
    return geometry.to_mm(np.moveaxis(np.indices(geometry.shape), 0, -1))


def test_a_shifted_grid_shows_the_same_voxels_and_nothing_beyond():
    image = np.arange(4.0).reshape(1, 1, 4)
    here = Geometry(shape=(1, 1, 4), spacing_mm=(1.0, 1.0, 1.0))
    there = Geometry(shape=(1, 1, 4), spacing_mm=(1.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 2.0))
    assert_array_equal(onto_grid(image, here, there, 1), [[[2, 3, np.nan, np.nan]]])


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_its_own_grid_changes_nothing(order):
    image = np.random.default_rng(0).normal(size=MOVING.shape).astype(np.float32)
    tilted = turned(MOVING.shape, MOVING.spacing_mm, MOVING.origin_mm, (10, 20, 30))
    assert_allclose(onto_grid(image, tilted, tilted, order), image, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.floats(-40, 40)] * 3), st.tuples(*[st.floats(-2, 2)] * 3))
def test_a_linear_field_keeps_its_values_in_millimetres(degrees, shift):
    fixed = turned((5, 6, 7), (1.2, 0.9, 1.1), tuple(np.add((1.0, 7.0, 4.0), shift)), degrees)
    slope = np.array([1.0, -0.5, 2.0])
    carried = onto_grid(positions_mm(MOVING) @ slope, MOVING, fixed, 1)
    index = MOVING.to_index(positions_mm(fixed))
    inside = ((index >= 0) & (index <= np.array(MOVING.shape) - 1)).all(axis=-1)
    far = ((index < -0.51) | (index > np.array(MOVING.shape) - 0.49)).any(axis=-1)
    assert_allclose(carried[inside], (positions_mm(fixed) @ slope)[inside], atol=1e-4)
    assert np.isnan(carried[far]).all()


def test_it_agrees_with_scipys_grid_interpolator():
    image = np.random.default_rng(0).normal(size=MOVING.shape).astype(np.float32)
    fixed = turned((4, 4, 4), (1.0, 1.0, 1.0), (2.0, 7.0, 5.0), (15, 0, -25))
    oracle = RegularGridInterpolator([np.arange(n) for n in MOVING.shape], image, bounds_error=False)
    expected = oracle(MOVING.to_index(positions_mm(fixed)))
    assert np.isfinite(expected).sum() > 20
    carried = onto_grid(image, MOVING, fixed, 1)
    assert_allclose(carried[np.isfinite(expected)], expected[np.isfinite(expected)], atol=1e-5)


def test_a_missing_voxel_stays_missing():
    image = np.ones(MOVING.shape)
    image[2, 2, 2] = np.nan
    carried = onto_grid(image, MOVING, MOVING, 1)
    assert_array_equal(np.argwhere(np.isnan(carried)), [[2, 2, 2]])


def test_one_voxel_covers_half_a_spacing_on_each_side():
    one = Geometry(shape=(1, 1, 1), spacing_mm=(4.0, 4.0, 4.0))
    fine = Geometry(shape=(1, 1, 7), spacing_mm=(1.0, 1.0, 1.0), origin_mm=(0.0, 0.0, -3.0))
    assert_array_equal(onto_grid(np.array([[[5.0]]]), one, fine, 1), [[[np.nan, 5, 5, 5, 5, 5, np.nan]]])


def test_grids_that_do_not_meet_are_refused():
    away = Geometry(shape=(2, 2, 2), spacing_mm=(1.0, 1.0, 1.0), origin_mm=(500.0, 0.0, 0.0))
    with pytest.raises(BadData, match="none of the 8 voxels") as refused:
        onto_grid(np.ones(MOVING.shape), MOVING, away, 1)
    assert refused.value.verdict == "no_overlap"


def test_an_array_of_another_shape_than_its_geometry_is_refused():
    with pytest.raises(BadData) as refused:
        onto_grid(np.ones((6, 7, 9)), MOVING, MOVING, 1)
    assert refused.value.verdict == "other_grid"
