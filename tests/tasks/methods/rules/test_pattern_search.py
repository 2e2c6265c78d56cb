"""Closed patterns in time: steps on days one after the other, some of several events."""

from __future__ import annotations

from itertools import combinations, pairwise, product
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.rules.events import History
from tasks.methods.rules.pattern_search import PatternLimits, closed_patterns, visits_of, without_one_event

NAMES = 3


def history(pairs):
    pairs = sorted(set(pairs))
    return History("p", np.array([day for day, _ in pairs], float), np.array([code for _, code in pairs], np.intp))


def searched(histories, limits, names=NAMES):
    return closed_patterns(visits_of(histories, names, limits.least), limits)


def counts(patterns):
    return {pattern.steps: pattern.patients.size for pattern in patterns}


def test_the_example_of_the_paper_on_closed_patterns():
    """Sequences CAABC, ABCB, CABC and ABBCA at two patients (Wang and Han, ICDE 2004, p. 79: Example 2)."""
    codes = {"A": 0, "B": 1, "C": 2}
    texts = ("CAABC", "ABCB", "CABC", "ABBCA")
    histories = [history([(day, codes[letter]) for day, letter in enumerate(text)]) for text in texts]
    found = searched(histories, PatternLimits(2))
    letters = {"".join("ABC"[step[0]] for step in pattern.steps): pattern.patients.size for pattern in found.closed}
    assert letters == {"AA": 2, "ABB": 2, "ABC": 4, "CA": 3, "CABC": 2, "CB": 3}
    assert len(found.frequent) == 17


def test_events_of_one_day_are_one_step_and_the_shortest_way_tells_the_days():
    histories = [history([(0, 0), (10, 0), (10, 1), (14, 2)]), history([(0, 0), (0, 1), (2, 2)])]
    (pattern,) = searched(histories, PatternLimits(2)).closed
    assert pattern.steps == ((0, 1), (2,))
    assert pattern.median_days == 3
    assert pattern.patients.tolist() == [0, 1]


def ends_of(one, steps, limits):
    """Return the days that each choice of days for the steps takes."""
    on = {day: {int(c) for d, c in zip(one.days, one.codes, strict=True) if d == day} for day in one.days.tolist()}
    fitting = [
        chosen
        for chosen in combinations(sorted(on), len(steps))
        if all(set(step) <= on[day] for step, day in zip(steps, chosen, strict=True))
    ]
    return [
        chosen[-1] - chosen[0]
        for chosen in fitting
        if all(later - earlier <= limits.gap for earlier, later in pairwise(chosen))
        and chosen[-1] - chosen[0] <= limits.window
    ]


def by_definition(histories, limits):
    every_step = [step for size in range(1, NAMES + 1) for step in combinations(range(NAMES), size)]
    found = {}
    for length in range(1, limits.steps + 1):
        for steps in product(every_step, repeat=length):
            if sum(map(len, steps)) <= limits.events:
                days = {
                    place: min(taken) for place, one in enumerate(histories) if (taken := ends_of(one, steps, limits))
                }
                if len(days) >= limits.least:
                    found[steps] = days
    return found


happened = st.lists(st.tuples(st.integers(0, 6), st.integers(0, NAMES - 1)), min_size=1, max_size=7)
cohorts = st.lists(happened.map(history), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(cohorts, st.sampled_from([inf, 2]), st.sampled_from([inf, 4]), st.sampled_from([1, 2]))
def test_patterns_are_those_of_every_choice_of_days(histories, gap, window, least):
    limits = PatternLimits(least, steps=3, events=4, gap=gap, window=window)
    expected = by_definition(histories, limits)
    found = searched(histories, limits)
    assert {steps: (pattern.patients.tolist(), pattern.median_days) for steps, pattern in found.frequent.items()} == {
        steps: (list(days), np.median([*days.values()])) for steps, days in expected.items()
    }
    absorbed = {
        shorter
        for steps, days in expected.items()
        for shorter in without_one_event(steps)
        if shorter in expected and expected[shorter].keys() == days.keys()
    }
    assert {pattern.steps for pattern in found.closed} == set(expected) - absorbed


@settings(max_examples=40, deadline=None)
@given(cohorts, st.sampled_from([1, 2]))
def test_every_pattern_is_in_a_closed_one_of_the_same_patients(histories, least):
    found = searched(histories, PatternLimits(least, steps=4, events=5))
    closed = counts(found.closed)
    assert all(
        any(size == closed[one] and within(steps, one) for one in closed)
        for steps, size in counts(found.frequent.values()).items()
    )


def within(steps, other):
    """Return whether each step is a part of one of the other's, in order."""
    places = iter(other)
    return all(any(set(step) <= set(place) for place in places) for step in steps)


def test_a_pattern_without_one_event_loses_the_step_that_is_empty():
    assert set(without_one_event(((0, 1), (2,)))) == {((1,), (2,)), ((0,), (2,)), ((0, 1),)}
    assert list(without_one_event(((0,),))) == [()]


def test_rare_events_and_a_single_one_are_no_trouble():
    assert searched([history([(0, 0)]), history([(0, 1)])], PatternLimits(2)).closed == ()
    assert counts(searched([history([(0, 0)])], PatternLimits(1)).closed) == {((0,),): 1}


def test_more_patterns_than_asked_for_are_refused():
    with pytest.raises(BadData, match="At most 2 sequences"):
        searched([history([(0, 0), (1, 1), (2, 2)])], PatternLimits(1, most=2))
