"""Items, their sentences, and the table of which row has which."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data_catalog.errors import BadData
from tasks.methods.rules.items import (
    ColumnLabel,
    Item,
    ItemTable,
    category_texts,
    item_table,
    number_text,
    numbers,
    outcome_items,
    readable_cut,
    require_one_row_each,
)

AGE = Item(column="age", label="age", level="low", unit="years", high=54)
CONTRAST = Item(column="glcm_contrast", label="GLCM contrast", level="high", low=41.2)
MIDDLE = Item(column="age", label="age", level="medium", unit="years", low=54, high=65)
GRADE = Item(column="grade", label="grade", level="High")
finite = st.floats(-1e9, 1e9, allow_nan=False)


def test_an_item_reads_as_a_person_would_say_it():
    assert AGE.sentence == "age low (<= 54 years)"
    assert CONTRAST.sentence == "GLCM contrast high (> 41.2)"
    assert MIDDLE.sentence == "age medium (> 54 to 65 years)"
    assert GRADE.sentence == "grade is High"
    assert AGE.clause == "age is low (<= 54 years)"
    assert GRADE.clause == "grade is High"


def test_an_item_whose_cut_off_is_zero_says_so():
    assert Item(column="x", label="x", level="low", high=0).sentence == "x low (<= 0)"


def test_an_item_is_a_value():
    assert {AGE, Item(**AGE.model_dump())} == {AGE}
    assert Item.model_validate_json(AGE.model_dump_json()) == AGE
    with pytest.raises(ValidationError):
        AGE.level = "high"
    with pytest.raises(ValidationError):
        Item(column="x", label="x", level="low", colour="red")


def test_missing_is_neither_present_nor_absent():
    table = pd.DataFrame({"age": [54.0, 54.1, np.nan, 66.0], "grade": ["High", "Low", None, " "]})
    found = item_table([AGE, MIDDLE, GRADE], table)
    assert found.present.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert found.known.tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0]]


def test_tables_of_the_same_rows_stand_side_by_side():
    left = item_table([AGE], pd.DataFrame({"age": [1.0, 99.0]}))
    right = item_table([GRADE], pd.DataFrame({"grade": ["High", None]}))
    both = left.beside(right)
    assert both.items == (AGE, GRADE)
    assert both.present.tolist() == [[1, 1], [0, 0]]
    assert both.known.tolist() == [[1, 1], [1, 0]]
    assert both.select(np.array([1])).present.tolist() == [[0, 0]]
    with pytest.raises(BadData, match="2 and 1 rows"):
        left.beside(right.select(np.array([0])))


def test_a_table_without_rows_has_items_and_no_rows():
    empty = item_table([AGE], pd.DataFrame({"age": np.zeros(0)}))
    assert len(empty) == 0
    assert empty.present.shape == (0, 1)


def test_a_missing_column_and_text_where_numbers_belong_are_refused():
    with pytest.raises(BadData, match="lacks age"):
        item_table([AGE], pd.DataFrame({"size": [1]}))
    with pytest.raises(BadData, match="holds numbers"):
        item_table([AGE], pd.DataFrame({"age": ["old", "young"]}))
    assert not item_table([AGE], pd.DataFrame({"age": [None, None]})).known.any()


def test_categories_have_one_text_whatever_their_type():
    assert category_texts(pd.Series([True, False])) == ["yes", "no"]
    assert category_texts(pd.Series([True, None], dtype="boolean")) == ["yes", None]
    assert category_texts(pd.Series([np.bool_(1), None], dtype=object)) == ["yes", None]
    assert category_texts(pd.Series([1.0, np.nan, 2.5])) == ["1", None, "2.5"]
    assert category_texts(pd.Series(["a", " ", None], dtype="category")) == ["a", None, None]
    assert category_texts(pd.Series(["1.0", "True", " a", "01"])) == ["1", "yes", "a", "01"]


def test_nullable_numbers_are_read_with_their_gaps():
    assert np.isnan(numbers(pd.Series([1, None], dtype="Int64"))).tolist() == [False, True]


def test_an_outcome_has_one_item_per_value():
    outcome = outcome_items(
        pd.Series([True, False, None, True], name="progression", dtype=object), ColumnLabel(label="progress")
    )
    assert [item.sentence for item in outcome.items] == ["progress is no", "progress is yes"]
    assert outcome.present.tolist() == [[0, 1], [1, 0], [0, 0], [0, 1]]
    assert outcome.known[:, 0].tolist() == [True, True, False, True]


@pytest.mark.parametrize("values", [["yes", "yes", None], list(range(11)), [None, None]])
def test_an_outcome_of_one_value_or_of_measurements_is_refused(values):
    with pytest.raises(BadData, match="different values"):
        outcome_items(pd.Series(values, name="y"), ColumnLabel(label="y"))


def test_several_rows_of_a_patient_are_refused_with_the_remedy():
    require_one_row_each(["a", "b"], 2)
    with pytest.raises(BadData, match=r"3 rows of 2 patients came.*first visit"):
        require_one_row_each(["a", "b", "a"], 3)
    with pytest.raises(BadData, match="3 and 2 rows"):
        require_one_row_each(["a", "b"], 3)


def test_a_cut_has_the_fewest_digits_that_part_the_same_values():
    assert readable_cut(40.9, 41.9) == 41
    assert readable_cut(40, 60) == 50
    assert readable_cut(41.21, 41.25) == 41.23
    assert readable_cut(54, 55) == 54
    assert readable_cut(1.0, np.nextafter(1.0, 2)) == 1.0
    assert readable_cut(-5, 5) == 0


@settings(max_examples=50, deadline=None)
@given(finite, finite)
def test_a_cut_lies_between_its_values(one, other):
    below, above = sorted((one, other))
    if below < above:
        assert below <= readable_cut(below, above) < above


@settings(max_examples=50, deadline=None)
@given(finite)
def test_a_number_reads_back_as_itself(number):
    assert float(number_text(number)) == number


def test_numbers_are_short():
    assert [number_text(x) for x in (41.2, 54.0, 0.0, 1e-6, 2.5e8, -3.0)] == [
        "41.2",
        "54",
        "0",
        "1e-06",
        "2.5e+08",
        "-3",
    ]


def test_an_item_table_is_told_apart_by_identity():
    table = ItemTable((), np.zeros((2, 0), bool), np.zeros((2, 0), bool))
    assert table != ItemTable((), table.present, table.known)
