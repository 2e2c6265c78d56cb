"""Exact tests of antecedents within strata, their smallest p-values, and what permuted outcomes give."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact, hypergeom

from tasks.methods.rules.class_tests import class_tests
from tasks.methods.rules.items import Item, ItemTable
from tasks.methods.rules.row_bits import row_bits
from tasks.methods.rules.westfall_young import permuted_classes


def table_of(present, known=None):
    present = np.asarray(present, bool)
    items = tuple(Item(column=f"c{i}", label=f"c{i}", level="yes") for i in range(present.shape[1]))
    known = np.ones_like(present) if known is None else known
    return ItemTable(items, present & known, known)


def drawn(seed, rows, items, missing, centres):
    rng = np.random.default_rng(seed)
    table = table_of(rng.random((rows, items)) < 0.5, rng.random((rows, items)) >= missing)
    classes = (rng.random(rows) < 0.4).astype(np.intp)
    classes[:2] = 0, 1
    return table, classes, rng.integers(0, centres, rows)


SINGLES = [(0,), (1,), (2,)]


def by_definition(has, known, in_class, strata):
    """Return the chance of as many rows of both or more, over all ways to choose them within strata."""
    margins = []
    for stratum in np.unique(strata):
        own = known & (strata == stratum)
        if not own.any():  # SciPy's chance among nobody is not a number
            continue
        margins.append((int(own.sum()), int((own & in_class).sum()), int((own & has).sum())))
    observed = int((has & in_class).sum())
    total = 0.0
    for numbers in product(*(range(min(classed, having) + 1) for _, classed, having in margins)):
        if sum(numbers) >= observed:
            total += np.prod([hypergeom.pmf(number, *own) for number, own in zip(numbers, margins, strict=True)])
    return total


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.3]), st.integers(1, 4))
def test_p_values_within_strata_equal_those_of_trying_every_table(seed, missing, centres):
    table, classes, strata = drawn(seed, 16, 3, missing, centres)
    tests = class_tests(table, SINGLES, classes, strata, (0, 1))
    p, least = tests.p_values(), tests.attainable()
    for antecedent, value in product(range(3), (0, 1)):
        has, known = table.present[:, antecedent], table.known[:, antecedent]
        expected = by_definition(has, known, classes == value, strata)
        assert p[tests.which[antecedent], value] == pytest.approx(expected)
        assert least[tests.which[antecedent], value] <= expected * (1 + 1e-9)


def test_of_one_stratum_it_is_fishers_test():
    table, classes, strata = drawn(3, 40, 3, 0.0, 1)
    tests = class_tests(table, SINGLES, classes, strata, (1,))
    p = tests.p_values()
    for antecedent in range(3):
        has = table.present[:, antecedent]
        cells = [[(has & (classes == c)).sum() for c in (1, 0)], [(~has & (classes == c)).sum() for c in (1, 0)]]
        assert p[tests.which[antecedent], 0] == pytest.approx(fisher_exact(cells, alternative="greater").pvalue)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.3]), st.integers(1, 3))
def test_the_smallest_p_value_is_that_of_the_best_outcomes_and_of_no_better_ones(seed, missing, centres):
    table, classes, strata = drawn(seed, 7, 1, missing, centres)
    least = class_tests(table, [(0,)], classes, strata, (1,)).attainable()
    totals = np.bincount(strata[classes == 1], minlength=centres)
    possible = [
        class_tests(table, [(0,)], np.array(other), strata, (1,)).p_values().min()
        for other in product((0, 1), repeat=7)
        if (np.bincount(strata[np.array(other) == 1], minlength=centres) == totals).all()
    ]
    assert least.min() == pytest.approx(min(possible))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.2]), st.integers(1, 3))
def test_the_smallest_p_values_of_permutations_equal_those_of_testing_each(seed, missing, centres):
    table, classes, strata = drawn(seed, 70, 3, missing, centres)
    tests = class_tests(table, [*SINGLES, (0, 1)], classes, strata, (0, 1))
    smallest = tests.smallest(range(20), 7)
    for number, permuted in enumerate(permuted_classes(classes, strata, range(20), 7)):
        p = class_tests(table, [*SINGLES, (0, 1)], permuted, strata, (0, 1)).p_values()
        assert smallest[number] == pytest.approx(p.min())


def test_where_too_many_margins_are_possible_to_keep_they_are_worked_out_one_by_one():
    table, classes, strata = drawn(11, 400, 2, 0.4, 12)
    tests = class_tests(table, [(0,), (1,)], classes, strata, (1,))
    smallest = tests.smallest(range(5), 0)
    for number, permuted in enumerate(permuted_classes(classes, strata, range(5), 0)):
        p = class_tests(table, [(0,), (1,)], permuted, strata, (1,)).p_values()
        assert smallest[number] == pytest.approx(p.min())


def test_outcomes_stay_within_their_stratum_and_permutations_do_not_depend_on_their_block():
    classes, strata = np.array([0, 0, 1, 1, 1, 0, 1]), np.array([0, 1, 0, 1, 1, 1, 0])
    permuted = permuted_classes(classes, strata, range(50), 3)
    for stratum in (0, 1):
        own = permuted[:, strata == stratum]
        assert (np.sort(own) == np.sort(classes[strata == stratum])).all()
        assert len(np.unique(own, axis=0)) > 1
    np.testing.assert_array_equal(permuted[30:40], permuted_classes(classes, strata, range(30, 40), 3))


def test_antecedents_of_the_same_rows_are_one_hypothesis():
    table = table_of([[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    tests = class_tests(table, SINGLES, np.array([1, 0, 0]), np.zeros(3, np.intp), (0, 1))
    assert tests.hypotheses == 4
    assert tests.which[0] == tests.which[1] != tests.which[2]


def test_without_antecedents_or_rows_nothing_is_tested():
    table, classes, strata = drawn(0, 5, 3, 0.0, 2)
    tests = class_tests(table, [], classes, strata, (0, 1))
    assert tests.hypotheses == 0
    assert tests.p_values().shape == tests.attainable().shape == (0, 2)
    assert (tests.smallest(range(3), 0) == 1).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=0, max_size=200), st.integers(0, 10**6))
def test_rows_are_counted_in_their_strata(strata, seed):
    strata = np.array(strata, np.intp)
    sets = np.random.default_rng(seed).random((strata.size, 3)) < 0.5
    bits = row_bits(strata)
    counts = bits.counted(bits.packed(sets))
    for stratum in range(bits.sizes.size):
        assert bits.sizes[stratum] == (strata == stratum).sum()
        assert (counts[:, stratum] == sets[strata == stratum].sum(axis=0)).all()
