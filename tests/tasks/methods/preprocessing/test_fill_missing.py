"""Missing voxels come back from the voxels around them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from data_catalog.errors import BadData
from tasks.methods.preprocessing.fill_missing import FillMissing

N = np.nan
SPACING_MM = (5.0, 1.0, 1.0)
NEAREST = FillMissing()
MEAN = FillMissing(by="local_mean")


def test_nearest_takes_the_nearest_in_mm_not_in_voxels():
    image = np.array([[[7.0, 7, 7]], [[N, N, 3]], [[8, 8, 8]]])
    assert_array_equal(NEAREST(image, (5.0, 1.0, 1.0))[1], [[3, 3, 3]])
    assert NEAREST(image, (0.5, 1.0, 1.0))[1, 0, 0] in {7, 8}


def test_local_mean_takes_the_mean_of_the_box():
    image = np.array([[[1.0, 2, 3], [4, N, 6], [7, 8, 9]]])
    assert MEAN(image, SPACING_MM)[0, 1, 1] == 5


def test_local_mean_falls_back_to_the_nearest_where_the_box_is_empty():
    image = np.full((1, 1, 7), N)
    image[0, 0, 0] = 4
    assert_array_equal(MEAN(image, SPACING_MM), np.full((1, 1, 7), 4))


def test_the_nearest_agrees_with_a_search_over_all_voxels():
    rng = np.random.default_rng(1)
    image = rng.normal(size=(4, 5, 6)).astype(np.float32)
    image[rng.random(image.shape) < 0.6] = N
    points = np.argwhere(np.ones(image.shape)) * SPACING_MM
    away = cdist(points, points)
    away[:, np.isnan(image).ravel()] = np.inf
    filled = NEAREST(image, SPACING_MM).ravel()
    nearest = away == away.min(axis=1, keepdims=True)
    assert all(value in image.ravel()[row] for value, row in zip(filled, nearest, strict=True))


@settings(max_examples=25, deadline=None)
@given(
    arrays(np.float32, (3, 4, 4), elements=st.one_of(st.just(N), st.floats(-100, 100, width=32))),
    st.sampled_from([NEAREST, MEAN]),
)
def test_nothing_stays_missing_and_what_was_there_stays(image, method):
    image[0, 0, 0] = 1
    filled = method(image, SPACING_MM)
    there = ~np.isnan(image)
    assert_array_equal(filled[there], image[there])
    assert filled.min() >= image[there].min()
    assert filled.max() <= image[there].max()


def test_a_complete_image_stays_as_it_is():
    image = np.arange(12.0).reshape(1, 3, 4)
    assert_allclose(MEAN(image, SPACING_MM), image)


@pytest.mark.parametrize("method", [NEAREST, MEAN])
def test_an_image_of_missing_voxels_only_is_refused(method):
    with pytest.raises(BadData) as refused:
        method(np.full((2, 2, 2), N), SPACING_MM)
    assert refused.value.verdict == "all_missing"
