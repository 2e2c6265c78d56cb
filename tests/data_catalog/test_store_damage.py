"""An artefact is there whole or not at all, whoever is killed and whatever is damaged."""

import os
import shutil
import time
from pathlib import Path

import pytest

from data_catalog import layout
from data_catalog.errors import StoreError
from data_catalog.kinds import REPORT, VOLUME
from data_catalog.manifest import MANIFEST, Manifest, is_data, parse_manifest, sha256_of
from data_catalog.shelf import ABANDONED_SECONDS
from tests.data_catalog.conftest import PAGE, delete, key_of, leftovers, objects, put, small_volume


class Killed(BaseException):
    """Stand for what ends a process in the middle of something."""


def killed(*_):
    raise Killed


def write_half(kind, value, folder, compression):
    group = folder / "data.zarr" / "voxels"
    group.mkdir(parents=True)
    (group / "zarr.json").write_bytes(b"{")
    raise Killed


@pytest.fixture
def killed_while_writing(monkeypatch):
    """Let the writer of volumes stop half-way, as a process that is killed: nobody tidies up."""
    with monkeypatch.context() as patch:
        patch.setattr(layout, "write_grid", write_half)
        patch.setattr(shutil, "rmtree", lambda *arguments, **named: None)
        yield patch


def test_a_writer_that_fails_half_way_leaves_nothing(store, monkeypatch):
    monkeypatch.setattr(layout, "write_grid", write_half)
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


def test_a_store_that_is_not_there_yet_is_empty(any_store):
    assert any_store.sweep() == 0
    assert any_store.find(key_of("one")) is None
    assert list(any_store.artefacts()) == []
    assert not any_store.root.exists(), "looking makes nothing"


def test_a_record_that_cannot_be_made_publishes_nothing(store):
    with pytest.raises(Killed):
        store.put(REPORT, PAGE, killed)
    assert objects(store) == []
    assert not leftovers(store)


def test_a_writer_killed_before_the_key_leaves_an_artefact_with_its_record(store, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(store, "_write_key", killed)
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

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(Killed):
        put(store)
    assert store.find(key_of("one")) == ref


def test_the_half_of_a_key_that_a_killed_writer_left_is_swept_after_a_day(store, monkeypatch):
    ref = put(store)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda path, **named: None)
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            put(store)
    (left,) = leftovers(store)
    assert left.startswith("aside/"), "nothing lies about among keys and records"
    assert store.sweep() == 0
    os.utime(store.root / left, (0, 0))
    assert store.sweep() == 1
    assert not leftovers(store)
    assert store.find(key_of("one")) == ref


def data_of(store, ref):
    """Return the largest file of a volume's voxels."""
    sizes = {name: len(content) for name, content in store.files() if ref.digest in name and "/voxels/c/" in name}
    return store.root / max(sizes, key=sizes.__getitem__)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


DAMAGES = {
    "a truncated file": lambda store, ref: truncate(data_of(store, ref)),
    "an emptied file": lambda store, ref: data_of(store, ref).write_bytes(b""),
    "a longer file": lambda store, ref: data_of(store, ref).write_bytes(data_of(store, ref).read_bytes() + b"0"),
    "a missing file": lambda store, ref: data_of(store, ref).unlink(),
    "missing data": lambda store, ref: delete(store.folder(ref.digest) / "data.zarr"),
    "no manifest": lambda store, ref: (store.folder(ref.digest) / MANIFEST).unlink(),
    "a truncated manifest": lambda store, ref: truncate(store.folder(ref.digest) / MANIFEST),
    "an empty manifest": lambda store, ref: (store.folder(ref.digest) / MANIFEST).write_bytes(b""),
    "nothing at all": lambda store, ref: delete(store.folder(ref.digest)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_artefact_is_not_held_and_the_next_put_replaces_it(any_store, damage):
    other = put(any_store, "other")
    ref = put(any_store, "one", VOLUME, small_volume())
    damage(any_store, ref)
    assert not any_store.holds(ref)
    assert any_store.find(key_of("one")) is None
    assert list(any_store.artefacts()) == [other]
    with pytest.raises(StoreError, match=f"holds {ref.short} whole"):
        any_store.open(ref)
    with pytest.raises(StoreError):
        any_store.verify(ref)
    assert put(any_store, "one", VOLUME, small_volume()) == ref
    any_store.verify(ref)
    assert any_store.find(key_of("one")) == ref
    assert any_store.open(ref).equals(small_volume())
    assert not leftovers(any_store)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def swap(path):
    """Change a digest in a manifest, and leave all sizes."""
    held = parse_manifest(path.read_bytes())
    other = {name: (size, digest[::-1]) for name, (size, digest) in held.files.items()}
    path.write_bytes(Manifest(kind=held.kind, files=other).encoded())


def manifest(store, ref):
    """Return what the manifest of a volume would be, were its files as they are now."""
    prefix = f"objects/{ref.digest[:2]}/{ref.digest}/"
    names = {name.removeprefix(prefix): content for name, content in store.files() if name.startswith(prefix)}
    data = {name: (len(content), sha256_of([content])) for name, content in names.items() if is_data(name)}
    return Manifest(kind="volume", files=data).encoded()


def forge(store, ref):
    """Change the data and the manifest alike: only the name of the folder tells."""
    folder = store.folder(ref.digest)
    flip(data_of(store, ref))
    (folder / MANIFEST).write_bytes(manifest(store, ref))


SAME_SIZE = {
    "a flipped bit": lambda store, ref: flip(data_of(store, ref)),
    "a further file": lambda store, ref: (store.folder(ref.digest) / "data.zarr" / "more").write_bytes(b"1"),
    "data and manifest forged": forge,
    "a manifest of other digests": lambda store, ref: swap(store.folder(ref.digest) / MANIFEST),
}


@pytest.mark.parametrize("damage", SAME_SIZE.values(), ids=SAME_SIZE)
def test_damage_that_keeps_the_sizes_is_found_by_reading_every_byte_and_replaced(any_store, damage):
    ref = put(any_store, "one", VOLUME, small_volume())
    any_store.verify(ref)
    damage(any_store, ref)
    with pytest.raises(StoreError, match=r"has changed|is none of its files|is of something else"):
        any_store.verify(ref)
    assert put(any_store, "one", VOLUME, small_volume()) == ref
    any_store.verify(ref)


def test_a_manifest_that_hides_a_missing_file_does_not_pass(any_store):
    ref = put(any_store, "one", VOLUME, small_volume())
    folder = any_store.folder(ref.digest)
    data_of(any_store, ref).unlink()
    (folder / MANIFEST).write_bytes(manifest(any_store, ref))
    with pytest.raises(StoreError):
        any_store.verify(ref)


@pytest.mark.parametrize("content", [b"", b"{", b'{"kind": "report"}'])
def test_a_damaged_key_is_no_key(any_store, content):
    ref = put(any_store)
    (any_store.root / "keys" / key_of("one")[:2] / key_of("one")).write_bytes(content)
    assert any_store.find(key_of("one")) is None
    assert put(any_store) == ref
    assert any_store.find(key_of("one")) == ref


def test_a_writer_whom_another_was_ahead_of_adds_its_record(store, monkeypatch):
    def too_late(folder, target):
        shutil.copytree(folder, target)
        raise OSError(39, "Directory not empty")

    put(store, "other", value="<p>other</p>")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", too_late)
        ref = put(store)
    store.verify(ref)
    assert [record.item for record in store.records(ref)] == ["one"]
    assert not leftovers(store)


def test_a_full_disk_is_an_error_and_no_artefact(store, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"):
        put(store)
    assert store.find(key_of("one")) is None
    assert not leftovers(store)
