"""The filter that removes single outlying voxels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_array_equal

from data_catalog.errors import BadData
from tasks.methods.preprocessing.median_filter import MedianFilter

SPACING_MM = (1.0, 1.0, 1.0)


def test_a_single_bright_voxel_disappears_and_an_edge_stays():
    image = np.zeros((3, 5, 6))
    image[:, :, 3:] = 10
    expected = image.copy()
    image[1, 2, 1] = 99
    assert_array_equal(MedianFilter()(image, SPACING_MM), expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([(1, 3, 3), (3, 3, 3), (3, 1, 5)]))
def test_it_agrees_with_numpys_median_over_windows(seed, size):
    image = np.random.default_rng(seed).normal(size=(4, 6, 7)).astype(np.float32)
    margins = [(width // 2, width // 2) for width in size]
    windows = sliding_window_view(np.pad(image, margins, mode="symmetric"), size)
    assert_array_equal(MedianFilter(size=size)(image, SPACING_MM), np.median(windows, axis=(3, 4, 5)))


def test_a_plane_is_filtered_within_itself():
    plane = np.random.default_rng(0).normal(size=(1, 6, 7))
    assert_array_equal(MedianFilter(size=(5, 3, 3))(plane, SPACING_MM), MedianFilter(size=(1, 3, 3))(plane, SPACING_MM))


def test_a_constant_image_stays_constant():
    assert (MedianFilter()(np.full((2, 3, 3), 4), SPACING_MM) == 4).all()


def test_a_missing_voxel_is_refused():
    image = np.zeros((2, 3, 3))
    image[0, 0, 0] = np.nan
    with pytest.raises(BadData, match="1 of 18 voxels are NaN") as refused:
        MedianFilter()(image, SPACING_MM)
    assert refused.value.verdict == "missing_voxels"
