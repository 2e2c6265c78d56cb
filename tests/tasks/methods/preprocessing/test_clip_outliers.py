"""Clipping at values that the image itself sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from scipy import stats

from data_catalog.errors import BadData
from tasks.methods.preprocessing.clip_outliers import ClipOutliers

SPACING_MM = (1.0, 1.0, 1.0)


def test_one_bright_voxel_among_a_thousand_is_clipped():
    image = np.tile([0.0, 1.0], 500).reshape(10, 10, 10)
    image[0, 0, 0] = 1e6
    assert ClipOutliers()(image, SPACING_MM).max() == 1


def test_quartiles_of_five_values():
    image = np.array([[[0.0, 1, 2, 3, 100]]])
    assert_array_equal(ClipOutliers(low_percent=25, high_percent=75)(image, SPACING_MM), [[[1, 1, 2, 3, 3]]])


@pytest.mark.parametrize("sigmas", [1.0, 3.0])
def test_sigma_agrees_with_scipys_clipping_limits(sigmas):
    image = np.random.default_rng(0).standard_t(3, (5, 9, 9)).astype(np.float32)
    clipped = ClipOutliers(rule="sigma", sigmas=sigmas)(image, SPACING_MM)
    z = stats.zscore(image.astype(np.float64), axis=None)
    assert_array_equal(clipped[np.abs(z) < sigmas], image[np.abs(z) < sigmas])
    edge = image.mean(dtype=np.float64) + sigmas * image.std(dtype=np.float64)
    assert_allclose(clipped[z > sigmas], edge, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["percentiles", "sigma"]))
def test_missing_voxels_do_not_count_and_stay_missing(seed, rule):
    image = np.random.default_rng(seed).normal(size=(3, 4, 5))
    holed = np.concatenate([image, np.full((2, 4, 5), np.nan)])
    step = ClipOutliers(rule=rule)
    assert_array_equal(step(holed, SPACING_MM)[:3], step(image, SPACING_MM))
    assert np.isnan(step(holed, SPACING_MM)[3:]).all()


@pytest.mark.parametrize("rule", ["percentiles", "sigma"])
def test_a_constant_image_stays_as_it_is(rule):
    assert_array_equal(
        ClipOutliers(rule=rule)(np.full((2, 3, 3), 0.1), SPACING_MM), np.full((2, 3, 3), np.float32(0.1))
    )


def test_an_image_of_missing_voxels_only_is_refused():
    with pytest.raises(BadData) as refused:
        ClipOutliers()(np.full((1, 2, 2), np.nan), SPACING_MM)
    assert refused.value.verdict == "all_missing"


def test_percentiles_in_the_wrong_order_are_refused():
    with pytest.raises(ValidationError, match="low_percent"):
        ClipOutliers(low_percent=60, high_percent=40)
