"""How the grey levels of a region are spread."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.radiomics.intensity_histogram import COLUMNS, UNDEFINED, intensity_histogram
from tasks.methods.radiomics.intensity_statistics import intensity_statistics
from tests.tasks.methods.radiomics.boxes import row

histograms = st.lists(st.integers(0, 9), min_size=1, max_size=30).filter(any)


def of(*counts):
    return intensity_histogram(np.array([0, *counts]))


def test_the_histogram_of_six_voxels():
    found = of(1, 3, 0, 2)
    # levels 1, 2, 2, 2, 4, 4
    assert found["ih_mean"] == 2.5
    assert found["ih_variance"] == pytest.approx((1.5**2 + 3 * 0.5**2 + 2 * 1.5**2) / 6)
    assert found["ih_median"] == found["ih_mode"] == 2
    assert (found["ih_minimum"], found["ih_maximum"], found["ih_range"]) == (1, 4, 3)
    assert (found["ih_p10"], found["ih_p90"], found["ih_iqr"]) == (1.5, 4, 1.5)
    assert found["ih_mad"] == pytest.approx((1.5 + 3 * 0.5 + 2 * 1.5) / 6)
    assert found["ih_entropy"] == pytest.approx(1 / 6 * np.log2(6) + 1 / 2 + 1 / 3 * np.log2(3))
    assert found["ih_uniformity"] == pytest.approx((1 + 9 + 4) / 36)
    # slopes 2, -1/2, -1/2, 2
    assert (found["ih_max_gradient"], found["ih_max_gradient_level"]) == (2, 1)
    assert (found["ih_min_gradient"], found["ih_min_gradient_level"]) == (-0.5, 2)


def test_of_two_levels_equally_common_the_mode_is_the_nearer_to_the_mean_then_the_lower():
    assert of(2, 0, 0, 2, 1)["ih_mode"] == 4
    assert of(2, 0, 2)["ih_mode"] == 1


@settings(max_examples=50, deadline=None)
@given(histograms)
def test_what_intensity_statistics_have_too_is_the_same_of_the_levels(counts):
    found = of(*counts)
    expected = intensity_statistics(row(np.repeat(np.arange(1.0, len(counts) + 1), counts)))
    for column in set(COLUMNS) & {column.replace("stat_", "ih_") for column in expected}:
        wanted = expected[column.replace("ih_", "stat_")]
        assert found[column] == pytest.approx(wanted, rel=1e-9, abs=1e-9, nan_ok=True), column


@settings(max_examples=50, deadline=None)
@given(histograms)
def test_slopes_are_those_of_numpy(counts):
    found = of(*counts)
    slopes = np.gradient(np.array(counts, dtype=float)) if len(counts) > 1 else np.zeros(1)
    assert found["ih_max_gradient"] == slopes.max()
    assert found["ih_max_gradient_level"] == slopes.argmax() + 1
    assert found["ih_min_gradient"] == slopes.min()
    assert found["ih_min_gradient_level"] == slopes.argmin() + 1


@settings(max_examples=25, deadline=None)
@given(histograms)
def test_entropy_and_uniformity_keep_their_bounds(counts):
    found = of(*counts)
    assert -1e-12 <= found["ih_entropy"] <= np.log2(len(counts)) + 1e-12
    assert 1 / len(counts) - 1e-12 <= found["ih_uniformity"] <= 1


def test_one_grey_level_has_no_spread_and_no_slope():
    found = of(7)
    for word in ("variance", "skewness", "kurtosis", "entropy", "max_gradient", "min_gradient", "cv", "rmad"):
        assert found[f"ih_{word}"] == 0
    assert found["ih_uniformity"] == found["ih_mode"] == found["ih_p90"] == 1


def test_two_voxels_have_no_robust_deviation():
    assert np.isnan(of(1, 1)["ih_rmad"])
    assert set(UNDEFINED) == {"rmad"}


def test_what_lies_at_index_zero_is_no_level_and_the_histogram_is_not_changed():
    histogram = np.array([5, 1, 2])
    assert intensity_histogram(histogram) == of(1, 2)
    assert histogram[0] == 5
