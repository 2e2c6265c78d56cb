"""Intensities turned into grey levels."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pydantic import TypeAdapter

from data_catalog.errors import BadData
from tasks.methods.radiomics.binning import MOST_LEVELS, AsIs, Binning, FixedNumber, FixedSize
from tasks.methods.radiomics.grey import grey_volume

samples = st.lists(st.floats(-1000, 1000, width=32), min_size=1, max_size=30).map(np.float64)
whole = st.lists(st.integers(-2000, 2000), min_size=2, max_size=30).map(np.float64)


def test_four_levels_of_a_ruler():
    assert_array_equal(FixedNumber(number=4).levels(np.arange(9.0)), [1, 1, 2, 2, 3, 3, 4, 4, 4])


def test_bins_of_25_from_minus_1000():
    hounsfield = np.array([-1000, -975.1, -975, -950, 0])
    assert_array_equal(FixedSize(size=25, start=-1000).levels(hounsfield), [1, 1, 2, 3, 41])


def test_levels_that_are_there_already_stay():
    assert_array_equal(AsIs().levels(np.array([3.0, 1, 4096])), [3, 1, 4096])


@settings(max_examples=100, deadline=None)
@given(whole, st.integers(2, 100))
def test_whole_intensities_are_binned_as_fractions_are(sample, number):
    low, high = int(sample.min()), int(sample.max())
    if low < high:
        exact = [min(floor(Fraction(number * (int(x) - low), high - low)) + 1, number) for x in sample]
        assert_array_equal(FixedNumber(number=number).levels(sample), exact)


@settings(max_examples=50, deadline=None)
@given(whole, st.sampled_from([1.0, 2.5, 7.0, 25.0]))
def test_sizes_of_whole_intensities_are_exact(sample, size):
    exact = [floor(Fraction(int(x) + 2000) / Fraction(size)) + 1 for x in sample]
    assert_array_equal(FixedSize(size=size, start=-2000).levels(sample), exact)


@settings(max_examples=25, deadline=None)
@given(samples, st.integers(2, 64))
def test_levels_rise_with_the_intensity_from_the_first_to_the_last(sample, number):
    levels = FixedNumber(number=number).levels(sample)
    assert levels.min() == 1
    if sample.min() < sample.max():
        assert levels.max() == number
    assert (np.diff(levels[np.argsort(sample)].astype(int)) >= 0).all()


def test_levels_are_counted_as_numpys_histogram_counts():
    sample = np.random.default_rng(0).normal(size=1000)
    assert_array_equal(
        np.bincount(FixedNumber(number=16).levels(sample), minlength=17)[1:], np.histogram(sample, 16)[0]
    )


@settings(max_examples=25, deadline=None)
@given(samples, st.sampled_from([8.0, 25.0, 100.0]))
def test_a_level_says_where_its_bin_lies(sample, size):
    lower = -1000 + size * (FixedSize(size=size, start=-1000).levels(sample).astype(float) - 1)
    assert (lower <= sample + 1e-9).all()
    assert (sample < lower + size + 1e-9).all()


def test_without_a_start_levels_begin_at_the_lowest_intensity():
    sample = np.array([7.0, 31, 32])
    assert_array_equal(FixedSize(size=25).levels(sample), [1, 1, 2])


@pytest.mark.parametrize("binning", [FixedNumber(), FixedSize(), FixedSize(start=0.1)])
def test_one_intensity_is_one_level(binning):
    assert_array_equal(binning.levels(np.full(5, 0.1)), [1] * 5)


def test_a_box_has_its_levels_inside_a_margin_and_none_where_nothing_is_kept():
    values = np.array([[[10.0, 20, 30], [40, np.nan, 1e9]]])
    kept = np.array([[[True, True, True], [True, False, False]]])
    grey = grey_volume(values, kept, FixedSize(size=10, start=10))
    assert_array_equal(grey.padded[1], [[0, 0, 0, 0, 0], [0, 1, 2, 3, 0], [0, 4, 0, 0, 0], [0, 0, 0, 0, 0]])
    assert not grey.padded[0].any()
    assert not grey.padded[2].any()
    assert_array_equal(grey.histogram, [0, 1, 1, 1, 1])
    assert (grey.count, grey.voxels) == (4, 4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.booleans())
def test_a_box_has_the_levels_of_its_kept_values(seed, crooked):
    rng = np.random.default_rng(seed)
    values, kept = rng.normal(size=(4, 3, 17)), rng.random((4, 3, 17)) < 0.7
    if crooked:
        values, kept = values[::2, :, ::-1], kept[::2, :, ::-1]
    kept[0, 0, 0] = True
    for binning in (FixedNumber(number=8), FixedSize(size=0.5)):
        grey = grey_volume(values, kept, binning)
        expected = np.zeros(values.shape)
        expected[kept] = binning.levels(values[kept])
        assert_array_equal(grey.padded[1:-1, 1:-1, 1:-1], expected)
        assert_array_equal(grey.histogram[1:], np.bincount(expected[kept].astype(int))[1:])


def test_a_number_of_levels_is_kept_even_where_all_intensities_are_one():
    assert grey_volume(np.ones((2, 2, 2)), np.ones((2, 2, 2), bool), FixedNumber(number=8)).count == 8


def test_a_value_below_the_first_bin_is_refused():
    with pytest.raises(BadData, match="1 of 2 voxels lie below") as refused:
        FixedSize(size=1, start=0).levels(np.array([-1.0, 5]))
    assert refused.value.verdict == "below_first_bin"


def test_bins_that_make_too_many_levels_are_refused():
    with pytest.raises(BadData, match="make 5000 levels") as refused:
        FixedSize(size=1, start=0).levels(np.array([0.0, 4999.5]))
    assert refused.value.verdict == "too_many_bins"
    assert FixedSize(size=1, start=0).levels(np.array([MOST_LEVELS - 0.5])) == MOST_LEVELS


@pytest.mark.parametrize(
    ("sample", "verdict"), [([1.5, 2], "not_grey_levels"), ([0, 2], "not_grey_levels"), ([1, 4097], "too_many_bins")]
)
def test_intensities_that_are_no_grey_levels_are_refused(sample, verdict):
    with pytest.raises(BadData) as refused:
        AsIs().levels(np.array(sample, dtype=float))
    assert refused.value.verdict == verdict


def test_a_region_without_a_voxel_is_refused():
    with pytest.raises(BadData) as refused:
        grey_volume(np.ones((2, 2, 2)), np.zeros((2, 2, 2), bool), FixedNumber())
    assert refused.value.verdict == "empty_region"


def test_a_way_of_binning_is_chosen_by_its_tag():
    chosen = TypeAdapter(Binning).validate_python({"method": "fixed_size", "size": 0.5})
    assert chosen == FixedSize(size=0.5)
