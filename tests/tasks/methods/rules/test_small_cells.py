"""Counts of few patients are hidden, and nothing that is told gives them away."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.rules.rule import Counts
from tasks.methods.rules.small_cells import NOTHING, Cells, Span, shown_p, spanned, told_lists

cells = st.tuples(*[st.integers(0, 12)] * 4)


def test_a_count_of_two_is_told_as_one_to_four_and_what_is_made_of_it_by_its_range():
    held = Cells.of((12, 2, 0, 20), 5)
    assert held.hidden
    assert held.span(lambda one: one[1]) == Span(low=1, high=4)
    assert held.span(lambda one: one[0] + one[1]) == Span(low=13, high=16)
    assert held.measure(lambda one: one.confidence) == Span(low=12 / 16, high=12 / 13)


def test_no_patient_and_enough_patients_are_told():
    held = Cells.of((12, 0, 5, 20), 5)
    assert not held.hidden
    assert held.measure(lambda one: one.confidence) == Span(low=1, high=1)
    assert held.span(lambda one: one[2]).exact


def test_a_threshold_of_one_hides_nothing():
    assert Cells.of((1, 2, 3, 4), 1).possible == ((1, 2, 3, 4),)


@settings(max_examples=60, deadline=None)
@given(cells, st.integers(1, 6))
def test_the_truth_lies_in_every_range(counts, smallest):
    held, true = Cells.of(counts, smallest), Counts(**dict(zip("abcd", counts, strict=True)))
    for measure in ("confidence", "lift", "leverage", "zhang", "jaccard", "odds_ratio", "support"):
        told, value = held.measure(lambda one, name=measure: getattr(one, name)), getattr(true, measure)
        assert value is None or told.low <= value <= told.high
    low, high = true.odds_ratio_interval
    told = held.interval(lambda one: one.odds_ratio_interval)
    assert told.low <= low <= high <= told.high


@settings(max_examples=40, deadline=None)
@given(cells, st.integers(2, 5))
def test_patients_who_cannot_be_told_apart_by_the_rule_of_hiding_give_one_card(counts, smallest):
    hidden = [range(1, smallest) if 0 < count < smallest else (count,) for count in counts]
    told = {Cells.of(other, smallest).possible for other in product(*hidden)}
    assert told == {Cells.of(counts, smallest).possible}


@pytest.mark.parametrize(
    ("p", "told"),
    [
        (None, NOTHING),
        (1e-9, Span(low=0, high=0.001)),
        (0.004, Span(low=0.001, high=0.01)),
        (0.05, Span(low=0.01, high=0.05)),
        (0.9, Span(low=0.05, high=1)),
    ],
)
def test_beside_a_hidden_count_a_p_value_is_told_by_its_interval(p, told):
    assert shown_p(p, hidden=True) == told
    assert shown_p(p, hidden=False) == (NOTHING if p is None else Span(low=p, high=p))


def test_a_list_of_few_patients_is_hidden_and_an_empty_one_is_not():
    few, none, enough = ("P-1", "P-2"), (), ("P-1", "P-2", "P-3")
    assert told_lists([few, none, enough], 3) == {none, enough}
    assert told_lists([few, none, enough], 1) == {few, none, enough}


def test_a_list_that_singles_out_a_patient_of_a_hidden_one_is_hidden_and_the_same_list_twice_is_one():
    many, rest = tuple(f"P-{n}" for n in range(9)), tuple(f"P-{n}" for n in range(1, 9))
    assert told_lists([("P-0",), many, rest], 3) == {many}, "P-0 is in the first and not in the second"
    assert told_lists([("P-5",), many, many, rest], 3) == {many, rest}, "with seven others in both"


def test_a_number_that_exists_nowhere_and_one_without_an_end():
    assert spanned([None, None]) == NOTHING
    assert spanned([1.0, None, float("inf")]) == Span(low=1, high=None)
    assert spanned([float("inf")]) == NOTHING
