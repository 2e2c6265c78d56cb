"""The same image on a grid of another spacing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from scipy.interpolate import RegularGridInterpolator

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from tasks.methods.preprocessing.resample import Resample

SPACING_MM = (3.0, 1.0, 1.0)
spacings = st.tuples(*[st.floats(0.7, 3.5)] * 3)


def positions_mm(geometry):
    return geometry.to_mm(np.moveaxis(np.indices(geometry.shape), 0, -1))


def test_halving_the_spacing_of_a_ramp_reads_it_off_at_the_quarters():
    ramp = np.array([[[0.0, 4, 8, 12]]])
    finer = Resample(spacing_mm=(3.0, 1.0, 0.5))(ramp, SPACING_MM)
    assert_allclose(finer, [[[0, 1, 3, 5, 7, 9, 11, 12]]])


def test_the_phantom_of_ibsi_gets_the_shape_that_ibsi_gives():
    grid = Resample(spacing_mm=2.0).grid(Geometry(shape=(60, 201, 204), spacing_mm=(3.0, 0.977, 0.977)))
    assert grid.shape == (90, 99, 100)


def test_a_plane_keeps_its_z():
    plane = np.ones((1, 8, 8))
    step = Resample(spacing_mm=2.0)
    assert step(plane, (7.0, 1.0, 1.0)).shape == (1, 4, 4)
    assert step.grid(Geometry(shape=(1, 8, 8), spacing_mm=(7.0, 1.0, 1.0))).spacing_mm == (7.0, 2.0, 2.0)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_the_same_spacing_changes_nothing(order):
    image = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    same = Resample(spacing_mm=SPACING_MM, order=order)
    assert_allclose(same(image, SPACING_MM), image, atol=1e-5)
    assert same.grid(Geometry(shape=(4, 5, 6), spacing_mm=SPACING_MM)).shape == (4, 5, 6)


@settings(max_examples=25, deadline=None)
@given(spacings, spacings)
def test_a_linear_image_is_read_off_exactly_inside(old, new):
    geometry = Geometry(shape=(6, 7, 8), spacing_mm=old)
    step = Resample(spacing_mm=new)
    grid = step.grid(geometry)
    plane = np.array([0.5, -2.0, 1.0])
    places = positions_mm(grid)
    index = geometry.to_index(places)
    inside = ((index >= 0) & (index <= np.array(geometry.shape) - 1)).all(axis=-1)
    resampled = step(positions_mm(geometry) @ plane, old)
    assert resampled.shape == grid.shape
    assert_allclose(resampled[inside], (places @ plane)[inside], atol=1e-4)


def test_linear_interpolation_agrees_with_scipys_grid_interpolator():
    image = np.random.default_rng(0).normal(size=(6, 7, 8)).astype(np.float32)
    geometry = Geometry(shape=(6, 7, 8), spacing_mm=SPACING_MM)
    step = Resample(spacing_mm=1.3)
    oracle = RegularGridInterpolator([np.arange(n) for n in image.shape], image.astype(np.float64))
    index = np.clip(geometry.to_index(positions_mm(step.grid(geometry))), 0, np.array(image.shape) - 1)
    assert_allclose(step(image, SPACING_MM), oracle(index), atol=1e-5)


def test_intensities_can_be_rounded_as_for_hounsfield_units():
    ramp = np.array([[[0.0, 1, 2, 3]]])
    finer = Resample(spacing_mm=(3.0, 1.0, 0.5), round_to_integers=True)(ramp, SPACING_MM)
    assert_array_equal(finer, [[[0, 0, 1, 1, 2, 2, 3, 3]]])


@pytest.mark.parametrize("order", [0, 1, 3])
def test_a_result_is_missing_where_half_of_it_is_missing(order):
    image = np.array([[[5.0, 5, 5, np.nan, np.nan, np.nan]]])
    finer = Resample(spacing_mm=(3.0, 1.0, 0.5), order=order)(image, SPACING_MM)
    assert_allclose(finer, [[[5] * 6 + [np.nan] * 6]], rtol=1e-6)


def test_exactly_half_is_missing():
    image = np.array([[[5.0, 5, np.nan, np.nan]]])
    coarser = Resample(spacing_mm=(3.0, 1.0, 4 / 3))(image, SPACING_MM)
    assert_array_equal(coarser, [[[5, np.nan, np.nan]]])


def test_an_image_of_missing_voxels_only_is_refused():
    with pytest.raises(BadData) as refused:
        Resample()(np.full((2, 2, 2), np.nan), SPACING_MM)
    assert refused.value.verdict == "all_missing"


def test_the_nearest_mask_covers_the_same_millimetres():
    labels = np.zeros((8, 12, 12), dtype=np.int16)
    labels[2:6, 2:10, 2:10] = 1
    labels[2:6, 4:8, 4:8] = 2
    finer = Resample(spacing_mm=(1.5, 0.5, 0.5), mask_by="nearest").on_mask(labels, SPACING_MM)
    assert_array_equal(finer, labels.repeat(2, 0).repeat(2, 1).repeat(2, 2))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), spacings)
def test_a_linear_mask_has_no_holes_between_labels(seed, new):
    labels = np.random.default_rng(seed).integers(0, 4, (4, 6, 6))
    step = Resample(spacing_mm=new)
    share = step.model_copy(update={"order": 1})((labels > 0).astype(float), SPACING_MM)
    assert_array_equal(step.on_mask(labels, SPACING_MM) > 0, np.round(share, 5) >= 0.5)


def test_half_a_voxel_is_enough_for_a_linear_mask():
    labels = np.array([[[0, 0, 1, 1]]], dtype=bool)
    coarser = Resample(spacing_mm=(3.0, 1.0, 4 / 3)).on_mask(labels, SPACING_MM)
    assert_array_equal(coarser, [[[False, True, True]]])


def test_of_two_labels_with_half_each_the_lower_wins():
    labels = np.array([[[9, 9, 4, 4]]])
    assert_array_equal(Resample(spacing_mm=(3.0, 1.0, 4 / 3)).on_mask(labels, SPACING_MM), [[[9, 4, 4]]])


def test_an_empty_mask_stays_empty():
    assert not Resample().on_mask(np.zeros((3, 4, 5), dtype=np.int32), SPACING_MM).any()


def test_one_voxel_becomes_one_voxel():
    assert_array_equal(Resample(spacing_mm=5.0)(np.array([[[3.0]]]), (5.0, 5.0, 5.0)), [[[3]]])


@pytest.mark.parametrize("spacing", [0.0, (1.0, -1.0, 1.0), (1.0, 1.0)])
def test_a_spacing_that_is_none_is_refused(spacing):
    with pytest.raises(ValidationError):
        Resample(spacing_mm=spacing)
