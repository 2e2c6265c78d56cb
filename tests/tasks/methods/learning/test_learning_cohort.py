from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import MISSING, SCANNER, Cohort, Columns, numbers, texts


def test_columns_are_told_apart_by_what_they_hold():
    table = pd.DataFrame(
        {
            "volume": [1.0, 2.5],
            "smoker": [True, False],
            "stage": pd.Series([1, None], dtype="Int64"),
            "dose": pd.Series([Decimal("1.5"), None], dtype=object),
            "read from a sheet": pd.Series([3, None], dtype=object),
            "site": ["lung", None],
            "grade": pd.Categorical([1, 2]),
            "mixed": pd.Series(["a", 1], dtype=object),
            "nothing": [None, None],
        }
    )

    columns = Columns.of(table)

    assert columns.numeric == ("volume", "smoker", "stage", "dose", "read from a sheet")
    assert columns.categorical == ("site", "grade", "mixed")
    assert columns.empty == ("nothing",)
    np.testing.assert_array_equal(
        numbers(table, columns.numeric), [[1, 1, 1, 1.5, 3], [2.5, 0, np.nan, np.nan, np.nan]]
    )
    assert texts(table, columns.categorical).tolist() == [["lung", "1", "a"], [MISSING, "2", "1"]]


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2020-01-01", "2021-01-01"]),
        pd.Series([pd.Timestamp("2020-01-01").date(), None], dtype=object),
        pd.to_timedelta([1, 2], unit="D"),
    ],
)
def test_a_date_is_not_a_feature(values):
    with pytest.raises(BadData, match="1 columns hold dates") as caught:
        Columns.of(pd.DataFrame({"seen": values}))
    assert caught.value.verdict == "date_column"


@pytest.mark.parametrize("table", [pd.DataFrame(index=[0, 1]), pd.DataFrame({"a": [np.nan, np.nan]})])
def test_a_table_without_a_value_is_refused(table):
    with pytest.raises(BadData) as caught:
        Columns.of(table)
    assert caught.value.verdict == "no_features"


@pytest.mark.parametrize("names", [["a", "a"], ["a", SCANNER], ["a", 1]])
def test_column_names_are_text_and_unique_and_leave_the_scanner_its_own(names):
    with pytest.raises(BadData) as caught:
        Columns.of(pd.DataFrame([[1.0, 2.0]], columns=names))
    assert caught.value.verdict == "bad_column_names"


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e101])
def test_an_infinite_feature_is_refused(value):
    with pytest.raises(BadData, match="1 of 2 cells"):
        numbers(pd.DataFrame({"a": [value, 1.0]}), ["a"])


def test_a_table_without_the_models_columns_is_refused():
    with pytest.raises(BadData, match="absent: b"):
        numbers(pd.DataFrame({"a": [1.0]}), ["a", "b"])


def test_a_cohort_keeps_the_features_and_the_scanner_and_changes_nothing(study):
    before = study.table.copy()

    cohort = Cohort.of(study.table, study.outcome, study.groups, study.scanner)

    assert list(cohort.table.columns) == [*study.table.columns, SCANNER]
    assert cohort.table[SCANNER].tolist() == study.scanner.tolist()
    assert cohort.patients[:3].tolist() == [0, 1, 2]
    assert len(cohort) == 30
    pd.testing.assert_frame_equal(study.table, before)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_rows_taken_are_the_rows_asked_for(rows):
    values = np.arange(6.0)
    cohort = Cohort.of(pd.DataFrame({"a": values}, index=values + 40), values % 2, np.array(list("uvwxyz")))

    taken = cohort.take(np.array(rows))

    assert taken.table["a"].tolist() == [float(row) for row in rows]
    assert taken.outcome.tolist() == [row % 2 for row in rows]
    assert taken.groups.tolist() == ["uvwxyz"[row] for row in rows]


@pytest.mark.parametrize(
    ("outcome", "groups", "scanner", "verdict"),
    [
        ([0, 1], ["a", "b", "c"], None, "rows_do_not_match"),
        ([0, 1, 1], ["a", "b"], None, "rows_do_not_match"),
        ([0, 1, 1], ["a", "b", "c"], ["s"], "rows_do_not_match"),
        ([0, 1, 2], ["a", "b", "c"], None, "outcome_not_binary"),
        ([0, 1, np.nan], ["a", "b", "c"], None, "outcome_not_binary"),
        ([0, 1, 1], ["a", "b", None], None, "no_patient"),
        ([0, 1, 1], ["a", "b", " "], None, "no_patient"),
        ([0, 1, 1], ["a", "b", "c"], ["s", None, "t"], "no_scanner"),
    ],
)
def test_rows_that_cannot_be_matched_are_refused(outcome, groups, scanner, verdict):
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    with pytest.raises(BadData) as caught:
        Cohort.of(
            table,
            np.array(outcome),
            np.array(groups, dtype=object),
            None if scanner is None else np.array(scanner, dtype=object),
        )
    assert caught.value.verdict == verdict
