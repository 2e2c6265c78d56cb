"""Two-by-two tables of many rules, and what is computed from them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact

from tasks.methods.rules import contingency
from tasks.methods.rules.contingency import (
    fisher_greater,
    odds_ratio,
    odds_ratio_interval,
    rule_counts,
    surely_without,
    wilson_interval,
)
from tasks.methods.rules.items import Item, ItemTable

cells = st.integers(0, 60)
tables = st.tuples(cells, cells, cells, cells)


def table_of(rows):
    """Return items 0, 1, ... of rows such as `1?0`: present, not known, absent."""
    letters = np.array([list(row) for row in rows])
    items = tuple(Item(column=f"c{i}", label=f"c{i}", level="yes") for i in range(letters.shape[1]))
    return ItemTable(items, letters == "1", letters != "?")


def test_a_rule_counts_the_rows_where_all_its_items_are_known():
    table = table_of(["111", "110", "101", "000", "?11", "1?1", "11?"])
    assert rule_counts(table, [(0,), (0, 1), ()], [(2,), (2,), (2,)]).tolist() == [
        [3, 1, 0, 1],
        [1, 1, 1, 1],
        [4, 2, 0, 0],
    ]


def test_a_rule_within_others_counts_only_their_rows():
    table = table_of(["111", "110", "101", "001", "011"])
    assert rule_counts(table, [(0, 1)], [(2,)], [(1,)]).tolist() == [[1, 1, 1, 0]]


def test_a_row_is_without_an_itemset_if_one_item_is_known_to_be_absent():
    table = table_of(["11", "10", "0?", "?0", "1?", "??", "00"])
    assert surely_without(table, (0, 1)).tolist() == [1, 2, 3, 6]
    assert surely_without(table, (1,)).tolist() == [1, 3, 6]


def test_no_rules_have_no_counts():
    assert rule_counts(table_of(["11"]), [], []).shape == (0, 4)
    assert fisher_greater(np.zeros((0, 4), np.int64)).shape == (0,)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("01?", min_size=4, max_size=4), min_size=1, max_size=30))
def test_counts_equal_those_of_a_loop_over_rows(rows):
    found = rule_counts(table_of(rows), [(0, 1), (2,)], [(3,), (3,)]).tolist()
    for (left, right), counts in zip([((0, 1), 3), ((2,), 3)], found, strict=True):
        expected = [0, 0, 0, 0]
        for row in rows:
            if all(row[i] != "?" for i in (*left, right)):
                expected[2 * (not all(row[i] == "1" for i in left)) + (row[right] == "0")] += 1
        assert counts == expected


def test_rules_counted_in_parts_equal_rules_counted_at_once(monkeypatch):
    rng = np.random.default_rng(1)
    table = table_of(["".join(row) for row in rng.choice(list("01?"), (30, 8))])
    pairs = [((i,), (j,)) for i in range(8) for j in range(8) if i != j]
    whole = rule_counts(table, [a for a, _ in pairs], [b for _, b in pairs])
    monkeypatch.setattr(contingency, "CELLS_AT_ONCE", 30 * 5)
    np.testing.assert_array_equal(rule_counts(table, [a for a, _ in pairs], [b for _, b in pairs]), whole)


def test_the_tea_lady_and_the_unit_test_of_lamp():
    p = fisher_greater(np.array([[3, 1, 1, 3], [4, 0, 0, 4], [5, 0, 2, 8]]))
    np.testing.assert_allclose(p, [17 / 70, 1 / 70, 21 / 3003], rtol=1e-12)
    assert round(p[2], 6) == 0.006993


@settings(max_examples=50, deadline=None)
@given(st.lists(tables, min_size=1, max_size=5))
def test_p_values_equal_those_of_scipy(several):
    expected = [fisher_exact([[a, b], [c, d]], alternative="greater").pvalue for a, b, c, d in several]
    np.testing.assert_allclose(fisher_greater(np.array(several)), expected, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(tables)
def test_one_more_supporter_in_place_of_a_contradiction_lowers_the_p_value(table):
    a, b, c, d = table
    if b and c:
        weak, strong = fisher_greater(np.array([table, (a + 1, b - 1, c - 1, d + 1)]))
        assert strong < weak or strong == pytest.approx(1.0)


def test_a_small_p_value_keeps_its_digits():
    (p,) = fisher_greater(np.array([[200, 0, 0, 200]]))
    np.testing.assert_allclose(p, fisher_exact([[200, 0], [0, 200]], alternative="greater").pvalue, rtol=1e-9)
    assert 0 < p < 1e-100


def test_large_and_small_tables_side_by_side_do_not_overflow():
    several = np.array([[400, 300, 200, 100], [0, 1, 1, 0], [0, 1000, 0, 0]])
    expected = [fisher_exact(table.reshape(2, 2), alternative="greater").pvalue for table in several]
    np.testing.assert_allclose(fisher_greater(several), expected, rtol=1e-9)


def test_a_table_without_rows_or_without_a_margin_shows_nothing():
    np.testing.assert_allclose(fisher_greater(np.array([[0, 0, 0, 0], [5, 0, 7, 0], [5, 3, 0, 0]])), 1.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.integers(1, 40))
def test_the_interval_of_a_share_is_wilsons(successes, more):
    trials = successes + more
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson_interval(successes, trials), [expected.low, expected.high], atol=1e-12)


def test_the_interval_of_nothing_is_everything():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_the_odds_ratio_is_finite_with_an_empty_cell():
    assert odds_ratio(10, 0, 0, 10) == pytest.approx(441)
    assert odds_ratio(0, 0, 0, 0) == 1
    low, high = odds_ratio_interval(1, 1, 1, 1)
    assert low * high == pytest.approx(1)
    assert high == pytest.approx(np.exp(1.959964 * np.sqrt(4 / 1.5)), rel=1e-6)
