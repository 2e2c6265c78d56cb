"""One plan, the same in a file, in Python and in the form; what is wrong in it is named before any work starts."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from data_catalog.errors import PlanError
from flows.plan import ANY, Plan, Preprocessing, is_of, load_plan, measures_of, of_modality, parse_plan
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


@pytest.fixture
def plan_file(tmp_path):
    """Return a function that writes a plan file."""

    def written(held=LEAST):
        path = tmp_path / "plan.yaml"
        path.write_text(held if isinstance(held, str) else yaml.safe_dump(held), encoding="utf-8")
        return path

    return written


def refused(held=LEAST, **changes):
    with pytest.raises(PlanError) as refusal:
        parse_plan({**held, **changes} if isinstance(held, dict) else held, Path())
    return str(refusal.value)


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


def test_paths_are_relative_to_the_plans_folder_but_the_workspace_to_where_the_run_starts(plan_file, tmp_path):
    held = {
        "sources": [
            {"method": "dicom", "path": "scans"},
            {"method": "png", "path": "/data/png", "images": "{patient}.png"},
        ],
        "clinical": {"path": "tables/clinical.csv", "patient": "id"},
        "events": {"method": "rows", "path": "events.csv", "patient": "id", "when": "day", "event": "what"},
        "workspace": "results",
        "compute": {
            "scheduler": "tls://host:8786",
            "tls": {"ca": "certs/ca.pem", "certificate": "/etc/me.pem", "key": "certs/me.key"},
        },
    }
    plan = load_plan(plan_file(held))
    assert plan.compute.tls.ca == tmp_path / "certs" / "ca.pem"
    assert (plan.compute.tls.certificate, plan.compute.tls.key) == (Path("/etc/me.pem"), tmp_path / "certs" / "me.key")
    assert [source.path for source in plan.sources] == [tmp_path / "scans", Path("/data/png")]
    assert plan.clinical.path == tmp_path / "tables" / "clinical.csv"
    assert plan.events.path == tmp_path / "events.csv"
    assert plan.workspace == Path("results")
    assert plan.store_folder == Path("results/store")
    assert plan.report_file == Path("results/study-report.html")


def test_events_in_columns_have_no_path(plan_file):
    plan = load_plan(plan_file({**LEAST, "events": {"method": "columns", "days": {"surgery": "to_surgery"}}}))
    assert plan.events == EventColumns(days={"surgery": "to_surgery"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sorces": []}, "sorces: there is no such field"),
        ({"sources": []}, "A study has patients: name `sources` of scans, or a `clinical` table, or both."),
        ({"sources": [{"method": "dicon", "path": "x"}]}, "sources.0: Input tag 'dicon'"),
        ({"sources": [{"method": "dicom"}]}, "sources.0.dicom.path: Field required"),
        (
            {"sources": [{"method": "dicom", "path": "x", "pattern": "y"}]},
            "sources.0.dicom.pattern: there is no such field",
        ),
        ({"sources": [{"method": "png", "path": "x", "images": "{id}.png"}]}, "{patient} is not in '{id}.png'"),
        ({"sources": [{"method": "png", "path": "x", "images": "{patient}{who}"}]}, "{who} is not"),
        (
            {"clinical": {"path": "t.csv", "patient": "id", "categories": ["grade"]}},
            "grade is not in known_before",
        ),
        ({"mine": {"cards": {"centre": "hospital"}}}, "`mine.cards.centre` is `scanner` or a clinical column"),
        ({"mine": {"strata": "hospital"}}, "'hospital' is neither. Choose among: scanner."),
        ({"study": "Lungs 2024"}, "study: String should match"),
        ({"first_patients": 0}, "first_patients: Input should be greater"),
        ({"compute": {"workers": -1}}, "compute.workers: Input should be greater"),
        ({"segment": [{"segmenter": {"method": "otus"}}]}, "'otsu', 'watershed', 'chan_vese'"),
        ({"preprocess": [{"steps": [{"method": "clip", "low": "a", "high": 1}]}]}, "preprocess.0.steps.0.clip.low"),
        ({"outcome": {"column": "x"}}, "outcome.positive: Field required"),
        ({"clinical": {"path": "x", "patient": "id", "patient_pattern": "x"}}, "clinical.patient_pattern"),
    ],
)
def test_a_wrong_field_is_named_by_its_place(changes, said):
    assert said in refused(**changes)


def test_every_wrong_field_is_named_at_once():
    said = refused(sorces=1, study="A", visit_days=-1)
    assert all(name in said for name in ("sorces", "study", "visit_days"))
    assert "Mend the fields named." in said


@pytest.mark.parametrize(("held", "kind"), [(None, "NoneType"), ([], "list"), ("text", "str")])
def test_a_file_that_holds_no_fields_is_refused_with_how_to_write_one(held, kind):
    assert f"it holds {kind}. Write one with `voxmine init`." in refused(held)


def load_refused(path, *changes):
    with pytest.raises(PlanError) as refusal:
        load_plan(path, changes)
    return str(refusal.value)


def test_a_plan_file_that_is_not_there_or_no_text_is_refused(plan_file, tmp_path):
    assert "none.yaml does not" in load_refused(tmp_path / "none.yaml")
    assert "is a file of text" in load_refused(tmp_path)
    path = plan_file()
    path.write_bytes(b"\xff\xfe\x00")
    assert "is a file of text" in load_refused(path)


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\t- x", "sources: @scans"])
def test_what_is_no_yaml_is_refused_with_its_line(plan_file, text):
    said = load_refused(plan_file(text))
    assert "is YAML" in said
    assert "line 1" in said


def test_fields_can_be_set_otherwise_on_the_command_line(plan_file):
    changes = (
        "study=other",
        "compute.workers=4",
        "learn.learners=[{method: forest}]",
        "sources.0.path=elsewhere",
        "mine=null",
        "compute.scheduler=tcp://host:8786",
        "outcome.positive=yes",
        'outcome.positive="yes"',
        "outcome.column=a=b",
    )
    plan = load_plan(plan_file(), changes)
    assert (plan.study, plan.compute.workers, plan.mine) == ("other", 4, None)
    assert [learner.method for learner in plan.learn.learners] == ["forest"]
    assert plan.sources[0].path.name == "elsewhere"
    assert plan.compute.scheduler == "tcp://host:8786"
    assert plan.outcome == Outcome(column="a=b", positive="yes")


@pytest.mark.parametrize(
    "change",
    ["study", "", "study.name=x", "sources.one.path=x", "sources.7.path=x", "sources.0.path.x=1", "sources.0="],
)
def test_a_change_that_sets_no_field_is_refused(plan_file, change):
    with pytest.raises(PlanError):
        load_plan(plan_file(), (change,))


def test_a_change_of_an_empty_plan_is_refused(plan_file):
    assert "'compute.workers=4' does not" in load_refused(plan_file("# nothing\n"), "compute.workers=4")


def test_a_change_that_is_no_yaml_is_refused(plan_file):
    assert "is YAML" in load_refused(plan_file(), "study=[1")


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


@pytest.mark.parametrize("pattern", ["{patient}", "{patient}_{visit}.nii.gz", "'{patient}.nii'"])
def test_a_pattern_of_names_can_be_set_as_it_is_written(plan_file, pattern):
    source = "sources=[{method: nifti, path: scans, images: 'x_{patient}.nii'}]"
    plan = load_plan(plan_file(), (source, f"sources.0.images={pattern}"))
    assert plan.sources[0].images == pattern.strip("'")


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


def test_two_ways_of_measuring_a_modality_need_two_names():
    twice = [{"modality": "CT", "extractor": "ibsi_c"}, {"modality": "CT", "extractor": "ibsi_d"}]
    assert "CT is measured twice" in refused(radiomics=twice)
    assert "radiomics.0.name" in refused(radiomics=[{"name": "Not small"}])


def test_a_recipe_that_does_not_exist_is_answered_with_those_that_do():
    said = refused(radiomics=[{"extractor": "ibsi_f"}])
    assert "radiomics.0.extractor" in said
    assert "'ibsi_e'" in said


def test_a_fault_is_told_in_a_whole_sentence(tmp_path):
    held = {"clinical": {"path": "t.csv", "patient": "id", "known_before": ["age"]}, "mine": {"strata": "center"}}
    with pytest.raises(PlanError) as refused:
        parse_plan(held, tmp_path)
    said = str(refused.value)
    assert "'center' is neither. Choose among: scanner, age. \nMend" in said
    assert "Value error" not in said
