"""No count of few patients stands in a table of the report, nor can it be worked out from the others."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.refs import Refusal
from tasks.methods.cohort.columns import ColumnMeaning
from tasks.methods.reporting.page import render
from tasks.methods.reporting.parts import CategorySummary, CohortSummary, LevelCount, NumberSummary, Spread
from tasks.methods.reporting.small_parts import (
    Part,
    class_counts,
    difference_cell,
    hidden_parts,
    hidden_rows,
    level_rows,
    sort_key,
    spread_cell,
)
from tasks.methods.reporting.summaries import cohort_summary


def test_beside_a_single_hidden_count_the_next_smallest_is_hidden():
    assert hidden_parts((59, 3), 5) == {0, 1}
    assert hidden_parts((30, 3, 12, 17), 5) == {1, 2}
    assert hidden_parts((30, 20), 5) == frozenset()
    assert hidden_parts((30, 0, 20), 5) == frozenset()


def test_hidden_counts_that_are_few_together_take_one_more_with_them():
    assert hidden_parts((2, 1, 30, 17), 5) == {0, 1, 3}
    assert hidden_parts((3, 4, 30), 5) == {0, 1}


@given(st.lists(st.integers(0, 12), max_size=6), st.integers(1, 6))
@settings(deadline=None)
def test_no_hidden_count_can_be_worked_out_from_the_others_and_their_sum(counts, smallest):
    hidden = hidden_parts(counts, smallest)
    assert all(place in hidden for place, count in enumerate(counts) if 0 < count < smallest)
    told = [count for place, count in enumerate(counts) if place not in hidden]
    if hidden and any(told):
        assert len(hidden) > 1
        assert sum(counts) - sum(told) >= smallest


def rare(missing=0):
    levels = (LevelCount(level="no", event=59, other=160), LevelCount(level="yes", event=3, other=9))
    return CategorySummary(label="rare", n=231, missing=missing, levels=levels)


def test_a_small_count_of_a_category_is_not_told_by_the_other_one():
    assert level_rows(rare(), 5) == [
        ("no", "–", "160 (95\N{NO-BREAK SPACE}%)"),
        ("yes", "<5", "9 (5\N{NO-BREAK SPACE}%)"),
    ]
    assert level_rows(rare(), 1)[1][1] == "3 (5\N{NO-BREAK SPACE}%)"


def test_few_patients_of_an_outcome_are_not_told_by_the_others():
    assert class_counts(CohortSummary(rows=50, patients=50, events=3, others=47), 5) == ("<5", "–")
    assert class_counts(CohortSummary(rows=50, patients=50, events=13, others=37), 5) == ("13", "37")


def test_the_median_of_few_is_hidden():
    few, many = Spread(n=2, median=61, low=60, high=62), Spread(n=9, median=50, low=40, high=60)
    assert (spread_cell(few, 5), sort_key(few, 5), sort_key(many, 5)) == ("–", None, 50)
    assert spread_cell(few, 1) == spread_cell(few.model_copy(update={"n": 5}), 5) == "61.0 (60.0 to 62.0)"
    column = NumberSummary(label="age", n=11, missing=0, event=few, other=many, difference=1.5)
    assert (difference_cell(column, 5), difference_cell(column, 2)) == ("–", "1.50")


def test_rare_categories_have_no_name_in_the_table():
    born = [f"{day:02d}.07.1965" for day in range(1, 29)] + ["unknown"] * 12
    table = pd.DataFrame({"dob": born})
    meaning = {"dob": ColumnMeaning(column="dob", label="dob")}
    (dob,) = cohort_summary(table, pd.Series([1.0, 0.0] * 20), [str(n) for n in range(40)], meaning, 5).columns
    assert [level.level for level in dob.levels] == ["unknown", "28 other values"]
    one = pd.DataFrame({"dob": ["a"] * 38 + ["b"] * 2})
    (dob,) = cohort_summary(one, pd.Series([1.0, 0.0] * 20), [str(n) for n in range(40)], meaning, 5).columns
    assert [level.level for level in dob.levels] == ["a", "1 other value"]


def test_the_page_hides_what_would_give_a_count_away_and_names_units_apart(filled):
    cohort = filled.cohort.model_copy(update={"columns": (*filled.cohort.columns, rare())})
    page = render(filled.model_copy(update={"cohort": cohort, "hide_counts_below": 5}))
    assert '>no</th><td></td><td class="num">–</td>' in page
    assert 'age, <span class="unit">years</span>' in page


ALL = (30.0, 40.0)


def part(*items, cells, end=("verdict", "bad")):
    return Part(frozenset(items), end, cells, ALL)


SPIC = ("spic", "medium")


def test_the_hidden_one_of_three_refinements_takes_the_smallest_other_with_it():
    rules = [
        part(SPIC, cells=(22.0, 14.0)),
        part(SPIC, ("texture", "medium"), cells=(10.0, 7.0)),
        part(SPIC, ("texture", "low"), cells=(6.0, 5.5)),
        part(SPIC, ("texture", "high"), cells=(6.0, 1.5)),
    ]
    assert hidden_rows(rules, 5) == {2, 3}
    assert hidden_rows(rules[:3], 5) == {2}
    assert hidden_rows([*rules[:2], rules[3]], 5) == {1, 2}
    assert hidden_rows(rules, 1) == frozenset()


def test_levels_of_one_column_are_refinements_of_everyone():
    sizes = [part(("size", "low"), cells=(10.0, 20.0)), part(("size", "high"), cells=(18.0, 17.0))]
    assert hidden_rows(sizes, 5) == {0}
    assert hidden_rows(sizes, 2) == frozenset()


def test_ends_of_one_antecedent_do_not_tell_the_end_that_is_not_listed():
    ends = [
        Part(frozenset({SPIC}), ("verdict", "bad"), (20.0, 20.0), (30.0, 60.0)),
        Part(frozenset({SPIC}), ("verdict", "good"), (17.0, 23.0), (30.0, 60.0)),
    ]
    assert hidden_rows(ends, 5) == {1}
    assert hidden_rows(ends[:1], 5) == frozenset()


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_no_few_can_be_worked_out_as_the_difference_of_rows_that_are_told(seed, smallest):
    rng = np.random.default_rng(seed)
    one, other, ends = (rng.choice(3, 60, p=[0.5, 0.35, 0.15]) for _ in range(3))
    everyone = (float((ends == 0).sum()), float((ends != 0).sum()))
    parts = []
    for a, b in product((None, 0, 1, 2), repeat=2):
        held = np.ones(60, bool) & ((one == a) | (a is None)) & ((other == b) | (b is None))
        items = {(name, str(level)) for name, level in (("a", a), ("b", b)) if level is not None}
        cells = (float((held & (ends == 0)).sum()), float((held & (ends != 0)).sum()))
        if items and sum(cells):
            parts.append(Part(frozenset(items), ("end", "0"), cells, everyone))
    listed = [one for one in parts if rng.random() < 0.9]
    hidden = hidden_rows(listed, smallest)
    told = [one for place, one in enumerate(listed) if place not in hidden]
    for whole in [Part(frozenset(), ("end", "0"), everyone, everyone), *told]:
        for column in ("a", "b"):
            inside = [
                one for one in told if one.items > whole.items and {c for c, _ in one.items - whole.items} == {column}
            ]
            inside = [one for one in inside if len(one.items) == len(whole.items) + 1]
            rest = [whole.cells[n] - sum(one.cells[n] for one in inside) for n in (0, 1)]
            assert not inside or not any(0 < value < smallest for value in rest)


@pytest.mark.parametrize("smallest", [1, 5])
def test_no_row_is_hidden_of_none(smallest):
    assert hidden_rows([], smallest) == frozenset()


def test_the_flow_does_not_say_that_nothing_was_refused_where_something_could_not_be_made(filled):
    refusal = Refusal(item="deaths", stage="mine_subgroups", verdict="v", expected="Times", came="none", remedy="Do.")
    flow = tuple(step.model_copy(update={"refusals": ()}) for step in filled.flow)
    whole = render(filled.model_copy(update={"flow": flow}))
    assert "No item was refused." in whole
    page = render(filled.model_copy(update={"flow": flow, "refused": {"subgroups": (refusal,)}}))
    assert "No item was refused." not in page
    assert 'told with its reason where it is missed: <a href="#subgroups">Subgroups</a>.' in page
