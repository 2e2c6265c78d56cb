"""The table of a study: one row a patient, features beside clinical columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_catalog.errors import BadData
from data_catalog.kinds import COHORT, TABLE, mask
from data_catalog.refs import Ref, Scan, Study
from tasks.cohort import (
    agreement,
    build_cohort,
    gather_overlaps,
    overlap,
    repeat_readings,
    stability,
)
from tasks.methods.cohort.deltas import Deltas
from tasks.sources.tables import Outcome
from tests.tasks.conftest import GRID, ball

IMAGE = Ref(kind="volume", digest="0" * 64)
PROGRESSION = Outcome(column="progression", positive="yes", negative="no")


def scan(patient, visit=0, day=0, modality="CT", scanner="Acme"):
    return Scan(patient=patient, visit=visit, day=day, modality=modality, scanner=scanner, series="s", image=IMAGE)


STUDY = Study(scans=(scan("P-2"), scan("P-1"), scan("P-1", 1, 30), scan("P-3", day=None, scanner=None)))
FEATURES = pd.DataFrame(
    [("P-1", 0, "A", 1.0), ("P-1", 0, "B", 3.0), ("P-1", 1, "A", 9.0), ("P-2", 0, "A", 5.0)],
    columns=["patient", "visit", "reader", "stat_mean"],
).assign(day=0, modality="CT", scanner="Acme", region="tumour")
CLINICAL = pd.DataFrame(
    {"patient": ["P-3", "P-1", "P-9"], "age": [70.0, 61.0, 1.0], "progression": ["no", "yes", "yes"], "secret": "x"}
)


def built(clinical=CLINICAL, **changes):
    given = {"rows": "patient", "visit": "first", "readers": "mean", "known_before": ("age",), "outcome": PROGRESSION}
    return build_cohort.function(STUDY, FEATURES, clinical, **{**given, **changes})


def test_a_cohort_is_built_as_drawn():
    table = built()
    COHORT.check(table)
    assert table.columns.tolist() == ["patient", "visit", "day", "scanner", "outcome", "CT.tumour.stat_mean", "age"]
    assert table["patient"].tolist() == ["P-1", "P-2", "P-3"]
    np.testing.assert_array_equal(table["CT.tumour.stat_mean"], [2.0, 5.0, np.nan])
    np.testing.assert_array_equal(table["age"], [61.0, np.nan, 70.0])
    np.testing.assert_array_equal(table["outcome"], [1.0, np.nan, 0.0])
    assert table["day"].isna().tolist() == [False, False, True]


def test_columns_that_nobody_knew_before_are_not_in_the_cohort():
    assert not {"progression", "secret"} & set(built())


def test_the_last_visit_and_the_first_reader_can_be_asked_for():
    assert built(visit="last")["CT.tumour.stat_mean"].tolist()[0] == 9.0
    assert built(readers="first")["CT.tumour.stat_mean"].tolist()[0] == 1.0


def test_one_row_a_patient_and_visit_repeats_the_clinical_facts():
    table = built(rows="patient_visit")
    assert table[["patient", "visit", "age"]].iloc[:2].to_numpy().tolist() == [["P-1", 0, 61.0], ["P-1", 1, 61.0]]


def test_without_a_clinical_table_or_an_outcome_the_outcome_is_missing():
    for table in (built(None, known_before=(), outcome=None), built(outcome=None)):
        assert table["outcome"].isna().all()
        assert table.columns.tolist()[4] == "outcome"


def test_an_outcome_that_no_row_has_is_refused():
    with pytest.raises(BadData, match="none of 3 rows"):
        built(outcome=Outcome(column="progression", positive="Yes"))


def test_how_far_two_readers_overlap_is_a_table_of_one_number():
    first = mask(ball() > 0, GRID, {1: "tumour"})
    second = mask(np.where(ball(radius=1.0) > 0, 2, 0), GRID, {2: "tumour"})
    table = overlap.function(first, second, label_first=1, label_second=2)
    TABLE.check(table)
    larger, smaller = (ball() > 0).sum(), (ball(radius=1.0) > 0).sum()
    assert table["dice"].tolist() == [pytest.approx(2 * smaller / (larger + smaller))]
    assert overlap.function(first, first, label_first=1, label_second=1)["dice"].tolist() == [1.0]


def test_overlaps_are_gathered_with_whose_they_are():
    tables = [pd.DataFrame({"dice": [value]}) for value in (0.5, 0.75)]
    places = (("P-1", "0", "CT", "tumour", "A", "B"), ("P-2", "0", "PT", "tumour", "A", "C"))
    table = gather_overlaps.function(tables, places=places)
    assert table["dice"].tolist() == [0.5, 0.75]
    assert table.iloc[1].tolist()[:-1] == list(places[1])


def readings(*rows):
    names = ["patient", "visit", "modality", "region", "reader", "stat_mean"]
    return pd.DataFrame(rows, columns=names).assign(day=pd.NA, scanner="Acme")


def both(patient, first, second, modality="CT", region="tumour"):
    return [(patient, 0, modality, region, "A", first), (patient, 0, modality, region, "B", second)]


def test_readers_who_measure_the_same_agree_wholly_and_others_do_not():
    table = agreement.function(
        readings(
            *both("P-1", 1.0, 1.0),
            *both("P-2", 5.0, 5.0),
            *both("P-3", 9.0, 9.0),
            *both("P-1", 1.0, 9.0, "PT"),
            *both("P-2", 5.0, 5.0, "PT"),
            *both("P-3", 9.0, 1.0, "PT"),
        )
    )
    assert table[["modality", "region", "feature", "subjects", "readers"]].to_numpy().tolist() == [
        ["CT", "tumour", "stat_mean", 3, 2],
        ["PT", "tumour", "stat_mean", 3, 2],
    ]
    assert table["icc"][0] == 1.0
    assert table["icc"][1] < 0


def test_patients_that_not_every_reader_has_read_are_left_out():
    rows = [*both("P-1", 1.0, 1.5), *both("P-2", 5.0, 5.5), ("P-3", 0, "CT", "tumour", "A", 100.0)]
    assert agreement.function(readings(*rows))["subjects"].tolist() == [2]


def test_two_visits_of_a_patient_are_two_subjects():
    rows = [*both("P-1", 1.0, 1.5), *((p, 1, *rest) for p, _, *rest in both("P-1", 5.0, 5.5))]
    assert agreement.function(readings(*rows))["subjects"].tolist() == [2]


@pytest.mark.parametrize(
    "rows",
    [
        [("P-1", 0, "CT", "tumour", "A", 1.0), ("P-2", 0, "CT", "tumour", "A", 2.0)],
        both("P-1", 1.0, 2.0),
        [*both("P-1", 1.0, 2.0), ("P-2", 0, "CT", "tumour", "A", 1.0)],
    ],
    ids=["one reader", "one patient", "one patient read twice"],
)
def test_without_two_readers_of_two_patients_the_table_is_empty_with_its_columns(rows):
    table = agreement.function(readings(*rows))
    TABLE.check(table)
    assert len(table) == 0
    assert {"feature", "icc", "modality", "region"} <= set(table)


def test_changes_stand_in_the_rows_of_later_visits():
    table = built(visit="last", readers="first", deltas=Deltas(forms=("difference", "per_day")))
    COHORT.check(table)
    assert table["CT.tumour.stat_mean"].tolist()[0] == 9
    assert table["CT.tumour.delta_stat_mean"].tolist()[0] == 8
    assert table["CT.tumour.delta_per_day_stat_mean"].tolist()[0] == pytest.approx(8 / 30)
    assert table["CT.tumour.delta_stat_mean"].isna().tolist() == [False, True, True], "others have one visit"
    both = built(rows="patient_visit", deltas=Deltas(forms=("difference",)))["CT.tumour.delta_stat_mean"]
    assert both.isna().tolist() == [True, False, True, True]


def test_changes_that_no_row_of_the_cohort_has_add_no_column():
    deltas = Deltas(forms=("difference", "percent"))
    plain = built()
    pd.testing.assert_frame_equal(built(deltas=deltas), plain)
    alone = Study(scans=tuple(one for one in STUDY.scans if one.visit == 0))
    single = FEATURES[FEATURES["visit"] == 0]
    given = {"rows": "patient", "visit": "last", "readers": "mean", "known_before": ("age",), "outcome": PROGRESSION}
    pd.testing.assert_frame_equal(build_cohort.function(alone, single, CLINICAL, **given, deltas=deltas), plain)


def test_a_clinical_column_without_values_stays_whatever_it_is_called():
    facts = CLINICAL.assign(**{"lab.delta_psa": np.nan})
    assert "lab.delta_psa" in built(facts, known_before=("age", "lab.delta_psa"), deltas=Deltas())


def test_what_is_measured_again_has_the_columns_of_the_cohort():
    readings = repeat_readings.function(STUDY, FEATURES)
    TABLE.check(readings)
    assert readings[["patient", "reader", "CT.tumour.stat_mean"]].to_numpy().tolist() == [
        ["P-1", "A", 1.0],
        ["P-1", "B", 3.0],
    ]
    repeated = pd.DataFrame(
        {
            "patient": ["P-1", "P-1", "P-1", "P-1", "P-2", "P-2"],
            "visit": [0, 0, 1, 1, 0, 0],
            "repetition": [0, 1] * 3,
            "CT.tumour.stat_mean": [2.0, 3.0, 9.0, 10.0, 5.0, 6.0],
            "CT.tumour.delta_stat_mean": [np.nan, np.nan, 7.0, 7.0, np.nan, np.nan],
        }
    )
    found = stability.function(repeated, readings)
    TABLE.check(found)
    assert found["feature"].tolist() == ["CT.tumour.stat_mean", "CT.tumour.delta_stat_mean"]
    assert found["perturbed_subjects"].tolist() == [3, 1]
    assert found["readers_icc"].isna().all(), "one region that two have drawn tells nothing"
