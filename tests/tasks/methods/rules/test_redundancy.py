"""Rules that say nothing beyond others."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from tasks.methods.rules.contingency import fisher_greater, rule_counts
from tasks.methods.rules.items import Item, ItemTable
from tasks.methods.rules.redundancy import explanations, first_explaining, productive
from tasks.methods.rules.search import Search


def search_of(rows, pairs, columns=None):
    """Return some rules in the order given, of items 0, 1, ... of rows such as `1?0`: present, not known, absent."""
    letters = np.array([list(row) for row in rows])
    names = columns or [f"c{i}" for i in range(letters.shape[1])]
    items = tuple(Item(column=name, label=name, level=str(i)) for i, name in enumerate(names))
    table = ItemTable(items, letters == "1", letters != "?")
    counts = rule_counts(table, [left for left, _ in pairs], [right for _, right in pairs])
    p = fisher_greater(counts)
    return Search(table, tuple(pairs), counts, len(pairs), p, p)


ECHO = [((0,), (2,)), ((1,), (2,))]
"""Two rules with the same end: the first column's, and that of the second, which may echo it."""


def test_a_rule_is_explained_if_it_shows_nothing_where_the_first_does_not_apply():
    beyond = ["111"] * 8 + ["011"] * 4 + ["000"] * 8
    assert explanations(search_of(beyond, ECHO), 0.05) == [None, None]
    echo = ["111"] * 8 + ["010"] * 2 + ["011", "001"] + ["000"] * 8
    assert explanations(search_of(echo, ECHO), 0.05) == [None, 0]
    assert explanations(search_of(echo, ECHO), 1.0) == [None, None]


def test_the_first_finding_that_is_itself_not_explained_explains_a_later_one():
    echoes = {(1, 0), (2, 1), (3, 1), (3, 2), (4, 0), (4, 2)}
    assert first_explaining(5, lambda later, earlier: (later, earlier) in echoes) == [None, 0, None, 2, 0]
    assert first_explaining(0, lambda _later, _earlier: True) == []


def test_a_rule_for_a_part_of_the_patients_of_a_better_one_is_explained():
    rows = ["111"] * 8 + ["100"] * 4 + ["000"] * 12
    assert explanations(search_of(rows, [((0,), (2,)), ((0, 1), (2,))]), 0.05) == [None, 0]


def test_a_rule_explained_explains_nothing_itself():
    # c1 echoes c0. c2 shows nothing among the patients without c1, but among those without c0 it does.
    rows = ["1101"] * 8 + ["0111"] * 4 + ["0100"] * 12 + ["0001"] * 4 + ["0000"] * 8
    pairs = [((0,), (3,)), ((1,), (3,)), ((2,), (3,))]
    assert explanations(search_of(rows, pairs), 0.05) == [None, 0, None]
    assert explanations(search_of(rows, pairs[1:]), 0.05) == [None, 0]


def test_patients_of_whom_the_better_rule_is_not_known_are_no_evidence():
    # Where c0 is not known c1 goes with c2; where c0 is known to be absent it does not.
    rows = ["111"] * 8 + ["?11"] * 4 + ["?00"] * 4 + ["011", "010", "001", "000"]
    assert explanations(search_of(rows, ECHO), 0.05) == [None, 0]
    told = [row.replace("?", "0") for row in rows]
    assert explanations(search_of(told, ECHO), 0.05) == [None, None]


def test_one_absent_item_is_enough_to_know_that_a_rule_does_not_apply():
    pairs = [((0, 1), (3,)), ((2,), (3,))]
    told = ["1111"] * 8 + ["0?11"] * 4 + ["?000"] * 4
    assert explanations(search_of(told, pairs), 0.05) == [None, None]
    untold = ["1111"] * 8 + ["??11"] * 4 + ["?000"] * 4
    assert explanations(search_of(untold, pairs), 0.05) == [None, 0]


def test_the_other_value_of_the_end_for_the_other_patients_is_explained_unless_it_holds_beside():
    columns = ["marker", "marker", "size", "y", "y"]
    pairs = [((0,), (3,)), ((1,), (4,)), ((2,), (4,))]
    rows = ["10010"] * 9 + ["01001"] * 9
    assert explanations(search_of(rows, pairs[:2], columns), 0.05) == [None, 0]
    beside = ["10010"] * 9 + ["01101"] * 9 + ["01010"] * 6
    assert explanations(search_of(beside, pairs, columns), 0.05) == [None, 0, None]


def test_a_rule_and_its_converse_and_other_arrangements_of_its_items_are_one_finding():
    rows = ["111"] * 8 + ["100", "010", "001"] * 3 + ["000"] * 6
    pairs = [((0, 1), (2,)), ((2,), (0, 1)), ((0,), (1, 2)), ((1, 2), (0,))]
    assert explanations(search_of(rows, pairs), 0.05) == [None, 0, 0, 0]
    assert explanations(search_of(rows, pairs[::2]), 0.05) == [None, 0]


def test_an_arrangement_of_the_items_of_an_echo_is_an_echo_too():
    rows = ["1111"] * 8 + ["1010", "0100"] * 4 + ["0000"] * 8
    pairs = [((0, 1), (3,)), ((1, 3), (2,)), ((1, 2), (3,))]
    assert explanations(search_of(rows, pairs), 0.05) == [None, 0, 0]
    assert explanations(search_of(rows, pairs[:2]), 0.05) == [None, None]


@pytest.mark.parametrize("first", [((2,), (0, 3)), ((0, 3), (2,))])
@pytest.mark.parametrize("second", [((2,), (1, 3)), ((1, 3), (2,)), ((2,), (3,))])
def test_whichever_way_two_rules_are_read_one_may_echo_the_other(first, second):
    beyond = ["1111"] * 8 + ["0111"] * 4 + ["0000"] * 8
    assert explanations(search_of(beyond, [first, second]), 0.05) == [None, None]
    echo = ["1111"] * 8 + ["0101"] * 2 + ["0111", "0011"] + ["0000", "0001"] * 4
    assert explanations(search_of(echo, [first, second]), 0.05) == [None, 0]


def test_of_three_items_that_go_together_two_rules_stay_so_that_none_is_lost():
    pairs = [((0,), (1,)), ((0,), (2,)), ((1,), (0,)), ((1,), (2,)), ((2,), (0,)), ((2,), (1,))]
    assert explanations(search_of(["111"] * 8 + ["000"] * 8, pairs), 0.05) == [None, None, 0, 0, 1, 0]


def test_rules_without_a_common_side_do_not_explain_each_other():
    rows = ["1111"] * 8 + ["0000"] * 8
    assert explanations(search_of(rows, [((0,), (1,)), ((2,), (3,))]), 0.05) == [None, None]


def p_without(search, better, later):
    """Return the later rule's p-value by SciPy, counted in a loop, where an item of the better one is known absent."""
    (left, right), cells = search.pairs[later], [[0, 0], [0, 0]]
    for present, known in zip(search.table.present, search.table.known, strict=True):
        without = any(known[i] and not present[i] for i in search.pairs[better][0])
        if without and all(known[i] for i in left + right):
            cells[not all(present[i] for i in left)][not all(present[i] for i in right)] += 1
    return fisher_exact(cells, alternative="greater").pvalue


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("001?", min_size=3, max_size=3), min_size=12, max_size=40), st.randoms(use_true_random=False))
def test_explanations_equal_their_definition_written_out(rows, random):
    ended = [row + ("10" if random.random() < 0.2 + 0.6 * (row[0] == "1") else "01") for row in rows]
    starts = [start for length in (1, 2) for start in combinations(range(3), length)]
    pairs = [(start, (random.choice([3, 4]),)) for start in random.sample(starts, k=6)]
    search = search_of(ended, pairs, ["a", "b", "c", "y", "y"])
    expected = []
    for rule in range(6):
        unexplained = (other for other in range(rule) if expected[other] is None)
        expected.append(next((other for other in unexplained if p_without(search, other, rule) > 0.217), None))
    assert explanations(search, 0.217) == expected


def test_a_rule_gains_only_if_every_item_of_its_antecedent_and_of_its_consequent_does():
    # c0 and c1 go together; c2 is a coin.
    rows = ["111", "110"] * 6 + ["001", "000"] * 6
    pairs = [((0,), (1,)), ((0, 2), (1,)), ((0,), (1, 2)), ((0,), (2,))]
    assert productive(search_of(rows, pairs), 0.05).tolist() == [0]
    together = ["111"] * 8 + ["100", "010", "001"] * 8
    pairs = [((0, 1), (2,)), ((2,), (0, 1)), ((0,), (1, 2))]
    assert productive(search_of(together, pairs), 0.05).tolist() == [0, 1, 2]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("01?", min_size=4, max_size=4), min_size=8, max_size=40))
def test_a_rule_is_productive_if_and_only_if_its_converse_is(rows):
    pairs = [((0, 1), (2, 3)), ((0,), (1, 2)), ((3,), (1,)), ((0, 1, 2), (3,))]
    there = productive(search_of(rows, pairs), 0.3)
    back = productive(search_of(rows, [(right, left) for left, right in pairs]), 0.3)
    assert there.tolist() == back.tolist()


@pytest.mark.parametrize("test", [explanations, productive])
def test_no_rules_and_no_rows_show_nothing(test):
    assert len(test(search_of(["11"], []), 0.05)) == 0
    empty = search_of(["11"], [((0,), (1,))])
    nobody = Search(empty.table.select(np.zeros(0, np.intp)), empty.pairs, empty.counts, 1, empty.p, empty.p)
    assert list(test(nobody, 0.05)) in ([None], [])
