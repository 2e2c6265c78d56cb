"""Rules X before Y: all of them, counted as another program counts them."""

from __future__ import annotations

import gzip
from itertools import combinations
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.rules.events import History
from tasks.methods.rules.sequence_search import Limits, Order, happenings, orders, pairs_searched, spans

NAMES = 4


def history(pairs):
    """Return a patient's history of (day, code) pairs."""
    pairs = sorted(set(pairs))
    return History("p", np.array([day for day, _ in pairs], float), np.array([code for _, code in pairs], np.intp))


def searched(histories, limits, names=NAMES):
    held = happenings(histories, names, limits.least)
    return {(one.before, one.after): (one.begun, one.completed) for one in orders(held, limits)}


DRAWN = [
    history([(0, 0), (3, 1), (9, 2)]),  # a, b, c
    history([(0, 1), (3, 0), (9, 2)]),  # b, a, c
    history([(0, 2), (3, 0), (9, 1)]),  # c, a, b
]


def test_all_of_x_come_before_all_of_y_in_whatever_order_among_themselves():
    found = searched(DRAWN, Limits(2))
    assert found == {
        ((0,), (1,)): (3, 2),
        ((0,), (2,)): (3, 2),
        ((1,), (2,)): (3, 2),
        ((0, 1), (2,)): (3, 2),
    }
    assert searched(DRAWN, Limits(2, before=1)).keys() == {((0,), (1,)), ((0,), (2,)), ((1,), (2,))}
    assert searched(DRAWN, Limits(2, confidence=0.7)) == {}


def test_the_days_run_from_the_first_day_that_x_is_complete():
    rule = Order((0, 1), (2,), 3, 2)
    days = spans(DRAWN, rule, Limits(2))
    assert (days[0], days[1]) == (6, 6)
    assert np.isnan(days[2])


def by_definition(histories, limits, names=NAMES):
    """Return the rules by choosing one time for each event, in every way."""
    found = {}
    for size in range(2, names + 1):
        for events in combinations(range(names), size):
            for first in range(1, size):
                for before in combinations(events, first):
                    after = tuple(event for event in events if event not in before)
                    counts = np.sum([ways(one, before, after, limits) for one in histories], axis=0)
                    if counts[1] >= max(limits.least, limits.confidence * counts[0]):
                        found[before, after] = tuple(counts.tolist())
    return found


def ways(one, before, after, limits):
    """Return whether X happens within the window, and whether Y follows as asked for, in any choice of times."""
    begun = completed = False
    for times in choices(one, before):
        begun = begun or max(times) - min(times) <= limits.window
        for others in choices(one, after):
            gap, window = min(others) - max(times), max(others) - min(times)
            completed = completed or (0 < gap <= limits.gap and window <= limits.window)
    return begun, completed


def choices(one, events):
    times = [[day for day, code in zip(one.days, one.codes, strict=True) if code == event] for event in events]
    return np.stack(np.meshgrid(*times, indexing="ij"), axis=-1).reshape(-1, len(events)).tolist()


happened = st.lists(st.tuples(st.integers(0, 8), st.integers(0, NAMES - 1)), min_size=1, max_size=7)
cohorts = st.lists(happened.map(history), min_size=1, max_size=6)


@settings(max_examples=120, deadline=None)
@given(
    cohorts, st.sampled_from([inf, 2]), st.sampled_from([inf, 4]), st.sampled_from([1, 2]), st.sampled_from([0, 0.6])
)
def test_rules_are_those_of_every_choice_of_times(histories, gap, window, least, confidence):
    limits = Limits(least, confidence, gap=gap, window=window)
    assert searched(histories, limits) == by_definition(histories, limits)


@settings(max_examples=40, deadline=None)
@given(cohorts, st.sampled_from([inf, 2]), st.sampled_from([inf, 4]))
def test_the_patients_of_a_rule_are_as_many_as_were_counted(histories, gap, window):
    limits = Limits(1, gap=gap, window=window)
    for one in orders(happenings(histories, NAMES, 1), limits):
        days = spans(histories, one, limits)
        assert len(days) == one.begun
        assert np.count_nonzero(~np.isnan([*days.values()])) == one.completed


@settings(max_examples=40, deadline=None)
@given(cohorts, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_what_is_searched_does_not_depend_on_the_order(histories, least, before, after):
    limits = Limits(least, before=before, after=after)
    own = [set(one.codes.tolist()) for one in histories]
    expected = 0
    for size in range(2, NAMES + 1):
        for events in combinations(range(NAMES), size):
            together = sum(set(events) <= one for one in own) >= least
            ways_apart = [first for first in range(1, size) if first <= before and size - first <= after]
            expected += together * sum(len(list(combinations(events, first))) for first in ways_apart)
    assert pairs_searched(happenings(histories, NAMES, least), limits) == expected
    turned = [History(one.patient, one.days, one.codes[::-1]) for one in histories]
    assert pairs_searched(happenings(turned, NAMES, least), limits) == expected


def read_spmf(path):
    """Return sequences of the SPMF format as histories whose days are the numbers of the visits."""
    histories = []
    with gzip.open(path, "rt") as file:
        for line in file:
            numbers = np.array(line.split(), np.int64)
            visit = np.cumsum(numbers == -1)
            histories.append(History(str(len(histories)), visit[numbers > 0].astype(float), numbers[numbers > 0]))
    return histories


@pytest.mark.shared
def test_rules_of_38084_patients_are_as_many_as_spmf_finds(shared_data):
    histories = read_spmf(shared_data / "mining" / "idc_sequences.txt.gz")
    assert len(histories) == 38_084
    names = 1 + max(int(one.codes.max()) for one in histories)
    assert len(searched(histories, Limits(762, 0.3), names)) == 1_527
    assert len(searched(histories, Limits(191, 0.3), names)) == 5_291


def test_one_event_one_patient_and_events_of_one_day_give_no_rule():
    assert searched([history([(0, 0)])], Limits(1)) == {}
    assert searched([history([(0, 0), (0, 1), (0, 2)])], Limits(1)) == {}
    assert searched([history([(0, 0), (5, 0)])], Limits(1)) == {}, "an event is not before itself"


def test_more_rules_than_asked_for_are_refused():
    with pytest.raises(BadData, match="At most 3 rules"):
        searched(DRAWN, Limits(1, most=3))
    with pytest.raises(BadData, match="At most 5 rules"):
        pairs_searched(happenings(DRAWN, NAMES, 1), Limits(1, before=1, after=1, most=5))
