"""The `voxmine` command: what it prints, and with which exit code it ends."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from typer.testing import CliRunner

from flows.cli import app, main

RUNNER = CliRunner()


def voxmine(capsys, monkeypatch, *words):
    """Run the command as a shell would; return exit code, output and errors."""
    monkeypatch.setattr("sys.argv", ["voxmine", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    printed = capsys.readouterr()
    return end.value.code, printed.out, printed.err


@pytest.fixture
def plan_file(cohort, tmp_path):
    """Write the demo's plan beside a copy of the small cohort."""
    from importlib.resources import files

    path = tmp_path / "plan.yaml"
    path.write_text((files("deployments") / "plans" / "demo.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return path


def changed(plan_file, **fields):
    held = yaml.safe_load(plan_file.read_text(encoding="utf-8"))
    held.update(fields)
    plan_file.write_text(yaml.safe_dump(held), encoding="utf-8")
    return plan_file


def test_every_command_is_listed():
    listed = RUNNER.invoke(app, ["--help"]).output
    commands = ("init", "check", "run", "demo", "why", "data", "fetch", "watch", "receive", "locate")
    served = ("ui", "worker", "deploy", "announce")
    assert all(name in listed for name in (*commands, *served))


def test_init_writes_a_plan_that_can_be_read_and_writes_over_nothing(capsys, monkeypatch, tmp_path):
    from flows.plan_files import load_plan

    path = tmp_path / "study" / "plan.yaml"
    code, out, _ = voxmine(capsys, monkeypatch, "init", path, "--scans", "images", "--clinical", "table.xlsx")
    assert code == 0
    assert "voxmine check" in out
    plan = load_plan(path)
    assert plan.sources[0].path == tmp_path / "study" / "images"
    assert plan.clinical.path == tmp_path / "study" / "table.xlsx"
    code, _, err = voxmine(capsys, monkeypatch, "init", path)
    assert code == 1
    assert "exists" in err


def test_check_tells_what_is_there_and_starts_no_work(capsys, monkeypatch, plan_file, tmp_path):
    workspace = tmp_path / "results"
    code, out, _ = voxmine(capsys, monkeypatch, "check", plan_file, "--set", f"workspace={workspace}")
    assert code == 0, out
    assert re.search(r"13 patients, 39 series, \d+ regions found", out)
    assert "is fit to run" in out
    kinds = {json.loads(path.read_text())["kind"] for path in workspace.glob("store/objects/*/*/manifest.json")}
    assert kinds == {"contents"}, "nothing but headers was read"


def faults():
    yield "an unknown field", {"sourcez": []}, ["sourcez", "there is no such field"]
    yield "a wrong method", {"segment": [{"segmenter": {"method": "ottsu"}}]}, ["segment.0.segmenter", "otsu"]
    yield (
        "a wrong value",
        {"radiomics": [{"extractor": {"method": "recipe", "distance": 0}}]},
        ["radiomics.0", "distance"],
    )
    yield (
        "a missing folder",
        {"sources": [{"method": "dicom", "path": "nowhere"}]},
        ["sources.0.path", "nowhere", "Correct the path"],
    )
    yield (
        "a missing table",
        {"clinical": {"path": "none.csv", "patient": "patient_id"}},
        ["clinical.path", "none.csv"],
    )
    yield (
        "a missing column",
        {"clinical": {"path": "cohort/clinical.csv", "patient": "id"}, "outcome": None},
        ["clinical.csv", "'id'", "patient_id"],
    )
    yield (
        "an outcome that never happens",
        {"outcome": {"column": "progression", "positive": "maybe"}},
        ["clinical.csv", "progression", "'maybe'", "outcome.positive"],
    )
    yield (
        "an outcome known before itself",
        {
            "clinical": {"path": "cohort/clinical.csv", "patient": "patient_id", "known_before": ["progression"]},
        },
        ["known_before", "Take it out"],
    )
    yield (
        "an outcome that is the same in every row",
        {"outcome": {"column": "first_visit", "positive": "2019-06-17", "negative": "never"}},
        ["clinical.csv", "'never'"],
    )
    yield (
        "dates as a predictor",
        {"clinical": {"path": "cohort/clinical.csv", "patient": "patient_id", "known_before": ["first_visit"]}},
        ["first_visit", "dates"],
    )


@pytest.mark.parametrize(("fields", "told"), [fault[1:] for fault in faults()], ids=[fault[0] for fault in faults()])
def test_a_faulty_plan_is_refused_by_name_with_the_remedy(capsys, monkeypatch, plan_file, fields, told):
    path = changed(plan_file, **fields)
    workspace = plan_file.parent / "results"
    for command in ("check", "run"):
        code, _, err = voxmine(capsys, monkeypatch, command, path, "--set", f"workspace={workspace}")
        assert code == 1
        for words in told:
            assert words in err
        assert "Traceback" not in err
    assert not workspace.exists(), "no work was started"


def test_a_table_whose_keys_are_not_those_of_the_scans_is_refused(capsys, monkeypatch, plan_file):
    table = plan_file.parent / "cohort" / "clinical.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("MRN-", "ID-"), encoding="utf-8")
    workspace = plan_file.parent / "results"
    for command in ("check", "run"):
        code, _, err = voxmine(capsys, monkeypatch, command, plan_file, "--set", f"workspace={workspace}")
        assert code == 1
        assert "'patient_id' of clinical.csv names the patients as the scans do" in err
        assert "clinical.patient_pattern" in err
        assert "row 2" in err
        assert "Traceback" not in err


def test_a_patient_that_stands_twice_is_named_by_row(capsys, monkeypatch, plan_file, tmp_path):
    table = plan_file.parent / "cohort" / "clinical.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([*lines, lines[3]]) + "\n", encoding="utf-8")
    code, _, err = voxmine(capsys, monkeypatch, "check", plan_file, "--set", f"workspace={tmp_path / 'results'}")
    assert code == 1
    assert f"row {len(lines) + 1} (as row 4)" in err
    assert lines[3].split(",")[0] not in err, "a row is named by its number, not by its patient"


def test_rows_without_scans_are_named_and_do_not_stop_a_study(capsys, monkeypatch, plan_file, tmp_path):
    table = plan_file.parent / "cohort" / "clinical.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    stranger = "MRN-none," + lines[1].partition(",")[2]
    table.write_text("\n".join([*lines, stranger]) + "\n", encoding="utf-8")
    code, out, _ = voxmine(capsys, monkeypatch, "check", plan_file, "--set", f"workspace={tmp_path / 'results'}")
    assert code == 0
    assert f"no scans for row {len(lines) + 1}" in out


def test_a_plan_that_is_no_yaml_is_refused_with_the_place(capsys, monkeypatch, tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("study: [", encoding="utf-8")
    code, _, err = voxmine(capsys, monkeypatch, "check", path)
    assert code == 1
    assert "line" in err


def test_why_in_a_folder_that_is_no_workspace_says_so(capsys, monkeypatch, tmp_path):
    code, _, err = voxmine(capsys, monkeypatch, "why", "report", "--workspace", tmp_path / "none")
    assert code == 1
    assert "--workspace" in err


def test_why_of_something_unknown_says_how_to_ask(capsys, monkeypatch, tmp_path):
    (tmp_path / "store").mkdir()
    code, _, err = voxmine(capsys, monkeypatch, "why", "volume-123456789abc", "--workspace", tmp_path)
    assert code == 1
    assert "digest" in err
