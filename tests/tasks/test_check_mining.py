"""What a plan mines is held against its tables before any work starts."""

from __future__ import annotations

import pytest

from data_catalog.errors import PlanError
from tasks.check import require_clinical
from tasks.check_mining import (
    held_values,
    other_values,
    require_consequents,
    require_cuts,
    require_target,
    typed_columns,
    uncut_columns,
)
from tasks.methods.rules.discretise import ColumnCuts, FixedBins, QuantileBins
from tasks.sources.tables import ClinicalTable, Outcome
from tasks.sources.targets import NumberTarget, SurvivalTarget

ROWS = [f"P{n},{40 + n},{'fm'[n % 2]},,{n % 4},{'abc'[n % 3]},{10 * n},{n % 2}" for n in range(30)]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "clinical.csv"
    path.write_text("\n".join(["id,age,sex,none,stage,state,days,died", *ROWS]) + "\n")
    known = ("age", "sex", "none", "stage")
    return ClinicalTable(path=path, patient="id", known_before=known, categories=("stage",), units={"age": "years"})


@pytest.fixture
def written(table):
    return require_clinical(table, ("state", "days", "died"), None)[0]


def refused(call, *arguments, **named):
    with pytest.raises(PlanError) as refusal:
        call(*arguments, **named)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ({"column": "years", "cuts": [50]}, "'years' is none; a column goes by its name in the table"),
        ({"column": "years", "cuts": [50]}, "Choose among the columns of numbers: age."),
        ({"column": "sex", "cuts": [1]}, "'sex' holds text"),
        ({"column": "stage", "cuts": [1]}, "'stage' holds text"),
        ({"column": "age", "cuts": [780], "unit": "months"}, "in the column's unit, which is years: months came"),
        ({"column": "age", "cuts": [6500]}, "Cut-offs of 'age' lie among its values: every value falls into one level"),
        ({"column": "none", "cuts": [1]}, "'none' holds text"),
    ],
)
def test_cut_offs_that_cut_nothing_are_refused(table, written, cut, said):
    columns = typed_columns([table], [written])
    bins = FixedBins(cuts=(ColumnCuts(**cut),))
    assert said in refused(require_cuts, bins, columns, table.units, measures=False)


def test_cut_offs_that_fit_and_those_of_features_pass(table, written):
    columns = typed_columns([table], [written])
    sound = FixedBins(cuts=(ColumnCuts(column="age", cuts=(50,), unit="years"),))
    require_cuts(sound, columns, table.units, measures=False)
    require_cuts(QuantileBins(), columns, table.units, measures=False)
    feature = FixedBins(cuts=(ColumnCuts(column="CT.tumour.stat_mean", cuts=(50,)),))
    require_cuts(feature, columns, table.units, measures=True)
    assert "is none" in refused(require_cuts, feature, columns, table.units, measures=False)
    (said,) = uncut_columns(feature, columns)
    assert said.startswith("mine.discretiser: 'age' have no cut-offs and give no items.")
    assert uncut_columns(sound, columns) == []
    assert uncut_columns(QuantileBins(), columns) == []


def test_rules_end_in_values_of_the_outcome():
    outcome = Outcome(column="relapse", positive="relapsed")
    said = refused(require_consequents, ["relapsd", "relapsed"], outcome)
    assert "'relapse': 'relapsed', 'not relapsed': 'relapsd' is none of them" in said
    require_consequents(["not relapsed"], outcome)
    require_consequents(None, outcome)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (SurvivalTarget(time="days", event="died", happened="yes"), "no row holds 'yes'; it holds '0', '1'"),
        (SurvivalTarget(time="state", event="died"), "Column 'state' of clinical.csv"),
        (NumberTarget(column="state"), "holds numbers: it holds text or dates"),
    ],
)
def test_targets_that_nobody_can_be_compared_in_are_refused(table, written, target, said):
    assert said in refused(require_target, target, table, written, 5)


def test_a_time_below_0_and_a_number_that_is_the_same_for_all_are_refused(table, written):
    target = SurvivalTarget(time="days", event="died")
    require_target(target, table, written, 5)
    before = written.assign(days=["-3", *written["days"][1:]])
    assert "a time below 0 stands in row 2" in refused(require_target, target, table, before, 5)
    same = written.assign(days="7")
    assert "fewer than two different numbers" in refused(require_target, NumberTarget(column="days"), table, same, 5)
    require_target(NumberTarget(column="CT.tumour.stat_mean", of="features"), table, written, 5)


def test_values_that_count_as_one_are_told(table, written):
    outcome = Outcome(column="state", positive="a")
    target = SurvivalTarget(time="days", event="state", happened="b")
    negative, censored = other_values(outcome, [target], table, written, 5)
    assert "'state' counts as negative where it holds 'b', 'c'." in negative
    assert "'state' counts as not happened by then (censored) where it holds 'a', 'c'." in censored
    plain = Outcome(column="state", positive="a", negative="b")
    assert other_values(plain, [NumberTarget(column="days")], table, written, 5) == []


def test_values_are_named_from_the_smallest_count_on():
    assert held_values(["a"] * 9 + ["b"] * 5 + ["c", "d"], 5) == "'a', 'b', 2 other values"
    assert held_values(["c"], 5) == "1 other value"
    assert held_values([""], 5) == "nothing"
    assert held_values(list("abcdefg") * 5, 5) == "'a', 'b', 'c', 'd', 'e', 2 other values"


def test_an_outcome_that_is_not_there_is_told_with_what_is(table):
    outcome = Outcome(column="state", positive="A")
    assert "no row holds 'A'; it holds 'a', 'b', 'c'." in refused(require_clinical, table, ("state",), outcome)


def test_a_file_that_cannot_be_read_is_told_in_whole_sentences(table):
    table.path.write_text("id,age,sex,none,stage,sex\nA,1,2,3,4,5\n")
    said = refused(require_clinical, table, (), None)
    assert ".." not in said
    assert "two are called 'sex'. Rename the columns." in said
