"""False discoveries over everything searched, by shuffles of the outcome."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact

from tasks.methods.rules.label_permutations import shuffled_within, westfall_young


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_p_values_are_those_of_scipy(rows, seed):
    rng = np.random.default_rng(seed)
    members, positive = rng.random((rows, 5)) < rng.random(), rng.random(rows) < rng.random()
    for p, member in zip(westfall_young(members, positive, 99, 0)[0], members.T, strict=True):
        cells = [[np.sum((member == m) & (positive == q)) for q in (1, 0)] for m in (1, 0)]
        assert p == pytest.approx(fisher_exact(cells).pvalue, rel=1e-9)


def test_one_hypothesis_has_its_permutation_p_value():
    positive = np.arange(20) < 10
    p, adjusted = westfall_young(positive[:, None], positive, 999, 0)
    assert p[0] == pytest.approx(2 / 184_756)
    assert adjusted[0] == pytest.approx(0.001, abs=0.001)


def test_copies_of_a_hypothesis_cost_nothing_and_others_do():
    rng = np.random.default_rng(0)
    positive = rng.random(40) < 0.5
    one = (positive ^ (rng.random(40) < 0.25))[:, None]
    alone = westfall_young(one, positive, 999, 0)[1]
    copied = westfall_young(np.repeat(one, 50, axis=1), positive, 999, 0)[1]
    among = westfall_young(np.hstack([one, rng.random((40, 50)) < 0.5]), positive, 999, 0)[1]
    assert copied == pytest.approx(np.repeat(alone, 50))
    assert among[0] > alone[0]


def test_families_with_any_false_discovery_are_at_most_as_many_as_alpha():
    """Of 200 families without a true effect at most as many as 5 % gives with a chance of 999 in 1,000."""
    rng = np.random.default_rng(7)
    shared = rng.random((50, 1)) < 0.5
    members = (rng.random((50, 40)) < 0.3) | (shared & (rng.random((50, 40)) < 0.5))
    families = 200
    false = sum(
        westfall_young(members, rng.permutation(50) < 20, 199, number)[1].min() <= 0.05 for number in range(families)
    )
    assert 0 < false <= binom.ppf(0.999, families, 0.05)


def test_shuffles_within_strata_leave_each_stratum_its_outcomes():
    strata = np.array([0, 1, 1, 0, 2, 1])
    orders = shuffled_within(np.random.default_rng(0), 100, 6, strata)
    assert (strata[orders] == strata[:, None]).all()
    assert (np.sort(orders, axis=0) == np.arange(6)[:, None]).all()
    assert len({tuple(column) for column in orders.T}) == 12, "2 x 6 orders of strata of two and three"


def test_a_difference_between_centres_is_found_only_if_it_is_not_stratified():
    rng = np.random.default_rng(3)
    centre = np.repeat([0, 1], 60)
    positive = rng.random(120) < np.where(centre, 0.8, 0.2)
    members = rng.random((120, 20)) < np.where(centre, 0.7, 0.3)[:, None]
    assert westfall_young(members, positive, 199, 0)[1].min() <= 0.05
    assert westfall_young(members, positive, 199, 0, centre)[1].min() > 0.05


def test_an_outcome_that_is_always_the_same_shows_nothing():
    members = np.eye(6, dtype=bool)
    p, adjusted = westfall_young(members, np.ones(6, bool), 99, 0)
    assert (p == 1).all()
    assert (adjusted == 1).all()
    assert westfall_young(members[:, :0], np.ones(6, bool), 99, 0)[1].size == 0
