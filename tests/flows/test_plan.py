"""One plan, the same in a file, in Python and in the form; what is wrong in it is named before any work starts."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.plan import ANY, Plan, Preprocessing, is_of, measures_of, of_modality
from flows.plan_files import load_plan, parse_plan
from tasks.methods.learning.forest import ForestLearner
from tasks.methods.preprocessing.resample import Resample
from tasks.methods.preprocessing.windowing import Clip
from tasks.methods.radiomics.recipes import RECIPES
from tasks.methods.segmentation.otsu import Otsu
from tasks.sources.dicom import DicomSource
from tasks.sources.png import PngSource
from tasks.sources.tables import ClinicalTable, EventColumns, EventRows, Outcome

LEAST = {"sources": [{"method": "dicom", "path": "scans"}]}
PLANS = files("deployments") / "plans"
EXAMPLES = [path.name for path in PLANS.iterdir() if path.name.endswith(".yaml") and path.name != "template.yaml"]


def test_the_least_plan_has_a_default_for_everything_else(plan_file):
    plan = load_plan(plan_file())
    assert plan.study == "study"
    assert [learner.method for learner in plan.learn.learners] == ["logistic", "forest", "support_vectors", "rule_list"]
    assert [(entry.modality, entry.extractor) for entry in plan.radiomics] == [("*", "by_modality")]
    assert plan.mine.rules.method == "class_rules"
    assert plan.clinical is plan.outcome is plan.events is None


def test_a_plan_file_says_the_same_as_the_call_in_python(plan_file, tmp_path):
    written = {
        **LEAST,
        "study": "lungs",
        "preprocess": [{"modality": "CT", "steps": [{"method": "clip", "low": -1000, "high": 400}]}],
        "segment": [{"segmenter": {"method": "otsu"}}],
        "learn": {"learners": [{"method": "forest", "trees": 10}]},
        "mine": None,
    }
    called = Plan(
        study="lungs",
        sources=(DicomSource(path=tmp_path / "scans"),),
        preprocess=(Preprocessing(modality="CT", steps=(Clip(low=-1000, high=400),)),),
        segment=({"segmenter": Otsu()},),
        learn={"learners": (ForestLearner(trees=10),)},
        mine=None,
    )
    assert load_plan(plan_file(written)) == called
    assert Plan.model_validate_json(called.model_dump_json()) == called
    assert Plan.model_validate(json.loads(called.model_dump_json())) == called


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_plans_that_come_along_can_be_read_and_come_back_from_json(name):
    plan = load_plan(PLANS / name)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert plan.outcome is not None


def test_events_in_columns_have_no_path(plan_file):
    plan = load_plan(plan_file({**LEAST, "events": {"method": "columns", "days": {"surgery": "to_surgery"}}}))
    assert plan.events == EventColumns(days={"surgery": "to_surgery"})


def test_a_part_is_frozen_and_takes_no_other_field():
    plan = parse_plan(LEAST, Path())
    with pytest.raises(ValidationError, match="frozen"):
        plan.study = "x"
    with pytest.raises(ValidationError, match="Extra inputs"):
        Plan(**LEAST, x=1)


@pytest.mark.parametrize(("wanted", "modality", "meant"), [("CT", "CT", True), (ANY, "CT", True), ("CT", "PT", False)])
def test_a_part_is_meant_for_its_modality_or_for_every_one(wanted, modality, meant):
    assert is_of(wanted, modality) is meant


def test_the_entry_that_names_a_modality_comes_before_the_one_for_all():
    clip, resample = Clip(low=0, high=1), Resample(spacing_mm=1.0)
    every, ct = Preprocessing(steps=(clip,)), Preprocessing(modality="CT", steps=(resample,))
    assert of_modality((every, ct), "CT") is ct
    assert of_modality((every, ct), "PT") is every
    assert of_modality((ct,), "PT") is None
    assert of_modality((), "CT") is None


def test_an_outcome_is_said_in_words():
    assert Outcome(column="lung", positive="1").sentence == "lung is 1"
    assert Outcome(column="lung", positive="1", label="metastasis").sentence == "metastasis"


def test_tables_and_sources_have_their_defaults():
    assert ClinicalTable(path="x", patient="id").patient_pattern == "{patient}"
    assert EventRows(path="x", patient="id", when="day", event="what").sheet is None
    assert PngSource(path="x", images="{patient}.png").modality == "US"


def test_each_modality_is_measured_by_its_own_entries_else_by_those_for_every_one(plan_file):
    plan = load_plan(
        plan_file(
            {
                **LEAST,
                "radiomics": [
                    {"modality": "CT", "extractor": "ibsi_c"},
                    {"modality": "CT", "extractor": {"method": "recipe", "distance": 2}, "name": "far"},
                    {"extractor": "by_modality"},
                ],
            }
        )
    )
    of_ct = measures_of(plan, "CT")
    assert [(one.name, one.extractor.distance) for one in of_ct] == [("", 1), ("far", 2)]
    assert [one.name for one in measures_of(plan, "PT")] == [""]
    assert of_ct[0].extractor == RECIPES["ibsi_c"]
    assert [one.extractor for one in measures_of(plan, "PT")] == [RECIPES["pet"]]
    assert [one.extractor for one in measures_of(plan, "US")] == [RECIPES["arbitrary_units"]]


def test_an_entry_with_a_name_of_its_own_is_measured_beside_that_for_every_modality(plan_file):
    far = {"method": "recipe", "distance": 2}
    plan = load_plan(plan_file({**LEAST, "radiomics": [{}, {"modality": "US", "extractor": far, "name": "far"}]}))
    assert [(one.name, one.extractor.distance) for one in measures_of(plan, "US")] == [("", 1), ("far", 2)]
    assert [one.name for one in measures_of(plan, "CT")] == [""]


def test_a_modality_that_no_entry_names_is_not_measured(plan_file):
    plan = load_plan(plan_file({**LEAST, "radiomics": [{"modality": "CT", "extractor": "ct"}]}))
    assert measures_of(plan, "MR") == ()
