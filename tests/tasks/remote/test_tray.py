"""A series on disk: seen when it is whole, private, and never half."""

from __future__ import annotations

import stat

import pytest
from pydicom.uid import generate_uid

from tasks.remote.archive import Denied
from tasks.remote.tray import Tray, file_name, named, private_folder, remove_others, stamp_of, write_whole
from tests.tasks.conftest import axial, dicom


@pytest.fixture
def tray(tmp_path):
    return Tray(tmp_path / "source", "ab12")


def filled(tray, *uids):
    tray.begin([file_name(uid) for uid in uids])
    for uid in uids:
        tray.keep(uid, [b"content of ", uid.encode()])
    return tray


def test_a_series_is_there_only_when_it_is_finished(tray):
    filled(tray, "1.2", "1.3")
    assert tray.held() == {file_name("1.2"), file_name("1.3")}
    assert not tray.ready.exists()
    assert tray.manifest() is None
    assert tray.finish() == 2 * len("content of 1.2")
    assert set(tray.manifest()) == {file_name("1.2"), file_name("1.3")}
    assert (tray.ready / file_name("1.3")).read_bytes() == b"content of 1.3"
    assert not tray.incoming.exists()


def test_beginning_again_takes_the_series_out_of_sight_and_keeps_what_is_still_wanted(tray):
    filled(tray, "1.2", "1.3", "1.4").finish()
    (tray.ready / file_name("1.3")).write_bytes(b"changed")
    tray.begin([file_name("1.2"), file_name("1.3")])
    assert not tray.ready.exists()
    assert tray.held() == {file_name("1.2")}, "one was changed, one is not wanted any more"


def test_without_its_manifest_nothing_of_a_series_is_trusted(tray):
    filled(tray, "1.2").finish()
    (tray.ready / ".manifest.json").write_text("{}", encoding="ascii")
    assert tray.manifest() is None
    tray.begin([file_name("1.2")])
    assert tray.held() == set()


def test_a_part_that_a_killed_run_has_left_is_neither_held_nor_kept(tray):
    filled(tray, "1.2")
    (tray.incoming / f"{file_name('1.3')}.part").write_bytes(b"half")
    assert tray.held() == {file_name("1.2")}
    tray.finish()
    assert [path.suffix for path in tray.ready.iterdir() if not path.name.startswith(".")] == [".dcm"]


def test_a_file_that_cannot_be_written_to_its_end_is_not_there(tmp_path):
    def breaking():
        yield b"some"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        write_whole(tmp_path / "one.dcm", breaking())
    assert not (tmp_path / "one.dcm").exists()


def test_what_another_question_has_brought_is_taken_over_without_a_copy(tmp_path):
    first = filled(Tray(tmp_path / "a-1", "ab12"), "1.2", "1.3")
    first.finish()
    second = Tray(tmp_path / "a-2", "ab12")
    second.begin([file_name("1.2")], first)
    assert second.held() == {file_name("1.2")}
    assert (second.incoming / file_name("1.2")).stat().st_nlink == 2
    assert first.manifest() is not None


def test_folders_are_the_owners_alone_with_those_above(tmp_path):
    made = private_folder(tmp_path / "a" / "b")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (made, made.parent)] == [0o700, 0o700]
    assert private_folder(made) == made


def test_series_that_are_gone_are_removed_wherever_they_stood(tmp_path):
    root = tmp_path / "source"
    filled(Tray(root, "kept"), "1").finish()
    filled(Tray(root, "gone"), "1").finish()
    filled(Tray(root, "half"), "1")
    assert remove_others(root, ["kept"]) == 2
    assert sorted(path.name for path in root.iterdir()) == [".incoming", "kept"]
    assert remove_others(tmp_path / "nothing", []) == 0


def test_the_stamp_of_a_source_changes_with_its_whole_series_alone(tmp_path):
    root = tmp_path / "source"
    assert stamp_of(root) == ""
    one = filled(Tray(root, "one"), "1")
    assert stamp_of(root) == ""
    one.finish()
    first = stamp_of(root)
    assert first
    half = filled(Tray(root, "two"), "1")
    assert stamp_of(root) == first
    half.finish()
    assert stamp_of(root) not in {"", first}


def test_an_instance_is_named_by_the_head_of_its_file_however_it_comes():
    uid = generate_uid()
    content = dicom(SOPInstanceUID=uid, PatientName="X" * 60)
    for size in (1, 50, 10_000):
        chunks = [content[start : start + size] for start in range(0, len(content), size)]
        found, rest = named(chunks)
        assert found == uid
        assert b"".join(rest) == content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>" * 100,
        b"\0" * 200_000,
        axial(0.0, 1)[:140],
        b"\0" * 128 + b"DICM" + b"\2\0\1\0OB\0\0" + b"\xff" * 99,
    ],
    ids=["nothing", "a page", "zeros", "a cut head", "a length beyond the end"],
)
def test_what_is_no_dicom_file_is_refused(content):
    with pytest.raises(Denied, match="something else"):
        named([content])


def test_a_file_whose_head_names_no_instance_has_no_name():
    bare = b"\0" * 128 + b"DICM" + b"\x08\0\5\0CS\0\0" + b"\0" * 20
    assert named([bare])[0] == ""
