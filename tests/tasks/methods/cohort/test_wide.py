"""From one row a measurement to one row a patient; missing stays missing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.cohort.deltas import Deltas
from tasks.methods.cohort.visits import rows_of
from tasks.methods.cohort.wide import (
    join,
    outcome_of,
    read_by_several,
    wide_facts,
    wide_features,
    wide_repeats,
    with_deltas,
)

SCANS = pd.DataFrame(
    [
        ("P-2", 1, 40, "CT", "B"),
        ("P-2", 0, 0, "PT", "A"),
        ("P-2", 0, 0, "CT", "B"),
        ("P-1", 0, None, "CT", None),
        ("P-1", 1, 0, "CT", "A"),
        ("P-1", 2, 9, "CT", None),
    ],
    columns=["patient", "visit", "day", "modality", "scanner"],
).astype({"day": "Int64"})


def rows(rows="patient", visit="first", scans=SCANS):
    return rows_of(scans, rows, visit).astype(object).where(lambda table: table.notna(), None).to_numpy().tolist()


def test_one_row_a_patient_is_that_of_the_first_or_the_last_visit():
    assert rows(visit="first") == [["P-1", 0, None, None], ["P-2", 0, 0, "B"]]
    assert rows(visit="last") == [["P-1", 2, 9, None], ["P-2", 1, 40, "B"]]


def test_what_a_visit_does_not_tell_is_not_taken_from_another_visit():
    # pandas' "first" and "last" of a group skip gaps: visit 0 would get the day and the scanner of visit 1
    first = rows(visit="first")[0]
    assert first == ["P-1", 0, None, None]
    assert rows(visit="last")[0][3] is None


def test_one_row_a_patient_and_visit_are_all_of_them():
    found = rows("patient_visit")
    assert [row[:2] for row in found] == [["P-1", 0], ["P-1", 1], ["P-1", 2], ["P-2", 0], ["P-2", 1]]
    assert found[3] == ["P-2", 0, 0, "B"], "CT comes before PT by name"


def test_a_later_visit_does_not_stand_in_for_a_first_one_that_was_refused():
    scans = pd.DataFrame(
        {
            "patient": ["P-1", "P-2"],
            "visit": [0, 1],
            "day": pd.array([0, 60], dtype="Int64"),
            "modality": ["CT", "CT"],
            "scanner": ["A", "B"],
        }
    )
    assert rows(scans=scans) == [["P-1", 0, 0, "A"], ["P-2", 0, None, None]]
    assert rows(visit="last", scans=scans) == [["P-1", 0, 0, "A"], ["P-2", 1, 60, "B"]]


def test_the_order_of_scans_does_not_count():
    pd.testing.assert_frame_equal(rows_of(SCANS, "patient", "last"), rows_of(SCANS[::-1], "patient", "last"))
    assert rows_of(SCANS, "patient", "first").columns.tolist() == ["patient", "visit", "day", "scanner"]
    assert rows_of(SCANS, "patient", "first").index.tolist() == [0, 1]


def measured(*rows):
    names = ["patient", "visit", "day", "modality", "scanner", "region", "reader", "stat_mean", "stat_var"]
    return pd.DataFrame([(p, v, 0, m, "A", r, who, *values) for p, v, m, r, who, *values in rows], columns=names)


TWO_READERS = measured(
    ("P-1", 0, "CT", "tumour", "B", 30.0, 3.0),
    ("P-1", 0, "CT", "tumour", "A", 10.0, np.nan),
    ("P-1", 0, "PT", "tumour", "A", 5.0, 1.0),
    ("P-1", 1, "CT", "node", "A", 7.0, 2.0),
)


def test_a_column_is_named_by_image_region_and_feature_in_that_order():
    wide = wide_features(TWO_READERS, "mean")
    assert wide.columns.tolist() == [
        "patient",
        "visit",
        "CT.node.stat_mean",
        "CT.node.stat_var",
        "CT.tumour.stat_mean",
        "CT.tumour.stat_var",
        "PT.tumour.stat_mean",
        "PT.tumour.stat_var",
    ]
    assert wide[["patient", "visit"]].to_numpy().tolist() == [["P-1", 0], ["P-1", 1]]
    assert wide["CT.node.stat_mean"].isna().tolist() == [True, False]


@pytest.mark.parametrize(("readers", "mean", "variance"), [("mean", 20.0, 3.0), ("first", 10.0, None)])
def test_several_readers_are_averaged_or_the_first_by_name_counts(readers, mean, variance):
    first = wide_features(TWO_READERS, readers).iloc[0]
    assert first["CT.tumour.stat_mean"] == mean
    assert variance is None or first["CT.tumour.stat_var"] == variance
    if variance is None:
        assert "CT.tumour.stat_var" not in wide_features(TWO_READERS, readers), "nobody has a value"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.sampled_from(["CT", "PT"])), min_size=1, unique=True)
)
def test_every_measurement_is_in_the_wide_table_once(places):
    table = measured(*((f"P-{p}", v, m, "t", "A", float(n), float(-n)) for n, (p, v, m) in enumerate(places, 1)))
    wide = wide_features(table, "mean").set_index(["patient", "visit"])
    assert wide.notna().to_numpy().sum() == 2 * len(places)
    for n, (p, v, m) in enumerate(places, 1):
        assert wide.loc[(f"P-{p}", v), f"{m}.t.stat_mean"] == n
        assert wide.loc[(f"P-{p}", v), f"{m}.t.stat_var"] == -n


def test_the_table_of_measurements_is_not_changed():
    before = TWO_READERS.copy(deep=True)
    wide_features(TWO_READERS, "first")
    pd.testing.assert_frame_equal(TWO_READERS, before)


CELLS = pd.Series(["yes", "no", None, "maybe"], dtype="object")


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [
        ("yes", "no", [1, 0, np.nan, np.nan]),
        ("yes", None, [1, 0, np.nan, 0]),
        ("maybe", "yes", [0, np.nan, np.nan, 1]),
    ],
)
@pytest.mark.parametrize("dtype", ["object", "string"])
def test_the_outcome_is_one_zero_or_missing(positive, negative, expected, dtype):
    np.testing.assert_array_equal(outcome_of(CELLS.astype(dtype), positive, negative), expected)


@pytest.mark.parametrize("positive", ["1", "1.0"])
def test_an_outcome_of_numbers_with_gaps_is_met_however_it_is_written(positive):
    np.testing.assert_array_equal(outcome_of(pd.Series(["1.0", "0.0", None, " 1 "]), positive, "0"), [1, 0, np.nan, 1])


def test_an_outcome_of_truth_values_is_yes_and_no():
    np.testing.assert_array_equal(outcome_of(pd.Series(["True", "False", None]), "yes", None), [1, 0, np.nan])
    np.testing.assert_array_equal(
        outcome_of(pd.Series([True, False, None], dtype=object), "True", None), [1, 0, np.nan]
    )


@pytest.mark.parametrize("positive", ["Yes", "1", ""])
def test_an_outcome_that_no_row_has_is_refused_with_the_number_of_rows(positive):
    with pytest.raises(BadData, match="none of 4 rows holds it") as refusal:
        outcome_of(CELLS, positive, None)
    assert refusal.value.verdict == "outcome_not_there"


def test_rows_keep_their_place_where_features_or_facts_are_missing():
    who = pd.DataFrame({"patient": ["P-1", "P-2", "P-3"], "visit": [0, 0, 0]})
    features = pd.DataFrame({"patient": ["P-2"], "visit": [0], "f": [1.0]})
    facts = pd.DataFrame({"patient": ["P-3", "P-2", "P-9"], "age": [3.0, 2.0, 9.0]})
    found = join(who, features, facts)
    assert found["patient"].tolist() == ["P-1", "P-2", "P-3"]
    np.testing.assert_array_equal(found["f"], [np.nan, 1, np.nan])
    np.testing.assert_array_equal(found["age"], [np.nan, 2, 3])
    assert "age" not in join(who, features, None)


def test_a_patient_with_two_rows_of_facts_is_a_defect_and_no_silent_doubling():
    who = pd.DataFrame({"patient": ["P-1"], "visit": [0]})
    features = pd.DataFrame({"patient": ["P-1"], "visit": [0], "f": [1.0]})
    with pytest.raises(pd.errors.MergeError):
        join(who, features, pd.DataFrame({"patient": ["P-1", "P-1"], "age": [1, 2]}))
    with pytest.raises(pd.errors.MergeError):
        join(who, pd.concat([features, features]), None)


REPEATED = pd.DataFrame(
    [
        ("P-1", 0, "CT", "tumour", "ann", 0, 1.0),
        ("P-1", 0, "CT", "tumour", "ann", 1, 1.5),
        ("P-1", 0, "CT", "tumour", "ben", 0, 3.0),
        ("P-1", 1, "CT", "tumour", "ann", 0, 4.0),
        ("P-1", 1, "CT", "tumour", "ann", 1, 5.0),
        ("P-2", 0, "CT", "node", "ann", 0, 9.0),
    ],
    columns=["patient", "visit", "modality", "region", "reader", "repetition", "stat_mean"],
)
DAYS = pd.DataFrame({"patient": ["P-1", "P-1", "P-2"], "visit": [0, 1, 0], "day": pd.array([0, 7, 0], dtype="Int64")})


def test_repetitions_stand_in_rows_of_their_own_with_the_same_columns():
    found = wide_repeats(REPEATED, "repetition", "mean", None, DAYS)
    assert found.columns.tolist() == ["patient", "visit", "repetition", "CT.node.stat_mean", "CT.tumour.stat_mean"]
    rows = found.set_index(["patient", "visit", "repetition"])["CT.tumour.stat_mean"]
    assert rows[("P-1", 0, 0)] == 2, "readers of a repetition are summed up as those of the measurement are"
    assert rows[("P-1", 0, 1)] == 1.5
    assert np.isnan(rows[("P-2", 0, 0)])


def test_each_reader_of_what_several_have_drawn_stands_in_a_row():
    measured = REPEATED[REPEATED["repetition"] == 0].drop(columns="repetition")
    found = wide_repeats(read_by_several(measured), "reader", "first", None, DAYS)
    assert found.to_dict("records") == [
        {"patient": "P-1", "visit": 0, "reader": "ann", "CT.tumour.stat_mean": 1.0},
        {"patient": "P-1", "visit": 0, "reader": "ben", "CT.tumour.stat_mean": 3.0},
    ]
    assert wide_repeats(read_by_several(measured.iloc[2:]), "reader", "first", None, DAYS).empty


def test_changes_are_those_of_a_repetition_between_its_visits():
    deltas = Deltas(forms=("difference",))
    found = wide_repeats(REPEATED, "repetition", "first", deltas, DAYS).set_index(["patient", "visit", "repetition"])
    assert found["CT.tumour.delta_stat_mean"].to_dict()[("P-1", 1, 0)] == 3
    assert found["CT.tumour.delta_stat_mean"].to_dict()[("P-1", 1, 1)] == 3.5
    assert np.isnan(found["CT.tumour.delta_stat_mean"].to_dict()[("P-1", 0, 1)])


def test_changes_stand_beside_what_was_measured():
    wide = wide_features(REPEATED[REPEATED["repetition"] == 0].drop(columns="repetition"), "first")
    assert with_deltas(wide, None, DAYS) is wide
    both = with_deltas(wide, Deltas(forms=("per_day",)), DAYS)
    assert len(both) == len(wide)
    assert both.set_index(["patient", "visit"])["CT.tumour.delta_per_day_stat_mean"][("P-1", 1)] == pytest.approx(3 / 7)


def test_a_column_of_the_cohort_means_what_its_feature_does_with_the_recipe_of_its_modality():
    facts = {"stat_mean": {"ibsi": "Q4LE", "recipe": "CT=0f3a PT=77b1"}}
    columns = ["patient", "CT.t.stat_mean", "PT on CT.t.stat_mean", "MR[echo 2,5].t.stat_mean", "age"]
    found = wide_facts(facts, columns)
    assert list(found) == columns[1:4]
    assert [one["recipe"] for one in found.values()] == ["0f3a", "77b1", ""]
    assert {one["ibsi"] for one in found.values()} == {"Q4LE"}
