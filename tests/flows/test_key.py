"""The study's secret: given, or made once for the owner alone."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data_catalog.errors import PlanError
from flows import key as key_module
from flows.key import FILE, VARIABLE, identities
from flows.plan import Plan


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    return Plan(sources=({"method": "dicom", "path": "scans"},), workspace=tmp_path / "deep" / "results")


def test_a_key_is_made_once_for_the_owner_alone(plan):
    first = identities(plan)
    path = plan.workspace / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first.key) == 32
    assert identities(plan) == first
    assert [file.name for file in plan.workspace.iterdir()] == [FILE], "nothing is left beside it"


def test_two_workspaces_have_two_keys(plan, tmp_path):
    other = plan.model_copy(update={"workspace": tmp_path / "other"})
    assert identities(plan).pseudonym("MRN-1") != identities(other).pseudonym("MRN-1")


def test_a_key_that_is_given_makes_the_same_pseudonyms_everywhere_and_no_file(plan, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "a long secret")
    other = plan.model_copy(update={"workspace": tmp_path / "other"})
    assert identities(plan).pseudonym("MRN-1") == identities(other).pseudonym("MRN-1")
    assert not plan.workspace.exists()
    monkeypatch.setenv(VARIABLE, "another secret")
    assert identities(plan).pseudonym("MRN-1") != identities(other.model_copy()).pseudonym("MRN-2")


def test_the_key_that_is_given_comes_before_the_file(plan, monkeypatch):
    from_file = identities(plan)
    monkeypatch.setenv(VARIABLE, "a long secret")
    assert identities(plan).key != from_file.key
    monkeypatch.setenv(VARIABLE, "")
    assert identities(plan).key == from_file.key, "an empty variable is none"


def test_the_site_tells_two_patients_with_one_id_apart(plan):
    here = identities(plan.model_copy(update={"site": "here"}))
    there = identities(plan.model_copy(update={"site": "there"}))
    assert here.pseudonym("1") != there.pseudonym("1")


def test_a_key_file_that_was_emptied_is_refused(plan):
    identities(plan)
    (plan.workspace / FILE).write_text("")
    with pytest.raises(PlanError, match="at least 16 bytes"):
        identities(plan)


def test_of_many_first_runs_at_once_one_writes_the_key_and_all_have_it(plan):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: identities(plan).key, range(32)))
    assert len(keys) == 1
    assert [file.name for file in plan.workspace.iterdir()] == [FILE]


def test_the_key_of_a_run_that_came_first_is_never_replaced(plan, monkeypatch):
    first = identities(plan)
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.name != FILE and exists(path))  # as if it came just now
    assert identities(plan) == first


def test_without_hard_links_a_key_is_made_all_the_same_and_never_replaced(plan, monkeypatch):
    def unable(path, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", unable)
    first = identities(plan)
    path = plan.workspace / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key_module._publish("ff" * 32, path)
    assert identities(plan) == first
    assert [file.name for file in plan.workspace.iterdir()] == [FILE]


def test_a_workspace_that_cannot_be_written_to_is_refused(plan):
    plan.workspace.parent.mkdir()
    plan.workspace.write_text("a file")
    with pytest.raises(PlanError, match=r"workspace is a folder that can be written to: .*results cannot \("):
        identities(plan)
