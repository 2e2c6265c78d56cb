"""Intensities turned into grey levels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from data_catalog.errors import BadData
from tasks.methods.radiomics.discretisation import fixed_number, fixed_size

values = st.lists(st.floats(-1000, 1000, width=32), min_size=1, max_size=30).map(np.float64)


def test_four_levels_of_a_ruler():
    assert_array_equal(fixed_number(np.arange(9.0), 4), [1, 1, 2, 2, 3, 3, 4, 4, 4])


def test_bins_of_25_from_minus_1000():
    hounsfield = np.array([-1000, -975.1, -975, -950, 0])
    assert_array_equal(fixed_size(hounsfield, 25, -1000), [1, 1, 2, 3, 41])


@settings(max_examples=25, deadline=None)
@given(values, st.integers(2, 64))
def test_a_number_of_levels_is_numpys_histogram(sample, number):
    levels = fixed_number(sample, number)
    assert levels.min() == 1
    if sample.min() < sample.max():
        assert levels.max() == number
    assert (np.diff(levels[np.argsort(sample)]) >= 0).all()


def test_levels_are_counted_as_numpys_histogram_counts():
    sample = np.random.default_rng(0).normal(size=1000)
    assert_array_equal(np.bincount(fixed_number(sample, 16), minlength=17)[1:], np.histogram(sample, 16)[0])


@settings(max_examples=25, deadline=None)
@given(values, st.sampled_from([8.0, 25.0, 100.0]))
def test_a_level_says_where_its_bin_lies(sample, size):
    lower = -1000 + size * (fixed_size(sample, size, -1000.0) - 1)
    assert (lower <= sample + 1e-9).all()
    assert (sample < lower + size + 1e-9).all()


def test_one_value_is_one_level():
    assert_array_equal(fixed_number(np.full(5, 0.1), 32), [1] * 5)
    assert_array_equal(fixed_size(np.full(5, 0.1), 25, 0.1), [1] * 5)


def test_a_value_below_the_first_bin_is_refused():
    with pytest.raises(BadData, match="1 of 2 voxels lie below") as refused:
        fixed_size(np.array([-1.0, 5]), 1, 0)
    assert refused.value.verdict == "below_first_bin"


def test_bins_that_make_too_many_levels_are_refused():
    with pytest.raises(BadData, match="make 2000 levels") as refused:
        fixed_size(np.array([0.0, 1999.5]), 1, 0)
    assert refused.value.verdict == "too_many_bins"
