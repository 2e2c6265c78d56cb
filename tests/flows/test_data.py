"""The command `voxmine data`: what it prints, with which exit code it ends, and the page that is made from it."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data_catalog import open_data
from data_catalog.open_data import known, load
from flows.data import app
from flows.data_words import datasets_page, described, how, table, write_plan
from flows.plan_files import load_plan
from tasks.open_data.answers import DownloadError
from tasks.open_data.get import NeedsPerson
from tasks.open_data.https import sha256_of

RUNNER = CliRunner()


def run(*words):
    return RUNNER.invoke(app, [str(word) for word in words])


def test_the_list_names_every_set_in_full_however_narrow_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    done = run("list")
    assert done.exit_code == 0
    assert all(data.name in done.output for data in known())


def test_show_tells_licence_citation_size_and_way():
    done = run("show", "sarcoma")
    told = " ".join(done.output.split())
    for words in (
        "51 patients, 612 series, 9.87 GB",
        "CC BY 3.0 (https://creativecommons.org/licenses/by/3.0/)",
        "https://doi.org/10.7937/K9/TCIA.2015.7GO2GSKS",
        "collection soft_tissue_sarcoma: MR, PT, RTSTRUCT",
        "By hand, the clinical table",
    ):
        assert words in told


def test_an_unknown_name_is_one_sentence():
    done = run("show", "sarkoma")
    assert isinstance(done.exception, open_data.UnknownDataSet)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Put one small data set into the place of the catalogue: a file of an installed package, a table by hand."""
    held = load("mining").model_dump(mode="json", exclude={"name"})
    held["get"] = [
        next(part for part in held["get"] if part["kind"] == "pip"),
        {"kind": "manual", "what": "the table", "how": "Ask for it."},
    ]
    path = Path(str(distribution("scikit-learn").locate_file("sklearn/datasets/data/breast_cancer.csv")))
    held["get"][0]["files"] = [
        {"path": "sklearn/datasets/data/breast_cancer.csv", "size": path.stat().st_size, "sha256": sha256_of(path)}
    ]
    held["plan"] = "breast_ultrasound"
    folder = tmp_path / "catalogue"
    folder.mkdir()
    (folder / "small.yaml").write_text(json.dumps(held), encoding="utf-8")
    monkeypatch.setattr(open_data, "FOLDER", folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_get_tells_the_terms_first_then_fetches_and_writes_the_plan(small):
    done = run("get", "small")
    assert done.exit_code == 0, done.exception
    lines = done.output.splitlines()
    assert lines[0].startswith("Licence: CC BY 4.0")
    assert [line for line in lines if line.startswith("breast_cancer.csv: 0.1 MB")]
    assert "Left to do by hand, the table: Ask for it." in lines
    assert sorted(path.name for path in (small / "small").iterdir()) == [
        "breast_cancer.csv",
        "plan.yaml",
        "voxmine-data.json",
    ]


def test_get_writes_over_nothing(small):
    run("get", "small", "mine")
    (small / "mine" / "plan.yaml").write_text("study: mine")
    done = run("get", "small", "mine")
    assert "breast_cancer.csv is there and whole." in done.output
    assert (small / "mine" / "plan.yaml").read_text() == "study: mine"
    assert "a plan that fits" not in done.output


def test_a_set_for_people_only_is_refused():
    done = run("get", "midi_b")
    assert isinstance(done.exception, NeedsPerson)
    assert "NBIA Data Retriever" in str(done.exception)


def test_first_is_a_number_of_patients(small):
    assert run("get", "small", "--first", 0).exit_code == 2


@pytest.mark.parametrize("name", ["sarcoma", "breast_ultrasound"])
def test_the_plan_that_is_written_reads_what_lies_beside_it(tmp_path, name):
    data = load(name)
    assert write_plan(data, tmp_path / "plan.yaml")
    plan = load_plan(tmp_path / "plan.yaml")
    places = {tmp_path / part.into for part in data.fetched}
    assert plan.sources[0].path in places
    assert plan.clinical.path.parent == tmp_path
    named = [file.file_name for part in data.fetched if part.kind == "http" for file in part.files]
    assert plan.clinical.path.name in [*named, "clinical.csv"]


def test_what_the_plan_reads_of_a_table_to_be_saved_by_hand_is_named(tmp_path):
    data = load("sarcoma")
    write_plan(data, tmp_path / "plan.yaml")
    plan = load_plan(tmp_path / "plan.yaml")
    (part,) = data.by_hand
    read = {plan.clinical.patient, *plan.clinical.known_before, *plan.events.days.values(), plan.outcome.column}
    assert all(column in part.how for column in read)
    assert plan.clinical.path.name in part.how


def test_the_reference_tells_all_of_every_set():
    page = datasets_page()
    for data in known():
        assert page.count(f"## `{data.name}`\n") == 1
        assert data.title in page
        assert all(citation.doi is None or f"https://doi.org/{citation.doi}" in page for citation in data.citations)
        assert all(how(part) in page for part in data.get)


def test_every_set_can_be_described():
    assert len(table(known()).rows) == len(known())
    for data in known():
        lines = described(data)
        assert lines[0] == f"{data.title} ({data.name})"
        assert "Please cite:" in lines


def test_a_refusal_of_the_download_ends_the_command(small, monkeypatch):
    def refuse(*_):
        raise DownloadError("It can be reached", "no connection", "Try again.")

    monkeypatch.setattr("tasks.open_data.get.get_wheel", refuse)
    done = run("get", "small")
    assert isinstance(done.exception, DownloadError)
    assert done.exit_code == 1
    assert "Wrote" not in done.output
