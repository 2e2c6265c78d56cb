import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from tasks.methods.learning.calibration import (
    LEAST_SLOPE,
    calibration,
    intercept_given,
    log_likelihood,
    logistic_line,
    platt_line,
)


def test_a_calibrated_forecast_has_slope_one_and_no_shift():
    probability = np.repeat([0.2, 0.5, 0.8], [10, 10, 10])
    outcome = np.concatenate([np.arange(10) < events for events in (2, 5, 8)]).astype(int)

    found = calibration(outcome, probability)

    assert found.slope == pytest.approx(1.0)
    assert found.intercept == pytest.approx(0.0, abs=1e-9)
    assert [(round(point.predicted, 9), round(point.observed, 9), point.rows) for point in found.curve] == [
        (0.2, 0.2, 10),
        (0.5, 0.5, 10),
        (0.8, 0.8, 10),
    ]
    assert found.brier == pytest.approx((0.16 + 0.25 + 0.16) / 3)


def test_an_overconfident_forecast_has_a_slope_below_one_and_a_high_one_a_negative_shift():
    probability = np.repeat([0.2, 0.5, 0.8], [10, 10, 10])
    outcome = np.concatenate([np.arange(10) < events for events in (2, 5, 8)]).astype(int)

    over = calibration(outcome, special.expit(2 * special.logit(probability)))
    high = calibration(outcome, special.expit(1 + special.logit(probability)))

    assert over.slope == pytest.approx(0.5)
    assert high.intercept == pytest.approx(-1.0)


def fractional_oracle(x, target):
    doubled = LogisticRegression(C=1e10, tol=1e-10, max_iter=10_000)
    doubled.fit(
        np.tile(x, 2)[:, None],
        np.repeat([1, 0], len(x)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    return doubled.intercept_[0], doubled.coef_[0, 0]


@pytest.mark.parametrize("seed", range(4))
def test_the_line_is_that_of_scikit_learns_unpenalised_regression(seed):
    generator = np.random.default_rng(seed)
    x = 3 + 2 * generator.normal(size=60)
    target = generator.random(60)
    np.testing.assert_allclose(logistic_line(x, target), fractional_oracle(x, target), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_platts_line_is_the_regression_on_smoothed_targets(seed):
    generator = np.random.default_rng(seed)
    outcome = np.arange(40) % 4 // 3
    scores = generator.normal(size=40) + 2 * outcome
    target = np.where(outcome == 1, 11 / 12, 1 / 32)
    np.testing.assert_allclose(platt_line(scores, outcome), fractional_oracle(scores, target), rtol=1e-3, atol=1e-4)


def test_platts_line_is_finite_for_separated_scores_and_keeps_the_order_of_bad_ones():
    outcome = np.array([0, 0, 0, 1, 1, 1])
    separated = platt_line(np.array([-3.0, -2, -1, 1, 2, 3]), outcome)
    worse_than_chance = platt_line(np.array([3.0, 2, 1, -1, -2, -3]), outcome)
    constant = platt_line(np.full(6, 2.0), outcome)

    assert 0 < separated.slope < 20
    assert worse_than_chance.slope == constant.slope == LEAST_SLOPE
    assert special.expit(constant.intercept + constant.slope * 2.0) == pytest.approx(0.5)


def test_the_likelihood_is_that_of_what_came():
    outcome = np.array([1, 0, 1, 0])
    assert log_likelihood(outcome, np.array([0.5, 0.2, 1.0, 0.0])) == pytest.approx(
        np.log([0.5, 0.8, 0.999, 0.999]).mean()
    )
    random = np.random.default_rng(0).uniform(0.01, 0.99, size=4)
    assert log_likelihood(outcome, random) == pytest.approx(-metrics.log_loss(outcome, random))
    assert log_likelihood(outcome, 1.0 - outcome) == pytest.approx(np.log(0.001))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-20, 20), min_size=1, max_size=10), st.floats(0.01, 0.99))
def test_the_shift_makes_the_mean_right(offset, mean):
    offset = np.array(offset)
    assert special.expit(offset + intercept_given(offset, mean)).mean() == pytest.approx(mean, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40))
def test_every_row_is_in_one_bin_and_equal_probabilities_share_it(seed, rows):
    generator = np.random.default_rng(seed)
    probability = generator.integers(0, 11, size=rows) / 10
    outcome = np.arange(rows) % 2

    found = calibration(outcome, probability)

    assert sum(point.rows for point in found.curve) == rows
    assert len(found.curve) <= 5
    assert [point.predicted for point in found.curve] == sorted(point.predicted for point in found.curve)
    assert found.brier == pytest.approx(metrics.brier_score_loss(outcome, probability))


@pytest.mark.parametrize("probability", [[0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1], [0.5] * 4, [0, 0, 1, 1]])
def test_a_slope_that_does_not_exist_is_none(probability):
    assert calibration(np.array([0, 0, 1, 1]), np.array(probability, dtype=float)).slope is None
