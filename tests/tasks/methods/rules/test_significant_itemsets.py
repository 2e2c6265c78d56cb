"""Closed itemsets that go with a class, by LAMP and Westfall-Young light."""

import gzip
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact

from data_catalog.errors import BadData
from tasks.methods.rules.baskets import baskets_from, baskets_of
from tasks.methods.rules.significant_itemsets import attainable_p_values, significant_itemsets
from tasks.methods.rules.westfall_young import permuted_classes


def labelled(shared_data, case):
    with gzip.open(shared_data / "mining" / f"lamp_{case}.tsv.gz", "rt") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    baskets = baskets_from([[int(item) for item in items.split()] for _, items in rows])
    return baskets, np.array([label == "1" for label, _ in rows])


def items_of(found, node):
    items = []
    while node >= 0:
        items.append(int(found.itemsets.lasts[node]))
        node = int(found.itemsets.parents[node])
    return frozenset(items)


def different_rows(present):
    """Return which rows have an itemset, for all itemsets that a row has, each kind of rows once."""
    items = range(present.shape[1])
    covers = {tuple(present[:, chosen].all(axis=1)) for n in items for chosen in combinations(items, n + 1)}
    return [np.array(has) for has in sorted(covers) if any(has)]


def test_the_one_itemset_of_a_drawn_table_is_found():
    rows = [[0, 1]] * 6 + [[0]] * 3 + [[1]] * 3
    in_class = np.arange(12) < 6
    found = significant_itemsets(baskets_from(rows), in_class, two_sided=False)
    # In 6 rows the p-value can be 1/924, in 9 rows 84/220: one itemset is tested, and the two of 9 rows are not.
    assert (found.tested, found.delta) == (1, 0.05)
    (node,) = found.significant
    assert items_of(found, node) == {0, 1}
    assert found.p == pytest.approx([1 / 924])


CASES = [
    ("idh1", 64_590, 7.741136e-07, 8),
    ("grade", 24_860, 2.011263e-06, 129),
    ("death", 57_642, 8.674231e-07, 0),
    ("codel", 74_807, 6.683866e-07, 0),
    ("wdbc", 946_464, 5.282821e-08, 316_902),
    ("mushroom", 98_723, 5.064676e-07, 71_062),
]


@pytest.mark.shared
@pytest.mark.parametrize(("case", "tested", "delta", "significant"), CASES)
def test_lamp_tests_and_finds_what_the_methods_authors_program_does(shared_data, case, tested, delta, significant):
    found = significant_itemsets(*labelled(shared_data, case), control="lamp")
    assert (found.tested, found.significant.size) == (tested, significant)
    assert found.delta == pytest.approx(delta, rel=1e-6)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("case", "delta", "significant"),
    [("idh1", 1.1e-5, 30), ("grade", 1.1e-5, 330), ("death", 1.1e-5, 6), ("codel", 8.3e-6, 0)],
)
def test_the_permutations_of_the_methods_authors_program_are_among_ours(shared_data, case, delta, significant):
    draws = [
        significant_itemsets(*labelled(shared_data, case), control="westfall_young", seed=seed) for seed in range(5)
    ]
    deltas, numbers = [found.delta for found in draws], [found.significant.size for found in draws]
    # The share of smallest p-values at most the true delta is 0.05 +- 0.007 in a thousand permutations.
    assert min(deltas) / 2 < delta < 2 * max(deltas)
    assert min(numbers) * 0.8 <= significant <= max(numbers) * 1.25 + 7


@pytest.mark.parametrize("two_sided", [False, True])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_both_ways_find_what_trying_every_itemset_does(two_sided, seed):
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(12, 30), 5
    in_class = np.arange(rows) < rng.integers(2, rows - 1)
    present = rng.random((rows, columns)) < np.where(in_class[:, None], 0.8, 0.3)
    baskets = baskets_of(present)
    covers = different_rows(present)
    alternative = "two-sided" if two_sided else "greater"

    def p_value(has, labels):
        cells = [[(has & labels).sum(), (has & ~labels).sum()], [(~has & labels).sum(), (~has & ~labels).sum()]]
        return fisher_exact(cells, alternative=alternative).pvalue

    attainable = attainable_p_values(int(rows), int(in_class.sum()), two_sided=two_sided)
    for level in range(1, rows + 1):
        tested = [has for has in covers if has.sum() >= level and attainable[has.sum()] <= attainable[level]]
        if len(tested) * attainable[level] <= 0.05:
            break
    found = significant_itemsets(baskets, in_class, two_sided=two_sided)
    assert found.tested == len(tested)
    assert found.significant.size == sum(p_value(has, in_class) * len(tested) <= 0.05 for has in tested)
    np.testing.assert_allclose(np.sort(found.p), sorted(p_value(has, in_class) for has in tested))


def test_permuting_finds_what_permuting_every_itemset_does():
    rng = np.random.default_rng(5)
    in_class = np.arange(30) < 12
    present = rng.random((30, 6)) < np.where(in_class[:, None], 0.75, 0.35)
    found = significant_itemsets(baskets_of(present), in_class, control="westfall_young", permutations=99)
    # The smallest p-values again, of all itemsets of any support, with the permutations' own classes.
    permuted = permuted_classes(in_class.astype(np.intp), np.zeros(30, np.intp), range(99), 0).astype(bool)
    covers = different_rows(present)

    def p_value(has, labels):
        cells = [[(has & labels).sum(), (has & ~labels).sum()], [(~has & labels).sum(), (~has & ~labels).sum()]]
        return fisher_exact(cells).pvalue

    smallest = np.array([min(p_value(has, labels) for has in covers) for labels in permuted])
    p = np.array([p_value(has, in_class) for has in covers])
    adjusted = np.array([(1 + (smallest <= one * (1 + 1e-7)).sum()) / 100 for one in p])
    assert found.significant.size == (adjusted <= 0.05).sum() > 0
    ours = np.sort(found.adjusted[found.adjusted <= 0.05])
    np.testing.assert_allclose(ours, np.sort(adjusted[adjusted <= 0.05]))


@pytest.mark.parametrize("control", ["lamp", "westfall_young"])
def test_of_many_shuffled_classes_few_give_a_significant_itemset(control):
    rng = np.random.default_rng(1)
    baskets = baskets_of(rng.random((60, 12)) < 0.5)
    in_class = np.arange(60) < 25
    false = sum(
        bool(
            significant_itemsets(baskets, rng.permutation(in_class), control=control, permutations=199).significant.size
        )
        for _ in range(100)
    )
    assert false <= binom.ppf(0.999, 100, 0.05)
    truly = baskets_of(np.column_stack([in_class ^ (rng.random(60) < 0.1), rng.random((60, 11)) < 0.5]))
    assert significant_itemsets(truly, in_class, control=control, permutations=199).significant.size


@pytest.mark.parametrize("two_sided", [False, True])
@pytest.mark.parametrize(("rows", "positives"), [(12, 5), (12, 6), (9, 1), (7, 6)])
def test_the_smallest_p_values_equal_those_of_trying_every_table(rows, positives, two_sided):
    alternative = "two-sided" if two_sided else "greater"
    expected = [
        min(
            fisher_exact(
                [[both, having - both], [positives - both, rows - having - positives + both]], alternative=alternative
            ).pvalue
            for both in range(max(0, having + positives - rows), min(having, positives) + 1)
        )
        for having in range(rows + 1)
    ]
    np.testing.assert_allclose(attainable_p_values(rows, positives, two_sided=two_sided), expected)


def test_one_class_or_too_few_permutations_are_refused():
    baskets = baskets_from([[0], [1]])
    with pytest.raises(BadData, match="2 of 2 rows are of the class"):
        significant_itemsets(baskets, np.ones(2, bool))
    with pytest.raises(BadData, match="at least 19 permutations"):
        significant_itemsets(baskets, np.array([True, False]), control="westfall_young", permutations=18)
    with pytest.raises(BadData, match="2 and 3 rows"):
        significant_itemsets(baskets, np.ones(3, bool))


@pytest.mark.parametrize("control", ["lamp", "westfall_young"])
def test_without_items_nothing_is_tested(control):
    found = significant_itemsets(baskets_from([[], [], []], 2), np.array([True, False, False]), control=control)
    assert (found.tested, found.significant.size) == (0, 0)
