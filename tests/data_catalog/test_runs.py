"""Runs in a store: what they did, that they are going, and what code digests stand for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from data_catalog.errors import StoreError
from data_catalog.runs import HEAD, CodeParts, Run, Runs
from tests.data_catalog.conftest import key_of
from tests.data_catalog.lineages import FIRST, OTHER, SECOND, did, going, note, put, run_of


def test_a_run_is_read_as_it_was_written(any_store):
    record = put(any_store, "page")
    runs = note(any_store, FIRST, [record], results={"report": record.output})
    assert runs.read(FIRST) == run_of(FIRST, results={"report": record.output})
    assert runs.did(FIRST) == [did(record)]
    assert runs.did(FIRST)[0].ref == record.output


def test_what_a_run_did_comes_in_order_and_each_once(store):
    one, two = put(store, "one"), put(store, "two")
    runs = note(store, FIRST, [one, two])
    runs.add(FIRST, 2, [did(two, "reused"), did(one, item="another name")])
    assert [(one.key, one.item, one.how) for one in runs.did(FIRST)] == [
        (one.key, "one", "computed"),
        (two.key, "two", "reused"),
        (one.key, "another name", "computed"),
    ]


@pytest.mark.parametrize(("asked", "name"), [(FIRST, FIRST), (FIRST[:15], FIRST), ("000003", OTHER), ("last", OTHER)])
def test_a_run_is_found_by_its_name_a_part_of_it_or_as_the_last(store, asked, name):
    for one in (FIRST, SECOND, OTHER):
        note(store, one, [])
    assert Runs(store).find(asked).name == name


@pytest.mark.parametrize("asked", ["", "lungs", "nothing", "last-of-all"])
def test_what_names_no_run_or_several_is_refused(store, asked):
    note(store, FIRST, [])
    note(store, SECOND, [])
    with pytest.raises(StoreError, match="voxmine runs"):
        Runs(store).find(asked)


def test_a_store_without_runs_has_none(store):
    runs = Runs(store)
    assert runs.all() == runs.names() == runs.going() == []
    with pytest.raises(StoreError):
        runs.find("last")


def test_a_run_whose_file_is_cut_is_told(store):
    runs = note(store, FIRST, [])
    store.shelf.write(f"runs/{FIRST}/{HEAD}", b'{"name": ')
    with pytest.raises(StoreError, match="cut"):
        runs.all()


def test_a_run_goes_until_it_ends_or_has_long_not_said_so():
    run = run_of(FIRST, state="going")
    said = datetime.fromisoformat(run.beat)
    assert run.is_going(said + timedelta(minutes=29))
    assert not run.is_going(said + timedelta(minutes=31))
    assert not run_of(FIRST).is_going(said)


def test_runs_that_are_going_are_listed(store):
    runs = note(store, FIRST, [])
    runs.write(going(SECOND))
    assert [run.name for run in runs.going()] == [SECOND]


def test_a_run_can_be_pinned_unpinned_and_forgotten(any_store):
    runs = note(any_store, FIRST, [])
    note(any_store, SECOND, [])
    runs.pin(FIRST)
    assert (runs.is_pinned(FIRST), runs.is_pinned(SECOND)) == (True, False)
    runs.pin(FIRST, pinned=False)
    runs.pin(FIRST, pinned=False)
    assert not runs.is_pinned(FIRST)
    runs.remove(FIRST)
    assert runs.names() == [SECOND]
    with pytest.raises(StoreError):
        runs.pin(FIRST)


def test_what_a_code_consists_of_is_kept_once(store):
    runs = Runs(store)
    code = CodeParts(digest=key_of("code"), parts={"tasks.a": key_of("a"), "numpy": "2.0"})
    runs.write_code(code)
    runs.write_code(code.model_copy(update={"parts": {}}))
    assert runs.code(code.digest) == code
    assert runs.code(key_of("another")) is None


@pytest.mark.parametrize("name", ["", "lungs", "Lungs-20260101T000000-000001", "../x-20260101T000000-000001"])
def test_a_name_is_study_time_and_chance(name):
    with pytest.raises(ValidationError):
        Run(name=name, study="lungs", flow="", version="0", started="", beat="")
