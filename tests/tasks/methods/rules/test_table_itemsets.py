"""The itemsets of a table's items, their splits and pairs."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.rules.items import Item, ItemTable
from tasks.methods.rules.table_itemsets import frequent_itemsets, pairs_apart, splits


def table_of(present, columns=None):
    present = np.asarray(present, bool)
    names = columns or [f"c{i}" for i in range(present.shape[1])]
    items = tuple(Item(column=name, label=name, level=str(i)) for i, name in enumerate(names))
    return ItemTable(items, present, np.ones_like(present))


def test_four_baskets_have_the_itemsets_one_can_see():
    table = table_of([[1, 1, 0], [1, 1, 1], [1, 0, 1], [0, 1, 0]])
    assert frequent_itemsets(table, 0.5, None, 100) == [(0,), (1,), (2,), (0, 1), (0, 2)]
    assert frequent_itemsets(table, 0.5, 1, 100) == [(0,), (1,), (2,)]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=25),
    st.sampled_from([0.05, 0.1, 0.2, 0.3, 0.5, 1.0]),
    st.integers(1, 4),
)
def test_itemsets_equal_those_of_trying_every_one(rows, min_support, longest):
    table = table_of(rows)
    expected = [
        itemset
        for length in range(1, longest + 1)
        for itemset in combinations(range(5), length)
        if table.present[:, itemset].all(axis=1).mean() >= min_support and table.present[:, itemset].all(axis=1).any()
    ]
    assert frequent_itemsets(table, min_support, longest, 100) == expected


def test_two_items_of_a_column_are_never_together():
    table = table_of([[1, 1, 1]] * 4, ["a", "a", "b"])
    assert frequent_itemsets(table, 0.5, 2, 100) == [(0,), (1,), (2,), (0, 2), (1, 2)]


def test_without_rows_items_or_frequent_items_there_are_no_itemsets():
    assert frequent_itemsets(table_of(np.zeros((5, 0))), 0.1, 2, 10) == []
    assert frequent_itemsets(table_of(np.zeros((0, 3))), 0.1, 2, 10) == []
    assert frequent_itemsets(table_of(np.zeros((5, 3))), 0.1, 2, 10) == []


def test_too_many_candidates_are_refused_with_the_remedy():
    table = table_of(np.ones((4, 6)))
    with pytest.raises(BadData, match=r"15 or more are frequent.*Raise min_support"):
        frequent_itemsets(table, 0.5, 2, 14)
    with pytest.raises(BadData, match="21 or more"):
        frequent_itemsets(table, 0.5, 2, 20)
    assert len(frequent_itemsets(table, 0.5, 2, 21)) == 21


def test_an_itemset_splits_into_every_rule():
    assert splits([(0,), (1,), (0, 1)]) == [((0,), (1,)), ((1,), (0,))]
    assert len(splits([(0, 1, 2)])) == 6
    assert splits([]) == []
    assert splits([(3,)]) == []


def test_pairs_are_counted_in_both_orders_and_without_a_common_column():
    table = table_of(np.ones((1, 4)), ["a", "a", "b", "c"])
    singles = [(0,), (1,), (2,), (3,)]
    assert pairs_apart(table, singles, 2) == 10
    # With (0, 2): beside 3, in two orders; beside 0, 1 or 2 it would share a column.
    assert pairs_apart(table, [*singles, (0, 2)], 3) == 12
    assert pairs_apart(table, [*singles, (0, 2)], 2) == 10
    assert pairs_apart(table, [], 3) == 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from("abcde"), min_size=1, max_size=8),
    st.integers(2, 5),
    st.randoms(use_true_random=False),
)
def test_pairs_counted_equal_those_written_out(columns, longest, random):
    table = table_of(np.ones((1, len(columns))), columns)
    every = [
        itemset
        for length in range(1, longest)
        for itemset in combinations(range(len(columns)), length)
        if len({columns[i] for i in itemset}) == length
    ]
    itemsets = random.sample(every, k=(len(every) + 1) // 2)
    written = [
        (left, right)
        for left in itemsets
        for right in itemsets
        if len(left) + len(right) <= longest and not {columns[i] for i in left} & {columns[i] for i in right}
    ]
    assert pairs_apart(table, itemsets, longest) == len(written)
    ends = random.sample(itemsets, k=len(itemsets) // 2)
    assert pairs_apart(table, itemsets, longest, ends) == sum(right in ends for _, right in written)


def test_an_itemset_of_exactly_the_share_of_rows_is_frequent():
    present = np.zeros((100, 1), bool)
    present[:7] = True
    assert frequent_itemsets(table_of(present), 0.07, 2, 10) == [(0,)]
