"""The store: addressed by content, whole or not there at all, and honest about damage."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_catalog import layout
from data_catalog import store as store_module
from data_catalog.errors import BadData, StoreError
from data_catalog.kinds import COHORT, DETECTIONS, MODEL, REPORT, STUDY, TABLE, VOLUME
from data_catalog.refs import Ref, Study
from data_catalog.store import ABANDONED_SECONDS, MANIFEST, Store
from tests.data_catalog.conftest import every_form, key_of, recorded, small_volume

PAGE = "<p>What was found.</p>"


def put(store, word="one", kind=REPORT, value=PAGE, **changes):
    return store.put(kind, value, recorded(word, **changes))


def objects(store):
    return sorted(path.name for path in store.root.glob("objects/*/*"))


def leftovers(store):
    """Return what lies about beside artefacts and keys."""
    return [path for path in store.root.rglob("*") if path.parent.name == "aside" or path.name.startswith(".")]


def test_what_was_put_is_found_by_its_key_and_opened(store):
    ref = put(store, "one")
    assert store.find(key_of("one")) == ref
    assert store.find(key_of("two")) is None
    assert store.open(ref) == PAGE
    assert (ref.kind, len(ref.digest)) == ("report", 64)
    assert not leftovers(store)


def test_the_same_content_twice_is_one_artefact_with_two_records(store):
    first = put(store, "one", started="2026-01-02T00:00:00.000+00:00")
    second = put(store, "two", started="2026-01-01T00:00:00.000+00:00")
    assert first == second
    assert objects(store) == [first.digest]
    assert [record.item for record in store.records(first)] == ["two", "one"], "the oldest first"
    assert store.find(key_of("one")) == store.find(key_of("two")) == first
    assert not leftovers(store)


def test_the_same_work_twice_has_one_record(store):
    ref = put(store)
    put(store)
    assert [record.key for record in store.records(ref)] == [key_of("one")]


def test_other_content_is_another_artefact(store):
    assert put(store, "one").digest != put(store, "two", value=PAGE + " ").digest
    assert len(objects(store)) == 2


def test_the_same_table_as_another_kind_is_another_artefact(store):
    table = pd.DataFrame({"a": [1.0]})
    refs = {put(store, kind.name, kind, table) for kind in (TABLE, COHORT, DETECTIONS)}
    assert len({ref.digest for ref in refs}) == 3


def test_the_digest_does_not_depend_on_where_the_store_is_or_what_made_it(store, tmp_path):
    elsewhere = Store(tmp_path / "a" / "deeper" / "store")
    assert put(store, "one", VOLUME, small_volume()) == put(elsewhere, "two", VOLUME, small_volume(), item="other")


def test_the_digest_is_that_of_the_manifest_which_holds_those_of_the_files(store):
    ref = put(store)
    manifest = (store.folder(ref.digest) / MANIFEST).read_bytes()
    page = PAGE.encode()
    assert json.loads(manifest) == {"kind": "report", "files": {"data.html": [len(page), sha256(page).hexdigest()]}}
    assert sha256(manifest).hexdigest() == ref.digest


def test_what_breaks_its_promise_leaves_nothing(store):
    with pytest.raises(BadData):
        put(store, value="")
    assert store.find(key_of("one")) is None
    assert objects(store) == []
    assert not leftovers(store)


class Killed(BaseException):
    """Stand for what ends a process in the middle of something."""


def write_half(value, folder):
    group = folder / "data.zarr" / "voxels"
    group.mkdir(parents=True)
    (group / "zarr.json").write_bytes(b"{")
    raise Killed


@pytest.fixture
def killed_while_writing(monkeypatch):
    """Let the writer of volumes stop half-way, as a process that is killed: nobody tidies up."""
    with monkeypatch.context() as patch:
        patch.setitem(layout._WRITERS, "array", write_half)
        patch.setattr(shutil, "rmtree", lambda *arguments, **named: None)
        yield patch


def test_a_writer_that_fails_half_way_leaves_nothing(store, monkeypatch):
    monkeypatch.setitem(layout._WRITERS, "array", write_half)
    with pytest.raises(Killed):
        put(store, "one", VOLUME, small_volume())
    assert store.find(key_of("one")) is None
    assert objects(store) == []
    assert not leftovers(store)


def test_a_writer_that_is_killed_half_way_leaves_nothing_that_counts(store, killed_while_writing):
    with pytest.raises(Killed):
        put(store, "one", VOLUME, small_volume())
    assert leftovers(store)
    assert store.find(key_of("one")) is None
    assert list(store.artefacts()) == []
    assert store.rebuild_keys() == 0
    killed_while_writing.undo()
    ref = put(store, "one", VOLUME, small_volume())
    store.verify(ref)
    assert store.find(key_of("one")) == ref


def test_what_a_killed_writer_left_is_swept_after_a_day(store, killed_while_writing):
    with pytest.raises(Killed):
        put(store, "one", VOLUME, small_volume())
    killed_while_writing.undo()
    assert store.sweep() == 0, "it may be a writer that is still at it"
    (left,) = (store.root / "aside").iterdir()
    old = time.time() - ABANDONED_SECONDS - 60
    os.utime(left, (old, old))
    assert store.sweep() == 1
    assert not leftovers(store)
    assert store.sweep() == 0


def test_a_store_that_is_not_there_yet_is_empty(store):
    assert store.sweep() == 0
    assert store.find(key_of("one")) is None
    assert list(store.artefacts()) == []
    assert not store.root.exists(), "looking makes nothing"


def test_a_record_that_cannot_be_made_publishes_nothing(store):
    def killed(ref):
        raise Killed

    with pytest.raises(Killed):
        store.put(REPORT, PAGE, killed)
    assert objects(store) == []
    assert not leftovers(store)


def test_a_writer_killed_before_the_key_leaves_an_artefact_with_its_record(store, monkeypatch):
    def killed(path, content):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(store, "_write", killed)
        with pytest.raises(Killed):
            put(store)
    assert store.find(key_of("one")) is None
    (ref,) = store.artefacts()
    store.verify(ref)
    assert [record.item for record in store.records(ref)] == ["one"]
    assert store.rebuild_keys() == 1
    assert store.find(key_of("one")) == ref


def test_a_writer_killed_while_it_replaces_a_key_leaves_the_old_one(store, monkeypatch):
    ref = put(store)

    def killed(aside, path):
        raise Killed

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(Killed):
        put(store)
    assert store.find(key_of("one")) == ref


def data_of(store, ref):
    """Return the largest file of a volume's data."""
    return max((store.folder(ref.digest) / "data.zarr").rglob("c/*/*/*"), key=lambda path: path.stat().st_size)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


DAMAGES = {
    "a truncated file": lambda store, ref: truncate(data_of(store, ref)),
    "an emptied file": lambda store, ref: data_of(store, ref).write_bytes(b""),
    "a longer file": lambda store, ref: data_of(store, ref).write_bytes(data_of(store, ref).read_bytes() + b"0"),
    "a missing file": lambda store, ref: data_of(store, ref).unlink(),
    "missing data": lambda store, ref: shutil.rmtree(store.folder(ref.digest) / "data.zarr"),
    "no manifest": lambda store, ref: (store.folder(ref.digest) / MANIFEST).unlink(),
    "a truncated manifest": lambda store, ref: truncate(store.folder(ref.digest) / MANIFEST),
    "an empty manifest": lambda store, ref: (store.folder(ref.digest) / MANIFEST).write_bytes(b""),
    "nothing but the folder": lambda store, ref: (
        shutil.rmtree(store.folder(ref.digest)),
        store.folder(ref.digest).mkdir(),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_artefact_is_not_held_and_the_next_put_replaces_it(store, damage):
    other = put(store, "other")
    ref = put(store, "one", VOLUME, small_volume())
    damage(store, ref)
    assert not store.holds(ref)
    assert store.find(key_of("one")) is None
    assert list(store.artefacts()) == [other]
    with pytest.raises(StoreError, match=f"holds {ref.short} whole"):
        store.open(ref)
    with pytest.raises(StoreError):
        store.verify(ref)
    assert put(store, "one", VOLUME, small_volume()) == ref
    store.verify(ref)
    assert store.find(key_of("one")) == ref
    assert store.open(ref).equals(small_volume())
    assert not leftovers(store)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def forge(store, ref):
    """Change the data and the manifest alike: only the name of the folder tells."""
    folder = store.folder(ref.digest)
    flip(data_of(store, ref))
    (folder / MANIFEST).write_bytes(store_module._seal_of(folder, VOLUME))


SAME_SIZE = {
    "a flipped bit": lambda store, ref: flip(data_of(store, ref)),
    "a further file": lambda store, ref: (store.folder(ref.digest) / "data.zarr" / "more").write_bytes(b"1"),
    "data and manifest forged": forge,
}


@pytest.mark.parametrize("damage", SAME_SIZE.values(), ids=SAME_SIZE)
def test_damage_that_keeps_the_sizes_is_found_by_reading_every_byte_and_replaced(store, damage):
    ref = put(store, "one", VOLUME, small_volume())
    store.verify(ref)
    damage(store, ref)
    with pytest.raises(StoreError, match="differ from its manifest"):
        store.verify(ref)
    assert put(store, "one", VOLUME, small_volume()) == ref
    store.verify(ref)


def test_a_manifest_that_hides_a_missing_file_does_not_pass(store):
    ref = put(store, "one", VOLUME, small_volume())
    folder = store.folder(ref.digest)
    data_of(store, ref).unlink()
    (folder / MANIFEST).write_bytes(store_module._seal_of(folder, VOLUME))
    with pytest.raises(StoreError):
        store.verify(ref)


@pytest.mark.parametrize("content", [b"", b"{", b'{"kind": "report"}'])
def test_a_damaged_key_is_no_key(store, content):
    ref = put(store)
    store._key_path(key_of("one")).write_bytes(content)
    assert store.find(key_of("one")) is None
    assert put(store) == ref
    assert store.find(key_of("one")) == ref


def test_records_are_no_part_of_the_content(store):
    ref = put(store)
    put(store, "two", parameters={"bins": 32})
    store.verify(ref)
    assert {record.item: record.parameters for record in store.records(ref)} == {"one": {}, "two": {"bins": 32}}


def test_the_index_of_keys_is_made_anew_from_the_records(store):
    words = ["one", "two", "three"]
    refs = {word: put(store, word, value=PAGE * (1 + number % 2)) for number, word in enumerate(words)}
    damaged = put(store, "damaged", value="<p>gone</p>")
    (store.folder(damaged.digest) / "data.html").unlink()
    shutil.rmtree(store.root / "keys")
    assert not any(store.find(key_of(word)) for word in words)
    assert store.rebuild_keys() == 3
    assert {word: store.find(key_of(word)) for word in words} == refs
    assert store.find(key_of("damaged")) is None


def test_artefacts_are_found_by_name_or_by_the_beginning_of_the_digest(store):
    ref = put(store)
    assert store.resolve(ref.short) == ref
    assert store.resolve(ref.digest) == ref
    assert store.resolve(ref.digest[:6]) == ref
    assert store.resolve(f"report-{ref.digest}") == ref


@pytest.mark.parametrize("name", ["", "cohort", "report-", "000000", "*" * 8, "../../../etc", "??????", "12345"])
def test_a_name_of_nothing_is_refused_with_what_to_give(store, name):
    put(store)
    with pytest.raises(StoreError, match=f"{re.escape(repr(name))} names one artefact: 0 have .* 6 characters"):
        store.resolve(name)


def test_too_short_a_beginning_is_refused_even_where_it_is_the_only_one(store):
    ref = put(store)
    with pytest.raises(StoreError, match="at least 6 characters"):
        store.resolve(ref.digest[:5])


def test_a_beginning_that_two_share_is_refused_until_it_is_longer(store):
    ref = put(store)
    twin = ref.digest[:10] + ("0" if ref.digest[10] != "0" else "1") + ref.digest[11:]
    shutil.copytree(store.folder(ref.digest), store.folder(twin))
    with pytest.raises(StoreError, match="2 have a digest that begins so"):
        store.resolve(ref.digest[:10])
    assert store.resolve(ref.digest[:11]) == ref


def test_the_data_of_an_artefact_is_one_file_or_one_zarr_group(store):
    page, image = put(store), put(store, "two", VOLUME, small_volume())
    assert store.data_file(page).read_text() == PAGE
    assert store.data_file(image).name == "data.zarr"


def test_the_store_is_for_its_owner_alone(store):
    put(store)
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700


def test_a_full_disk_is_an_error_and_no_artefact(store, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"):
        put(store)
    assert store.find(key_of("one")) is None
    assert not leftovers(store)


def test_every_form_is_put_and_opened(store):
    for kind, value in every_form(backwards=False):
        ref = put(store, kind.name, kind, value)
        store.verify(ref)
        back = store.open(ref)
        assert type(back) is type(value)
        if kind in (STUDY, REPORT):
            assert back == value
        elif kind is not MODEL:
            assert back.equals(value)
    assert len(list(store.artefacts())) == 6


CHILD = """
import sys, time
from pathlib import Path
from data_catalog.store import Store
from tests.data_catalog.conftest import every_form, recorded
folder, name = Path(sys.argv[1]), sys.argv[2]
forms = every_form(backwards=name == "backwards")
for kind, value in forms:
    print(Store(folder / name).put(kind, value, recorded(kind.name)).digest, kind.name)
(folder / f"{name}.ready").touch()
while len(list(folder.glob("*.ready"))) < 2:
    time.sleep(0.005)
for turn in range(6):
    for kind, value in forms if turn % 2 else reversed(forms):
        Store(folder / "shared").put(kind, value, recorded(f"{name}/{turn}/{kind.name}"))
"""
TURNS = 6


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """Let two processes with other seeds of hashes write the same values: each to a store, then both to one."""
    folder = tmp_path_factory.mktemp("processes")
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", CHILD, str(folder), name],
            cwd=Path(layout.__file__).parents[1],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, seed in (("forwards", "1"), ("backwards", "2"))
    ]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    return folder, said


def test_two_processes_give_the_same_values_the_same_names(two_processes):
    one, other = (sorted(said.split()) for said in two_processes[1])
    assert len(one) == 12
    assert one == other


def test_two_processes_write_the_same_bytes_whatever_the_order_of_dictionaries(two_processes):
    folder, _ = two_processes
    contents = [
        {
            path.relative_to(folder / name).as_posix(): path.read_bytes()
            for path in (folder / name / "objects").rglob("*")
            if path.is_file() and path.parent.name != "records"
        }
        for name in ("forwards", "backwards")
    ]
    assert len(contents[0]) > 15
    assert contents[0] == contents[1]


def test_two_processes_that_write_the_same_artefacts_at_once_end_well(two_processes):
    folder, said = two_processes
    store = Store(folder / "shared")
    held = list(store.artefacts())
    assert sorted(ref.digest for ref in held) == sorted(line.split()[0] for line in said[0].splitlines())
    for ref in held:
        store.verify(ref)
        assert len(store.records(ref)) == 2 * TURNS
        for record in store.records(ref):
            assert store.find(record.key) == ref
    assert not leftovers(store)


def test_writers_in_one_process_end_well_too(store):
    values = [np.full((2, 3, 4), number % 2, dtype="int16") for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        refs = list(
            pool.map(
                lambda pair: put(store, str(pair[0]), VOLUME, small_volume((2, 3, 4)).copy(data=pair[1])),
                enumerate(values),
            )
        )
    assert len(set(refs)) == 2
    assert all(one != other for one, other in pairwise(refs))
    assert [store.find(key_of(str(number))) for number in range(16)] == refs
    assert sum(len(store.records(ref)) for ref in set(refs)) == 16
    assert not leftovers(store)


def test_a_study_without_scans_is_an_artefact_like_any_other(store):
    ref = put(store, "empty", STUDY, Study(scans=()))
    assert store.open(ref) == Study(scans=())
    assert isinstance(ref, Ref)
