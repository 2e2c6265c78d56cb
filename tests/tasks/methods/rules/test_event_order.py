"""Chances of an order when a patient's events are shuffled over the patient's dates."""

from itertools import permutations
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson_binom

from tasks.methods.rules.events import History
from tasks.methods.rules.order import chance_of_at_least, order_chances
from tasks.methods.rules.sequence_search import Limits, Order, spans


def history(days, codes):
    return History("p", np.array(days, float), np.array(codes))


def rule(before, after):
    return Order(before, after, 1, 1)


FIRST_THEN_SECOND = rule((0,), (1,))


def chances_of(histories, one=FIRST_THEN_SECOND, gap=inf, window=inf, permutations=99, seed=0):
    limits = Limits(1, gap=gap, window=window)
    (chances,) = order_chances(histories, [one], limits, permutations, seed)
    return chances


def chance_by_every_shuffle(one, order, gap=inf, window=inf):
    limits = Limits(1, gap=gap, window=window)
    codes = list(permutations(one.codes.tolist()))
    days = [spans([history(one.days, shuffled)], order, limits) for shuffled in codes]
    return sum(0 in found and not np.isnan(found[0]) for found in days) / len(codes)


def test_two_events_on_two_days_are_in_either_order_equally_often():
    assert chances_of([history([0, 5], [0, 1])]) == [0.5]
    assert chances_of([history([0, 5], [0, 1])], rule((1,), (0,))) == [0.5]


def test_three_events_of_which_two_share_a_day_are_in_order_in_a_third_of_shuffles():
    # Days 0, 0, 5: of six ordered pairs of places two are in order.
    assert chances_of([history([0, 0, 5], [0, 1, 2])]) == [pytest.approx(1 / 3)]


def test_two_events_come_before_a_third_in_a_third_of_shuffles():
    chances = chances_of([history([0, 3, 9], [0, 1, 2])], rule((0, 1), (2,)), permutations=9_999)
    assert chances == [pytest.approx(1 / 3, abs=0.02)]


@pytest.mark.parametrize("gap", [inf, 10])
@pytest.mark.parametrize(
    ("days", "codes"),
    [([0, 3, 9, 30], [0, 1, 0, 1]), ([0, 0, 9, 30, 31], [0, 1, 1, 2, 1]), ([0, 1, 2, 3], [0, 1, 1, 1])],
)
def test_the_chance_of_repeated_events_is_that_over_every_shuffle(days, codes, gap):
    one = history(days, codes)
    (chance,) = chances_of([one], gap=gap, permutations=9_999)
    assert chance == pytest.approx(chance_by_every_shuffle(one, FIRST_THEN_SECOND, gap), abs=0.02)


@pytest.mark.parametrize("window", [inf, 10])
def test_the_chance_of_several_events_is_that_over_every_shuffle(window):
    one = history([0, 3, 9, 11, 30], [0, 1, 2, 0, 2])
    order = rule((0, 1), (2,))
    (chance,) = chances_of([one], order, window=window, permutations=9_999)
    assert chance == pytest.approx(chance_by_every_shuffle(one, order, window=window), abs=0.02)


def test_patients_without_order_or_with_one_event_have_no_chance():
    assert chances_of([history([1, 1], [0, 1]), history([1, 2], [0, 0]), history([0, 99], [0, 1])], gap=30) == []
    assert chances_of([history([0, 99], [0, 1])], window=30) == []


def test_shuffles_depend_on_the_seed_only():
    patients = [history([0, 3, 9, 30], [0, 1, 0, 1])]
    assert chances_of(patients, seed=5) == chances_of(patients, seed=5)
    assert len({tuple(chances_of(patients, seed=seed)) for seed in range(5)}) > 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=20), st.integers(0, 21))
def test_the_tail_is_that_of_scipy(chances, count):
    expected = poisson_binom.sf(count - 1, chances) if count <= len(chances) else 0.0
    assert chance_of_at_least(count, chances) == pytest.approx(expected, abs=1e-10)


def test_a_small_tail_keeps_its_digits_and_nobody_reaches_none():
    assert chance_of_at_least(60, [0.5] * 60) == pytest.approx(0.5**60)
    assert chance_of_at_least(0, []) == 1
