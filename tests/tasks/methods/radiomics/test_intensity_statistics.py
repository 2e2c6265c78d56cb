"""How the intensities of a region are spread."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tasks.methods.radiomics.intensity_statistics import IntensityStatistics

SPACING_MM = (1.0, 1.0, 1.0)
ANY_SIZE = IntensityStatistics(minimum_voxels=1)
intensities = st.lists(st.floats(-1000, 1000, width=32), min_size=3, max_size=40)


def of(values):
    image = np.reshape(values, (1, 1, -1))
    return ANY_SIZE(image, np.ones(image.shape, dtype=bool), SPACING_MM)


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


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_moments_agree_with_scipy(seed):
    values = np.random.default_rng(seed).gamma(2, 30, 50)
    found = of(values)
    assert found["stat_variance"] == pytest.approx(values.var())
    assert found["stat_skewness"] == pytest.approx(stats.skew(values))
    assert found["stat_kurtosis"] == pytest.approx(stats.kurtosis(values))
    assert found["stat_iqr"] == pytest.approx(stats.iqr(values))
    assert found["stat_cv"] == pytest.approx(stats.variation(values))


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


@pytest.mark.parametrize("value", [0.1, -1024.0, 1e-30])
def test_a_constant_region_has_no_spread_skewness_and_kurtosis(value):
    found = of([value] * 9)
    for name in ("variance", "skewness", "kurtosis", "iqr", "range", "mad", "rmad", "medad", "cv", "qcod"):
        assert found[f"stat_{name}"] == 0
    assert found["stat_mean"] == value


def test_quotients_by_zero_are_undefined():
    found = of([-1.0, -1, 0, 1, 1])
    assert np.isnan([found["stat_cv"], found["stat_qcod"]]).all()
    assert np.isfinite([found["stat_skewness"], found["stat_kurtosis"]]).all()


def test_between_two_voxels_no_robust_deviation_is_defined():
    assert np.isnan(of([0.0, 1.0])["stat_rmad"])


def test_one_voxel_has_statistics_when_it_is_asked_for():
    found = of([7.0])
    assert found["stat_mean"] == found["stat_median"] == found["stat_maximum"] == 7
    assert found["stat_variance"] == 0


def test_small_spread_on_a_large_offset_is_not_lost():
    values = np.random.default_rng(0).normal(size=200)
    assert of(values + 1e7)["stat_skewness"] == pytest.approx(stats.skew(values), abs=1e-6)
