"""Means over boxes and Gaussians."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from scipy import ndimage

from tasks.methods.preprocessing.smoothing import GaussianFilter, MeanFilter, gaussian_weights, local_mean

SPACING_MM = (3.0, 0.8, 1.2)
FILTERS = [MeanFilter(size=(3, 5, 3)), GaussianFilter(sigma_mm=1.3)]
each_filter = pytest.mark.parametrize("step", FILTERS, ids=lambda step: step.method)


def noise(shape=(7, 8, 9), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_a_bright_voxel_is_spread_over_its_box():
    image = np.zeros((5, 5, 5))
    image[2, 2, 2] = 27
    expected = np.zeros((5, 5, 5))
    expected[1:4, 1:4, 1:4] = 1
    assert_allclose(MeanFilter()(image, SPACING_MM), expected, atol=1e-6)


def test_a_missing_voxel_weighs_nothing_and_stays_missing():
    smooth = MeanFilter()(np.array([[[1.0, 3, np.nan, 7, 9]]]), SPACING_MM)
    assert_allclose(smooth, [[[5 / 3, 2, np.nan, 8, 25 / 3]]], rtol=1e-6)


def test_the_mean_agrees_with_scipys_uniform_filter():
    expected = ndimage.uniform_filter(noise().astype(np.float64), size=(3, 5, 3), mode="reflect")
    assert_allclose(FILTERS[0](noise(), SPACING_MM), expected, atol=1e-6)


def test_the_gaussian_agrees_with_scipys():
    expected = ndimage.gaussian_filter(
        noise().astype(np.float64), 1.3 / np.array(SPACING_MM), mode="reflect", truncate=4
    )
    assert_allclose(FILTERS[1](noise(), SPACING_MM), expected, atol=1e-6)


@each_filter
def test_with_missing_voxels_it_is_the_quotient_of_two_filters(step):
    image = noise()
    image[np.random.default_rng(1).random(image.shape) < 0.3] = np.nan
    there = ~np.isnan(image)
    quotient = step(np.where(there, image, 0), SPACING_MM) / step(there, SPACING_MM)
    assert_allclose(step(image, SPACING_MM), np.where(there, quotient, np.nan), atol=1e-5)


@each_filter
def test_a_constant_image_stays_constant(step):
    assert_allclose(step(np.full((3, 4, 5), 0.1), SPACING_MM), np.float32(0.1), rtol=1e-7)


@each_filter
def test_an_image_of_missing_voxels_only_stays_missing(step):
    assert np.isnan(step(np.full((3, 4, 5), np.nan), SPACING_MM)).all()


@each_filter
def test_slices_are_smoothed_alone_when_there_is_only_one(step):
    plane = noise((1, 8, 9))
    in_plane = step.model_copy(update={"size": (1, 5, 3)}) if isinstance(step, MeanFilter) else step
    stack = in_plane(np.repeat(plane, 3, axis=0), (1e6, *SPACING_MM[1:]))
    assert_allclose(step(plane, SPACING_MM), stack[1:2], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(FILTERS))
def test_smoothing_keeps_the_mean_and_the_limits(seed, step):
    image = noise(seed=seed)
    smooth = step(image, SPACING_MM)
    assert image.min() <= smooth.min()
    assert smooth.max() <= image.max()
    assert_allclose(smooth.mean(dtype=np.float64), image.mean(dtype=np.float64), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(FILTERS), st.tuples(st.integers(0, 10), st.integers(0, 20), st.integers(0, 20)))
def test_a_change_beyond_the_reach_changes_nothing(step, place):
    image = np.random.default_rng(0).normal(size=(11, 21, 21))
    changed = image.copy()
    changed[place] += 1000
    differs = np.argwhere(step(changed, SPACING_MM) != step(image, SPACING_MM))
    assert (np.abs(differs - place) <= step.reach(SPACING_MM)).all()


def test_the_reach_of_a_gaussian_is_four_sigma_in_voxels():
    assert GaussianFilter(sigma_mm=2.0).reach((4.0, 1.0, 0.5)) == (2, 8, 16)


def test_gaussian_weights_are_symmetric_and_sum_to_one():
    weights = gaussian_weights(1.5, 6)
    assert_array_equal(weights, weights[::-1])
    assert weights.sum() == pytest.approx(1, abs=1e-15)


def test_the_local_mean_is_missing_where_nothing_is_near():
    image = np.full((1, 1, 5), np.nan, dtype=np.float32)
    image[0, 0, 0] = 2
    means = local_mean(image, [np.ones(3)] * 3)
    assert_array_equal(means, [[[2, 2, np.nan, np.nan, np.nan]]])


def test_a_box_of_even_size_is_refused():
    with pytest.raises(ValidationError, match="4 is even"):
        MeanFilter(size=(3, 4, 3))
