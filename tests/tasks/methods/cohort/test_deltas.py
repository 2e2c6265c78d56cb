"""What has changed between two visits."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.cohort.deltas import Deltas, changed_feature, delta_name

FEATURES = pd.DataFrame(
    [
        ("P-1", 0, 10.0, 0.0),
        ("P-1", 1, 15.0, 2.0),
        ("P-1", 2, 12.0, np.nan),
        ("P-2", 0, -4.0, 1.0),
        ("P-2", 2, 6.0, 3.0),
    ],
    columns=["patient", "visit", "CT.tumour.stat_mean", "CT.tumour.cm_energy"],
)
DAYS = pd.DataFrame(
    [("P-1", 0, 0), ("P-1", 1, 10), ("P-1", 2, None), ("P-2", 0, 5), ("P-2", 2, 45)],
    columns=["patient", "visit", "day"],
).astype({"day": "Int64"})
ALL = ("difference", "percent", "per_day")


def deltas(since, *forms, features=FEATURES):
    found = Deltas(since=since, forms=forms)(features, DAYS)
    return found.set_index(["patient", "visit"])


def test_the_change_since_the_visit_before():
    found = deltas("previous", *ALL)
    assert found.index.tolist() == [("P-1", 1), ("P-1", 2), ("P-2", 2)]
    assert found["CT.tumour.delta_stat_mean"].tolist()[:2] == [5, -3]
    assert found["CT.tumour.delta_percent_stat_mean"].tolist()[:2] == pytest.approx([50, -20])
    assert found["CT.tumour.delta_per_day_stat_mean"].tolist()[0] == 0.5
    assert np.isnan(found["CT.tumour.delta_per_day_stat_mean"].iloc[1]), "the day of the visit is not known"


def test_no_other_visit_stands_in_for_the_one_before():
    assert deltas("previous", *ALL).loc[("P-2", 2)].isna().all()


def test_the_change_since_the_first_visit():
    found = deltas("first", *ALL)
    assert found["CT.tumour.delta_stat_mean"].tolist() == [5, 2, 10]
    assert found["CT.tumour.delta_percent_stat_mean"].tolist()[2] == 250, "a part of the size: up is positive"
    assert found["CT.tumour.delta_per_day_stat_mean"].tolist()[2] == 0.25


def test_a_part_of_nothing_is_missing_and_missing_stays_missing():
    found = deltas("first", *ALL)
    assert found["CT.tumour.delta_cm_energy"].tolist()[0] == 2
    assert np.isnan(found["CT.tumour.delta_percent_cm_energy"].iloc[0])
    assert found.filter(like="cm_energy").loc[("P-1", 2)].isna().all()


def test_a_name_tells_the_feature_and_the_form():
    for form in ALL:
        column = delta_name("MR[b_value 1000].left.lobe.log_2mm__stat_mean", form)
        assert column.startswith("MR[b_value 1000].left.lobe.delta_")
        assert changed_feature(column.rpartition(".")[2]) == ("log_2mm__stat_mean", form)
    assert changed_feature("stat_mean") == ("stat_mean", None)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["previous", "first"]))
def test_no_row_depends_on_a_later_visit_or_another_patient(seed, since):
    generator = np.random.default_rng(seed)
    rows = pd.MultiIndex.from_product([["P-1", "P-2", "P-3"], range(4)], names=["patient", "visit"])
    table = pd.DataFrame(generator.normal(size=(12, 2)), index=rows, columns=["CT.a.x", "CT.a.y"]).reset_index()
    table = table[generator.random(12) < 0.8]
    visit = int(generator.integers(1, 4))
    later = (table["visit"] > visit) | (table["patient"] != "P-1")
    other = table.copy()
    other.loc[later, ["CT.a.x", "CT.a.y"]] = generator.normal(size=(later.sum(), 2))

    def own(changed):
        found = Deltas(since=since, forms=("difference", "percent"))(changed, DAYS)
        return found[(found["patient"] == "P-1") & (found["visit"] <= visit)].reset_index(drop=True)

    pd.testing.assert_frame_equal(own(table), own(other))
    pd.testing.assert_frame_equal(
        own(table), own(table.sample(frac=1, random_state=seed)).sort_values("visit", ignore_index=True)
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_changes_from_visit_to_visit_add_up_to_the_change_since_the_first(seed):
    generator = np.random.default_rng(seed)
    table = pd.DataFrame({"patient": "P-1", "visit": range(5), "CT.a.x": generator.normal(size=5)})
    steps, whole = (
        Deltas(since=since, forms=("difference",))(table, DAYS)["CT.a.delta_x"] for since in ("previous", "first")
    )
    assert steps.cumsum().tolist() == pytest.approx(whole.tolist())


def test_single_visits_have_no_changes():
    found = Deltas()(FEATURES[FEATURES["visit"] == 0], DAYS)
    assert found.empty
    assert "CT.tumour.delta_stat_mean" in found.columns
    assert Deltas()(FEATURES[["patient", "visit"]], DAYS).columns.tolist() == ["patient", "visit"]
