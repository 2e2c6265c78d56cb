"""What a plan and its study say in words."""

from __future__ import annotations

import pandas as pd
import pytest

from data_catalog.refs import Ref, Refusal, Scan, Study
from flows.plan import Plan
from flows.words import centres_in, flow_steps, methods_used, outcome_in_words, question, refused_by_section

IMAGE = Ref(kind="volume", digest="0" * 64)


def plan(**changes):
    return Plan.model_validate({"sources": [{"method": "dicom", "path": "scans"}], **changes})


OUTCOME = {"column": "lung_metastasis", "positive": "1", "negative": "0", "label": "lung metastasis"}


def test_the_question_is_about_the_outcome_or_about_the_scans():
    assert question(plan(outcome=OUTCOME)) == "What goes with lung metastasis?"
    assert question(plan(outcome={"column": "grade", "positive": "3"})) == "What goes with grade is 3?"
    assert question(plan()) == "What do the scans show?"


def test_the_values_of_the_outcome_are_said_in_words():
    words = outcome_in_words(plan(outcome=OUTCOME))
    assert (words.label, words.event, words.other) == ("lung metastasis", "lung metastasis: 1", "lung metastasis: 0")
    assert outcome_in_words(plan(outcome={"column": "grade", "positive": "3"})).other == "grade: not 3"
    assert outcome_in_words(plan()) is None


def scan(patient, visit=0, modality="CT", series="s"):
    return Scan(patient=patient, visit=visit, modality=modality, series=series, image=IMAGE)


def refusal(item, stage):
    return Refusal(item=item, stage=stage, verdict="v", expected="e", came="c", remedy="r")


STUDY = Study(
    scans=(
        scan("P-1"),
        scan("P-1", modality="PT", series="t"),
        scan("P-1", modality="CT+PT"),  # fused from the two: no series of its own
        scan("P-2"),
    ),
    refusals=(
        refusal("P-1/v1/CT/a", "read_dicom"),
        refusal("P-3/v0/CT/b", "scan"),
        refusal("file 0123456789ab", "scan_dicom"),
        refusal("P-4/v0/CT/c", "preprocess"),
        refusal("P-2/v0/CT/s+PT", "fuse"),
        refusal("P-2/v0/CT/s/tumour/A", "radiomics"),
    ),
    found=7,
)


def table(*outcomes):
    return pd.DataFrame({"patient": [f"P-{number}" for number, _ in enumerate(outcomes, 1)], "outcome": outcomes})


def test_the_flow_counts_what_was_there_after_each_step():
    steps = flow_steps(STUDY, table(1.0, None))
    assert [(step.what, step.patients, step.series, len(step.refusals)) for step in steps] == [
        ("Series found", 4, 7, 0),
        ("Series read and kept", 3, 4, 3),
        ("Scans cleaned", 2, 3, 2),
        ("Patients in the table", 2, None, 1),
        ("Patients with a known outcome", 1, None, 0),
    ]


def test_every_refusal_is_in_one_step():
    steps = flow_steps(STUDY, table(1.0))
    told = [refusal for step in steps for refusal in step.refusals]
    assert sorted(told, key=str) == sorted(STUDY.refusals, key=str)


def test_without_an_outcome_the_flow_ends_with_the_table():
    assert flow_steps(STUDY, table(None, None))[-1].what == "Patients in the table"


def test_a_study_of_nothing_counts_nothing():
    steps = flow_steps(Study(scans=()), pd.DataFrame({"patient": [], "outcome": []}))
    assert {step.patients for step in steps} == {0}


def test_what_could_not_be_made_stands_where_it_is_missed():
    unjudged = (refusal("all", "evaluate"), refusal("all", "fit_model"))
    unmined = (refusal("s", "mine_rules"), refusal("s", "mine_sequences"), refusal("t", "mine_rules"))
    assert refused_by_section(unjudged, unmined) == {
        "models": unjudged,
        "rules": (unmined[0], unmined[2]),
        "sequences": (unmined[1],),
    }
    assert refused_by_section((), ()) == {}


def test_methods_are_named_in_the_order_in_which_they_are_used():
    used = methods_used(
        plan(
            preprocess=[{"modality": "CT", "steps": [{"method": "fill_missing"}, {"method": "z_score"}]}],
            fuse=[{"first": "CT", "second": "PT", "fuser": {"method": "channels"}}],
            segment=[{"modality": "PT", "region": "lesion", "segmenter": {"method": "otsu"}}],
            detect=[{"modality": "PT", "detector": {"method": "log_blobs"}}],
            feature_maps=[{"modality": "PT", "feature_map": {"method": "feature_map", "features": ["stat_mean"]}}],
        ),
        ["CT", "PT"],
    )
    assert [(one.purpose, one.name, one.on) for one in used] == [
        ("preprocessing", "fill missing", "CT"),
        ("preprocessing", "z score", "CT"),
        ("fusion", "channels", "CT and PT"),
        ("segmentation", "otsu", "lesion"),
        ("detection", "log blobs", "PT"),
        ("radiomics", "recipe", "CT"),
        ("radiomics", "recipe", "PT"),
        ("maps", "feature map", "PT"),
        ("cohort", "cohort", ""),
        ("representatives", "representatives", ""),
        ("levels", "quantile", ""),
        ("rules", "class rules", ""),
        ("associations", "association", ""),
        ("sequences", "sequences", ""),
    ]


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"mine": None}, {"representatives", "levels", "rules", "associations", "sequences"}),
        ({"mine": {"associations": None}}, {"associations"}),
        ({"mine": {"sequences": None}}, {"sequences"}),
        ({"radiomics": []}, {"radiomics"}),
    ],
)
def test_methods_that_a_plan_leaves_out_are_not_named(changes, absent):
    everything = {one.purpose for one in methods_used(plan(), ["CT"])}
    assert everything - {one.purpose for one in methods_used(plan(**changes), ["CT"])} == absent


@pytest.mark.parametrize(
    ("mine", "centres"),
    [
        ({}, None),
        ({"strata": "site"}, 2),
        ({"cards": {"centre": "site"}}, 2),
        ({"strata": "scanner"}, None),
        (None, None),
    ],
)
def test_centres_are_counted_in_the_column_that_the_plan_names(mine, centres):
    clinical = {"path": "table.csv", "patient": "id", "known_before": ["site"]}
    plan = Plan.model_validate({"clinical": clinical, "mine": mine})
    assert centres_in(plan, pd.DataFrame({"site": ["Graz", "Lyon", "Graz"]})) == centres
