"""The plans of real cohorts run as they stand in `deployments/plans`, on a few patients."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from data_catalog.store import Store
from flows.full_study import full_study
from flows.plan import load_plan

pytestmark = [pytest.mark.slow, pytest.mark.shared]

PLANS = Path(str(files("deployments") / "plans"))


def test_the_sarcoma_cohort_runs_from_zip_files_to_a_report(shared_data, tmp_path):
    assert (shared_data / "sts").is_dir()
    light = (
        f"workspace={tmp_path}",
        "first_patients=9",
        "learn.learners=[{method: logistic, k: [5], inverse_penalty: [0.1]}]",
        "learn.controls=false",
        "learn.validation={method: nested_cross_validation, outer_folds: 2, repeats: 1, inner_folds: 2, bootstrap: 50}",
        "mine.folds=2",
    )
    plan = load_plan(PLANS / "sarcoma.yaml", light)
    results = full_study(plan)
    store = Store(plan.store_folder)
    study = store.open(results.cohort.features.study)
    assert study.refusals == ()
    assert len(study.patients()) == 9
    assert {scan.modality for scan in study.scans} == {"PT", "MR", "MR+PT"}
    assert all(len(scan.regions) == 1 and scan.regions[0].name == "tumour" for scan in study.scans)
    cohort = store.open(results.cohort.cohort)
    places = ("PT.tumour", "MR.tumour", "PT on MR.tumour")
    assert cohort[[f"{place}.stat_mean" for place in places]].notna().all(axis=None)
    assert cohort["outcome"].isin([0, 1]).all()
    assert cohort["age"].notna().all()
    page = plan.report_file.read_text(encoding="utf-8")
    assert "lung metastasis" in page
    assert "STS_0" not in page


def test_the_breast_ultrasound_cohort_runs_from_png_to_a_report(shared_data, tmp_path):
    assert (shared_data / "breast_usg").is_dir()
    light = (f"workspace={tmp_path}", "first_patients=30", "learn=null", "mine.folds=2")
    plan = load_plan(PLANS / "breast_ultrasound.yaml", light)
    results = full_study(plan)
    store = Store(plan.store_folder)
    cohort = store.open(results.cohort.cohort)
    assert len(cohort) == 30
    assert cohort["US.lesion.morph2d_area_mm2"].dropna().between(5, 5000).all()
    assert cohort["US.lesion.stat_mean"].notna().mean() > 0.9
    assert "US.lesion.morph_volume_mm3" not in cohort
    assert store.open(results.mined.rules).searched > 0
    assert "malignant" in plan.report_file.read_text(encoding="utf-8")
