"""What subgroups are compared in: a number, or the time until an event."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf, logrank

from data_catalog.errors import BadData
from tasks.methods.rules.targets import cumulative_hazard, median_time, number_target, survival_target

TIMES = np.array([1.0, 2.0, 2.0, 4.0])
HAPPENED = np.array([True, True, False, True])


def test_a_drawn_hazard_adds_up_events_over_those_at_risk():
    assert cumulative_hazard(TIMES, HAPPENED) == pytest.approx([1 / 4, 1 / 4 + 1 / 3, 1 / 4 + 1 / 3, 1 / 4 + 1 / 3 + 1])


def test_scores_are_events_less_those_expected_and_add_up_to_nothing():
    target = survival_target("death", "days", TIMES, HAPPENED, np.ones(4, bool))
    assert target.scores == pytest.approx(HAPPENED - cumulative_hazard(TIMES, HAPPENED))
    assert target.scores.sum() == pytest.approx(0)


def observed_less_expected(times, happened, inside):
    """Return the numerator of the log-rank test, moment by moment."""
    found = 0.0
    for moment in np.unique(times[happened]):
        events, at_risk = happened & (times == moment), times >= moment
        found += events[inside].sum() - events.sum() * at_risk[inside].sum() / at_risk.sum()
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 40), st.integers(0, 2**32 - 1))
def test_the_sum_over_a_group_is_the_numerator_of_the_log_rank_test(rows, seed):
    rng = np.random.default_rng(seed)
    times, happened, inside = rng.integers(0, 12, rows) * 1.0, rng.random(rows) < 0.7, rng.random(rows) < 0.5
    happened[0] = True
    target = survival_target("death", "days", times, happened, np.ones(rows, bool))
    assert target.scores[inside].sum() == pytest.approx(observed_less_expected(times, happened, inside))


def test_a_difference_in_survival_has_about_the_z_of_scipys_log_rank_test():
    rng = np.random.default_rng(0)
    inside = np.arange(200) < 80
    times, ends = rng.exponential(np.where(inside, 2.0, 1.0)), rng.exponential(2.0, 200)
    happened, seen = times <= ends, np.minimum(times, ends)
    scores = survival_target("death", "", seen, happened, np.ones(200, bool)).scores
    z = scores[inside].sum() / np.sqrt(80 * 120 / 199 * (scores**2).mean())

    def censored(rows):
        return CensoredData(uncensored=seen[rows & happened], right=seen[rows & ~happened])

    assert abs(z) == pytest.approx(abs(logrank(censored(inside), censored(~inside)).statistic), rel=0.05)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_the_median_is_where_scipys_survival_reaches_one_half(rows, seed):
    rng = np.random.default_rng(seed)
    times, happened = rng.integers(1, 9, rows) * 1.0, rng.random(rows) < 0.7
    survival = ecdf(CensoredData(uncensored=times[happened], right=times[~happened])).sf if happened.any() else None
    below = [] if survival is None else survival.quantiles[survival.probabilities <= 0.5 + 1e-9]
    assert median_time(times, happened) == (below[0] if len(below) else None)


def test_rows_that_are_not_known_take_no_part():
    known = np.array([True, True, True, True, False])
    target = survival_target("death", "", np.append(TIMES, np.nan), np.append(HAPPENED, True), known)
    assert target.known.tolist() == known.tolist()
    assert target.scores[:4] == pytest.approx(survival_target("death", "", TIMES, HAPPENED, known[:4]).scores)
    assert number_target("size", "ml", np.array([1.0, np.nan, 2.0])).known.tolist() == [True, False, True]


@pytest.mark.parametrize("values", [[1.0, 1.0], [1.0, np.inf], [np.nan, 2.0], []])
def test_numbers_that_tell_nobody_apart_are_refused(values):
    with pytest.raises(BadData, match="two different finite numbers"):
        number_target("size", "ml", np.array(values))


@pytest.mark.parametrize(("times", "happened"), [([-1.0, 2.0], [1, 1]), ([1.0, np.nan], [1, 0]), ([1.0, 2.0], [0, 0])])
def test_times_that_tell_nothing_are_refused(times, happened):
    with pytest.raises(BadData, match="at least one event"):
        survival_target("death", "", np.array(times), np.array(happened, bool), np.ones(2, bool))
