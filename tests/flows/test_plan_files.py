"""A plan in a file: read, changed, and refused in words that say where and what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_catalog.errors import PlanError
from flows.plan_files import load_plan, parse_plan
from tasks.sources.tables import Outcome

LEAST = {"sources": [{"method": "dicom", "path": "scans"}]}


def refused(held=LEAST, **changes):
    with pytest.raises(PlanError) as refusal:
        parse_plan({**held, **changes} if isinstance(held, dict) else held, Path())
    return str(refusal.value)


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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sorces": []}, "sorces: there is no such field"),
        ({"sources": []}, "A study has patients: name `sources` of scans, or a `clinical` table, or both."),
        ({"sources": [{"method": "dicon", "path": "x"}]}, "sources.0: its 'method' is one of 'dicom'"),
        ({"sources": [{"method": "dicom"}]}, "sources.0.dicom.path: it is needed, and not given"),
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
        ({"study": "Lungs 2024"}, "study: it is spelled otherwise, as the pattern ^"),
        ({"first_patients": 0}, "first_patients: it is at least 1"),
        ({"compute": {"workers": -1}}, "compute.workers: it is at least 0"),
        ({"mine": {"cards": None}}, "mine.cards: it holds fields of its own (leave it out for the usual ones)"),
        ({"compute": {"batch": "many"}}, "compute.batch: it is a whole number, and something else came"),
        ({"sources": "scans"}, "sources: it is a list, and something else came"),
        ({"study": 7}, "study: it is text, and something else came; put it in quotes if it looks like a number"),
        ({"tolerance": {"share": 1.5}}, "tolerance.share: it is at most 1.0"),
        ({"segment": [{"segmenter": {"method": "otus"}}]}, "'otsu', 'watershed', 'chan_vese'"),
        ({"preprocess": [{"steps": [{"method": "clip", "low": "a", "high": 1}]}]}, "preprocess.0.steps.0.clip.low"),
        ({"outcome": {"column": "x"}}, "outcome.positive: it is needed, and not given"),
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


@pytest.mark.parametrize("pattern", ["{patient}", "{patient}_{visit}.nii.gz", "'{patient}.nii'"])
def test_a_pattern_of_names_can_be_set_as_it_is_written(plan_file, pattern):
    source = "sources=[{method: nifti, path: scans, images: 'x_{patient}.nii'}]"
    plan = load_plan(plan_file(), (source, f"sources.0.images={pattern}"))
    assert plan.sources[0].images == pattern.strip("'")


def test_a_fault_is_told_in_a_whole_sentence(tmp_path):
    held = {"clinical": {"path": "t.csv", "patient": "id", "known_before": ["age"]}, "mine": {"strata": "center"}}
    with pytest.raises(PlanError) as refused:
        parse_plan(held, tmp_path)
    said = str(refused.value)
    assert "'center' is neither. Choose among: scanner, age. \nMend" in said
    assert "Value error" not in said


def test_two_ways_of_measuring_a_modality_need_two_names():
    twice = [{"modality": "CT", "extractor": "ibsi_c"}, {"modality": "CT", "extractor": "ibsi_d"}]
    assert "CT is measured twice" in refused(radiomics=twice)
    assert "radiomics.0.name" in refused(radiomics=[{"name": "Not small"}])


def test_a_recipe_that_does_not_exist_is_answered_with_those_that_do():
    said = refused(radiomics=[{"extractor": "ibsi_f"}])
    assert "radiomics.0.extractor" in said
    assert "'ibsi_e'" in said
