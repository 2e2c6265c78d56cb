"""From a plan's sources to the series they hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data_catalog.errors import PlanError
from data_catalog.store import Store
from flows.finding import Problems, assemble, scan_jobs
from flows.plan_files import parse_plan
from tasks.formats.identities import Identities
from tasks.stage import perform
from tests.tasks.conftest import NAME, PATIENT, axial, outlined, png

WHO = Identities(b"a key for tests only, 32 bytes..")


@pytest.fixture
def folder(tmp_path):
    """Write two sources: DICOM of one patient, and pictures of two."""
    files = {
        f"dicom/{NAME}/1.dcm": axial(0.0, 1),
        f"dicom/{NAME}/2.dcm": axial(3.0, 2),
        f"dicom/{NAME}/r.dcm": outlined(),
        "dicom/notes.txt": b"no scan",
        "png/A.png": png([[1, 2], [3, 4]]),
        "png/B.png": png([[1, 2], [3, 5]]),
        "png/B_lesion.png": png([[0, 0], [0, 255]]),
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


SOURCES = [
    {"method": "dicom", "path": "dicom"},
    {"method": "png", "path": "png", "images": "{patient}.png", "masks": "{patient}_{region}.png"},
]


def found_in(folder, sources=SOURCES, **changes):
    plan = parse_plan({"sources": sources, **changes}, folder)
    store = Store(folder / "store")
    jobs, problems = scan_jobs(plan, WHO)
    return assemble(plan, jobs, [perform(store.root, job) for job in jobs], problems, store)


def test_each_listing_of_each_source_is_one_piece_of_work(folder):
    jobs, problems = scan_jobs(parse_plan({"sources": SOURCES}, folder), WHO)
    assert [(job.item[:2], job.stage.name) for job in jobs] == [
        ("0/", "scan_dicom"),
        ("0/", "scan_dicom"),
        ("1/", "scan_names"),
    ]
    assert problems == Problems(lost={0: (), 1: ()})
    assert not [word for word in (NAME, str(folder)) if word in repr(jobs)]


def test_all_sources_are_put_together(folder):
    found = found_in(folder)
    assert sorted((series.source, series.modality, series.patient) for series in found.series) == sorted(
        [(0, "CT", WHO.pseudonym(PATIENT)), (1, "US", WHO.pseudonym("A")), (1, "US", WHO.pseudonym("B"))]
    )
    assert [(region.series.source, region.name) for region in found.regions] == [(0, "GTV"), (1, "lesion")]
    assert all(region.series in found.series for region in found.regions)
    assert [refusal.stage for refusal in found.refusals] == ["scan"]


def test_regions_are_those_that_the_plan_names(folder):
    found = found_in(folder, regions={"tumour": "GTV*"})
    assert [(region.series.source, region.name) for region in found.regions] == [(0, "tumour")]


def test_the_first_patients_by_pseudonym_can_be_taken(folder):
    everyone = sorted(series.patient for series in found_in(folder).series)
    found = found_in(folder, first_patients=2)
    assert sorted(series.patient for series in found.series) == everyone[:2]
    assert all(region.series.patient in everyone[:2] for region in found.regions)


def test_nifti_sources_name_their_regions_by_label(folder):
    nifti = {"method": "nifti", "path": "png", "images": "{patient}.png", "masks": "{patient}_{region}.png"}
    assert found_in(folder, [nifti]).regions[0].name == "lesion"
    assert found_in(folder, [{**nifti, "labels": {"1": "core"}}]).regions[0].name == ""


def test_archives_that_cannot_be_opened_are_refusals_beside_the_others(folder):
    (folder / "png" / "bad.zip").write_bytes(b"no archive")
    assert [refusal.verdict for refusal in found_in(folder, SOURCES[1:]).refusals] == ["corrupt_file"]


def test_sources_without_a_series_are_refused_with_why_files_were_left_out(folder):
    (folder / "png" / "bad.zip").write_bytes(b"no archive")
    with pytest.raises(PlanError) as refusal:
        found_in(folder, [{**SOURCES[1], "images": "{patient}.jpg", "masks": None}])
    assert "files left out: 1 for corrupt_file, 3 for name_not_named" in str(refusal.value)
    with pytest.raises(PlanError, match="files left out: none; of modalities that the plan does not take: CT"):
        found_in(folder, [{"method": "dicom", "path": f"dicom/{NAME}", "modalities": ["XX"]}])


def test_a_kernel_that_no_series_has_is_told_with_those_that_are_there(folder):
    source = {"method": "dicom", "path": f"dicom/{NAME}", "kernels": ["B30*"]}
    with pytest.raises(PlanError, match="of kernels that the plan does not take: ''"):
        found_in(folder, [source])


def test_a_scan_that_failed_leaves_out_its_files(folder, monkeypatch):
    plan = parse_plan({"sources": SOURCES}, folder)
    store = Store(folder / "store")
    jobs, problems = scan_jobs(plan, WHO)
    outcomes = [perform(store.root, job) for job in jobs]
    outcomes[-1] = replace(outcomes[-1], how="failed", ref=None)
    assert {series.source for series in assemble(plan, jobs, outcomes, problems, store).series} == {0}


def test_a_drop_folder_in_which_studies_wait_says_so(folder):
    drop = [{"method": "drop_folder", "path": f"dicom/{NAME}", "quiet_s": 3600}]
    with pytest.raises(PlanError, match=r"not complete yet: 1\. Wait until they have been quiet for `quiet_s`"):
        found_in(folder, drop)
    assert found_in(folder, [{**drop[0], "quiet_s": 0}]).series
