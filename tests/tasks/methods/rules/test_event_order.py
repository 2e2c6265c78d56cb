"""Chances of an order when a patient's events are shuffled over the patient's dates."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson_binom

from tasks.methods.rules.events import History
from tasks.methods.rules.order import chance_of_at_least, order_chances


def history(days, codes):
    return History("p", np.array(days, float), np.array(codes))


def chance_by_every_shuffle(one, gap):
    hits = shuffles = 0
    for codes in permutations(one.codes.tolist()):
        pairs = zip(*np.nonzero(one.in_order(gap)), strict=True)
        hits += any(codes[i] == 0 and codes[j] == 1 for i, j in pairs)
        shuffles += 1
    return hits / shuffles


def test_two_events_on_two_days_are_in_either_order_equally_often():
    chances = order_chances([history([0, 5], [0, 1])], None, 99, 0)
    assert chances == {(0, 1): [0.5], (1, 0): [0.5]}


def test_three_events_of_which_two_share_a_day_are_in_order_in_a_third_of_shuffles():
    # Days 0, 0, 5: of six ordered pairs of places two are in order.
    chances = order_chances([history([0, 0, 5], [0, 1, 2])], None, 99, 0)
    assert chances[0, 1] == [pytest.approx(1 / 3)]


@pytest.mark.parametrize("gap", [None, 10])
@pytest.mark.parametrize(
    ("days", "codes"),
    [([0, 3, 9, 30], [0, 1, 0, 1]), ([0, 0, 9, 30, 31], [0, 1, 1, 2, 1]), ([0, 1, 2, 3], [0, 1, 1, 1])],
)
def test_the_chance_of_repeated_events_is_that_over_every_shuffle(days, codes, gap):
    one = history(days, codes)
    (chance,) = order_chances([one], gap, 9_999, 1)[0, 1]
    assert chance == pytest.approx(chance_by_every_shuffle(one, gap), abs=0.02)


def test_patients_without_order_or_with_one_event_have_no_chance():
    assert order_chances([history([1, 1], [0, 1]), history([1, 2], [0, 0]), history([0, 99], [0, 1])], 30, 99, 0) == {}


def test_shuffles_depend_on_the_seed_only():
    patients = [history([0, 3, 9, 30], [0, 1, 0, 1])]
    assert order_chances(patients, None, 99, 5) == order_chances(patients, None, 99, 5)
    assert order_chances(patients, None, 99, 5) != order_chances(patients, None, 99, 6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=20), st.integers(0, 21))
def test_the_tail_is_that_of_scipy(chances, count):
    expected = poisson_binom.sf(count - 1, chances) if count <= len(chances) else 0.0
    assert chance_of_at_least(count, chances) == pytest.approx(expected, abs=1e-10)


def test_a_small_tail_keeps_its_digits_and_nobody_reaches_none():
    assert chance_of_at_least(60, [0.5] * 60) == pytest.approx(0.5**60)
    assert chance_of_at_least(0, []) == 1
