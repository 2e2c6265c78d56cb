"""Garbage: what no kept run needs goes, what one needs stays, and nothing goes while a run is going."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_catalog import collecting
from data_catalog.collecting import LOCK, collect, garbage, is_collecting
from data_catalog.errors import StoreError
from data_catalog.runs import Runs, moment
from data_catalog.store import Store, folder_name
from tests.data_catalog.conftest import leftovers, objects
from tests.data_catalog.lineages import FIRST, OTHER, SECOND, going, note, put

NOW = timedelta(0)


def held(store):
    return {ref for ref, _ in store.sizes()}


def refs(*records):
    return {record.output for record in records}


def test_what_only_a_forgotten_run_needs_is_removed_and_nothing_else(any_store):
    image = put(any_store, "image", sources=["slice"])
    old, new = put(any_store, "old", [image]), put(any_store, "new", [image])
    note(any_store, FIRST, [image, old])
    note(any_store, SECOND, [image, new])
    found = collect(any_store, keep=1, young=NOW)
    assert found.refs == (old.output,)
    assert (found.runs, found.kept_runs) == ((FIRST,), (SECOND,))
    assert held(any_store) == refs(image, new)
    assert any_store.find(old.key) is None
    assert any_store.given(old.key) is None, "no key leads to what is gone"
    assert any_store.find(new.key) == new.output
    assert Runs(any_store).names() == [SECOND]
    assert leftovers(any_store) == []


def test_a_look_removes_nothing(store):
    old = put(store, "old")
    note(store, FIRST, [old])
    note(store, SECOND, [put(store, "new")])
    before = objects(store)
    assert garbage(store, keep=1, young=NOW).refs == (old.output,)
    assert garbage(store, keep=1, young=NOW).bytes == len("<p>old</p>")
    assert objects(store) == before
    assert Runs(store).names() == [FIRST, SECOND]


def test_of_each_study_the_last_completed_runs_are_kept(store):
    records = [put(store, word) for word in ("one", "two", "three")]
    for name, record in zip((FIRST, SECOND, OTHER), records, strict=True):
        note(store, name, [record])
    assert garbage(store, keep=1, young=NOW).refs == (records[0].output,)
    assert garbage(store, keep=2, young=NOW).refs == ()


def test_a_run_that_failed_does_not_take_the_place_of_one_that_was_completed(store):
    good = put(store, "good")
    note(store, FIRST, [good])
    note(store, SECOND, [put(store, "half")], state="failed")
    assert good.output not in garbage(store, keep=1, young=NOW).refs


def test_a_pinned_run_is_kept_for_ever(store):
    published = put(store, "published")
    note(store, FIRST, [published]).pin(FIRST)
    note(store, SECOND, [put(store, "new")])
    collect(store, keep=1, young=NOW)
    assert published.output in held(store)
    Runs(store).pin(FIRST, pinned=False)
    collect(store, keep=1, young=NOW)
    assert published.output not in held(store)


def test_what_is_young_is_left(store):
    young = put(store, "young", started=moment())
    old = put(store, "old")
    note(store, FIRST, [put(store, "needed")])
    found = collect(store, keep=1)
    assert found.refs == (old.output,)
    assert found.young == 1
    assert young.output in held(store)


def test_all_that_a_kept_result_was_made_from_is_kept_in_every_way_it_was_made(store):
    image, other = put(store, "image"), put(store, "other")
    page = put(store, "page", [image], page="<p>same</p>")
    put(store, "again", [other], page="<p>same</p>")
    note(store, FIRST, [page])
    assert garbage(store, young=NOW).refs == ()


def test_what_is_named_beside_the_runs_is_kept_with_what_made_it(store):
    image = put(store, "image")
    page = put(store, "page", [image])
    stray = put(store, "stray")
    assert garbage(store, young=NOW, also=[page.output]).refs == (stray.output,)


def test_where_nothing_says_what_is_needed_nothing_is_removed(store):
    put(store, "page")
    with pytest.raises(StoreError, match="knows none"):
        collect(store, young=NOW)
    note(store, FIRST, [put(store, "old")])
    with pytest.raises(StoreError, match="knows none"):
        collect(store, keep=0, young=NOW)
    assert len(held(store)) == 2
    assert not is_collecting(store)


def test_nothing_is_removed_while_a_run_is_going(any_store):
    note(any_store, FIRST, [put(any_store, "old")])
    note(any_store, SECOND, [put(any_store, "new")])
    Runs(any_store).write(going(OTHER))
    with pytest.raises(StoreError, match=f"{OTHER} is"):
        collect(any_store, keep=1, young=NOW)
    assert len(held(any_store)) == 2
    assert not is_collecting(any_store), "a run that begins now need not wait"


def test_a_run_that_was_killed_hinders_nobody(store):
    old = put(store, "old")
    note(store, FIRST, [put(store, "new")])
    note(store, OTHER, [old], state="going")
    assert collect(store, keep=1, young=NOW).refs == (old.output,)


def test_two_collections_shut_each_other_out(store):
    note(store, FIRST, [put(store, "page")])
    store.shelf.write(LOCK, f"{moment()} somebody".encode())
    assert is_collecting(store)
    with pytest.raises(StoreError, match="another is going"):
        collect(store, young=NOW)
    assert is_collecting(store), "the lock of the other is left"
    store.shelf.write(LOCK, b"2026-01-01T00:00:00.000+00:00 killed")
    assert not is_collecting(store)
    collect(store, young=NOW)
    assert store.shelf.listing("runs", "collecting") == {}


def while_it_looks(monkeypatch, then):
    """Do something while a collection looks for garbage."""
    found = collecting.garbage

    def slow(store, *args):
        answer = found(store, *args)
        then(store)
        return answer

    monkeypatch.setattr(collecting, "garbage", slow)


def two_pages(store):
    """Put one page that is garbage, and one that is not."""
    old = put(store, "old")
    note(store, FIRST, [old])
    note(store, SECOND, [put(store, "new")])
    return old.output


def test_a_collection_goes_on_saying_that_it_goes_on(store, monkeypatch):
    def wait(store):
        first = store.shelf.read(LOCK)
        limit = time.monotonic() + 10
        while store.shelf.read(LOCK) == first and time.monotonic() < limit:
            time.sleep(0.02)
        assert store.shelf.read(LOCK) > first
        assert store.shelf.read(LOCK).split()[1] == first.split()[1]

    old = two_pages(store)
    monkeypatch.setattr(collecting, "BEAT_SECONDS", 0.02)
    while_it_looks(monkeypatch, wait)
    assert collect(store, keep=1, young=NOW).refs == (old,)
    assert not is_collecting(store)
    time.sleep(0.1)
    assert not is_collecting(store), "nothing is said after the end"


@pytest.mark.parametrize("said", [None, "somebody", "mine, long ago"])
def test_a_collection_that_no_longer_holds_the_store_removes_nothing(store, monkeypatch, said):
    def lose(store):
        if said is None:
            store.shelf.remove(LOCK)
        elif said == "somebody":
            store.shelf.write(LOCK, f"{moment()} somebody".encode())
        else:
            mine = store.shelf.read(LOCK).split()[1]
            store.shelf.write(LOCK, b"2026-01-01T00:00:00.000+00:00 " + mine)

    old = two_pages(store)
    while_it_looks(monkeypatch, lose)
    with pytest.raises(StoreError, match="silent for too long"):
        collect(store, keep=1, young=NOW)
    assert old in held(store)
    assert Runs(store).names() == [FIRST, SECOND]
    assert is_collecting(store) is (said == "somebody")


def test_a_collection_that_loses_the_store_half_way_stops(store, monkeypatch):
    note(store, FIRST, [put(store, "needed")])
    stray = [put(store, f"page {number}").output for number in range(3)]
    discard = store.discard

    def then_lost(ref):
        discard(ref)
        store.shelf.write(LOCK, f"{moment()} somebody".encode())

    monkeypatch.setattr(collecting, "AT_ONCE", 1)
    monkeypatch.setattr(store, "discard", then_lost)
    with pytest.raises(StoreError, match="silent for too long"):
        collect(store, young=NOW)
    assert len(held(store) & set(stray)) == 2


def test_a_beat_that_the_store_does_not_take_is_tried_again(store, monkeypatch):
    tries = []
    write = store.shelf.write

    def fails_once(name, content):
        tries.append(name)
        if len(tries) == 2:
            raise OSError("cut off")
        write(name, content)

    def wait(_):
        limit = time.monotonic() + 10
        while len(tries) < 3 and time.monotonic() < limit:
            time.sleep(0.02)

    old = two_pages(store)
    monkeypatch.setattr(collecting, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(store.shelf, "write", fails_once)
    while_it_looks(monkeypatch, wait)
    assert collect(store, keep=1, young=NOW).refs == (old,)


def test_the_store_is_listed_once(store, monkeypatch):
    two_pages(store)
    asked = []
    below = store._below
    monkeypatch.setattr(store, "_below", lambda first: asked.append(first) or below(first))
    garbage(store, keep=1, young=NOW)
    assert len(asked) == len(set(asked)) == 256


def test_a_run_that_was_going_lately_is_kept_though_it_was_begun_long_ago(store):
    half = put(store, "half")
    note(store, FIRST, [half], state="failed", beat=moment())
    note(store, SECOND, [put(store, "new")])
    assert garbage(store, keep=1).refs == ()


def test_a_collection_sees_a_run_that_begins_between_its_lock_and_its_look(store, monkeypatch):
    note(store, FIRST, [put(store, "old")])
    note(store, SECOND, [put(store, "new")])
    write = store.shelf.write

    def begins(name, content):
        write(name, content)
        if name == LOCK:
            Runs(store).write(going(OTHER))

    monkeypatch.setattr(store.shelf, "write", begins)
    with pytest.raises(StoreError, match="while a run is going"):
        collect(store, keep=1, young=NOW)
    assert len(held(store)) == 2


def test_what_is_removed_half_way_is_swept(any_store, monkeypatch):
    old = put(any_store, "old")
    note(any_store, SECOND, [put(any_store, "new")])
    if not isinstance(any_store.root, Path):
        monkeypatch.setattr(type(any_store.shelf), "each", lambda *_: (_ for _ in ()).throw(OSError("cut off")))
    else:
        monkeypatch.setattr(
            "data_catalog.disk.shutil.rmtree", lambda *_, **__: (_ for _ in ()).throw(OSError("cut off"))
        )
    with pytest.raises(OSError, match="cut off"):
        any_store.shelf.discard(folder_name(old.output.digest))
    monkeypatch.undo()
    assert not any_store.holds(old.output), "it is not there, whole or in part"
    assert len(leftovers(any_store)) > 0
    monkeypatch.setattr("data_catalog.shelf.ABANDONED_SECONDS", -1)
    monkeypatch.setattr("data_catalog.bucket.ABANDONED_SECONDS", -1, raising=False)
    Store(any_store.root).sweep()
    assert leftovers(any_store) == []
    assert old.output.digest not in objects(any_store)


def test_what_is_there_no_more_can_be_removed_again(any_store):
    page = put(any_store, "page")
    any_store.discard(page.output)
    any_store.discard(page.output)
    assert objects(any_store) == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    graph=st.lists(st.lists(st.integers(0, 20), max_size=3), min_size=1, max_size=9),
    kept=st.sets(st.integers(0, 8), min_size=1),
)
def test_for_any_lineage_what_stays_is_what_was_kept_and_all_that_made_it(graph, kept, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("law") / "store")
    records = []
    for number, parents in enumerate(graph):
        made_from = [records[parent % number] for parent in parents] if number else []
        records.append(put(store, f"node {number}", made_from))
    roots = [records[number % len(records)] for number in kept]
    note(store, FIRST, [])
    collect(store, young=NOW, also=[record.output for record in roots])
    needed, waiting = set(), [record.output for record in roots]
    by_ref = {record.output: record for record in records}
    while waiting:
        ref = waiting.pop()
        needed.add(ref)
        waiting += by_ref[ref].parents()
    assert held(store) == needed
