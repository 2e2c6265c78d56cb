"""A drop folder: complete studies are taken, others left for later, whatever the clocks of copies say."""

from __future__ import annotations

import os
import time

import pytest

from data_catalog.errors import PlanError
from tasks.sources.drop import DropFolderSource, deliveries


@pytest.fixture
def drop(tmp_path):
    """Return the function that tells what is complete so many seconds from now, by name."""
    folder = tmp_path / "drop"
    folder.mkdir()

    def told(seconds=0.0, quiet_s=60):
        return deliveries(DropFolderSource(path=folder, quiet_s=quiet_s), time.time() + seconds)

    told.folder = folder
    return told


def put(path, content=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(found):
    return sorted(found.complete)


def test_a_study_is_complete_when_nothing_of_it_has_changed_for_a_while(drop):
    put(drop.folder / "one" / "series" / "a.dcm")
    assert (names(drop(0)), drop(0).waiting) == ([], 1)
    assert (names(drop(59)), drop(59).waiting) == ([], 1)
    assert (names(drop(61)), len(drop(61).stamps), drop(61).waiting) == (["one"], 1, 0)
    assert names(drop(0, quiet_s=0)) == ["one"]


def test_a_study_that_is_still_written_to_waits_alone(drop):
    put(drop.folder / "old" / "a.dcm")
    time.sleep(0.05)
    changed = put(drop.folder / "new" / "a.dcm").stat().st_ctime
    found = deliveries(DropFolderSource(path=drop.folder, quiet_s=60), changed + 59.97)
    assert (names(found), found.waiting) == (["old"], 1)


def test_a_copy_that_keeps_the_time_of_its_original_is_still_new(drop):
    path = put(drop.folder / "one" / "a.dcm")
    os.utime(path, (0, 0))
    assert drop(30).waiting == 1
    os.utime(path, (4e9, 4e9))
    assert len(drop(61).stamps) == 1, "nor does one of the future hold it up"


@pytest.mark.parametrize("mark", ["one/.done", "one.done"])
def test_a_mark_makes_a_study_complete_at_once_until_it_is_written_to_again(drop, mark):
    put(drop.folder / "one" / "a.dcm")
    put(drop.folder / "two" / "a.dcm")
    put(drop.folder / mark, b"")
    assert names(drop()) == ["one"]
    time.sleep(0.02)
    put(drop.folder / "one" / "b.dcm")
    assert names(drop()) == []
    assert drop().waiting == 2


def test_an_archive_is_a_study_and_loose_files_are_one_together(drop):
    for name in ("a.zip", "b.tar.gz", "c.dcm", "d.dcm"):
        put(drop.folder / name)
    put(drop.folder / "a.zip.done", b"")
    assert names(drop()) == ["a.zip"]
    assert (len(drop(61).stamps), names(drop(61))) == (3, ["a.zip", "b.tar.gz", "c.dcm", "d.dcm"])
    put(drop.folder / ".done", b"")
    assert names(drop()) == ["a.zip", "c.dcm", "d.dcm"]


def test_hidden_files_and_empty_folders_are_no_studies(drop):
    (drop.folder / "empty").mkdir()
    put(drop.folder / ".hidden")
    put(drop.folder / ".git" / "x")
    put(drop.folder / "only" / ".DS_Store")
    assert (len(drop(61).stamps), drop(61).waiting) == (0, 0)


def test_each_complete_study_has_a_stamp_that_changes_with_it(drop):
    put(drop.folder / "one" / "a.dcm")
    put(drop.folder / "one.done", b"")
    (first,) = drop().stamps
    put(drop.folder / "two" / "a.dcm")
    assert drop().stamps == {first}
    put(drop.folder / "two.done", b"")
    (second,) = drop().stamps - {first}
    put(drop.folder / "two" / "a.dcm", b"longer")
    put(drop.folder / "two.done", b"")
    assert first in drop().stamps
    assert second not in drop().stamps


def test_what_lies_there_is_told_without_its_names(drop):
    put(drop.folder / "ZEBRAFISH" / "a.dcm")
    assert "ZEBRAFISH" not in repr(drop(61))


def test_a_folder_that_is_not_there_is_empty_and_one_that_is_none_is_said_to_be(drop, tmp_path):
    drop.folder.rmdir()
    assert len(drop().stamps) == 0
    put(drop.folder)
    with pytest.raises(PlanError, match="listed"):
        drop()


def test_a_file_that_goes_while_it_is_looked_at_is_passed_over(drop, monkeypatch):
    gone = put(drop.folder / "one" / "a.dcm")
    put(drop.folder / "one" / "b.dcm")
    real = type(gone).lstat

    def lstat(path):
        if path.name == "a.dcm":
            raise FileNotFoundError
        return real(path)

    monkeypatch.setattr(type(gone), "lstat", lstat)
    assert len(drop(61).stamps) == 1
