import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from data_catalog.errors import BadData
from tasks.methods.learning.discrimination import (
    auc,
    bootstrap_interval,
    corrected_resampled_interval,
    patient_weights,
    roc_curve,
    weighted_aucs,
    youden_threshold,
)

OUTCOME = np.array([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 0.0), ([1, 3, 2, 4], 0.75), ([5, 5, 5, 5], 0.5), ([1, 2, 2, 3], 0.875)],
)
def test_auc_counts_pairs_in_the_right_order(scores, expected):
    assert auc(OUTCOME, np.array(scores, dtype=float)) == expected


scored = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=4, max_size=30).filter(
    lambda rows: {outcome for outcome, _ in rows} == {0, 1}
)


@settings(max_examples=25, deadline=None)
@given(scored)
def test_auc_and_curve_agree_with_scikit_learn(rows):
    outcome, scores = np.array(rows).T
    alarm, hit, _ = metrics.roc_curve(outcome, scores, drop_intermediate=False)

    assert auc(outcome, scores) == pytest.approx(metrics.roc_auc_score(outcome, scores))
    np.testing.assert_allclose(roc_curve(outcome, scores), np.column_stack([alarm, hit]))


@settings(max_examples=25, deadline=None)
@given(scored, st.integers(0, 1000))
def test_a_weight_is_a_number_of_copies(rows, seed):
    outcome, scores = np.array(rows).T
    copies = np.random.default_rng(seed).integers(1, 4, size=len(rows))
    copied = auc(np.repeat(outcome, copies), np.repeat(scores, copies))
    assert weighted_aucs(outcome, scores, copies[None].astype(float))[0] == pytest.approx(copied)


def test_one_class_has_no_auc():
    with pytest.raises(BadData, match="3 of 3 rows have it"):
        auc(np.ones(3, dtype=int), np.arange(3.0))


@settings(max_examples=25, deadline=None)
@given(scored)
def test_no_threshold_does_better_than_youdens(rows):
    outcome, scores = np.array(rows).T

    def gain(threshold):
        called = scores >= threshold
        return called[outcome == 1].mean() - called[outcome == 0].mean()

    chosen = youden_threshold(outcome, scores)
    assert gain(chosen) == pytest.approx(max(gain(threshold) for threshold in scores))
    assert all(gain(threshold) < gain(chosen) - 1e-12 for threshold in scores if threshold > chosen)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=2, max_size=12), st.integers(0, 99))
def test_a_draw_takes_patients_whole_and_as_many_of_each_class(patients, seed):
    sizes = [rows for rows, _ in patients]
    patient = np.repeat(np.arange(len(patients)), sizes)
    outcome = np.repeat([int(event) for _, event in patients], sizes)

    weights = patient_weights(outcome, patient, draws=5, seed=seed)

    firsts = np.unique(patient, return_index=True)[1]
    np.testing.assert_array_equal(weights, weights[:, firsts][:, patient])
    for value in (0, 1):
        mine = firsts[outcome[firsts] == value]
        assert (weights[:, mine].sum(axis=1) == len(mine)).all()


def test_the_bootstrap_interval_agrees_with_delongs_where_rows_are_many():
    generator = np.random.default_rng(0)
    outcome = np.arange(600) % 2
    scores = generator.normal(size=600) + outcome
    events, others = scores[outcome == 1], scores[outcome == 0]
    above = (events[:, None] > others).mean(axis=1)
    below = (events[:, None] > others).mean(axis=0)
    error = np.sqrt(above.var(ddof=1) / 300 + below.var(ddof=1) / 300)

    low, high = bootstrap_interval(outcome, [scores], np.arange(600), draws=2000, confidence=0.95, seed=0)

    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.08)
    assert (high + low) / 2 == pytest.approx(auc(outcome, scores), abs=0.003)


def test_repeated_rows_of_a_patient_do_not_narrow_the_interval():
    outcome, scores = np.arange(30) % 2, np.random.default_rng(1).normal(size=30) + np.arange(30) % 2
    settled = {"draws": 500, "confidence": 0.9, "seed": 3}
    once = bootstrap_interval(outcome, [scores], np.arange(30), **settled)
    copied = bootstrap_interval(np.tile(outcome, 4), [np.tile(scores, 4)], np.tile(np.arange(30), 4), **settled)
    assert copied == pytest.approx(once)


def test_the_interval_is_of_the_mean_over_repeats():
    outcome = np.array([0, 1] * 5)
    perfect, reversed_ = outcome.astype(float), 1.0 - outcome
    interval = bootstrap_interval(outcome, [perfect, reversed_], np.arange(10), draws=50, confidence=0.95, seed=0)
    assert interval == (0.5, 0.5)


def test_the_corrected_interval_by_hand():
    values = [0.6, 0.7, 0.8, 0.9]
    error = np.sqrt((1 / 4 + 1 / 4) * (0.05 / 3))
    reach = stats.t.ppf(0.975, 3) * error
    interval = corrected_resampled_interval(values, 0.25, 0.95)
    assert interval.low == pytest.approx(0.75 - reach)
    assert interval.high == pytest.approx(min(1.0, 0.75 + reach))


def test_the_correction_widens_the_plain_t_interval():
    values = [0.5, 0.55, 0.6, 0.65]
    plain = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert corrected_resampled_interval(values, 0.0, 0.95) == pytest.approx(plain)
    assert corrected_resampled_interval(values, 0.25, 0.95).low < plain[0]
    assert corrected_resampled_interval([0.7, 0.7, 0.7], 0.25, 0.95) == pytest.approx((0.7, 0.7))
