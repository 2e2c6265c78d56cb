"""A study that measures its regions again: what is stable, and models that know it from their training patients."""

from __future__ import annotations

import shutil

import pytest

from data_catalog.store import Store
from flows.plan import Cohort
from flows.report_study import report_study
from tasks.methods.cohort.deltas import Deltas
from tasks.methods.learning.stable_features import StableFeatures, unstable

CHAIN = {
    "method": "perturbation_chain",
    "perturbations": [{"method": "noise_addition"}, {"method": "volume_adaptation"}],
    "repetitions": 3,
}
MEASURE = {"modality": "CT", "extractor": {"method": "recipe", "families": ["statistics", "cooccurrence"]}}


@pytest.fixture(scope="module")
def ran(small_cohort, small_plan, tmp_path_factory):
    folder = tmp_path_factory.mktemp("again")
    cohort = shutil.copytree(small_cohort, folder / "cohort")
    light = {"preprocess": [], "fuse": [], "detect": [], "mine": None, "events": None, "radiomics": [MEASURE]}
    plan = small_plan(cohort, folder / "results", perturb=CHAIN, compute={"workers": 0}, **light)
    last = Cohort(visit="last", deltas=Deltas(since="first"))
    learn = plan.learn.model_copy(update={"stability": StableFeatures(), "controls": True})
    plan = plan.model_copy(update={"cohort": last, "learn": learn})
    return plan, report_study(plan), Store(plan.store_folder)


def test_each_region_is_measured_again_as_often_as_the_plan_says(ran):
    _, results, store = ran
    features = store.open(results.cohort.features.table)
    perturbed = store.open(results.cohort.features.perturbed)
    visits = features[["patient", "visit"]].drop_duplicates()
    assert len(perturbed) == 3 * len(visits)
    assert set(perturbed["repetition"]) == {0, 1, 2}
    cohort = store.open(results.cohort.cohort)
    assert {name for name in perturbed if name.startswith("CT.")} == {name for name in cohort if name.startswith("CT.")}


def test_the_table_of_stability_has_every_feature_with_both_of_its_correlations(ran):
    _, results, store = ran
    table = store.open(results.cohort.stability).set_index("feature")
    cohort = store.open(results.cohort.cohort)
    assert {name for name in cohort if name.startswith("CT.")} == set(table.index)
    assert table.loc["CT.tumour.stat_mean", "perturbed_icc"] > 0.9
    measured = store.open(results.cohort.features.table)
    assert table.loc["CT.tumour.stat_mean", "perturbed_subjects"] == len(measured[["patient", "visit"]].value_counts())
    assert table.loc["CT.tumour.stat_mean", "perturbed_repetitions"] == 3
    assert table["readers_icc"].notna().any()
    assert (table["perturbed_low"] <= table["perturbed_icc"]).where(table["perturbed_icc"].notna(), other=True).all()


def test_models_leave_out_what_is_unstable_in_their_training_patients_and_controls_do_not(ran):
    _, results, store = ran
    found = store.open(results.learnt.models["logistic"])
    assert found.stable_features["minimum_icc"] == 0.9
    assert all(fold.unstable > 0 for fold in found.folds)
    table = store.open(results.cohort.stability)
    worst = table.sort_values("perturbed_icc")["feature"].iloc[0]
    assert worst not in found.selection_frequency
    assert worst in unstable(store.open(results.learnt.fitted["logistic"]))
    assert store.open(results.learnt.controls["clinical only"]).stable_features is None
    assert results.learnt.permuted is not None
    assert not results.learnt.refusals


def test_the_last_visit_says_what_has_changed_since_the_first(ran):
    _, results, store = ran
    cohort = store.open(results.cohort.cohort)
    changes = cohort["CT.tumour.delta_stat_mean"]
    assert changes.notna().any()
    assert changes[cohort["visit"] == 0].isna().all()
    assert "CT.tumour.delta_percent_cm_contrast_3d_mrg" in store.open(results.learnt.models["logistic"]).columns
    assert "CT.tumour.delta_stat_mean" in set(store.open(results.cohort.stability)["feature"])


def test_the_report_shows_what_changes_under_perturbation(ran):
    plan, _, _ = ran
    page = plan.report_file.read_text(encoding="utf-8")
    assert "Features that change most when image and region are perturbed" in page
