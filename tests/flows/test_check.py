"""Whether a plan is fit to run, before any work starts."""

from __future__ import annotations

import pytest

from data_catalog.errors import PlanError
from data_catalog.store import Store
from flows.check import check_plan, check_tables, further_columns
from flows.plan_files import parse_plan
from tests.tasks.conftest import axial, png

CLINICAL = "id,age,progression,pixel,to_surgery\nA,61,yes,0.1,5\nB,55,no,0.2,\nC,40,no,0.1,7\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXMINE_KEY", "a key for tests")
    (tmp_path / "scans").mkdir()
    for name in ("A.png", "B.png", "B_lesion.png", "readme.txt"):
        (tmp_path / "scans" / name).write_bytes(png([[1, 2], [3, 4]]) if name != "readme.txt" else b"x")
    (tmp_path / "clinical.csv").write_text(CLINICAL)
    (tmp_path / "events.csv").write_text("id,day,what\nA,1,scan\n")
    return tmp_path


PNG = {
    "method": "png",
    "path": "scans",
    "images": "{patient}.png",
    "masks": "{patient}_{region}.png",
    "pixel_size_column": "pixel",
}
WHOLE = {
    "sources": [PNG],
    "clinical": {"path": "clinical.csv", "patient": "id", "known_before": ["age"]},
    "outcome": {"column": "progression", "positive": "yes", "negative": "no"},
    "events": {"method": "rows", "path": "events.csv", "patient": "id", "when": "day", "event": "what"},
}


def plan(folder, **changes):
    return parse_plan({**WHOLE, "workspace": str(folder / "results"), **changes}, folder)


def refused(folder, call=check_tables, **changes):
    with pytest.raises(PlanError) as refusal:
        call(plan(folder, **changes))
    assert not (folder / "results").exists() or call is check_plan
    return str(refusal.value)


def test_a_sound_plan_gives_its_table_as_it_is_written(folder):
    (written,) = check_tables(plan(folder))
    assert written["age"].tolist() == ["61", "55", "40"]


def test_a_plan_without_a_clinical_table_has_none(folder):
    alone = {**PNG, "pixel_size_column": None, "pixel_size_mm": 0.1}
    assert check_tables(plan(folder, sources=[alone], clinical=None, outcome=None)) == []


def test_what_the_modalities_leave_out_and_which_series_counts_is_told(folder):
    (folder / "ct").mkdir()
    for word, series in (("a", "1.2.3"), ("b", "1.2.4")):
        file = axial(0.0, 5, SeriesInstanceUID=series, ConvolutionKernel=f"B{word}")
        (folder / "ct" / word).write_bytes(file)
    (folder / "ct" / "c").write_bytes(axial(0.0, 5, SeriesInstanceUID="1.2.5", Modality="MR"))
    source = {"method": "dicom", "path": "ct", "modalities": ["CT", "PET"]}
    lines = check_plan(plan(folder, sources=[source], clinical=None, outcome=None, events=None))
    assert "Nothing is of modality PET." in lines
    assert "Not taken, by `modalities` of the sources: MR." in lines
    assert [line for line in lines if line.startswith("1 visits have several series of CT: ")]
    assert "Their kernels are Ba, Bb: name those that count in `kernels` of the source." in lines
    alone = {**source, "modalities": ["CT"], "kernels": ["Bb"]}
    lines = check_plan(plan(folder, sources=[alone], clinical=None, outcome=None, events=None))
    assert "Not taken, by `kernels` of the sources: Ba." in lines
    assert not [line for line in lines if "several series" in line]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sources": [PNG, {**PNG, "path": "nowhere"}]}, "sources.1.path exists"),
        ({"clinical": {**WHOLE["clinical"], "path": "none.csv"}}, "clinical.path exists"),
        ({"events": {**WHOLE["events"], "path": "none.csv"}}, "events.path exists"),
        ({"events": {**WHOLE["events"], "when": "date"}}, "events (events.csv)"),
        ({"outcome": {"column": "stage", "positive": "3"}}, "it lacks 'stage'"),
        ({"outcome": {"column": "progression", "positive": "1"}}, "no row holds '1'"),
        ({"sources": [{**PNG, "pixel_size_column": "mm"}]}, "it lacks 'mm'"),
        ({"events": {"method": "columns", "days": {"death": "to_death"}}}, "it lacks 'to_death'"),
        ({"clinical": None}, "`clinical` is empty, and 'progression', 'pixel' would be read from it"),
    ],
)
def test_what_is_not_there_is_named_before_any_work(folder, changes, said):
    assert said in refused(folder, **changes)


def test_the_columns_that_are_read_beside_those_known_before(folder):
    days = {"method": "columns", "days": {"surgery": "to_surgery", "again": "pixel"}}
    assert further_columns(plan(folder, events=days)) == ("progression", "pixel", "to_surgery")
    assert further_columns(plan(folder, outcome=None, sources=[{**PNG, "pixel_size_column": None}])) == ()


def test_a_check_says_what_is_there_and_what_a_reader_should_know(folder):
    lines = check_plan(plan(folder))
    assert lines[0] == "2 patients, 2 series, 1 regions found."
    assert lines[1] == "Series by modality: 2 US."
    assert lines[2].startswith("1 files are left out (name_not_named): The names of files follow a pattern")
    assert lines[3] == "clinical.csv: no scans for row 4; these rows are left out."
    assert len(lines) == 4


def test_a_check_of_the_first_patients_says_nothing_of_the_rows_of_others(folder):
    lines = check_plan(plan(folder, first_patients=1))
    assert lines[0].startswith("1 patients, 1 series")
    assert lines[3:] == ["clinical.csv: no scans for row 4; these rows are left out."]


def test_a_check_without_a_clinical_table_counts_alone(folder):
    alone = {**PNG, "pixel_size_column": None, "pixel_size_mm": 0.1}
    (folder / "scans" / "readme.txt").unlink()
    lines = check_plan(plan(folder, sources=[alone], clinical=None, outcome=None))
    assert lines == ["2 patients, 2 series, 1 regions found.", "Series by modality: 2 US."]


def test_keys_that_do_not_match_are_refused_with_the_remedy(folder):
    (folder / "clinical.csv").write_text(CLINICAL.replace("A,", "A.png,").replace("B,", "B.png,"))
    said = refused(folder, check_plan)
    assert "is one of the 2 patients scanned" in said
    assert "clinical.patient_pattern" in said


def test_headers_that_were_read_are_not_read_again(folder):
    check_plan(plan(folder))
    (listing,) = [ref for ref in Store(folder / "results" / "store").artefacts() if ref.kind == "contents"]
    for path in (folder / "scans").iterdir():
        path.chmod(0o000)
    try:
        assert check_plan(plan(folder))[0].startswith("2 patients")
    finally:
        for path in (folder / "scans").iterdir():
            path.chmod(0o600)
    assert listing.kind == "contents"


def test_nothing_that_is_said_or_kept_names_a_patient(folder):
    for path in sorted((folder / "scans").glob("*.png")):
        path.rename(path.with_name(path.name.replace("A", "ZEBRAFISH").replace("B", "QUAGGA")))
    (folder / "clinical.csv").write_text(CLINICAL.replace("A,", "ZEBRAFISH,").replace("B,", "QUAGGA,"))
    said = "\n".join(check_plan(plan(folder)))
    held = b"".join(path.read_bytes() for path in (folder / "results").rglob("*") if path.is_file())
    for name in ("ZEBRAFISH", "QUAGGA"):
        assert name not in said
        assert name.encode() not in held


def test_masks_that_take_every_image_are_refused(folder):
    greedy = {**PNG, "masks": "{patient}.png"}
    assert "all 3 that follow `images` follow `masks` too" in refused(folder, check_plan, sources=[greedy])
