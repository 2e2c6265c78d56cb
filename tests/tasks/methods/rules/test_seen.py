"""What is told of a study's columns tells of no one patient, and finds other codes and units."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.methods.rules.condition import Condition, PortableRule
from tasks.methods.rules.seen import ColumnSeen, column_seen, unfamiliar

rng = np.random.default_rng(0)
CONTRAST = pd.Series(np.exp(rng.normal(3.5, 0.5, 240)))


def rule(*conditions):
    return PortableRule(number="rule-1", sentence="s", status="claimed", antecedent=conditions, consequent=conditions)


def test_an_example_small_enough_to_check_by_eye():
    ages = pd.Series([31.0, *[41.0] * 4, *range(50, 70), *[77.0] * 4, 99.0])
    assert column_seen(ages, 5) == ColumnSeen(low=40, high=80)
    mutation = pd.Series(["yes"] * 6 + ["no"] * 9 + ["maybe"] * 2)
    assert column_seen(mutation, 5) == ColumnSeen(values=("no", "yes"))
    assert column_seen(mutation, 1) == ColumnSeen(values=("maybe", "no", "yes"))


@given(st.lists(st.floats(-1e9, 1e9), min_size=20, max_size=60), st.integers(1, 5))
def test_ends_leave_out_the_smallest_count_on_each_side_unless_they_are_equal(values, smallest):
    seen = column_seen(pd.Series(values), smallest)
    assert (seen.low is None) == (seen.high is None)
    if seen.low is not None:
        own = np.sort(values)
        size = np.abs(own).max() * 1e-9
        assert seen.low <= own[smallest - 1 :].max() + size
        assert np.count_nonzero(own >= seen.low - size) >= own.size - max(smallest, np.ceil(own.size / 20))
        assert np.count_nonzero(own <= seen.high + size) >= own.size - max(smallest, np.ceil(own.size / 20))


@given(st.floats(1.5, 1e6), st.floats(1.5, 1e6))
def test_ends_have_few_digits(low, width):
    seen = column_seen(pd.Series(np.linspace(low, low + width, 40)), 5)
    for end in (seen.low, seen.high):
        assert end == 0 or len(f"{end:.12g}".replace(".", "").strip("0")) <= 7


@pytest.mark.parametrize("values", [[], [np.nan] * 30, list(range(19)), [np.nan, *range(10)]])
def test_of_few_patients_no_number_is_told(values):
    assert column_seen(pd.Series(values, dtype=float), 5) == ColumnSeen()


def test_one_number_of_all_patients_is_told():
    assert column_seen(pd.Series([0.0] * 30), 5) == ColumnSeen(low=0, high=0)
    assert column_seen(pd.Series([7.0] * 30), 5) == ColumnSeen(low=7, high=7)


def test_another_unit_is_seen_and_the_same_is_not():
    seen = column_seen(CONTRAST, 5)
    asked = Condition(column="contrast", words="w", low=43, unit="HU", usual_low=seen.low, usual_high=seen.high)
    assert unfamiliar([rule(asked)], pd.DataFrame({"contrast": CONTRAST})) == []
    assert unfamiliar([rule(asked)], pd.DataFrame({"contrast": [np.nan]})) == []
    assert unfamiliar([rule(asked)], pd.DataFrame({"other": [1.0]})) == []
    (said,) = unfamiliar([rule(asked, asked)], pd.DataFrame({"contrast": CONTRAST / 1000}))
    assert "240 of 240 numbers lie outside" in said
    assert " HU" in said


def test_other_codes_are_named_once_a_column_and_cannot_be_told():
    yes = Condition(column="mutation", words="w", equals="yes", known=("no", "yes"))
    no = Condition(column="mutation", words="w", equals="no", known=("no", "yes"))
    table = pd.DataFrame({"mutation": ["Y", "N", None, "yes"]})
    (said,) = unfamiliar([rule(yes), rule(no)], table)
    assert said.startswith("'mutation' holds 'N', 'Y'; the study knew 'no', 'yes'.")
    assert yes.truth(table["mutation"]).tolist() == [-1, -1, -1, 1]
    assert unfamiliar([rule(yes)], table[3:]) == []


def test_an_outcome_that_never_comes_is_named_where_any_other_value_stands_for_its_absence():
    other = Condition(column="dead", words="w", differs="1")
    assert unfamiliar([rule(other)], pd.DataFrame({"dead": ["1.0", "0"]})) == []
    assert unfamiliar([rule(other)], pd.DataFrame({"dead": [None]})) == []
    (said,) = unfamiliar([rule(other)], pd.DataFrame({"dead": ["Y", "N"]}))
    assert "holds 'N', 'Y' and never '1'" in said


def test_many_other_values_are_not_all_named():
    asked = Condition(column="c", words="w", equals="x", known=("x",))
    (said,) = unfamiliar([rule(asked)], pd.DataFrame({"c": [f"v{number}" for number in range(20)]}))
    assert "and 12 more" in said
