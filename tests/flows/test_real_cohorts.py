"""The plans of real cohorts in `deployments/plans` run on a few patients of the data beside the project."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest

from data_catalog.open_data import load
from data_catalog.store import Store
from flows.check import check_plan
from flows.data_words import write_plan
from flows.full_study import full_study
from flows.plan_files import load_plan

pytestmark = [pytest.mark.slow, pytest.mark.shared]

PLANS = Path(str(files("deployments") / "plans"))


def test_the_sarcoma_cohort_runs_from_zip_files_to_a_report(shared_data, tmp_path):
    light = (
        f"sources.0.path={shared_data / 'sts' / 'dicom'}",
        f"clinical.path={shared_data / 'sts' / 'clinical.csv'}",
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
    light = (
        f"sources.0.path={shared_data / 'breast_usg' / 'images'}",
        f"clinical.path={shared_data / 'breast_usg' / 'clinical.csv'}",
        f"workspace={tmp_path}",
        "first_patients=60",
        "learn=null",
        "mine.folds=2",
        "mine.cards.resampling={resamples: 4}",
    )
    plan = load_plan(PLANS / "breast_ultrasound.yaml", light)
    results = full_study(plan)
    store = Store(plan.store_folder)
    cohort = store.open(results.cohort.cohort)
    assert len(cohort) == 60
    assert cohort["US.lesion.morph2d_area_mm2"].dropna().between(5, 5000).all()
    assert cohort["US.lesion.stat_mean"].notna().mean() > 0.9
    assert "US.lesion.morph_volume_mm3" not in cohort
    assert store.open(results.mined.rules).searched > 0
    cards = store.open(results.mined.cards)
    claimed = [card for card in cards.cards if card.claimed]
    assert claimed
    assert all(card.note.stability.resamples == 4 for card in claimed if card.kind != "sequence")
    seen = {sight.patient for sight in cards.sights}
    assert all(set(card.patients) <= seen for card in cards.cards if card.note.places), "each has its slices"
    assert all(len(sight.sources) == 2 for sight in cards.sights), "the picture and the mask"
    page = plan.report_file.read_text(encoding="utf-8")
    assert "malignant" in page
    assert 'id="rule-1"' in page


def test_the_breast_ultrasound_plan_fits_the_layout_that_the_download_gives(shared_data, tmp_path):
    """The zip file of TCIA with its folder inside, and the sheet as Excel file, under the names of the catalogue."""
    data = load("breast_ultrasound")
    (archive,), (sheet,) = (part.files for part in data.fetched)
    folders = [tmp_path / part.into for part in data.fetched]
    table = pd.read_csv(shared_data / "breast_usg" / "clinical.csv", dtype=str, keep_default_na=False)
    table = table[table["Mask_tumor_filename"] != ""].groupby("Classification").head(2)
    folders[0].mkdir()
    with ZipFile(folders[0] / archive.file_name, "w") as made:
        for name in (*table["Image_filename"], *table["Mask_tumor_filename"]):
            made.write(shared_data / "breast_usg" / "images" / name, f"BrEaST-Lesions_USG-images_and_masks/{name}")
    table.to_excel(folders[1] / sheet.file_name, index=False)
    assert write_plan(data, tmp_path / "plan.yaml")
    lines = check_plan(load_plan(tmp_path / "plan.yaml", (f"workspace={tmp_path / 'out'}",)))
    assert lines[0] == "4 patients, 4 series, 4 regions found."
