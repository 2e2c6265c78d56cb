"""A store on object storage: few requests, nothing half-written that counts, many writers, lazy reading."""

import os
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from upath import UPath

from data_catalog import bucket as bucket_module
from data_catalog.bucket import TEMPORARY
from data_catalog.kinds import REPORT, VOLUME
from data_catalog.manifest import MANIFEST
from data_catalog.places import place
from data_catalog.shelf import ABANDONED_SECONDS, sweep_old
from data_catalog.store import Store
from tests.data_catalog.conftest import PAGE, every_form, key_of, leftovers, objects, put, recorded, small_volume, write


class Killed(BaseException):
    """Stand for what ends a process in the middle of something."""


@pytest.fixture
def big_volume():
    """Return a volume of several chunks in one shard."""
    return small_volume((40, 300, 280))


def killed_at(monkeypatch, store, ending):
    """Let a writer be killed when it comes to an object whose name ends so; return the way to undo that."""
    original = type(store._shelf).write

    def write_or_die(shelf, name, content):
        if name.endswith(ending):
            raise Killed
        original(shelf, name, content)

    monkeypatch.setattr(type(store._shelf), "write", write_or_die)
    return lambda: monkeypatch.setattr(type(store._shelf), "write", original)


def test_a_look_up_is_three_requests_and_lists_only_the_artefact(far_store, requests):
    ref = put(far_store, "one", VOLUME, small_volume())
    requests.made.clear()
    assert far_store.find(key_of("one")) == ref
    listed = [name for method, name, _ in requests.made if method == "list_objects_v2"]
    assert [name.split("/")[-2] for name in listed] == [ref.digest]
    assert requests.methods() == ["get_object", "get_object", "list_objects_v2"]
    assert far_store.holds(ref)
    assert requests.methods() == ["get_object", "list_objects_v2"]
    assert far_store.find(key_of("none")) is None
    assert requests.methods() == ["get_object"]


def test_to_open_a_table_or_a_page_is_one_request_more_than_to_hold_it(far_store, requests):
    for kind, value in every_form(backwards=False):
        ref = put(far_store, kind.name, kind, value)
        requests.made.clear()
        far_store.open(ref)
        if kind.form != "array":
            assert requests.methods() == ["get_object", "list_objects_v2", "get_object"]


def test_an_artefact_is_put_with_its_data_first_and_its_manifest_and_key_last(far_store, requests):
    put(far_store, "one", VOLUME, small_volume())
    names = [name for method, name, _ in requests.made if method == "put_object"]
    assert "/aside/" in names[0]
    assert all("/data.zarr/" in name for name in names[1:-3])
    assert "/records/" in names[-3]
    assert names[-2].endswith(MANIFEST)
    assert "/keys/" in names[-1]
    assert len(requests.made) == len(names) + 2, "what is there is listed once, and the note removed"


@pytest.mark.parametrize("ending", ["zarr.json", f"{key_of('one')}.json", MANIFEST])
def test_a_writer_that_is_killed_while_it_sends_leaves_nothing_that_counts(far_store, monkeypatch, ending):
    undo = killed_at(monkeypatch, far_store, ending)
    with pytest.raises(Killed):
        put(far_store, "one", VOLUME, small_volume())
    assert far_store.find(key_of("one")) is None
    assert list(far_store.artefacts()) == []
    assert far_store.rebuild_keys() == 0
    undo()
    ref = put(far_store, "one", VOLUME, small_volume())
    far_store.verify(ref)
    assert far_store.find(key_of("one")) == ref


def test_a_writer_killed_before_the_key_leaves_an_artefact_that_gives_it_back(far_store, monkeypatch):
    undo = killed_at(monkeypatch, far_store, f"/{key_of('one')}")
    with pytest.raises(Killed):
        put(far_store)
    undo()
    assert far_store.find(key_of("one")) is None
    assert far_store.rebuild_keys() == 1
    (ref,) = far_store.artefacts()
    assert far_store.find(key_of("one")) == ref


def days_later(monkeypatch, days):
    now = time.time() + days * ABANDONED_SECONDS
    monkeypatch.setattr(bucket_module.time, "time", lambda: now)


def test_what_a_killed_writer_has_sent_is_swept_after_a_day(far_store, monkeypatch):
    whole = put(far_store, "whole")
    undo = killed_at(monkeypatch, far_store, MANIFEST)
    with pytest.raises(Killed):
        put(far_store, "one", VOLUME, small_volume())
    undo()
    assert len(objects(far_store)) == 2
    assert far_store.sweep() == 0, "it may be a writer that is still at it"
    days_later(monkeypatch, 1.1)
    assert far_store.sweep() == 1
    assert objects(far_store) == [whole.digest]
    assert not leftovers(far_store)
    far_store.verify(whole)


def test_what_somebody_is_sending_again_is_not_swept(far_store, monkeypatch):
    undo = killed_at(monkeypatch, far_store, MANIFEST)
    with pytest.raises(Killed):
        put(far_store, "one", VOLUME, small_volume())
    (old,) = leftovers(far_store)
    with pytest.raises(Killed):
        put(far_store, "one", VOLUME, small_volume())
    undo()
    monkeypatch.setattr(type(far_store._shelf), "_modified", lambda shelf, name: 0 if name == old else time.time())
    assert far_store.sweep() == 1
    assert len(objects(far_store)) == 1
    assert len(leftovers(far_store)) == 1


def test_what_was_finished_after_all_is_not_swept_and_nothing_but_artefacts_is(far_store, monkeypatch):
    ref = put(far_store)
    for number, name in enumerate((f"objects/{ref.digest[:2]}/{ref.digest}", "objects", "", "keys")):
        write(far_store.root / "aside" / str(number), name.encode())
    days_later(monkeypatch, 2)
    assert far_store.sweep() == 4
    far_store.verify(ref)
    assert far_store.find(key_of("one")) == ref


def test_folders_that_killed_writers_left_on_this_machine_are_swept(far_store, monkeypatch, tmp_path):
    monkeypatch.setattr(bucket_module.tempfile, "tempdir", str(tmp_path))
    old, young, other = (tmp_path / name for name in (f"{TEMPORARY}old", f"{TEMPORARY}young", "other"))
    for folder in (old, young, other):
        write(folder / "data.json", b"{}")
        long_ago = time.time() - (0 if folder == young else 2 * ABANDONED_SECONDS)
        os.utime(folder, (long_ago, long_ago))
    assert far_store.sweep() == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", young.name]
    put(far_store)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", young.name], "a writer leaves nothing here"


def test_a_sweep_passes_over_what_another_has_just_finished_or_removed(far_store, monkeypatch, tmp_path):
    monkeypatch.setattr(type(far_store._shelf), "listing", lambda shelf, folder: {"finished": 64})
    assert far_store.sweep() == 0
    assert sweep_old([tmp_path / "gone"]) == 0


def test_a_volume_is_read_lazily_and_only_the_chunks_that_are_asked_for(far_store, requests, big_volume):
    back = far_store.open(put(far_store, "one", VOLUME, big_volume))
    requests.made.clear()
    shown = back.isel(z=35, y=slice(0, 10), x=slice(0, 10)).values
    asked = [(name, part) for _, name, part in requests.made]
    assert all("/voxels/c/" in name and part.startswith("bytes=") for name, part in asked), "parts of one object"
    assert len(asked) == 2, "the index of the shard, and one chunk of eighteen"
    np.testing.assert_array_equal(shown, big_volume.values[35, :10, :10])
    np.testing.assert_array_equal(back.values, big_volume.values)


def test_a_volume_is_opened_without_a_listing(far_store, requests):
    ref = put(far_store, "one", VOLUME, small_volume())
    requests.made.clear()
    far_store.open(ref)
    assert requests.methods().count("list_objects_v2") == 1, "that of its sizes"


def test_a_large_object_is_sent_and_verified_in_parts(far_store, requests, monkeypatch):
    monkeypatch.setattr(bucket_module, "PART_BYTES", 5 * 2**20)  # the least that S3 takes
    noise = np.random.default_rng(0).integers(-30000, 30000, (32, 420, 420), dtype="int16")
    image = small_volume(noise.shape).copy(data=noise)
    ref = put(far_store, "one", VOLUME, image)
    assert requests.methods().count("upload_part") >= 2
    far_store.verify(ref)
    parts = {part for _, name, part in requests.made if "/voxels/c/" in name}
    assert len(parts) >= 2
    np.testing.assert_array_equal(far_store.open(ref).values[:, 200], noise[:, 200])


def test_many_keys_are_asked_for_at_once_and_answered_in_order(any_store):
    refs = [put(any_store, str(number), value=f"<p>{number % 3}</p>") for number in range(7)]
    keys = [key_of(str(number)) for number in range(8)]
    assert any_store.each(any_store.find, keys) == [*refs, None]
    assert any_store.each(any_store.find, []) == []
    assert [len(records) for records in any_store.each(any_store.records, refs[:3])] == [3, 2, 2]


def test_writers_of_one_process_end_well(far_store):
    values = [np.full((2, 3, 4), number % 2, dtype="int16") for number in range(12)]
    image = small_volume((2, 3, 4))
    with ThreadPoolExecutor(6) as pool:
        refs = list(
            pool.map(lambda pair: put(far_store, str(pair[0]), VOLUME, image.copy(data=pair[1])), enumerate(values))
        )
    assert len(set(refs)) == 2
    assert far_store.each(far_store.find, [key_of(str(number)) for number in range(12)]) == refs
    assert sum(len(far_store.records(ref)) for ref in set(refs)) == 12
    for ref in set(refs):
        far_store.verify(ref)
    assert not leftovers(far_store)


def test_writers_of_other_processes_write_the_same_artefact(far_store):
    mine = put(far_store, "mine", VOLUME, small_volume())
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        theirs = [pool.submit(put, far_store, word, VOLUME, small_volume()) for word in ("one", "two")]
        assert [future.result() for future in theirs] == [mine, mine]
    assert {record.item for record in far_store.records(mine)} == {"mine", "one", "two"}
    far_store.verify(mine)


def test_a_store_copied_from_a_folder_to_a_bucket_is_the_same_store(near_store, far_store):
    refs = {kind.name: put(near_store, kind.name, kind, value) for kind, value in every_form(backwards=False)}
    for name, content in near_store.files():
        write(far_store.root / name, content)
    assert {name: far_store.find(key_of(name)) for name in refs} == refs
    for ref in refs.values():
        far_store.verify(ref)
        assert far_store.records(ref) == near_store.records(ref)


def test_a_place_can_be_tried_and_nothing_is_left_of_that(any_store, bucket):
    any_store.probe()
    assert list(any_store.files()) == []
    with pytest.raises(FileNotFoundError):
        Store(place(f"{bucket}-that-is-not-there/x")).probe()


def test_a_storage_that_does_not_answer_is_an_error_that_may_pass(bucket, big_volume):
    def with_endpoint(url):
        return UPath(f"{bucket}/x", endpoint_url=url, max_concurrency=1, config_kwargs={"retries": {"max_attempts": 0}})

    silent = Store(with_endpoint("http://127.0.0.1:9"))
    for ask in (silent.probe, silent.sweep, lambda: silent.find(key_of("one")), lambda: list(silent.artefacts())):
        with pytest.raises(ConnectionError, match="did not answer"):
            ask()
    with pytest.raises(ConnectionError, match="did not answer"):
        silent.put(REPORT, PAGE, recorded())


def test_a_storage_that_falls_silent_while_a_volume_is_read_is_an_error_that_may_pass(
    far_store, monkeypatch, big_volume
):
    import s3fs
    from botocore.exceptions import EndpointConnectionError

    back = far_store.open(put(far_store, "one", VOLUME, big_volume))

    async def silent(*arguments, **named):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", silent)
    with pytest.raises(ConnectionError, match="did not answer"):
        back.isel(z=0).load()


def test_the_temporary_folders_are_swept_once_in_a_process(far_store, monkeypatch, tmp_path):
    monkeypatch.setattr(bucket_module.tempfile, "tempdir", str(tmp_path))
    bucket_module._sweep_this_machine.cache_clear()
    old = Path(tmp_path / f"{TEMPORARY}old")
    old.mkdir()
    os.utime(old, (0, 0))
    put(far_store)
    assert not old.exists()
