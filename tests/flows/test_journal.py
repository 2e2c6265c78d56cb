"""The journal of a run: what it notes in the store and in the catalogue, and that it never fails a run."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from data_catalog.catalog_search import Asked
from data_catalog.collecting import LOCK
from data_catalog.errors import StoreError
from data_catalog.kinds import VOLUME
from data_catalog.runs import Runs, moment
from data_catalog.store import Store
from flows import journal as module
from flows.catalogs import NOTE, catalog_of, note_catalog
from flows.journal import journal, without_places
from flows.plan import Plan
from tasks.methods.preprocessing.windowing import Clip
from tasks.preprocess import preprocess
from tasks.stage import perform
from tests.data_catalog.conftest import recorded, small_volume


def plan_of(workspace, **changes):
    source = {"method": "dicom", "path": "secret-place/scans"}
    clinical = {"path": "secret-place/table.csv", "patient": "id"}
    return Plan(**{"sources": (source,), "workspace": workspace, "study": "lungs", "clinical": clinical, **changes})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def jobs(store):
    """Return two jobs."""
    scan = store.put(VOLUME, small_volume(), recorded("scan"))
    return [
        preprocess.job(f"P-{n}/v0/CT/a", {"image": scan}, {"steps": (Clip(low=0.0, high=9.0 + n),)}) for n in (1, 2)
    ]


def work(store, jobs):
    return [perform(store.root, job) for job in jobs]


def test_a_run_notes_what_it_did_and_gave_in_the_store_and_in_the_catalogue(tmp_path, store, jobs):
    said = []
    with journal(plan_of(tmp_path), store, "full-study", said.append) as kept:
        outcomes = work(store, jobs)
        kept.note(jobs, outcomes)
        assert Runs(store).read(kept.run.name).state == "going"
        kept.gave({"report": outcomes[0].ref})
    runs = Runs(store)
    (run,) = runs.all()
    assert (run.state, run.flow, run.study) == ("completed", "full-study", "lungs")
    assert run.results == {"report": outcomes[0].ref}
    assert [(one.item, one.how, one.key) for one in runs.did(run.name)] == [
        (job.item, "computed", job.key) for job in jobs
    ]
    code = runs.code(store.records(outcomes[0].ref)[0].code.digest)
    assert "tasks.methods.preprocessing.windowing" in code.parts
    catalog = catalog_of(tmp_path)
    assert len(catalog.search(Asked(run=run.name))) == 2
    catalog.close()
    assert said == []


def test_a_run_that_fails_says_so_and_keeps_what_it_had_done(tmp_path, store, jobs):
    def fail():
        with journal(plan_of(tmp_path), store, "", print) as kept:
            kept.note(jobs[:1], work(store, jobs[:1]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    (run,) = Runs(store).all()
    assert run.state == "failed"
    assert len(Runs(store).did(run.name)) == 1


def test_what_ended_a_run_is_told_and_not_that_its_end_could_not_be_noted(tmp_path, store, monkeypatch):
    def fill_the_disk():
        with journal(plan_of(tmp_path), store, "", print):
            monkeypatch.setattr(type(store.shelf), "write", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fill_the_disk()


def test_what_a_run_has_spent_is_told_while_it_is_going(tmp_path, store, jobs):
    with journal(plan_of(tmp_path), store, "", print) as kept:
        kept.note(jobs, work(store, jobs))
        (spent,) = kept.spent()
    assert (spent.stage, spent.steps, spent.computed) == ("preprocess", 2, 2)
    assert spent.bytes > 0


def test_a_run_without_a_catalogue_tells_no_spending(tmp_path, store, jobs):
    said = []
    with journal(plan_of(tmp_path), store, "", said.append) as kept:
        kept.note(jobs, work(store, jobs))
        (tmp_path / "catalog.sqlite").write_bytes(b"overwritten" * 1000)
        assert kept.spent() == []
        assert kept.spent() == []
    assert len(said) == 1


def test_what_was_reused_is_noted_as_that(tmp_path, store, jobs):
    work(store, jobs)
    with journal(plan_of(tmp_path), store, "", print) as kept:
        kept.note(jobs, work(store, jobs))
    assert [one.how for one in Runs(store).did(kept.run.name)] == ["reused", "reused"]


@pytest.mark.parametrize("lost", ["overwritten", "locked away", "no server"])
def test_a_lost_catalogue_is_told_once_and_the_run_goes_on(tmp_path, store, jobs, lost):
    said = []
    plan = plan_of(tmp_path)
    if lost == "overwritten":
        (tmp_path / "catalog.sqlite").write_bytes(b"no database at all, and long enough" * 50)
    elif lost == "locked away":
        (tmp_path / "catalog.sqlite").mkdir()
    else:
        plan = plan_of(tmp_path, catalog="postgresql://voxmine@127.0.0.1:1/nothing")
    with journal(plan, store, "", said.append) as kept:
        for _ in range(3):
            kept.note(jobs, work(store, jobs))
    assert Runs(store).read(kept.run.name).state == "completed"
    (sentence,) = said
    assert "voxmine catalog rebuild" in sentence
    assert "The run goes on without it" in sentence


def test_a_catalogue_that_is_lost_on_the_way_is_told_once_too(tmp_path, store, jobs):
    said = []
    with journal(plan_of(tmp_path), store, "", said.append) as kept:
        kept.note(jobs[:1], work(store, jobs[:1]))
        (tmp_path / "catalog.sqlite").write_bytes(b"overwritten" * 1000)
        kept.note(jobs[1:], work(store, jobs[1:]))
    assert len(said) == 1
    assert len(Runs(store).did(kept.run.name)) == 2, "the store is the truth"


def test_what_a_replaced_catalogue_has_missed_is_added_at_the_end(tmp_path, store, jobs):
    with journal(plan_of(tmp_path), store, "", print) as kept:
        kept.note(jobs[:1], work(store, jobs[:1]))
        (tmp_path / "catalog.sqlite").unlink()
        sqlite3.connect(tmp_path / "catalog.sqlite").close()
        catalog_of(tmp_path).close()
        kept.note(jobs[1:], work(store, jobs[1:]))
    catalog = catalog_of(tmp_path)
    assert len(catalog.search(Asked(run=kept.run.name))) == 2
    catalog.close()


def test_a_run_waits_for_a_collection_of_garbage_to_end(tmp_path, store, monkeypatch):
    store.shelf.write(LOCK, f"{moment()} somebody".encode())
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    threading.Timer(0.3, lambda: store.shelf.remove(LOCK)).start()
    begun = time.monotonic()
    with journal(plan_of(tmp_path), store, "", print):
        assert time.monotonic() - begun > 0.25


def test_a_run_does_not_wait_for_ever(tmp_path, store, monkeypatch):
    store.shelf.write(LOCK, f"{moment()} somebody".encode())
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    with pytest.raises(StoreError, match="voxmine store gc"), journal(plan_of(tmp_path), store, "", print):
        pytest.fail("it has begun")
    assert Runs(store).all()[0].state == "failed"


def test_a_run_says_that_it_is_going(tmp_path, store, monkeypatch):
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.02)
    with journal(plan_of(tmp_path), store, "", print) as kept:
        first = Runs(store).read(kept.run.name).beat
        limit = time.monotonic() + 10
        while Runs(store).read(kept.run.name).beat == first and time.monotonic() < limit:
            time.sleep(0.02)
        assert Runs(store).read(kept.run.name).beat > first


def test_the_plan_is_noted_without_any_place(tmp_path):
    plan = plan_of(tmp_path / "secret-place", store=str(tmp_path / "secret-place" / "store"))
    told = json.dumps(without_places(plan))
    assert "secret-place" not in told
    assert json.loads(told)["sources"] == [{"method": "dicom"}]
    assert json.loads(told)["clinical"]["patient"] == "id"


def test_every_path_of_a_plan_is_left_out_however_deep():
    def paths(value):
        if isinstance(value, Path):
            yield value
        elif isinstance(value, dict):
            yield from (path for held in value.values() for path in paths(held))
        elif isinstance(value, list):
            yield from (path for held in value for path in paths(held))

    assert list(paths(without_places(plan_of(Path("w"))))) == []


def test_the_workspace_remembers_another_database_and_forgets_it(tmp_path):
    url = "postgresql://host/database"
    assert note_catalog(plan_of(tmp_path, catalog=url)) == url
    assert (tmp_path / NOTE).read_text() == url
    assert note_catalog(plan_of(tmp_path)).startswith("sqlite:///")
    assert not (tmp_path / NOTE).exists()
