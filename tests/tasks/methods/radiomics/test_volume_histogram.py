"""How much of a region reaches an intensity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.radiomics.binning import AsIs, FixedNumber, FixedSize
from tasks.methods.radiomics.kept import kept_voxels
from tasks.methods.radiomics.volume_histogram import COLUMNS, volume_histogram
from tests.tasks.methods.radiomics.boxes import row


def of(values, binning, lowest=None, highest=None):
    return volume_histogram(kept_voxels(row(values)), binning, lowest, highest)


def by_definition(levels, values):
    """Return the features of levels, from the lowest to the highest of the range, and the level of each voxel."""
    part = np.array([(values >= level).mean() for level in levels])
    share = (levels - levels[0]) / (levels[-1] - levels[0])
    v10, v90 = (part[np.flatnonzero(np.round(share, 9) >= at)[0]] for at in (0.1, 0.9))
    i10, i90 = (levels[np.flatnonzero(np.round(part, 9) <= at)[0]] for at in (0.1, 0.9))
    area = np.trapezoid(part, share)
    return dict(zip(COLUMNS, (v10, v90, i10, i90, v10 - v90, i10 - i90, area), strict=True))


def test_the_twenty_voxels_of_a_slope():
    found = of(np.arange(20.0), AsIs())
    # step 2 is the first at a tenth of 19, step 18 at nine tenths
    assert found == pytest.approx(
        {
            "ivh_v10": 18 / 20,
            "ivh_v90": 2 / 20,
            "ivh_i10": 18,
            "ivh_i90": 2,
            "ivh_v10_v90": 16 / 20,
            "ivh_i10_i90": 16,
            "ivh_auc": (1 / 2 + sum(range(2, 20)) / 20 + 1 / 40) / 19,
        }
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(15, 300))
def test_whole_units_are_counted_as_the_definition_says(seed, count):
    values = np.rint(np.random.default_rng(seed).normal(0, 30, count)) % 90 - 50
    levels = np.arange(-100.0, 101)
    assert of(values, AsIs(), -100.0, 100.0) == pytest.approx(by_definition(levels, values))
    if values.max() > values.min():
        own = np.arange(values.min(), values.max() + 2)
        found, expected = of(values, AsIs()), by_definition(own[:-1], values[values < values.max()])
        assert set(found) == set(expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(15, 300))
def test_bins_stand_for_their_centres(seed, count):
    values = np.random.default_rng(seed).uniform(-90, 80, count)
    centres = np.arange(-98.75, 100, 2.5)
    binned = np.floor((values + 100) / 2.5) * 2.5 - 98.75
    found = of(values, FixedSize(size=2.5, start=-100.0), -100.0, 100.0)
    assert found == pytest.approx(by_definition(centres, binned))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(15, 300), st.sampled_from([10, 64, 1000]))
def test_bins_of_a_number_stand_for_it(seed, count, number):
    values = np.random.default_rng(seed).normal(size=count)
    bins = np.minimum(np.floor(number * (values - values.min()) / np.ptp(values)) + 1, number)
    expected = by_definition(np.arange(1.0, number + 2), bins)
    found = of(values, FixedNumber(number=number))
    for column in ("ivh_i10", "ivh_i90"):
        assert found[column] == expected[column]
    levels = np.arange(1.0, number + 1)
    share = np.round((levels - 1) / (number - 1), 9)
    assert found["ivh_v10"] == pytest.approx((bins >= levels[share >= 0.1][0]).mean())
    assert found["ivh_v90"] == pytest.approx((bins >= levels[share >= 0.9][0]).mean())
    assert found["ivh_auc"] == pytest.approx(
        np.trapezoid([(bins >= level).mean() for level in levels], share), abs=1e-8
    )


def test_an_intensity_at_the_high_end_of_the_range_is_in_the_bin_above_it():
    values = [0.0, 10.0] + [5.0] * 8
    found = of(values, FixedSize(size=2.5, start=0.0), 0.0, 10.0)
    # bins 1.25 to 8.75 are of the range, the highest voxel is in 11.25
    assert found["ivh_v90"] == pytest.approx(1 / 10)
    assert found["ivh_i10"] == pytest.approx(8.75)


@pytest.mark.parametrize("binning", [AsIs(), FixedSize(size=2.0), FixedNumber(number=10)])
def test_of_one_intensity_all_of_the_region_is_above_every_part_of_the_range(binning):
    found = of([7.0] * 12, binning)
    assert found["ivh_v10"] == found["ivh_v90"] == 1
    assert found["ivh_i10"] == found["ivh_i90"]
    assert np.isfinite(list(found.values())).all()


def test_of_fewer_than_ten_voxels_none_may_be_as_bright_as_the_tenth():
    found = of([1.0, 2.0, 4.0], AsIs())
    assert found["ivh_i10"] == 5


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-500, 500, width=32), min_size=1, max_size=50),
    st.sampled_from([AsIs(), FixedSize(size=3.0), FixedNumber(number=100)]),
)
def test_more_of_the_region_is_above_a_lower_intensity(values, binning):
    found = of(values, binning)
    assert 0 <= found["ivh_v90"] <= found["ivh_v10"] <= 1
    assert found["ivh_i90"] <= found["ivh_i10"]
