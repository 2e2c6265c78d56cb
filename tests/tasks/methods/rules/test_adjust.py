"""Adjustment of p-values for the number searched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from tasks.methods.rules.adjust import adjusted_p_values

METHODS = ["bonferroni", "holm", "bh", "by"]
p_values = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=30).map(np.array)


def test_three_p_values_are_adjusted_as_by_hand():
    p = np.array([0.04, 0.01, 0.03])
    np.testing.assert_allclose(adjusted_p_values(p, "bonferroni"), [0.12, 0.03, 0.09])
    np.testing.assert_allclose(adjusted_p_values(p, "holm"), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(adjusted_p_values(p, "bh"), [0.04, 0.03, 0.04])
    np.testing.assert_allclose(adjusted_p_values(p, "by"), np.array([0.04, 0.03, 0.04]) * (1 + 1 / 2 + 1 / 3))


@settings(max_examples=25, deadline=None)
@given(p_values)
def test_holm_and_bh_equal_their_definitions_written_out(p):
    m, order = p.size, np.argsort(p)
    holm, bh = np.empty(m), np.empty(m)
    for place, i in enumerate(order):
        holm[i] = min(1, max((m - k) * p[order[k]] for k in range(place + 1)))
        bh[i] = min(1, *(m / (k + 1) * p[order[k]] for k in range(place, m)))
    np.testing.assert_allclose(adjusted_p_values(p, "holm"), holm)
    np.testing.assert_allclose(adjusted_p_values(p, "bh"), bh)


@settings(max_examples=25, deadline=None)
@given(p_values, st.sampled_from(["bh", "by"]))
def test_bh_and_by_equal_those_of_scipy(p, method):
    np.testing.assert_allclose(adjusted_p_values(p, method), false_discovery_control(p, method=method))


@settings(max_examples=25, deadline=None)
@given(p_values, st.sampled_from(METHODS), st.integers(0, 200))
def test_hypotheses_that_were_not_tested_count_as_if_their_p_values_were_one(p, method, untested):
    written_out = adjusted_p_values(np.concatenate([p, np.ones(untested)]), method)
    found = adjusted_p_values(p, method, p.size + untested)
    np.testing.assert_allclose(found, written_out[: p.size], rtol=1e-12)


def test_billions_searched_are_adjusted_for_without_writing_them_out():
    p, number = np.array([1e-12, 1e-3]), 10**10
    np.testing.assert_allclose(adjusted_p_values(p, "holm", number), [0.01, 1])
    by_log = 0.01 * (np.log(number) + np.euler_gamma)
    np.testing.assert_allclose(adjusted_p_values(p, "by", number), [by_log, 1], rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(p_values, st.sampled_from(METHODS))
def test_adjusting_never_lowers_a_p_value_nor_changes_the_order(p, method):
    before = p.copy()
    adjusted = adjusted_p_values(p, method)
    assert (adjusted >= p - 1e-12).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= -1e-12).all()
    np.testing.assert_array_equal(p, before)


@settings(max_examples=25, deadline=None)
@given(p_values)
def test_holm_is_never_stricter_than_bonferroni_and_by_never_laxer_than_bh(p):
    assert (adjusted_p_values(p, "holm") <= adjusted_p_values(p, "bonferroni") + 1e-12).all()
    assert (adjusted_p_values(p, "by") >= adjusted_p_values(p, "bh") - 1e-12).all()


@pytest.mark.parametrize("method", METHODS)
def test_one_p_value_stays_and_none_gives_none(method):
    assert adjusted_p_values(np.array([0.2]), method).tolist() == [0.2]
    assert adjusted_p_values(np.zeros(0), method).size == 0
