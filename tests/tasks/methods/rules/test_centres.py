"""Centres agree on a rule, or differ, beyond chance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.rules.centres import breslow_day_p, centre_agreements, common_odds_ratio, expected_both
from tasks.methods.rules.items import Item, ItemTable

MIGRAINE = np.array([[16, 11, 5, 20], [12, 16, 7, 19]])
"""Active and placebo by better and same, in women and men (Koch and others; the example of SAS PROC FREQ)."""
tables = st.lists(st.tuples(*[st.integers(1, 40)] * 4), min_size=2, max_size=5)


def test_the_example_of_migraine_has_the_published_odds_ratio_and_p_value():
    assert common_odds_ratio(MIGRAINE) == pytest.approx(3.3132, abs=5e-5)
    # Breslow and Day's statistic is 1.4929 (p = 0.2218); with Tarone's correction 1.4905 (p = 0.2221)
    assert breslow_day_p(MIGRAINE) == pytest.approx(0.2221, abs=5e-5)


def test_centres_that_say_the_opposite_differ_and_those_that_say_the_same_do_not():
    assert breslow_day_p(np.array([[30, 5, 5, 30], [5, 30, 30, 5]])) < 1e-9
    assert breslow_day_p(np.array([[20, 5, 5, 20], [40, 10, 10, 40]])) == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(tables, st.floats(0.05, 20))
def test_the_expected_table_has_the_margins_and_the_odds_ratio(several, odds):
    counts = np.array(several, float)
    x = expected_both(counts, odds)
    left, right, rows = counts[:, 0] + counts[:, 1], counts[:, 0] + counts[:, 2], counts.sum(axis=1)
    np.testing.assert_allclose(x * (rows - left - right + x) / ((left - x) * (right - x)), odds, rtol=1e-6)
    assert (x > 0).all()
    assert (x < np.minimum(left, right)).all()


@settings(max_examples=40, deadline=None)
@given(tables)
def test_the_order_of_centres_and_the_sides_of_a_rule_do_not_count(several):
    counts = np.array(several)
    p = breslow_day_p(counts)
    assert breslow_day_p(counts[::-1]) == pytest.approx(p, rel=1e-9)
    assert breslow_day_p(counts[:, [0, 2, 1, 3]]) == pytest.approx(p, rel=1e-9)


def test_p_values_are_even_where_centres_share_an_odds_ratio():
    rng = np.random.default_rng(3)
    draws = [np.array([rng.multinomial(80, [0.35, 0.15, 0.2, 0.3]) for _ in range(3)]) for _ in range(400)]
    rejected = np.mean([breslow_day_p(one) <= 0.05 for one in draws])
    assert rejected <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize("counts", [[[5, 5, 5, 5]], [[5, 5, 5, 5], [0, 0, 4, 4]], [[5, 0, 0, 5], [6, 0, 0, 6]]])
def test_too_little_to_compare_has_no_p_value(counts):
    assert breslow_day_p(np.array(counts)) is None


def two_items(present):
    items = tuple(Item(column=name, label=name, level="yes") for name in "ab")
    present = np.array(present, bool)
    return ItemTable(items, present, np.ones_like(present))


def test_a_rule_is_counted_centre_by_centre_and_who_is_of_none_takes_no_part():
    table = two_items([[1, 1], [1, 0], [1, 1], [0, 1], [0, 0], [1, 1]])
    (found,) = centre_agreements(table, [(0,)], [(1,)], ["A", "A", "B", "B", "B", None])
    assert [(one.centre, one.a, one.b, one.c, one.d) for one in found.centres] == [("A", 1, 1, 0, 0), ("B", 1, 0, 1, 1)]


def test_one_centre_is_not_compared():
    table = two_items([[1, 1], [0, 0]])
    assert centre_agreements(table, [(0,)], [(1,)], ["A", None]) == [None]


def test_as_many_centres_as_rows_are_asked_for():
    with pytest.raises(BadData, match="same rows"):
        centre_agreements(two_items([[1, 1]]), [(0,)], [(1,)], ["A", "B"])
