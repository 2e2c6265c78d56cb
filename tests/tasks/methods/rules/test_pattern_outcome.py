"""Patterns in time against the outcome: exact tests, adjusted over all of them, and what of them is written out."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact

from tasks.methods.rules import pattern_outcome
from tasks.methods.rules.pattern_outcome import Answers, outcome_p_values, untested_patterns
from tasks.methods.rules.pattern_search import Pattern, Patterns
from tasks.methods.rules.westfall_young import permuted_classes

HOW = pattern_outcome.Tested(permutations=99, seed=0, alpha=0.05, productive_p=0.05)


def patterns_of(members):
    """Return patterns of two steps that occur in the patients of each column."""
    return [Pattern(((i,), (i + 1,)), np.flatnonzero(own).astype(np.int32), 1.0) for i, own in enumerate(members.T)]


def answers_of(positive, known=None):
    return Answers(np.ones(positive.size, bool) if known is None else known, positive, "relapse is yes")


def p_values(members, positive, permutations=99, seed=0):
    return outcome_p_values(patterns_of(members), answers_of(positive), permutations, seed)


def two_sided(member, positive):
    return fisher_exact([[np.sum((member == m) & (positive == q)) for q in (1, 0)] for m in (1, 0)]).pvalue


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_p_values_are_those_of_scipy_among_the_patients_of_known_outcome(rows, seed):
    rng = np.random.default_rng(seed)
    members, positive = rng.random((rows, 5)) < rng.random(), rng.random(rows) < rng.random()
    known = rng.random(rows) < 0.8
    answers = answers_of(positive & known, known)
    for p, member in zip(outcome_p_values(patterns_of(members), answers, 99, 0)[0], members[known].T, strict=True):
        assert p == pytest.approx(two_sided(member, positive[known]), rel=1e-6)


def test_adjusted_p_values_are_those_of_testing_every_shuffle():
    rng = np.random.default_rng(4)
    members, positive = rng.random((30, 6)) < 0.4, rng.random(30) < 0.5
    p, adjusted = p_values(members, positive, 99, 5)
    shuffled = permuted_classes(positive.astype(np.intp), np.zeros(30, np.intp), range(99), 5)
    smallest = np.array([min(two_sided(member, one == 1) for member in members.T) for one in shuffled])
    expected = [(np.count_nonzero(smallest <= own * (1 + 1e-6)) + 1) / 100 for own in p]
    assert adjusted == pytest.approx(expected)


def test_one_pattern_has_its_permutation_p_value():
    positive = np.arange(20) < 10
    p, adjusted = p_values(positive[:, None], positive, 999)
    assert p[0] == pytest.approx(2 / 184_756)
    assert adjusted[0] == pytest.approx(0.001, abs=0.001)


def test_patterns_of_the_same_patients_cost_nothing_and_others_do():
    rng = np.random.default_rng(0)
    positive = rng.random(40) < 0.5
    one = (positive ^ (rng.random(40) < 0.25))[:, None]
    alone = p_values(one, positive, 999)[1]
    copied = p_values(np.repeat(one, 50, axis=1), positive, 999)[1]
    among = p_values(np.hstack([one, rng.random((40, 50)) < 0.5]), positive, 999)[1]
    assert copied == pytest.approx(np.repeat(alone, 50))
    assert among[0] > alone[0]


def test_families_with_any_false_discovery_are_at_most_as_many_as_alpha():
    """Of 200 families without a true effect at most as many as 5 % gives with a chance of 999 in 1,000."""
    rng = np.random.default_rng(7)
    shared = rng.random((50, 1)) < 0.5
    members = (rng.random((50, 40)) < 0.3) | (shared & (rng.random((50, 40)) < 0.5))
    families = 200
    false = sum(p_values(members, rng.permutation(50) < 20, 199, number)[1].min() <= 0.05 for number in range(families))
    assert 0 < false <= binom.ppf(0.999, families, 0.05)


@pytest.mark.parametrize("cells", [1, 70, 1000])
def test_worked_on_in_parts_they_are_the_same(monkeypatch, cells):
    rng = np.random.default_rng(2)
    members, positive = rng.random((70, 9)) < 0.4, rng.random(70) < 0.5
    whole = p_values(members, positive)
    monkeypatch.setattr(pattern_outcome, "CELLS_AT_ONCE", cells)
    parts = p_values(members, positive)
    assert [values.tolist() for values in parts] == [values.tolist() for values in whole]


def test_many_patterns_of_many_patients_take_bits_and_not_numbers():
    rng = np.random.default_rng(0)
    patients, number = 20_000, 4_000
    having = [np.sort(rng.choice(patients, 50, replace=False)).astype(np.int32) for _ in range(number)]
    patterns = [Pattern(((i,), (i + 1,)), own, 1.0) for i, own in enumerate(having)]
    answers = answers_of(rng.random(patients) < 0.5)
    outcome_p_values(patterns[:1], answers, 99, 0)  # compiles
    tracemalloc.start()
    outcome_p_values(patterns, answers, 99, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 3 x 10 MB of bits and 3 x 20 MB in work; a byte of each pattern and patient would be 80 MB, a float32 320 MB
    assert peak < 2 * patients * number


def test_an_outcome_that_is_always_the_same_or_never_known_shows_nothing():
    members = np.eye(6, dtype=bool)
    for answers in (answers_of(np.ones(6, bool)), answers_of(np.zeros(6, bool), np.zeros(6, bool))):
        p, adjusted = outcome_p_values(patterns_of(members), answers, 99, 0)
        assert (p == 1).all()
        assert (adjusted == 1).all()
    assert p_values(members[:, :0], np.ones(6, bool))[1].size == 0


def test_the_outcome_is_looked_up_by_the_key_of_the_patient():
    answers = Answers.of(pd.Series({"b": 1.0, "a": 0.0, "d": np.nan}), ["a", "b", "c", "d"], "x")
    assert answers.known.tolist() == [True, True, False, False]
    assert answers.positive.tolist() == [False, True, False, False]


def found_of(rng):
    """Return patterns of which some have the same p-value, and some the same number of patients and events."""
    steps = [((0,), (1,)), ((1,), (0,)), ((0, 1),), ((2,), (0,)), ((2,), (1,)), ((0,), (1,), (2,)), ((1,), (2,))]
    base = [np.sort(rng.choice(40, size, replace=False)).astype(np.int32) for size in (20, 20, 25, 20, 10)]
    patients = [*base, base[0], base[3]]
    patterns = {one: Pattern(one, own, 1.0) for one, own in zip(steps, patients, strict=True)}
    return Patterns(patterns, tuple(patterns.values()))


KEYS = [f"p{number:02}" for number in range(40)]


@pytest.mark.parametrize("seed", range(5))
def test_patterns_are_in_the_order_of_what_is_written_and_a_shorter_list_is_its_beginning(seed):
    rng = np.random.default_rng(seed)
    found, answers = found_of(rng), answers_of(rng.random(40) < 0.5)
    every = pattern_outcome.tested_patterns(found, ["c", "b", "a"], KEYS, answers, HOW, None)
    places = [
        (
            one.with_outcome.adjusted_p,
            one.with_outcome.p,
            -one.completed,
            sum(map(len, one.steps)),
            one.claim,
        )
        for one in every
    ]
    assert places == sorted(places)
    assert len(every) == len(found.closed)
    assert pattern_outcome.tested_patterns(found, ["c", "b", "a"], KEYS, answers, HOW, 3) == every[:3]
    several, number = untested_patterns(found, ["c", "b", "a"], KEYS, None)
    places = [(-one.completed, sum(map(len, one.steps)), one.claim) for one in several]
    assert places == sorted(places)
    assert number == len(several) == 6
    assert untested_patterns(found, ["c", "b", "a"], KEYS, 2) == (several[:2], 6)


def test_only_what_is_listed_is_written_out(monkeypatch):
    written = []
    pattern = pattern_outcome.SequencePattern
    monkeypatch.setattr(pattern_outcome, "SequencePattern", lambda **own: written.append(own) or pattern(**own))
    rng = np.random.default_rng(0)
    found, answers = found_of(rng), answers_of(rng.random(40) < 0.5)
    pattern_outcome.tested_patterns(found, ["c", "b", "a"], KEYS, answers, HOW, 2)
    untested_patterns(found, ["c", "b", "a"], KEYS, 1)
    assert len(written) == 3


def test_the_patients_with_a_pattern_are_named_by_their_outcome_unless_that_is_not_known():
    rng = np.random.default_rng(0)
    known, positive = rng.random(40) < 0.8, rng.random(40) < 0.5
    answers = answers_of(positive & known, known)
    for one in pattern_outcome.tested_patterns(found_of(rng), ["c", "b", "a"], KEYS, answers, HOW, None):
        test = one.with_outcome
        assert (len(test.supporting), len(test.contradicting)) == (test.a, test.b)
        assert {KEYS.index(key) for key in test.supporting} <= set(np.flatnonzero(known & positive).tolist())
        unknown = set(one.supporting).difference(test.supporting, test.contradicting)
        assert unknown == {key for key in one.supporting if not known[KEYS.index(key)]}
