"""Files are listed, and scanned for their headers or names, without an identity and without their pixels."""

from __future__ import annotations

import hashlib
import os
import zipfile

import pytest
from pydicom.dataset import Dataset

from data_catalog.errors import BadData
from data_catalog.store import Store
from tasks import scan as scanning
from tasks.formats.content import Held
from tasks.formats.identities import Identities
from tasks.scan import UNREAD, list_files, scan_dicom
from tasks.sources.files import walk
from tasks.stage import Sources
from tests.tasks.conftest import NAME, PATIENT, axial, dicom, run

SLICES = [axial(z, value) for z, value in ((6.0, 30), (0.0, 10), (3.0, 20))]


def put_files(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def sizes_of(listings):
    return sorted(len(listing.files) for listing in listings)


def test_a_folder_is_listed_by_subfolders_and_archives(tmp_path, who):
    root = put_files(tmp_path / "in", {"a/1": b"1", "a/deep/2": b"2", "b/3": b"3", "loose": b"4"})
    with zipfile.ZipFile(root / "z.zip", "w") as archive:
        archive.writestr("5", b"5")
    listings, refusals, _ = list_files(root, who)
    assert sizes_of(listings) == [1, 1, 1, 2]
    assert refusals == []
    assert len({listing.stamp for listing in listings}) == 4
    assert "/" not in repr(listings)


def test_a_large_folder_is_several_listings(tmp_path, who, monkeypatch):
    monkeypatch.setattr(scanning, "FILES_PER_LISTING", 2)
    root = put_files(tmp_path / "in", {f"a/{number}": b"1" for number in range(5)})
    assert sizes_of(list_files(root, who)[0]) == [1, 2, 2]


def test_what_else_lies_in_a_folder_may_be_left_out(tmp_path, who):
    root = put_files(tmp_path / "in", {"a/1": b"1", "a/b": b"1", "b/a": b"3", "loose": b"4", "more": b"5"})
    (root / "bad.zip").write_bytes(b"no archive")
    listings, refusals, _ = list_files(root, who, {"a", "loose"})
    assert (sizes_of(listings), refusals) == ([1, 2], [])
    assert list_files(root, who, set()) == ([], [], ())


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a/1").write_bytes(b"11"),
        lambda root: (root / "a/3").write_bytes(b"3"),
        lambda root: (root / "a/1").unlink(),
        lambda root: (root / "a/1").rename(root / "a/0"),
    ],
    ids=["written", "added", "removed", "renamed"],
)
def test_the_stamp_of_a_listing_tells_a_change_and_no_name(tmp_path, who, change):
    root = put_files(tmp_path / "in", {"a/1": b"1", "a/2": b"2", "b/1": b"1"})
    before = [listing.stamp for listing in list_files(root, who)[0]]
    assert [listing.stamp for listing in list_files(root, who)[0]] == before
    change(root)
    after = [listing.stamp for listing in list_files(root, who)[0]]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_the_stamp_depends_on_the_key_of_the_study(tmp_path, who):
    root = put_files(tmp_path / "in", {"a": b"1"})
    (mine,), *_ = list_files(root, who)
    (other,), *_ = list_files(root, Identities(b"another key for tests, 32 bytes."))
    assert mine.stamp != other.stamp


def test_what_cannot_be_listed_is_a_refusal(tmp_path, who):
    root = put_files(tmp_path / "in", {f"{NAME}.zip": b"no archive", "kept": b"1"})
    listings, (refusal,), lost = list_files(root, who)
    assert sizes_of(listings) == [1]
    assert (refusal.verdict, refusal.item, refusal.files) == ("corrupt_file", "file", ())
    assert lost == (f"{NAME}/",), "all that the archive would have held"
    assert NAME not in refusal.model_dump_json()


def test_headers_are_read_without_identities(who):
    files = [(None, Held(SLICES[0])), (None, Held(b"no dicom")), (None, BadData("gone", "e", "c", "r"))]
    contents = scan_dicom.function(files, identities=who)
    first, second, third = contents.files
    assert first.dicom.patient == who.pseudonym(PATIENT)
    assert (first.digest, first.head) == first.known == first.dicom.known
    assert first.head == len(SLICES[0]) - 4 * 5 * 2, "it is known by all that stands before its pixels"
    assert second.dicom is None
    whole = hashlib.sha256(b"no dicom").hexdigest()
    assert (second.refusal.files, second.refusal.item) == ((whole,), f"file {whole[:12]}")
    assert (third.digest, third.refusal.verdict, third.refusal.files) == (UNREAD, "gone", ())
    text = contents.model_dump_json()
    assert not [secret for secret in (NAME, PATIENT, "ZEBRA", "20240131") if secret in text]


def test_files_of_a_series_whose_headers_are_refused_say_whose_they_are(who):
    files = [axial(z, int(z), RescaleSlope=0) for z in (0.0, 3.0)]
    contents = scan_dicom.function([(None, Held(data)) for data in files], identities=who)
    (first, second) = contents.files
    assert first.whose == second.whose
    assert first.refusal.item == second.refusal.item == f"{who.pseudonym(PATIENT)}/CT/{first.whose.series[:6]}"
    assert (first.refusal.verdict, first.refusal.came) == ("bad_element", "it is 0")
    assert PATIENT not in contents.model_dump_json()


def test_a_directory_of_files_is_no_file_of_a_patient(who):
    directory = dicom(PatientID="", DirectoryRecordSequence=[Dataset()])
    (only,) = scan_dicom.function([(None, Held(directory))], identities=who).files
    assert (only.refusal.verdict, only.whose) == ("media_directory", None)


class Beginning(Held):
    """Be a file of which only the beginning may be read."""

    def read(self):
        raise AssertionError

    digest = read

    def range(self, start, stop):
        assert stop <= 1 << 16
        return super().range(start, stop)


def test_no_file_is_read_whole_by_a_scan(tmp_path, who):
    root = put_files(tmp_path / "in", {f"{number}.dcm": data for number, data in enumerate(SLICES)})
    files = [(file, Beginning(file.read() + bytes(1 << 20))) for file in walk(root).files]
    assert all(facts.dicom for facts in scan_dicom.function(files, identities=who).files)


def test_names_that_are_no_text_do_not_stop_a_listing(tmp_path, who):
    (tmp_path / os.fsdecode(b"M\xfcller")).write_bytes(b"1")
    (listing,), *_ = list_files(tmp_path, who)
    assert run(Store(tmp_path / "store"), scan_dicom.job("0", {"listing": listing}, {"identities": who})).ref


def test_a_file_that_goes_away_during_a_scan_ends_it_for_now(tmp_path, who, store):
    root = put_files(tmp_path / "in", {"a": SLICES[0], "b": SLICES[1]})
    (listing,), *_ = list_files(root, who)
    job = scan_dicom.job("0", {"listing": listing}, {"identities": who})
    (root / "b").rename(root / "c")
    assert run(store, job).refusal.verdict == "source_gone"
    (root / "c").rename(root / "b")
    assert run(store, job).how == "computed", "the refusal was not kept"


def scanned(root, who):
    """Return the files of a folder as an input of who reads them, by what they are known."""
    (listing,), *_ = list_files(root, who)
    facts = scan_dicom.function(listing.read(), identities=who).files
    return Sources.known_by((file, one.known) for file, one in zip(listing.files, facts, strict=True))


def test_what_was_scanned_is_read(tmp_path, who):
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate(SLICES):
            archive.writestr(str(number), data)
    assert [content.read() for content in scanned(tmp_path, who).read()] == SLICES
