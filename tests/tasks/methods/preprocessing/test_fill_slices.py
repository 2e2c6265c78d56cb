"""Lost slices come back from their neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from data_catalog.errors import BadData
from tasks.methods.preprocessing.fill_slices import FillSlices

SPACING_MM = (2.0, 1.0, 1.0)


def ramp(slices):
    """Draw slices whose voxels are 10 z + (0, 1, 2, 3)."""
    return (10.0 * np.arange(slices)[:, None, None] + np.arange(4).reshape(2, 2)).astype(np.float32)


def test_an_empty_slice_between_two_good_ones_is_their_mean():
    image = ramp(3)
    image[1] = np.nan
    assert_array_equal(FillSlices()(image, SPACING_MM)[1], [[10, 11], [12, 13]])


def test_a_slice_of_one_value_counts_as_lost():
    image = ramp(3)
    image[1] = -1024
    assert_array_equal(FillSlices()(image, SPACING_MM), ramp(3))


def test_a_slice_of_one_value_and_holes_counts_as_lost():
    image = ramp(3)
    image[1] = [[np.nan, 0], [0, 0]]
    assert_array_equal(FillSlices()(image, SPACING_MM), ramp(3))


def test_empty_space_at_the_ends_stays():
    image = ramp(6)
    image[[0, 1, 5]] = -1024
    image[3] = np.nan
    filled = FillSlices()(image, SPACING_MM)
    assert (filled[[0, 1, 5]] == -1024).all()
    assert_array_equal(filled[3], ramp(6)[3])


def test_missing_slices_at_the_ends_repeat_the_nearest_good_one():
    image = ramp(5)
    image[[0, 3, 4]] = np.nan
    filled = FillSlices()(image, SPACING_MM)
    assert_array_equal(filled[0], ramp(5)[1])
    assert_array_equal(filled[4], ramp(5)[2])


def test_a_voxel_missing_in_a_neighbour_is_missing_in_the_filled_slice():
    image = ramp(3)
    image[1] = np.nan
    image[0, 0, 0] = np.nan
    filled = FillSlices()(image, SPACING_MM)
    assert np.isnan(filled[1]).sum() == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 12).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(1, n - 2), max_size=n - 2))))
def test_slices_lost_from_a_linear_volume_come_back(case):
    slices, lost = case
    image = ramp(slices)
    image[sorted(lost)] = np.nan
    assert_allclose(FillSlices()(image, SPACING_MM), ramp(slices), rtol=1e-6)


def test_filling_agrees_with_numpy_interpolation():
    image = np.random.default_rng(3).normal(size=(9, 3, 4)).astype(np.float32)
    good = [0, 1, 4, 5, 8]
    broken = image.copy()
    broken[[2, 3, 6, 7]] = 0
    expected = np.array([np.interp(range(9), good, column) for column in image[good].reshape(5, -1).T]).T
    assert_allclose(FillSlices()(broken, SPACING_MM), expected.reshape(9, 3, 4), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("image", [np.zeros((4, 3, 3)), np.full((4, 3, 3), np.nan), np.ones((1, 3, 3))])
def test_a_volume_without_a_good_slice_is_refused(image):
    with pytest.raises(BadData, match="missing or of one value") as refused:
        FillSlices()(image, SPACING_MM)
    assert refused.value.verdict == "no_good_slice"
