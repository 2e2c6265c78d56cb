"""A digest of the report leads its owner to the file."""

from __future__ import annotations

import hashlib
import zipfile

import pytest

from data_catalog.errors import PlanError
from flows.locate import locate
from tasks.sources.files import walk
from tasks.sources.refusals import place_key


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "one").write_bytes(b"one")
    (tmp_path / "scans" / "copy").write_bytes(b"one")
    with zipfile.ZipFile(tmp_path / "scans" / "z.zip", "w") as archive:
        archive.writestr("two", b"two")
    return tmp_path / "scans"


def sha(data):
    return hashlib.sha256(data).hexdigest()


def test_every_copy_of_a_file_is_found(folder):
    found = list(locate([folder], [sha(b"one")[:12]]))
    assert found == [(sha(b"one"), str(folder / "copy")), (sha(b"one"), str(folder / "one"))]


def test_a_member_is_found_in_its_archive(folder):
    assert list(locate([folder], [sha(b"two")])) == [(sha(b"two"), f"{folder / 'z.zip'}!two")]


def test_what_a_walk_refuses_is_found_by_the_name_of_its_place(folder):
    (folder / "cut.zip").write_bytes(b"PK no archive")
    with zipfile.ZipFile(folder / "leaving.zip", "w") as archive:
        archive.writestr("../out", b"x")
    places = [str(folder / "cut.zip"), f"{folder / 'leaving.zip'}!../out"]
    for place in places:
        key = place_key(place)
        assert any(key in str(problem) for problem in walk(folder).problems)
        assert list(locate([folder], [key])) == [(key, place)]


def test_a_file_is_found_by_the_name_of_its_place_too(folder):
    file = next(file for file in walk(folder).files if file.name == "one")
    assert list(locate([folder], [file.key])) == [(file.key, str(folder / "one"))]


def test_what_is_not_there_is_not_found(folder):
    assert list(locate([folder], ["0" * 12])) == []


@pytest.mark.parametrize("digest", ["", "12345", "xyzxyz", "ABCDEF0"])
def test_what_is_no_digest_is_refused(folder, digest):
    with pytest.raises(PlanError, match="at least 6 digits"):
        list(locate([folder], [digest]))
