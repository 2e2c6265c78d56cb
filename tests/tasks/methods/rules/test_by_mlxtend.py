"""mlxtend finds what our own search finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.rules import by_mlxtend
from tasks.methods.rules.association import AssociationMiner
from tasks.methods.rules.items import Item, ItemTable
from tasks.methods.rules.table_itemsets import frequent_itemsets


def table_of(seed, rows=30, items=8, share=0.6, known_share=0.9):
    generator = np.random.default_rng(seed)
    known = generator.random((rows, items)) < known_share
    present = (generator.random((rows, items)) < share) & known
    named = tuple(Item(column=f"c{n // 2}", label=f"column {n // 2}", level=str(n)) for n in range(items))
    return ItemTable(named, present, known)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([0.07, 0.2, 0.5, 1.0]), st.sampled_from([None, 1, 2, 3]))
def test_the_same_itemsets_are_frequent(seed, min_support, longest):
    table = table_of(seed)
    expected = frequent_itemsets(table, min_support, longest, 10_000)
    assert by_mlxtend.frequent_itemsets(table, min_support, longest, 10_000) == expected


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_the_rules_do_not_depend_on_what_searched(seed):
    table, patients = table_of(seed, rows=40), [f"P-{n}" for n in range(40)]
    own, theirs = (
        AssociationMiner(engine=engine, min_confidence=0.5)(table, patients) for engine in ("own", "mlxtend")
    )
    assert own == theirs


def test_nothing_is_frequent_among_no_rows_and_too_much_is_refused():
    empty = table_of(0, rows=0)
    assert by_mlxtend.frequent_itemsets(empty, 0.5, None, 10) == []
    with pytest.raises(BadData, match="At most 3 itemsets"):
        by_mlxtend.frequent_itemsets(table_of(1), 0.1, None, 3)
