"""Of columns that say the same, one is taken."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import spearmanr

from tasks.methods.cohort.representatives import Representatives


def noise(columns=6, rows=30, seed=0):
    return pd.DataFrame(
        np.random.default_rng(seed).normal(size=(rows, columns)), columns=[f"f{n}" for n in range(columns)]
    )


def test_copies_squares_and_reversals_of_a_column_are_left_out():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0, 5.0], "other": [2.0, 1.0, 5.0, 1.5, 3.0]})
    table["copy"], table["square"], table["reversed"] = table["a"], table["a"] ** 2, -table["a"]
    assert Representatives()(table) == ["a", "other"]


def test_the_first_column_of_a_group_stands_for_it():
    table = noise(2).assign(twin=lambda t: t["f0"] * 3)
    assert Representatives()(table[["twin", "f1", "f0"]]) == ["twin", "f1"]


def test_a_column_that_does_not_vary_says_nothing():
    table = pd.DataFrame(
        {"same": [1.0, 1.0, 1.0], "missing": [np.nan] * 3, "one": [np.nan, 2.0, np.nan], "a": [1, 2, 3]}
    )
    assert Representatives()(table) == ["a"]
    assert Representatives()(table[["same"]]) == []
    assert Representatives()(pd.DataFrame()) == []


def test_no_more_are_taken_than_asked_for():
    assert Representatives(at_most=2)(noise()) == ["f0", "f1"]


def test_columns_that_are_never_known_together_are_no_copies():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0, *[np.nan] * 3], "b": [*[np.nan] * 3, 1.0, 2.0, 3.0]})
    assert Representatives()(table) == ["a", "b"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.floats(0.2, 1.0))
def test_no_two_that_are_taken_say_the_same_and_each_left_out_has_its_representative(seed, limit):
    table = noise(6, 12, seed)
    table["near"] = table["f0"] + 0.3 * table["f1"]
    before = table.copy()
    taken = Representatives(correlation=limit)(table)
    rank = {(a, b): abs(spearmanr(table[a], table[b]).statistic) for a in table for b in table}
    for place, name in enumerate(table.columns):
        earlier = [rank[name, other] for other in table.columns[:place] if other in taken]
        near = [value for value in earlier if abs(value - limit) < 1e-9]
        if not near:
            assert (name in taken) == all(value < limit for value in earlier)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("parameters", [{"correlation": 0.0}, {"correlation": 1.1}, {"at_most": 0}])
def test_what_makes_no_sense_is_refused(parameters):
    with pytest.raises(ValidationError):
        Representatives(**parameters)
