"""Itemsets and rules as data frames, as those of mlxtend."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.rules.frames import association_rules, frequent_itemsets
from tasks.methods.rules.rule import Counts

with warnings.catch_warnings():  # mlxtend changes the whole process's warning filters when it is imported
    from mlxtend.frequent_patterns import association_rules as rules_of_mlxtend
    from mlxtend.frequent_patterns import fpgrowth, fpmax

BASKETS = pd.DataFrame({"milk": [1, 1, 1, 0, 0], "bread": [1, 1, 0, 1, 0], "eggs": [1, 1, 0, 0, 0]}, dtype=bool)


def by_itemset(frame):
    return dict(zip(frame["itemsets"], frame["support"], strict=True))


def drawn(seed, rows=30, columns=6):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.random((rows, columns)) < rng.uniform(0.2, 0.9, columns), columns=list("abcdef")[:columns])


def test_five_baskets_have_the_itemsets_one_can_see():
    found = frequent_itemsets(BASKETS, 0.4, use_colnames=True)
    assert found["itemsets"].tolist() == [
        frozenset(one.split())
        for one in ("milk", "bread", "eggs", "milk bread", "milk eggs", "bread eggs", "milk bread eggs")
    ]
    assert found["support"].tolist() == [0.6, 0.6, 0.4, 0.4, 0.4, 0.4, 0.4]
    assert frequent_itemsets(BASKETS, 2)["itemsets"].tolist()[-1] == {0, 1, 2}
    closed = frequent_itemsets(BASKETS, 0.4, use_colnames=True, kind="closed")
    assert set(closed["itemsets"]) == {frozenset({"milk"}), frozenset({"bread"}), frozenset({"milk", "bread", "eggs"})}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.05, 0.15, 0.4, 1.0]), st.none() | st.integers(1, 4), st.booleans())
def test_itemsets_equal_those_of_mlxtend(seed, min_support, longest, names):
    frame = drawn(seed)
    ours = frequent_itemsets(frame, min_support, use_colnames=names, max_len=longest)
    theirs = fpgrowth(frame, min_support=min_support, use_colnames=names, max_len=longest)
    assert by_itemset(ours) == pytest.approx(by_itemset(theirs))
    assert list(ours.columns) == list(theirs.columns)
    assert list(ours.dtypes) == list(theirs.dtypes) or theirs.empty
    maximal = frequent_itemsets(frame, min_support, use_colnames=names, kind="maximal")
    assert by_itemset(maximal) == pytest.approx(by_itemset(fpmax(frame, min_support=min_support, use_colnames=names)))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(
        [("confidence", 0.6), ("lift", 1.05), ("support", 0.0), ("zhangs_metric", 0.1), ("leverage", 0.01)]
    ),
)
def test_rules_and_measures_equal_those_of_mlxtend(seed, limit):
    metric, threshold = limit
    frame = drawn(seed)
    itemsets = frequent_itemsets(frame, 0.15, use_colnames=True)
    with np.errstate(invalid="ignore"):  # mlxtend divides before it looks for consequents that all rows have
        theirs = rules_of_mlxtend(itemsets, num_itemsets=len(frame), metric=metric, min_threshold=threshold)
    ours = association_rules(itemsets, len(frame), metric=metric, min_threshold=threshold)
    keys = ["antecedents", "consequents"]
    shared = [name for name in theirs.columns if name not in keys]
    theirs, ours = (
        one.assign(key=[str((sorted(a), sorted(c))) for a, c in zip(one[keys[0]], one[keys[1]], strict=True)])
        for one in (theirs, ours)
    )
    # A measure at the threshold may fall to either side of it by rounding.
    edge = set(theirs["key"]) ^ set(ours["key"])
    both = pd.concat([theirs, ours])
    assert np.allclose(both[both["key"].isin(edge)][metric].astype(float), threshold)
    theirs, ours = (one[~one["key"].isin(edge)].set_index("key").sort_index() for one in (theirs, ours))
    for name in shared:
        finite = np.isfinite(ours[name].astype(float))
        np.testing.assert_allclose(
            ours[name][finite].astype(float), theirs[name][finite].astype(float), atol=1e-9, err_msg=name
        )
    assert set(shared) < set(ours.columns)


def test_what_mlxtend_lacks_is_that_of_our_own_rules():
    frame = drawn(3)
    rules = association_rules(frequent_itemsets(frame, 0.2, use_colnames=True), 30, min_threshold=0.5)
    assert len(rules) > 10
    for rule in rules.itertuples(index=False):
        left, right = frame[list(rule.antecedents)].all(axis=1), frame[list(rule.consequents)].all(axis=1)
        cells = {"a": left & right, "b": left & ~right, "c": ~left & right, "d": ~left & ~right}
        counts = Counts(**{name: int(cell.sum()) for name, cell in cells.items()})
        assert rule.odds_ratio == pytest.approx(counts.odds_ratio)
        assert (rule.odds_ratio_low, rule.odds_ratio_high) == pytest.approx(counts.odds_ratio_interval)
        assert rule.zhangs_metric == pytest.approx(counts.zhang)


def test_a_chosen_consequent_is_the_only_one():
    frame = drawn(4)
    itemsets = frequent_itemsets(frame, 0.2, use_colnames=True)
    chosen = association_rules(itemsets, 30, min_threshold=0.5, ends_in=["a"])
    every = association_rules(itemsets, 30, min_threshold=0.5)
    assert set(chosen["consequents"]) == {frozenset("a")}
    assert len(chosen) == (every["consequents"] == frozenset("a")).sum() > 0
    assert association_rules(itemsets, 30, ends_in=["nothing"]).empty


def test_rules_that_say_no_more_for_asking_more_are_left_out():
    # eggs come only with both others: of the rules of these two rows, only those that ask least and say most stay.
    itemsets = frequent_itemsets(BASKETS, 0.4, use_colnames=True)
    every = association_rules(itemsets, 5, min_threshold=0.6)
    few = association_rules(itemsets, 5, min_threshold=0.6, non_redundant=True)
    told = {(frozenset(a), frozenset(c)) for a, c in zip(few["antecedents"], few["consequents"], strict=True)}
    assert told == {
        (frozenset({"eggs"}), frozenset({"milk", "bread"})),
        (frozenset({"milk"}), frozenset({"bread", "eggs"})),
        (frozenset({"bread"}), frozenset({"milk", "eggs"})),
        (frozenset({"milk", "bread"}), frozenset({"eggs"})),
    }
    assert len(every) == 12


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_every_rule_left_out_has_one_of_the_same_counts_that_asks_no_more_and_says_no_less(seed):
    itemsets = frequent_itemsets(drawn(seed, rows=15), 0.2)
    every = association_rules(itemsets, 15, min_threshold=0.5)
    few = association_rules(itemsets, 15, min_threshold=0.5, non_redundant=True)
    kept = list(zip(few["antecedents"], few["consequents"], few["support"], few["confidence"], strict=True))
    for left, right, support, confidence in zip(
        every["antecedents"], every["consequents"], every["support"], every["confidence"], strict=True
    ):
        if (every["antecedents"] == left).any() and itemsets.set_index("itemsets")["support"][left] < 1:
            assert any(
                a <= left and left | right <= a | c and (s, f) == pytest.approx((support, confidence))
                for a, c, s, f in kept
            )


def test_missing_values_and_incomplete_itemsets_are_refused():
    with pytest.raises(BadData, match="true or false"):
        frequent_itemsets(BASKETS.astype(float).mask(BASKETS))
    with pytest.raises(BadData, match="At most 3 itemsets"):
        frequent_itemsets(BASKETS, 0.4, most=3)
    closed = frequent_itemsets(BASKETS, 0.4, use_colnames=True, kind="closed")
    with pytest.raises(BadData, match="is missing"):
        association_rules(closed, 5)


def test_an_empty_frame_has_no_itemsets_and_no_rules():
    nothing = frequent_itemsets(BASKETS.iloc[:0])
    assert nothing.empty
    rules = association_rules(nothing, 0)
    assert rules.empty
    assert "p" in rules.columns
    assert association_rules(frequent_itemsets(BASKETS, 0.4), 5, min_threshold=2.0).empty


@pytest.mark.parametrize("min_support", [0, -1, 0.0, -0.1, 1.1, 12.0, np.nan, True, np.int64(0)])
def test_a_support_that_is_no_share_and_no_number_of_rows_is_refused(min_support):
    with pytest.raises(ValueError, match=r"a share above 0 and up to 1\.0, or a whole number of rows from 1"):
        frequent_itemsets(BASKETS, min_support)


@pytest.mark.parametrize("min_support", [1, 1.0, np.int64(2), np.float64(0.4)])
def test_a_share_and_a_number_of_rows_are_taken(min_support):
    assert len(frequent_itemsets(BASKETS, min_support)) in {0, 7}


def test_a_kind_or_a_metric_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="one of all, closed, maximal: 'foo' came"):
        frequent_itemsets(BASKETS, 0.4, kind="foo")
    with pytest.raises(ValueError, match=r"confidence.*: 'foo' came"):
        association_rules(frequent_itemsets(BASKETS, 0.4), 5, metric="foo")
