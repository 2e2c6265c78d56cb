"""Frequent itemsets found in parts and counted in all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.rules.baskets import baskets_from
from tasks.methods.rules.itemsets import least_rows, mine_itemsets
from tasks.methods.rules.partitioned import chosen, counts_in_part, merged, partitioned_itemsets


def supports(found):
    nodes = [node for places, _ in found.by_length() for node in places.tolist()]
    return dict(zip(found.tuples(), found.supports[nodes].tolist(), strict=True))


def test_an_itemset_that_is_frequent_in_one_part_only_is_counted_in_all():
    parts = [baskets_from([[0, 1]] * 4, 3), baskets_from([[0], [2], [2], [2]], 3)]
    found = partitioned_itemsets(lambda: parts, 0.5)
    # 0 is in 5 of 8 rows; 1, and 0 with 1, are in all of the first part and in just 4 of 8; 2 is in 3.
    assert supports(found) == {(0,): 5, (1,): 4, (0, 1): 4}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=70), min_size=1, max_size=4),
    st.sampled_from([0.05, 0.2, 0.5, 1.0]),
    st.none() | st.integers(1, 3),
)
def test_parts_give_what_all_rows_together_do(rows, min_support, longest):
    parts = [baskets_from([list(row) for row in part], 6) for part in rows]
    together = baskets_from([list(row) for part in rows for row in part], 6)
    whole = mine_itemsets(together, least_rows(min_support, len(together)), longest=longest)
    assert supports(partitioned_itemsets(lambda: parts, min_support, longest=longest)) == supports(whole)


def test_blocks_may_be_counted_apart():
    parts = [baskets_from([[0, 1], [1]], 2), baskets_from([[0, 1], [0]], 2)]
    candidates = merged([[(1,)], [(0,), (0, 1)]])
    assert candidates == [(0,), (0, 1), (1,)]
    counts = sum(counts_in_part(part, candidates) for part in parts)
    assert counts.tolist() == [3, 2, 3]
    assert chosen(candidates, counts, 3).tuples() == [(0,), (1,)]


def test_no_parts_or_too_many_candidates_are_refused():
    with pytest.raises(BadData, match="none came"):
        partitioned_itemsets(list, 0.5)
    with pytest.raises(BadData, match=r"At most 2 itemsets.*3 or more are frequent.*parts are alike"):
        merged([[(0,), (1,)], [(2,)]], 2)


@pytest.mark.parametrize("count", [5, np.int64(5)])
def test_a_number_of_rows_in_the_place_of_a_share_is_refused(count):
    # 0 is in 6 of 12 rows, and in none of the parts in 5: that it is in 5 in all could not be seen.
    parts = [baskets_from([[0]] * 3 + [[]] * 3, 1)] * 2
    with pytest.raises(BadData, match="the whole number 5 came"):
        partitioned_itemsets(lambda: parts, count)


def test_parts_without_items_have_no_itemsets():
    assert partitioned_itemsets(lambda: [baskets_from([[], []], 2)], 0.5).tuples() == []
    assert counts_in_part(baskets_from([[0]], 1), []).tolist() == []
    assert np.sum([counts_in_part(baskets_from([], 1), [(0,)])]) == 0
