"""Levels of numbers and values of categories, learnt without the outcome."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from data_catalog.errors import BadData
from tasks.methods.rules import Discretiser
from tasks.methods.rules.discretise import Binning, ColumnCuts, FixedBins, QuantileBins
from tasks.methods.rules.items import ColumnLabel

AGE = {"age": ColumnLabel(label="age", unit="years")}


def fit(values, discretiser=None, label="x"):
    table = pd.DataFrame({"x": values})
    return (discretiser or QuantileBins()).fit(table, {"x": ColumnLabel(label=label)})


def reason(values, discretiser=None):
    (refusal,) = fit(values, discretiser).refused
    return refusal.reason


def test_nine_ages_fall_into_three_levels_of_three():
    table = pd.DataFrame({"age": [20, 30, 40, 50, 54, 58, 60, 70, 80]})
    binning = QuantileBins().fit(table, AGE)
    assert [item.sentence for item in binning.learnt] == [
        "age low (<= 40 years)",
        "age medium (> 40 to 59 years)",
        "age high (> 59 years)",
    ]
    assert binning.items(table).present.sum(axis=0).tolist() == [3, 3, 3]


def test_two_levels_are_low_and_high():
    assert [item.level for item in fit(range(10), QuantileBins(bins=2)).learnt] == ["low", "high"]
    assert fit(range(10), QuantileBins(bins=5)).learnt[0].level == "very low"


def test_ties_leave_fewer_levels():
    binning = fit([0] * 8 + [1, 2])
    assert [item.sentence for item in binning.learnt] == ["x low (<= 0.5)", "x high (> 0.5)"]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=4, max_size=60),
    st.integers(2, 5),
)
def test_a_known_number_has_exactly_one_level_and_a_missing_one_none(values, bins):
    table = pd.DataFrame({"x": values})
    binning = QuantileBins(bins=bins, max_missing=1.0).fit(table, {"x": ColumnLabel(label="x")})
    found = binning.items(table)
    if binning.learnt:
        missing = np.isnan(values)
        assert (found.present.sum(axis=1) == ~missing).all()
        assert (found.known == ~missing[:, None]).all()
        assert found.present.any(axis=0).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=20, max_size=60, unique=True), st.integers(2, 5))
def test_levels_of_different_numbers_are_those_of_pandas_qcut(values, bins):
    rows = len(values) - len(values) % bins
    table = pd.DataFrame({"x": values[:rows]})
    found = QuantileBins(bins=bins).fit(table, {"x": ColumnLabel(label="x")}).items(table)
    assert found.present.argmax(axis=1).tolist() == pd.qcut(table["x"].rank(), bins, labels=False).tolist()


def test_cut_offs_come_from_the_rows_given_and_serve_others():
    binning = fit(range(30))
    unseen = binning.items(pd.DataFrame({"x": [-100.0, 15.0, 1e9, np.nan, np.inf]}))
    assert unseen.present.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 1]]


def test_the_table_is_left_as_it_was():
    table = pd.DataFrame({"x": [3.0, 1.0, 2.0, np.nan]})
    before = table.copy(deep=True)
    QuantileBins().fit(table, {"x": ColumnLabel(label="x")}).items(table)
    pd.testing.assert_frame_equal(table, before)


def test_each_category_seen_often_enough_is_an_item():
    values = ["Low"] * 6 + ["High"] * 5 + ["odd"] * 2 + [None]
    binning = fit(values, label="grade")
    assert [item.sentence for item in binning.learnt] == ["grade is High", "grade is Low"]
    found = binning.items(pd.DataFrame({"x": ["High", "odd", "never seen", None]}))
    assert found.present.tolist() == [[1, 0], [0, 0], [0, 0], [0, 0]]
    assert found.known[:, 0].tolist() == [True, True, True, False]


def test_truth_values_are_yes_and_no():
    assert [item.sentence for item in fit([True, False] * 5, label="marker").learnt] == [
        "marker is no",
        "marker is yes",
    ]


def test_a_column_that_gives_no_items_is_listed_with_the_reason():
    assert reason([7.0] * 9) == "every value is the same"
    assert reason(["a"] * 9) == "every value is the same"
    assert reason([0, 1] * 9) == "2 different numbers, at least 3 are needed: give it as categories"
    assert reason([1.0, 2.0, 3.0] + [np.nan] * 3) == "50% of the values are missing, at most 30% may be"
    assert reason(["a", "b", None, None]) == "50% of the values are missing, at most 30% may be"
    assert reason([np.nan] * 3) == "no value is known"
    assert reason([None] * 3) == "no value is known"
    assert reason([1.0, 2.0, 3.0, np.inf]) == "it holds infinite values"
    assert reason(["a", "b", "c"]) == "none of its 3 values is seen in 5 rows"
    assert reason(pd.to_datetime(["2020-01-01", "2020-01-02"])).startswith("it holds dates")
    assert reason(pd.to_timedelta([1, 2], unit="D")).startswith("it holds dates")
    refusal = fit([7.0] * 9, label="weight").refused[0]
    assert (refusal.column, refusal.label) == ("x", "weight")


def test_a_column_that_gives_items_is_not_refused():
    assert fit(range(9)).refused == ()


def test_a_column_the_table_lacks_is_an_error():
    with pytest.raises(BadData, match="lacks age"):
        QuantileBins().fit(pd.DataFrame({"x": [1]}), AGE)


def test_clinical_cut_offs_are_kept_and_belong_to_the_level_below():
    table = pd.DataFrame({"age": [30, 54, 55, 65, 66]})
    binning = FixedBins(cuts={"age": [54, 65]}).fit(table, AGE)
    assert [item.sentence for item in binning.learnt] == [
        "age low (<= 54 years)",
        "age medium (> 54 to 65 years)",
        "age high (> 65 years)",
    ]
    assert binning.items(table).present.argmax(axis=1).tolist() == [0, 0, 1, 1, 2]


def test_levels_may_be_named():
    fixed = FixedBins(cuts=(ColumnCuts(column="age", cuts=(18,), names=("child", "adult")),))
    assert [item.level for item in fixed.fit(pd.DataFrame({"age": [3, 30, 50]}), AGE).learnt] == ["child", "adult"]


def test_without_cut_offs_a_column_is_refused_or_cut_otherwise():
    fixed = FixedBins(cuts={"age": [54]})
    assert reason(range(9), fixed) == "no cut-offs are given for it"
    assert reason(range(9), FixedBins(cuts={"x": [100]})) == "every value is in the same level"
    assert fit(range(9), FixedBins(cuts={}, otherwise=QuantileBins())) == fit(range(9))


@pytest.mark.parametrize(
    "cuts",
    [
        [{"column": "x", "cuts": [2, 1]}],
        [{"column": "x", "cuts": []}],
        [{"column": "x", "cuts": [1], "names": ["one"]}],
        [{"column": "x", "cuts": [1], "names": ["one", "one"]}],
        [{"column": "x", "cuts": [1, 2, 3, 4, 5]}],
        [{"column": "x", "cuts": [1]}, {"column": "x", "cuts": [2]}],
        {"x": [1, 1]},
    ],
)
def test_cut_offs_that_make_no_levels_are_refused(cuts):
    with pytest.raises(ValidationError):
        FixedBins(cuts=cuts)


def test_discretisers_are_hashable_values_told_apart_by_their_tag():
    assert len({QuantileBins(), QuantileBins(), FixedBins(cuts={"age": [54]}), FixedBins(cuts={"age": [54]})}) == 2
    read = TypeAdapter(Discretiser).validate_python({"method": "fixed", "cuts": {"age": [54]}})
    assert read == FixedBins(cuts={"age": [54]})
    assert FixedBins.model_validate_json(read.model_dump_json()) == read


def test_a_discretiser_can_be_called_and_its_binning_kept_as_json():
    table = pd.DataFrame({"x": range(9)})
    binning = QuantileBins()(table, {"x": ColumnLabel(label="x")})
    assert binning == fit(range(9))
    assert Binning.model_validate_json(binning.model_dump_json()) == binning
    assert hash(binning) == hash(fit(range(9)))


def test_clinical_cut_offs_in_their_unit_print_as_a_person_would_say_them():
    bins = FixedBins(cuts={"age": {"cuts": [65], "unit": "years"}, "bmi": [18.5, 25, 30]}, min_rows=1)
    columns = {"age": ColumnLabel(label="age", unit="years"), "bmi": ColumnLabel(label="body mass index")}
    table = pd.DataFrame({"age": [60.0, 65.0, 70.0], "bmi": [17.0, 22.0, 31.0]})
    said = [item.sentence for item in bins.fit(table, columns).learnt]
    assert said[:2] == ["age low (<= 65 years)", "age high (> 65 years)"]
    assert "body mass index lower middle (> 18.5 to 25)" in said


@pytest.mark.parametrize("unit", ["months", ""])
def test_cut_offs_in_another_unit_than_the_column_are_refused(unit):
    bins = FixedBins(cuts={"age": {"cuts": [65], "unit": "years"}})
    table = pd.DataFrame({"age": [60.0, 65.0, 70.0]})
    with pytest.raises(BadData, match="Cut-offs of 'age' are in the column's unit: 'years' and"):
        bins.fit(table, {"age": ColumnLabel(label="age", unit=unit)})
    bins.fit(table.assign(size=[1.0, 2.0, 3.0]), {"size": ColumnLabel(label="size")})
