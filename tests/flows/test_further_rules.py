"""A study of tables alone: subgroups, rules over readings, patterns and the rule list, from the plan to the report."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from data_catalog.errors import PlanError
from data_catalog.store import Store
from flows.check import check_tables
from flows.full_study import full_study
from flows.plan_files import parse_plan

pytestmark = pytest.mark.slow

PATIENTS = 60


def write_tables(folder):
    """Write a clinical table, dated events and readings in which a marker tells outcome, survival and ratings."""
    rng = np.random.default_rng(0)
    marker = np.arange(PATIENTS) % 2 == 0
    ids = [f"MRN-{number:04d}-X" for number in range(PATIENTS)]
    outcome = rng.random(PATIENTS) < np.where(marker, 0.85, 0.15)
    days = rng.exponential(np.where(marker, 100, 600)).round() + 1
    pd.DataFrame(
        {
            "id": ids,
            "age": rng.integers(40, 80, PATIENTS),
            "marker": np.where(marker, "positive", "negative"),
            "weight": rng.normal(70, 5, PATIENTS) + 10 * marker,
            "days": np.minimum(days, 500),
            "died": (days <= 500).astype(int),
            "relapse": np.where(outcome, "yes", "no"),
        }
    ).to_csv(folder / "clinical.csv", index=False)
    events = [
        (one, day, event)
        for one, first in zip(ids, outcome, strict=True)
        for day, event in ((0, "drug" if first else "scan"), (9, "scan" if first else "drug"))
    ]
    pd.DataFrame(events, columns=["id", "day", "event"]).to_csv(folder / "events.csv", index=False)
    readings = [
        (one, f"{one} lesion {lesion}", reader, "blurred" if seen else "sharp", "bad" if seen else "good")
        for one, is_bad in zip(ids, marker, strict=True)
        for lesion in (1, 2)
        for reader in ("R1", "R2")
        for seen in (is_bad != (rng.random() < 0.1),)
    ]
    columns = ["id", "lesion", "reader", "margin", "verdict"]
    pd.DataFrame(readings, columns=columns).to_csv(folder / "readings.csv", index=False)


def planned(folder, **changes):
    held = {
        "study": "tables",
        "workspace": str(folder / "results"),
        "clinical": {"path": "clinical.csv", "patient": "id", "known_before": ["age", "marker"]},
        "events": {"method": "rows", "path": "events.csv", "patient": "id", "when": "day", "event": "event"},
        "readings": {
            "path": "readings.csv",
            "patient": "id",
            "case": "lesion",
            "reader": "reader",
            "ratings": ["margin", "verdict"],
        },
        "outcome": {"column": "relapse", "positive": "yes", "negative": "no"},
        "learn": {
            "learners": [{"method": "rule_list", "k": [3]}],
            "validation": {"outer_folds": 2, "repeats": 1, "inner_folds": 2, "bootstrap": 50},
            "controls": False,
        },
        "mine": {
            "associations": None,
            "cards": {"resampling": None},
            "folds": 2,
            "subgroups": [
                {"target": {"method": "survival", "time": "days", "event": "died", "label": "death"}},
                {"target": {"method": "number", "column": "weight", "unit": "kg"}},
            ],
            "readings": {"miner": {"ends_in": "verdict"}, "discretiser": {"method": "quantile"}},
        },
        "compute": {"workers": 1},
        **changes,
    }
    return parse_plan(held, folder)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run the study of tables once; its tests share it."""
    folder = tmp_path_factory.mktemp("tables")
    write_tables(folder)
    plan = planned(folder)
    return plan, full_study(plan)


def test_subgroups_that_differ_in_survival_or_in_a_number_are_claimed(ran):
    plan, results = ran
    store = Store(plan.store_folder)
    assert set(results.mined.subgroups) == {"death", "weight"}
    death, weight = (store.open(results.mined.subgroups[name]) for name in ("death", "weight"))
    assert death.is_time
    assert {one.claim for one in death.claimed} <= {"marker is positive", "marker is negative"}
    assert death.claimed
    assert {one.claim for one in weight.claimed} <= {"marker is positive", "marker is negative"}
    assert weight.claimed[0].supporting[0].startswith("P-")


def test_rules_over_readings_hold_for_all_readers(ran):
    plan, results = ran
    found = Store(plan.store_folder).open(results.mined.readings)
    assert (found.patients, found.cases, found.readings, found.readers) == (60, 120, 240, ("R1", "R2"))
    assert {rule.claim for rule in found.hold_for_all} <= {
        "If margin is blurred, then verdict is bad",
        "If margin is sharp, then verdict is good",
    }
    assert found.hold_for_all


def test_patterns_that_go_with_the_outcome_are_claimed(ran):
    plan, results = ran
    found = Store(plan.store_folder).open(results.mined.sequences)
    assert {one.claim for one in found.claimed_patterns} == {"drug, then scan", "scan, then drug"}


def test_the_rule_list_is_judged_like_every_learner_and_told_in_words(ran):
    plan, results = ran
    store = Store(plan.store_folder)
    assert store.open(results.learnt.models["rule_list"]).auc > 0.7
    told = store.open(results.learnt.rule_list)
    assert told.rows == PATIENTS
    assert told.rules[0].conditions[0].startswith("marker is ")


def test_the_report_shows_all_of_them_and_no_identity(ran):
    plan, results = ran
    page = plan.report_file.read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", " ", page)
    for said in (
        "Rule list",
        "The rule list, in words",
        "claimed to differ in death",
        "claimed to differ in weight",
        "over readings",
        "Drug, then scan",
        "Subgroups were searched exhaustively",
        "random turns of the patients' signs",
    ):
        assert said in text.replace("&#39;", "'"), said
    assert "MRN-" not in page
    assert {"mined.subgroups.death", "mined.readings", "learnt.rule_list"} <= {name for name, _ in results.refs()}
    assert full_study(plan).total("computed") == 0


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ({"miner": {"ends_in": "verdict", "consequents": ["awful"]}}, r"level of verdict: bad, good.*awful came"),
        (
            {
                "miner": {"ends_in": "verdict"},
                "discretiser": {"method": "fixed", "cuts": [{"column": "margin", "cuts": [1.0], "unit": "mm"}]},
            },
            "in the column's unit",
        ),
    ],
)
def test_levels_and_cut_offs_that_the_readings_do_not_have_are_refused_before_any_work(tmp_path, search, said):
    write_tables(tmp_path)
    check_tables(planned(tmp_path))
    with pytest.raises(PlanError, match=said):
        check_tables(planned(tmp_path, mine={"readings": search}))


def test_a_plan_whose_readings_lack_what_rules_end_in_is_refused_before_any_work(tmp_path):
    write_tables(tmp_path)
    mine = {"readings": {"miner": {"ends_in": "grade"}}}
    with pytest.raises(PlanError, match="'grade' is not among them"):
        check_tables(planned(tmp_path, mine=mine))
    with pytest.raises(PlanError, match="`readings` is empty"):
        check_tables(planned(tmp_path, readings=None))
    (tmp_path / "readings.csv").write_text("id,lesion\na,b\n", encoding="utf-8")
    with pytest.raises(PlanError, match="it lacks 'reader', 'margin', 'verdict'"):
        check_tables(planned(tmp_path))
    (tmp_path / "readings.csv").unlink()
    with pytest.raises(PlanError, match=r"readings\.path exists"):
        check_tables(planned(tmp_path))


@pytest.mark.shared
def test_readings_of_lung_nodules_are_mined_from_their_table(shared_data, tmp_path):
    annotations = pd.read_csv(shared_data / "lidc" / "annotations.csv", dtype=str)
    patients = annotations.drop_duplicates("patient_id")[["patient_id"]].assign(contrast="not known")
    patients.to_csv(tmp_path / "clinical.csv", index=False)
    annotations.to_csv(tmp_path / "readings.csv", index=False)
    ratings = ["subtlety", "sphericity", "margin", "lobulation", "spiculation", "texture", "malignancy"]
    plan = parse_plan(
        {
            "study": "lidc",
            "workspace": str(tmp_path / "results"),
            "clinical": {"path": "clinical.csv", "patient": "patient_id", "known_before": ["contrast"]},
            "readings": {
                "path": "readings.csv",
                "patient": "patient_id",
                "case": "nodule_cluster",
                "reader": "read_order",
                "ratings": ratings,
            },
            "learn": None,
            "mine": {
                "associations": None,
                "cards": {"resampling": None},
                "readings": {
                    "miner": {"ends_in": "malignancy", "consequents": ["high"]},
                    "discretiser": {"method": "fixed", "cuts": {name: [2.5, 3.5] for name in ratings}},
                },
            },
            "compute": {"workers": 1},
        },
        tmp_path,
    )
    results = full_study(plan)
    found = Store(plan.store_folder).open(results.mined.readings)
    assert (found.patients, found.cases, found.readings) == (875, 2651, 6859)
    assert found.hold_for_all
    page = plan.report_file.read_text(encoding="utf-8")
    assert "Rules over readings" in page
    assert "LIDC-IDRI" not in page
