"""Files are known at the scan by their beginning, and in the record by all their bytes."""

from __future__ import annotations

import hashlib
import os
import pickle
import zipfile
from dataclasses import replace

import pytest

from data_catalog import layout
from data_catalog.errors import BadData
from data_catalog.kinds import TABLE
from tasks.formats.content import fingerprint
from tasks.sources.contents import OnDisk
from tasks.sources.files import walk
from tasks.stage import Sources
from tests.tasks.conftest import run

BEGIN, REST = b"header" * 10, b"pixels" * 100_000
DATA = BEGIN + REST


@pytest.fixture
def scanned(tmp_path):
    """Return a function that writes a file and gives it as an input that was scanned."""

    def written(data=DATA, when=10**18, name="one"):
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(when, when))
        return Sources.known_by((file, fingerprint(data[: len(BEGIN)], len(data))) for file in walk(path).files)

    return written


def test_the_key_depends_on_the_fingerprint_and_the_stamp_and_on_no_path(steps, scanned):
    first = scanned()
    keys = {
        "first": first,
        "moved": scanned(name="two"),
        "header": scanned(b"Header" + DATA[6:]),
        "size": scanned(DATA + b"x"),
        "touched": scanned(when=10**18 + 1),
    }
    found = {what: steps.measure.job("i", {"files": files}).key for what, files in keys.items()}
    assert found["first"] == found["moved"]
    assert len(set(found.values())) == 4


def test_a_file_that_is_known_by_all_its_bytes_needs_no_stamp(steps, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(DATA)
    before = Sources.read_whole(walk(path).files)
    os.utime(path, ns=(1, 1))
    after = Sources.read_whole(walk(path).files)
    keys = [steps.measure.job("i", {"files": files}).key for files in (before, after)]
    assert keys[0] == keys[1]
    assert after.read()[0].read() == DATA


def test_the_stamp_of_a_member_is_its_checksum(steps, tmp_path):
    def zipped(data, comment):
        with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
            archive.comment = comment
            archive.writestr("one", data)
        known = fingerprint(BEGIN, len(data))
        return steps.measure.job("i", {"files": Sources.known_by((f, known) for f in walk(tmp_path / "z.zip").files)})

    first, same, other = zipped(DATA, b"1"), zipped(DATA, b"2"), zipped(DATA[:-1] + b"x", b"2")
    assert first.key == same.key != other.key


def test_the_record_names_the_digest_of_all_bytes_though_few_were_read(steps, scanned, store):
    outcome = run(store, steps.measure.job("i", {"files": scanned()}))
    (record,) = store.records(outcome.ref)
    assert record.sources == {"files": (hashlib.sha256(DATA).hexdigest(),)}


def test_digests_are_taken_after_the_artefact_was_written(steps, scanned, store, monkeypatch):
    order = []
    digest = OnDisk.digest
    monkeypatch.setattr(OnDisk, "digest", lambda self: order.append("digest") or digest(self))
    real = layout.write
    monkeypatch.setattr(layout, "write", lambda kind, *more: order.append(kind.name) or real(kind, *more))
    run(store, steps.measure.job("i", {"files": scanned()}))
    assert order == [TABLE.name, "digest"]


def test_a_touched_file_is_read_again_and_gives_the_same(steps, scanned, store):
    first = run(store, steps.measure.job("i", {"files": scanned()}))
    again = run(store, steps.measure.job("i", {"files": scanned(when=2 * 10**18)}))
    assert (again.how, again.ref) == ("computed", first.ref)
    after = [steps.total.job("i", {"tables": (one.ref,), "single": one.ref}) for one in (first, again)]
    assert [run(store, job).how for job in after] == ["computed", "reused"]


@pytest.mark.parametrize("change", ["header", "size", "time", "gone"])
def test_what_is_no_longer_what_was_scanned_is_refused_and_not_kept(steps, scanned, store, change):
    files = scanned()
    path = files.files[0].container
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes({"header": b"Header" + DATA[6:], "size": DATA + b"x", "time": DATA}[change])
        os.utime(path, ns=(1, 10**18 + (change == "time")))
    outcome = run(store, steps.measure.job("i", {"files": files}))
    assert outcome.refusal.verdict == ("source_gone" if change == "gone" else "source_changed")
    assert outcome.refusal.files == ()
    assert list(store.artefacts()) == []
    assert run(store, steps.measure.job("i", {"files": scanned()})).how == "computed"


def test_a_file_that_changes_while_its_refusal_is_written_is_one_that_changed(steps, scanned, store, monkeypatch):
    files = scanned()

    def spoilt(self):
        raise BadData("source_changed", "e", "c", "r")

    monkeypatch.setattr(OnDisk, "digest", spoilt)
    steps.TROUBLE.append(BadData("bad_file", "e", "c", "r"))
    assert run(store, steps.measure.job("i", {"files": files})).refusal.verdict == "source_changed"
    assert list(store.artefacts()) == []


def test_a_file_too_large_to_be_read_is_refused(steps, scanned, store, monkeypatch):
    monkeypatch.setattr("tasks.sources.refusals.MAX_FILE_BYTES", 10)
    outcome = run(store, steps.measure.job("i", {"files": scanned()}))
    assert (outcome.refusal.verdict, outcome.refusal.files) == ("file_too_large", ())


def test_a_refusal_names_the_digests_of_all_bytes(steps, scanned, store):
    steps.TROUBLE.append(BadData("bad_file", "e", "c", "r"))
    outcome = run(store, steps.measure.job("i", {"files": scanned()}))
    assert outcome.refusal.files == (hashlib.sha256(DATA).hexdigest(),)


def test_an_input_travels_with_what_it_is_known_by(scanned):
    files = scanned()
    assert pickle.loads(pickle.dumps(files)) == files
    assert isinstance(files.read()[0], OnDisk)
    assert replace(files, heads=(0,)) != files
