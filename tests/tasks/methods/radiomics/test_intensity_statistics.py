"""How the intensities of a region are spread."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tasks.methods.radiomics.intensity_statistics import COLUMNS, UNDEFINED, intensity_statistics
from tasks.methods.radiomics.kept import kept_voxels
from tasks.methods.radiomics.kernels.intensities import of_rank
from tests.tasks.methods.radiomics.boxes import boxed, row

intensities = st.lists(st.floats(-1000, 1000, width=32), min_size=3, max_size=40)


def of(values):
    return intensity_statistics(row(values))


def test_the_statistics_of_five_voxels():
    assert of([1.0, 2, 3, 4, 10]) == pytest.approx(
        {
            "stat_mean": 4,
            "stat_variance": 10,
            "stat_skewness": 36 / 10**1.5,
            "stat_kurtosis": 278.8 / 100 - 3,
            "stat_median": 3,
            "stat_minimum": 1,
            "stat_p10": 1.4,
            "stat_p90": 7.6,
            "stat_maximum": 10,
            "stat_iqr": 2,
            "stat_range": 9,
            "stat_mad": 2.4,
            "stat_rmad": 2 / 3,
            "stat_medad": 2.2,
            "stat_cv": 10**0.5 / 4,
            "stat_qcod": 2 / 6,
            "stat_energy": 130,
            "stat_rms": 26**0.5,
            "stat_voxel_count": 5,
            "stat_missing_count": 0,
        }
    )


def test_voxels_left_out_do_not_count_and_only_those_that_are_missing_are_said_to_be():
    image = np.array([[[np.nan, 1.0, 5.0, 900.0], [np.nan, 3.0, np.nan, 0.0]]])
    mask = np.array([[[1, 1, 1, 1], [1, 1, 0, 0]]])
    kept = np.array([[[0, 1, 1, 0], [0, 1, 0, 0]]])
    found = intensity_statistics(boxed(image, mask, kept=kept))
    assert found["stat_mean"] == found["stat_voxel_count"] == 3
    assert found["stat_missing_count"] == 2
    assert found["stat_maximum"] == 5


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 3000))
def test_moments_and_percentiles_agree_with_scipy_and_numpy(seed, count):
    values = np.random.default_rng(seed).gamma(2, 30, count)
    found = of(values)
    assert found["stat_variance"] == pytest.approx(values.var())
    assert found["stat_skewness"] == pytest.approx(stats.skew(values))
    assert found["stat_kurtosis"] == pytest.approx(stats.kurtosis(values))
    assert found["stat_cv"] == pytest.approx(stats.variation(values))
    p10, p25, median, p75, p90 = np.percentile(values, [10, 25, 50, 75, 90]).tolist()
    assert (found["stat_p10"], found["stat_median"], found["stat_p90"]) == (p10, median, p90)
    assert found["stat_iqr"] == p75 - p25
    assert found["stat_medad"] == pytest.approx(np.abs(values - median).mean())
    middle = values[(values >= p10) & (values <= p90)]
    if middle.size:
        assert found["stat_rmad"] == pytest.approx(np.abs(middle - middle.mean()).mean())


@settings(max_examples=25, deadline=None)
@given(intensities, st.floats(-1e6, 1e6))
def test_an_offset_moves_places_and_leaves_spreads(values, offset):
    here, there = of(np.float64(values)), of(np.float64(values) + offset)
    for column in ("stat_mean", "stat_median", "stat_minimum", "stat_p90"):
        assert there[column] == pytest.approx(here[column] + offset, abs=1e-6)
    for column in ("stat_range", "stat_mad", "stat_medad"):
        assert there[column] == pytest.approx(here[column], abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(intensities)
def test_statistics_keep_their_bounds(values):
    found = of(values)
    ladder = [found[f"stat_{name}"] for name in ("minimum", "p10", "median", "p90", "maximum")]
    assert ladder == sorted(ladder)
    assert found["stat_kurtosis"] >= found["stat_skewness"] ** 2 - 2 - 1e-9 or found["stat_variance"] == 0
    assert found["stat_medad"] <= found["stat_mad"] + 1e-9


@settings(max_examples=50, deadline=None)
@given(
    st.one_of(
        st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=60),
        st.lists(st.integers(-2, 2).map(float), min_size=1, max_size=200),
        st.lists(st.sampled_from([0.0, 5e-324, 1e-310, 1.0, 1e17]), min_size=1, max_size=60),
    ),
    st.data(),
)
def test_what_stands_at_a_rank_is_what_sorting_puts_there(values, data):
    values = np.array(values)
    ranks = sorted(data.draw(st.lists(st.integers(0, values.size - 1), min_size=1, max_size=6)))
    found = of_rank(values, values.min(), values.max(), np.array(ranks))
    assert found.tolist() == np.sort(values)[ranks].tolist()


def test_ranks_are_found_among_many_equal_values_beside_one_far_off():
    values = np.r_[np.random.default_rng(0).integers(0, 9, 20_000), 1e12].astype(float)
    ranks = np.array([0, 2_000, 2_001, 10_000, 10_000, 19_999, 20_000])
    assert of_rank(values, 0.0, 1e12, ranks).tolist() == np.sort(values)[ranks].tolist()


@pytest.mark.parametrize("value", [0.1, -1024.0, 1e-30, 1e300])
def test_a_constant_region_has_no_spread_skewness_and_kurtosis(value):
    found = of([value] * 9)
    for name in ("variance", "skewness", "kurtosis", "iqr", "range", "mad", "rmad", "medad", "cv", "qcod"):
        assert found[f"stat_{name}"] == 0
    assert found["stat_mean"] == value


@pytest.mark.parametrize("unit", [1e-300, 1e-100, 1.0, 1e100])
def test_skewness_does_not_depend_on_how_small_or_large_intensities_are(unit):
    values = np.array([1.0, 2, 3, 4, 10])
    found = of(values * unit)
    assert found["stat_skewness"] == pytest.approx(36 / 10**1.5)
    assert found["stat_mad"] == pytest.approx(2.4 * unit)


def test_quotients_by_zero_are_undefined():
    found = of([-1.0, -1, 0, 1, 1])
    assert np.isnan([found["stat_cv"], found["stat_qcod"]]).all()
    assert np.isfinite([found["stat_skewness"], found["stat_kurtosis"]]).all()


def test_between_two_voxels_no_robust_deviation_is_defined():
    assert np.isnan(of([0.0, 1.0])["stat_rmad"])
    assert set(UNDEFINED) == {"cv", "qcod", "rmad"}


def test_one_voxel_has_statistics_when_it_is_asked_for():
    found = of([7.0])
    assert tuple(found) == COLUMNS
    assert found["stat_mean"] == found["stat_median"] == found["stat_maximum"] == 7
    assert found["stat_variance"] == 0


def test_small_spread_on_a_large_offset_is_not_lost():
    values = np.random.default_rng(0).normal(size=200)
    assert of(values + 1e7)["stat_skewness"] == pytest.approx(stats.skew(values), abs=1e-6)


def test_voxels_may_be_gathered_once_for_several_families():
    region = row([1.0, 5.0, 2.0])
    assert intensity_statistics(kept_voxels(region)) == intensity_statistics(region)
