"""Adjustments by what could be significant, and by what permuted outcomes give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.rules.tarone import tarone_adjusted, tarone_level
from tasks.methods.rules.westfall_young import permutation_delta, westfall_young_adjusted

p_values = st.lists(st.floats(1e-6, 1), min_size=1, max_size=40).map(np.array)


def test_of_five_hypotheses_the_two_that_could_be_significant_are_tested():
    # Two at 0.01 may be tested, as 2 * 0.01 <= 0.05; with the third, 3 * 0.02 is more.
    tested = tarone_level(np.array([0.2, 0.01, 1.0, 0.01, 0.02]), 0.05)
    assert (tested.number, tested.threshold, tested.delta) == (2, 0.01, 0.025)
    p, least = np.array([0.01, 0.03, 0.02]), np.array([0.01, 0.01, 0.02])
    np.testing.assert_allclose(tarone_adjusted(p, least, tested), [0.02, 0.06, 1.0])


@settings(max_examples=50, deadline=None)
@given(p_values)
def test_the_level_is_the_largest_at_which_all_that_are_testable_fit(attainable):
    tested = tarone_level(attainable, 0.05)
    assert tested.number * tested.threshold <= 0.05
    assert tested.number == (attainable <= tested.threshold).sum()
    higher = attainable[attainable > tested.threshold]
    if higher.size:
        assert (attainable <= higher.min()).sum() * higher.min() > 0.05


def test_where_nothing_could_be_significant_nothing_is_tested():
    tested = tarone_level(np.array([0.3, 0.6]), 0.05)
    assert (tested.number, tested.delta) == (0, 0.0)
    assert tarone_adjusted(np.array([0.3]), np.array([0.3]), tested).tolist() == [1.0]
    assert tarone_level(np.zeros(0), 0.05).number == 0


@settings(max_examples=50, deadline=None)
@given(p_values)
def test_tarone_is_never_stricter_than_bonferroni_on_what_is_tested(attainable):
    tested = tarone_level(attainable, 0.05)
    adjusted = tarone_adjusted(attainable, attainable, tested)
    own = attainable <= tested.threshold
    assert (adjusted[own] <= np.minimum(1, attainable[own] * attainable.size) + 1e-12).all()


def test_an_adjusted_p_value_is_the_share_of_permutations_that_have_as_small_a_one():
    smallest = np.array([0.001, 0.02, 0.03, 0.5] + [0.6] * 15)
    np.testing.assert_allclose(westfall_young_adjusted(np.array([0.0005, 0.02, 0.6]), smallest), [1 / 20, 3 / 20, 1])
    assert permutation_delta(smallest, 0.05) == 0.0
    assert permutation_delta(smallest, 0.1) == 0.001


@settings(max_examples=50, deadline=None)
@given(p_values, st.integers(1, 200))
def test_a_p_value_is_significant_exactly_up_to_delta(p, permutations):
    smallest = np.random.default_rng(permutations).uniform(size=permutations)
    delta = permutation_delta(smallest, 0.05)
    among = np.concatenate([p, smallest])
    significant = westfall_young_adjusted(among, smallest) <= 0.05
    assert (significant[among <= delta]).all()
    assert not significant[np.isin(among, smallest) & (among > delta * (1 + 1e-6))].any()


def test_no_share_of_permutations_is_zero():
    assert westfall_young_adjusted(np.array([0.0]), np.ones(99)).tolist() == [pytest.approx(0.01)]
