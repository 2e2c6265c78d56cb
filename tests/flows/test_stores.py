"""The store of a plan: in the workspace, in another folder, or on object storage."""

from pathlib import Path

import pytest

from data_catalog.errors import PlanError, StoreError
from data_catalog.kinds import REPORT
from data_catalog.store import Store
from flows.check import check_plan
from flows.explain import explain
from flows.plan import Plan
from flows.plan_files import load_plan
from flows.results import CohortTables, Features, Results, last_results, write_results
from flows.stores import NOTE, open_store, store_of
from tests.tasks.conftest import kept


def plan_of(workspace, **changes):
    return Plan(sources=({"method": "dicom", "path": "scans"},), workspace=workspace, **changes)


@pytest.mark.parametrize("store", [None, ""])
def test_a_plan_without_a_store_keeps_its_artefacts_in_the_workspace(tmp_path, store):
    plan = plan_of(tmp_path / "results", store=store)
    assert plan.store_folder == tmp_path / "results" / "store"
    assert open_store(plan).root == plan.store_folder
    assert [path.name for path in plan.workspace.iterdir()] == ["store"]
    assert store_of(plan.workspace).root == plan.store_folder


def test_a_store_may_be_another_folder_which_the_workspace_remembers_from_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = plan_of(Path("results"), store="elsewhere/artefacts")
    ref = kept(open_store(plan), REPORT, "<p>page</p>")
    monkeypatch.chdir("/")
    found = store_of(tmp_path / "results")
    assert found.root == tmp_path / "elsewhere" / "artefacts"
    assert found.open(ref) == "<p>page</p>"


def test_a_store_may_be_a_bucket_which_the_workspace_remembers(tmp_path, bucket):
    plan = plan_of(tmp_path, store=f"{bucket}/study")
    store = open_store(plan)
    page = kept(store, REPORT, "<p>page</p>")
    assert list(store.artefacts()) == [page]
    assert [path.name for path in tmp_path.iterdir()] == [NOTE]
    results = Results(cohort=CohortTables(features=Features(study=page, table=page), cohort=page), report=page)
    write_results(plan, results, store)
    assert last_results(plan) == results
    assert plan.report_file.read_text() == "<p>page</p>"
    assert explain(tmp_path, "report").startswith(page.short)
    assert explain(tmp_path, page.digest[:8]).startswith(page.short)


def test_a_workspace_that_keeps_its_artefacts_itself_again_forgets_the_bucket(tmp_path, bucket):
    open_store(plan_of(tmp_path, store=f"{bucket}/study"))
    open_store(plan_of(tmp_path))
    assert not (tmp_path / NOTE).exists()
    assert store_of(tmp_path).root == tmp_path / "store"


def test_a_bucket_that_is_not_there_is_named_before_any_work_starts(tmp_path, bucket):
    plan = plan_of(tmp_path / "results", store=f"{bucket}-gone/study")
    with pytest.raises(PlanError, match=rf"store.*{bucket}-gone/study is not \(FileNotFoundError: .*AWS_ENDPOINT_URL"):
        open_store(plan)
    assert not plan.workspace.exists()


def test_a_folder_that_cannot_be_written_to_is_named_before_any_work_starts(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PlanError, match=r"store.* can be written to: .*file.store is not \("):
        open_store(plan_of(tmp_path / "results", store=str(tmp_path / "file" / "store")))
    with pytest.raises(
        PlanError, match=r"`workspace` is a place .*file.store is not \(.*Check the folder's name"
    ) as told:
        open_store(plan_of(tmp_path / "file"))
    assert "AWS" not in str(told.value)


def test_a_folder_of_no_study_has_no_store(tmp_path):
    with pytest.raises(StoreError, match=r"is none\. Name it with --workspace"):
        store_of(tmp_path)


@pytest.mark.parametrize(
    "store", ["s3://key:hush@bucket/x", "s3://bucket/x?token=hush", "ftp://hush/x", "memory://hush"]
)
def test_a_plan_whose_store_is_more_than_a_place_is_refused_and_nothing_of_it_repeated(tmp_path, store):
    (tmp_path / "plan.yaml").write_text("sources: [{method: dicom, path: scans}]")
    with pytest.raises(PlanError) as refused:
        load_plan(tmp_path / "plan.yaml", (f"store={store}",))
    assert "hush" not in str(refused.value)


def test_a_check_reads_the_headers_into_the_bucket_and_the_workspace_keeps_the_key(small_cohort, tmp_path, bucket):
    plan = Plan(
        sources=({"method": "dicom", "path": small_cohort / "scans"},),
        workspace=tmp_path / "results",
        store=f"{bucket}/checked",
    )
    lines = check_plan(plan)
    assert "patients" in lines[0]
    kinds = [ref.kind for ref in Store(plan.store_folder).artefacts()]
    assert kinds
    assert set(kinds) == {"contents"}
    assert check_plan(plan) == lines
    assert not any("key" in name.rpartition("/")[2] for name, _ in Store(plan.store_folder).files())
