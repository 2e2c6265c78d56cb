"""Frequent, closed and maximal itemsets under constraints."""

import gzip
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.rules.baskets import baskets_from, baskets_of
from tasks.methods.rules.itemsets import itemset_parts, least_rows, mine_itemsets, minimal_generators


def test_a_share_that_is_a_whole_number_of_rows_asks_for_that_number():
    assert least_rows(0.07, 100) == 7
    assert least_rows(0.2, 40) == 8
    assert least_rows(0.21, 40) == 9
    assert least_rows(0.001, 40) == 1
    assert least_rows(1.0, 40) == 40


def test_a_whole_number_is_a_count_of_rows():
    assert (least_rows(1, 40), least_rows(7, 40), least_rows(0, 40)) == (1, 7, 1)
    assert (least_rows(np.int64(5), 100), least_rows(np.uint8(1), 40)) == (5, 1)
    assert least_rows(np.float64(0.5), 40) == 20


DRAWN = [[0, 1, 2], [0, 1, 2], [0, 1, 3], [0, 3], [4]]
"""Item 1 is only where 0 is, and 2 only where both are."""


def supports(found):
    return {
        frozenset(items.tolist()): int(found.supports[node])
        for nodes, rows in found.by_length()
        for node, items in zip(nodes.tolist(), rows, strict=True)
    }


def test_closed_and_maximal_itemsets_of_five_baskets_are_those_one_can_see():
    closed = supports(mine_itemsets(baskets_from(DRAWN), 1, kind="closed"))
    expected = {(0,): 4, (0, 1): 3, (0, 3): 2, (0, 1, 2): 2, (0, 1, 3): 1, (4,): 1}
    assert closed == {frozenset(items): rows for items, rows in expected.items()}
    maximal = supports(mine_itemsets(baskets_from(DRAWN), 1, kind="maximal"))
    assert maximal == {frozenset({0, 1, 2}): 2, frozenset({0, 1, 3}): 1, frozenset({4}): 1}


def test_an_item_that_all_rows_have_is_in_every_closed_itemset():
    found = supports(mine_itemsets(baskets_from([[0, 1], [0, 2], [0]]), 1, kind="closed"))
    assert found == {frozenset({0}): 3, frozenset({0, 1}): 1, frozenset({0, 2}): 1}
    assert mine_itemsets(baskets_from([[0], [0]]), 1, kind="maximal").tuples() == [(0,)]
    assert mine_itemsets(baskets_from([[0], [0, 1]]), 1, kind="maximal").tuples() == [(0, 1)]


def test_minimal_generators_of_five_baskets_are_those_one_can_see():
    found = supports(minimal_generators(mine_itemsets(baskets_from(DRAWN), 1), len(DRAWN)))
    expected = {(0,): 4, (1,): 3, (2,): 2, (3,): 2, (4,): 1, (1, 3): 1}
    assert found == {frozenset(items): rows for items, rows in expected.items()}
    assert not len(minimal_generators(mine_itemsets(baskets_from([[0], [0]]), 1), 2)), "no item has the same rows"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sets(st.integers(0, 6)), min_size=1, max_size=20), st.integers(1, 4))
def test_every_minimal_generator_loses_rows_with_each_item_and_every_closed_itemset_has_the_rows_of_one(rows, least):
    def having(items):
        return frozenset(number for number, row in enumerate(rows) if items <= row)

    every = mine_itemsets(baskets_from([sorted(row) for row in rows]), least)
    found = supports(minimal_generators(every, len(rows)))
    wanted = {items for items in supports(every) if all(having(items - {one}) > having(items) for one in items)}
    assert set(found) == wanted
    assert all(len(having(items)) == support for items, support in found.items())
    closed = supports(mine_itemsets(baskets_from([sorted(row) for row in rows]), least, kind="closed"))
    of_some = {having(items) for items in found} | {having(frozenset())}
    assert all(having(items) in of_some for items in closed)


def by_definition(rows, items, least, kind, longest, required, excluded, columns):
    """Return the support of every itemset to be found, by trying every one."""
    usable = [item for item in range(items) if item not in excluded]
    count = {
        frozenset(itemset): sum(set(itemset) <= set(row) for row in rows)
        for length in range(1, len(usable) + 1)
        for itemset in combinations(usable, length)
        if len({columns[item] for item in itemset}) == length
    }
    often = {itemset: rows_with for itemset, rows_with in count.items() if rows_with >= least}
    larger = {itemset: [often[other] for other in often if itemset < other] for itemset in often}
    if kind == "closed":
        often = {itemset: support for itemset, support in often.items() if support not in larger[itemset]}
    if kind == "maximal":
        often = {itemset: support for itemset, support in often.items() if not larger[itemset]}
    return {
        itemset: support
        for itemset, support in often.items()
        if itemset >= set(required) and (longest is None or len(itemset) <= longest)
    }


rows_of_items = st.lists(st.sets(st.integers(0, 6)), min_size=1, max_size=30)


@settings(max_examples=150, deadline=None)
@given(
    rows_of_items,
    st.integers(1, 6),
    st.sampled_from(["all", "closed", "maximal"]),
    st.none() | st.integers(1, 5),
    st.sets(st.integers(0, 6), max_size=2),
    st.sets(st.integers(0, 6), max_size=2),
)
def test_itemsets_of_every_kind_equal_those_of_trying_every_one(rows, least, kind, longest, required, excluded):
    excluded = excluded - required
    found = mine_itemsets(
        baskets_from([list(row) for row in rows], 7),
        least,
        kind=kind,
        longest=longest,
        required=tuple(required),
        excluded=tuple(excluded),
    )
    expected = by_definition(rows, 7, least, kind, longest, required, excluded, list(range(7)))
    assert supports(found) == expected
    assert len(found) == len(expected)


@settings(max_examples=50, deadline=None)
@given(rows_of_items, st.lists(st.integers(0, 3), min_size=7, max_size=7), st.integers(1, 4), st.none() | st.just(3))
def test_with_columns_an_itemset_has_one_item_of_each_column(rows, columns, least, longest):
    found = mine_itemsets(baskets_from([list(row) for row in rows], 7), least, columns=columns, longest=longest)
    assert supports(found) == by_definition(rows, 7, least, "all", longest, (), (), columns)


def test_closed_itemsets_where_a_row_has_two_items_of_a_column_are_refused():
    with pytest.raises(BadData, match="a row has two"):
        mine_itemsets(baskets_from([[0, 1]]), 1, kind="closed", columns=[0, 0])
    assert mine_itemsets(baskets_from([[0], [1]]), 1, kind="closed", columns=[0, 0]).tuples() == [(0,), (1,)]


@settings(max_examples=25, deadline=None)
@given(rows_of_items, st.sampled_from(["all", "closed", "maximal"]), st.integers(1, 20))
def test_itemsets_in_parts_are_the_same_as_in_one(rows, kind, part):
    baskets = baskets_from([list(row) for row in rows], 7)
    parts = list(itemset_parts(baskets, 2, kind=kind, part=part))
    whole = supports(mine_itemsets(baskets, 2, kind=kind))
    assert sum(map(len, parts)) == len(whole)
    assert {itemset: rows for one in parts for itemset, rows in supports(one).items()} == whole


def test_a_part_ends_once_it_has_as_many_itemsets_as_asked_for():
    baskets = baskets_of(np.random.default_rng(0).random((60, 12)) < 0.6)
    sizes = [len(part) for part in itemset_parts(baskets, 3, part=100)]
    assert len(sizes) > 5
    assert min(sizes[1:-1]) >= 100


def test_more_itemsets_than_allowed_are_refused_without_making_them():
    baskets = baskets_from([list(range(100))] * 3)
    with pytest.raises(BadData, match="At most 50000000 itemsets"):
        mine_itemsets(baskets, 3)
    assert mine_itemsets(baskets, 3, kind="closed").tuples() == [tuple(range(100))]
    assert len(mine_itemsets(baskets, 3, longest=2)) == 100 + 100 * 99 // 2


def test_rows_beyond_a_words_bits_are_counted():
    rows = [[0, 1]] * 65 + [[0]] * 64 + [[1]] * 3
    assert supports(mine_itemsets(baskets_from(rows), 2)) == {
        frozenset({0}): 129,
        frozenset({1}): 68,
        frozenset({0, 1}): 65,
    }


def test_baskets_tell_rows_and_items_apart():
    baskets = baskets_from([[3, 1, 3], [], [1]])
    assert (len(baskets), baskets.items, baskets.counts.tolist()) == (3, 4, [0, 2, 0, 1])
    assert baskets.select(np.array([2, 0])).codes.tolist() == [1, 1, 3]
    assert baskets.holding([1, 3]).tolist() == [0]
    assert len(baskets_from([])) == 0
    with pytest.raises(BadData, match="from 0 to 2"):
        baskets_from([[3]], 3)
    with pytest.raises(BadData, match="-1 to -1"):
        baskets_from([[-1]])


KNOWN = [
    ("lgg", 46, "all", 322_368),
    ("wdbc4", 35, "all", 276_852),
    ("idc100k", 1000, "all", 144_407),
    ("mushroom", 1625, "all", 53_583),
    ("mushroom", 1625, "closed", 1_197),
    ("mushroom", 813, "all", 574_431),
    ("mushroom", 813, "closed", 4_885),
    ("chess", 1918, "all", 254_944),
]


@pytest.mark.shared
@pytest.mark.parametrize(("name", "least", "kind", "number"), KNOWN)
def test_there_are_as_many_itemsets_as_other_programs_find(shared_data, name, least, kind, number):
    with gzip.open(shared_data / "mining" / f"{name}.dat.gz", "rt") as lines:
        baskets = baskets_from([[int(item) for item in line.split()] for line in lines])
    assert len(mine_itemsets(baskets, least, kind=kind)) == number
