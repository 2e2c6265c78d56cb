"""Cut-offs that tell classes apart, where that is worth its price."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.learning.supervised_cuts import supervised_cuts, worth_telling


def test_classes_that_lie_apart_are_cut_halfway_between_them():
    values, classes = np.array([3.0, 1.0, 2.0, 9.0, 8.0, 7.0, 10.0, 4.0]), np.array([0, 0, 0, 1, 1, 1, 1, 0])
    assert supervised_cuts(values, classes) == [5.5]


def test_a_class_between_two_runs_of_another_is_cut_on_both_sides():
    values = np.arange(60.0)
    classes = ((values >= 20) & (values < 40)).astype(int)
    assert supervised_cuts(values, classes) == [19.5, 39.5]


def entropy(classes):
    shares = np.unique(classes, return_counts=True)[1] / classes.size
    return -(shares * np.log2(shares)).sum()


def by_definition(values, classes):
    """Return the cuts by the formula of Fayyad and Irani, one row at a time."""
    distinct = np.unique(values)
    cuts = [low / 2 + high / 2 for low, high in pairwise(distinct)]
    if not cuts:
        return []

    def left(cut):
        parts = classes[values <= cut], classes[values > cut]
        return sum(part.size * entropy(part) for part in parts) / classes.size

    best = min(cuts, key=left)
    inside, outside = values <= best, values > best
    number = [np.unique(one).size for one in (classes, classes[inside], classes[outside])]
    entropies = [entropy(one) for one in (classes, classes[inside], classes[outside])]
    bits = np.log2(3 ** number[0] - 2) - (
        number[0] * entropies[0] - number[1] * entropies[1] - number[2] * entropies[2]
    )
    if entropy(classes) - left(best) <= (np.log2(classes.size - 1) + bits) / classes.size:
        return []
    return sorted(
        [best, *by_definition(values[inside], classes[inside]), *by_definition(values[outside], classes[outside])]
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.integers(2, 3), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_cuts_are_those_of_the_formula(rows, kinds, spread, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, spread, rows).astype(float)
    classes = ((values + rng.normal(0, spread / 6, rows)) * kinds / spread).clip(0, kinds - 1).astype(int)
    assert supervised_cuts(values, classes) == pytest.approx(by_definition(values, classes))


@pytest.mark.parametrize(
    ("values", "classes"),
    [([1.0], [0]), ([1.0, 1.0, 1.0], [0, 1, 0]), ([1.0, 2.0, 3.0], [0, 0, 0])],
)
def test_what_cannot_be_cut_or_is_not_worth_it_stays_whole(values, classes):
    assert supervised_cuts(np.array(values), np.array(classes)) == []


def test_noise_is_seldom_cut():
    rng = np.random.default_rng(0)
    cut = sum(bool(supervised_cuts(rng.normal(size=80), rng.integers(0, 2, 80))) for _ in range(200))
    assert cut <= 20


def test_a_part_is_worth_telling_apart_if_it_is_told_by_fewer_bits_than_it_saves():
    whole = np.array([20, 20])
    assert worth_telling(whole, np.array([20, 0]), 100)
    assert not worth_telling(whole, np.array([10, 10]), 100)
    assert not worth_telling(whole, whole, 1)
    assert worth_telling(whole, np.array([15, 5]), 2)
    assert not worth_telling(whole, np.array([15, 5]), 1000), "as many choices cost 9 bits more"
