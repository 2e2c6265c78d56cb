"""A study of tables alone: no scans, the rows of the clinical table are its patients."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_catalog.store import Store
from flows.check import check_plan
from flows.full_study import full_study
from flows.plan_files import load_plan, parse_plan
from flows.rule_files import rules_folder

PLANS = Path(str(files("deployments") / "plans"))


@pytest.fixture
def plan(tmp_path):
    """Write two tables of 40 patients, the second in small letters; a high value goes with the outcome."""
    value = np.arange(40.0)
    ids = [f"MRN-A{number:02d}" for number in range(40)]
    first = pd.DataFrame({"id": ids, "age": 40 + np.arange(40) % 23, "progressed": np.where(value > 19.5, "yes", "no")})
    first.to_csv(tmp_path / "first.csv", index=False)
    second = pd.DataFrame({"code": [one.lower() for one in ids[::-1]], "volume_ml": value[::-1]})
    second.to_csv(tmp_path / "second.csv", index=False)
    further = {"path": "second.csv", "patient": "code", "patient_case": "upper", "known_before": ["volume_ml"]}
    return parse_plan(
        {
            "study": "tables",
            "workspace": str(tmp_path / "out"),
            "clinical": {
                "path": "first.csv",
                "patient": "id",
                "known_before": ["age"],
                "labels": {"volume_ml": "volume"},
                "units": {"volume_ml": "ml"},
                "further": [further],
            },
            "outcome": {"column": "progressed", "positive": "yes", "negative": "no"},
            "learn": None,
            "mine": {"folds": 2, "associations": None, "cards": {"resampling": {"resamples": 4}}},
            "compute": {"workers": 0},
        },
        tmp_path,
    )


def test_a_study_of_two_tables_runs_to_a_report_with_cards(plan):
    assert check_plan(plan) == ["40 patients in the clinical table; no scans."]
    results = full_study(plan)
    store = Store(plan.store_folder)
    cohort = store.open(results.cohort.cohort)
    assert len(cohort) == 40
    assert cohort["volume_ml"].notna().all()
    rules = store.open(results.mined.rules)
    assert "volume" in rules.claimed[0].claim
    assert rules.claimed[0].b == 0
    page = plan.report_file.read_text(encoding="utf-8")
    assert "Patients in the table" in page
    assert "Series found" not in page
    assert "rule-1" in page
    assert (rules_folder(plan) / "rules.json").is_file()
    assert "MRN-" not in page


def test_the_first_patients_can_be_taken_to_try_a_plan(plan):
    few = plan.model_copy(update={"first_patients": 30})
    results = full_study(few)
    assert len(Store(few.store_folder).open(results.cohort.cohort)) == 30


@pytest.mark.slow
@pytest.mark.shared
def test_the_glioma_tables_join_all_188_patients_and_their_rules_have_cards(shared_data, tmp_path):
    spellings = tmp_path / "spellings.csv"
    spellings.write_text("written,patient\nTCGA-EZ-7264A,TCGA-EZ-7264\n")
    folder = shared_data / "lgg_vasari"
    light = (
        f"clinical.path={folder / 'TCGA_clinical_INFO.csv'}",
        f"clinical.further.0.path={folder / 'TCGA_vasari_INFO.csv'}",
        f"clinical.further.0.spellings={spellings}",
        f"workspace={tmp_path / 'out'}",
        "mine.associations=null",
        "mine.cards.resampling={resamples: 10}",
    )
    plan = load_plan(PLANS / "glioma_vasari.yaml", light)
    results = full_study(plan)
    store = Store(plan.store_folder)
    cohort = store.open(results.cohort.cohort)
    assert len(cohort) == 188
    written = pd.read_csv(folder / "TCGA_vasari_INFO.csv")["f5"]
    read = pd.to_numeric(written, errors="coerce").dropna()
    assert sorted(cohort["f5"].dropna()) == sorted(read), "no reading is lost"
    assert cohort["outcome"].value_counts().to_dict() == {1.0: 137, 0.0: 50}
    cards = store.open(results.mined.cards)
    claimed = [card for card in cards.cards if card.claimed]
    assert claimed, "age and enhancement tell IDH1"
    assert claimed[0].note.stability.resamples == 10
    page = plan.report_file.read_text(encoding="utf-8")
    assert "rule-1" in page
    assert "TCGA-CS" not in page
