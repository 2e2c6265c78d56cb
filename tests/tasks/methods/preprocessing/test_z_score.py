"""Intensities in units of their own spread."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from data_catalog.errors import BadData
from tasks.methods.preprocessing.z_score import ZScore

SPACING_MM = (1.0, 1.0, 1.0)


def test_two_values_become_minus_one_and_one():
    assert_allclose(ZScore()(np.array([[[10.0, 30, np.nan]]]), SPACING_MM), [[[-1, 1, np.nan]]])


def test_a_background_of_zeros_can_be_left_out_of_the_mean():
    scaled = ZScore(over="nonzero")(np.array([[[0.0, 0, 0, 10, 30]]]), SPACING_MM)
    assert_allclose(scaled, [[[-2, -2, -2, -1, 1]]])


def test_scores_agree_with_scipy():
    image = np.random.default_rng(0).normal(1000, 3, (4, 5, 6))
    assert_allclose(ZScore()(image, SPACING_MM), stats.zscore(image.astype(np.float32), axis=None), atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.5, 100), st.floats(-1000, 1000))
def test_unit_and_zero_of_the_scanner_do_not_matter(seed, gain, offset):
    image = np.random.default_rng(seed).normal(size=(3, 4, 5))
    assert_allclose(ZScore()(gain * image + offset, SPACING_MM), ZScore()(image, SPACING_MM), atol=2e-3)


def test_a_score_has_no_unit():
    assert ZScore().unit("a.u.") == "1"


@pytest.mark.parametrize(
    ("step", "image"),
    [
        (ZScore(), np.full((3, 3, 3), 0.1)),
        (ZScore(over="nonzero"), np.zeros((2, 2, 2))),
        (ZScore(over="nonzero"), np.array([[[0.0, 5, 5]]])),
    ],
)
def test_voxels_that_do_not_differ_are_refused(step, image):
    with pytest.raises(BadData) as refused:
        step(image, SPACING_MM)
    assert refused.value.verdict == "constant_image"


def test_an_image_of_missing_voxels_only_is_refused():
    with pytest.raises(BadData) as refused:
        ZScore()(np.full((1, 2, 2), np.nan), SPACING_MM)
    assert refused.value.verdict == "all_missing"
