"""A whole study whose artefacts are kept on object storage: workers write there, and a second run finds all of it."""

from __future__ import annotations

import shutil

import pytest

from data_catalog.store import Store
from flows.demo import leaking, leaks
from flows.explain import explain
from flows.full_study import full_study
from flows.results import last_results
from tasks.synthetic.truths import Truths
from tests.data_catalog.conftest import delete

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ran(small_cohort, small_plan, bucket, tmp_path_factory):
    """Run a lean plan once with a worker process of its own; the tests of this module share it in order."""
    folder = tmp_path_factory.mktemp("study")
    cohort = shutil.copytree(small_cohort, folder / "cohort")
    lean = {"fuse": [], "detect": [], "preprocess": [], "learn": None, "first_patients": 4}
    plan = small_plan(cohort, folder / "results", store=f"{bucket}/one", compute={"workers": 1}, **lean)
    return plan, full_study(plan), Truths.model_validate_json((cohort / "truths.json").read_bytes())


def test_a_study_in_a_bucket_leaves_the_key_and_the_report_on_this_machine(ran):
    plan, results, _ = ran
    names = sorted(path.name for path in plan.workspace.iterdir())
    assert names == ["catalog.sqlite", "small-report.html", "small-results.json", "small-rules", "store.url"]
    assert last_results(plan) == results
    store = Store(plan.store_folder)
    assert len(store.open(results.cohort.cohort)) == 4
    assert plan.report_file.read_text(encoding="utf-8") == store.open(results.report)
    assert results.total("failed") == 0


def test_everything_in_the_bucket_is_whole_and_nothing_is_half_written(ran):
    store = Store(ran[0].store_folder)
    refs = list(store.artefacts())
    assert len(refs) > 30
    for ref in refs[::10]:
        store.verify(ref)
    assert store._shelf.listing("aside") == {}


def test_no_identity_reaches_the_bucket(ran):
    plan, _, truths = ran
    files = list(Store(plan.store_folder).files())
    assert leaks(truths, plan.workspace) + leaking(truths, files) == ()
    assert leaking(truths, [("objects/note", truths.identities[0].encode())]) == ("note",)
    assert not [name for name, _ in files if "study.key" in name]


def test_what_made_the_report_is_told_from_the_bucket(ran):
    plan, results, _ = ran
    assert "source file sha256" in explain(plan.workspace, "report", everything=True)
    assert explain(plan.workspace, results.cohort.cohort.short)


def test_a_second_run_in_another_workspace_finds_all_in_the_bucket(ran, tmp_path):
    plan, first, _ = ran
    second = full_study(plan.model_copy(update={"workspace": tmp_path / "elsewhere"}))
    assert second.total("computed") == 0
    assert dict(second.refs()) == dict(first.refs())


def test_what_is_lost_in_the_bucket_is_computed_again_and_nothing_else(ran):
    plan, first, _ = ran
    store = Store(plan.store_folder)
    delete(store.folder(first.cohort.cohort.digest))
    again = full_study(plan)
    assert again.total("computed") == 1
    assert dict(again.refs()) == dict(first.refs())
    store.verify(first.cohort.cohort)


def test_a_study_in_a_bucket_makes_the_artefacts_that_one_in_a_folder_makes(ran, tmp_path):
    plan, first, _ = ran
    near = full_study(plan.model_copy(update={"store": None, "workspace": tmp_path / "near"}))
    assert dict(near.refs()) == dict(first.refs())
    assert set(Store(tmp_path / "near" / "store").artefacts()) == set(Store(plan.store_folder).artefacts())
