from __future__ import annotations

import hashlib
import os
import pickle
import stat
import zipfile
import zlib

import pytest

from data_catalog.errors import BadData, PlanError
from tasks.sources import refusals
from tasks.sources.files import read_each, walk
from tasks.sources.refusals import SourceMoved, place_key


def zipped(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def verdicts(found):
    return sorted(problem.verdict for problem in found.problems)


def test_a_folder_with_a_zip_file_drawn_by_hand(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.png").write_bytes(b"22")
    (tmp_path / "one.txt").write_bytes(b"1")
    zipped(tmp_path / "b" / "P1.zip", {"CT/0.dcm": b"333", "empty/": b""})
    found = walk(tmp_path)
    assert [(file.name, file.size) for file in found.files] == [("b/P1/CT/0.dcm", 3), ("b/two.png", 2), ("one.txt", 1)]
    assert [content.read() for _, content in read_each(found.files)] == [b"333", b"22", b"1"]
    assert [file.read() for file in found.files] == [b"333", b"22", b"1"]
    assert found.problems == ()


def test_the_root_may_be_a_zip_file_or_a_file(tmp_path):
    archive = zipped(tmp_path / "P1.ZIP", {"a": b"1"})
    (tmp_path / "x.csv").write_bytes(b"2")
    assert [file.name for file in walk(archive).files] == ["P1/a"]
    assert [file.name for file in walk(tmp_path / "x.csv").files] == ["x.csv"]


def test_what_is_no_scan_is_left_out(tmp_path):
    for name in (".hidden", "DICOMDIR", "kept"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x").write_bytes(b"1")
    zipped(tmp_path / "z.zip", {"__MACOSX/a": b"1", "DICOMDIR": b"1", "d/.b": b"1", "kept": b"1"})
    os.mkfifo(tmp_path / "pipe")
    assert [file.name for file in walk(tmp_path).files] == ["kept", "z/kept"]


def test_a_file_shows_its_size_only_and_survives_pickling(tmp_path):
    (tmp_path / "Zebrafish.dcm").write_bytes(b"12345")
    (file,) = walk(tmp_path).files
    assert repr(file) == "SourceFile(size=5)"
    assert pickle.loads(pickle.dumps(file)) == file
    assert file.modified_ns == (tmp_path / "Zebrafish.dcm").stat().st_mtime_ns
    assert file.key == place_key(tmp_path / "Zebrafish.dcm") != place_key(tmp_path / "Zebrafish.dcm", "a")


def test_the_order_does_not_depend_on_the_disk(tmp_path, monkeypatch):
    for name in "cab":
        (tmp_path / name).write_bytes(b"1")
    names = [file.name for file in walk(tmp_path).files]
    real = os.walk
    monkeypatch.setattr(os, "walk", lambda *a, **k: ((d, ds, fs[::-1]) for d, ds, fs in real(*a, **k)))
    assert names == [file.name for file in walk(tmp_path).files] == ["a", "b", "c"]


def test_the_digest_is_that_of_the_content():
    assert hashlib.sha256(b"abc").hexdigest().startswith("ba7816bf")


def test_nothing_at_the_root_is_an_error_of_the_plan(tmp_path):
    with pytest.raises(PlanError, match="nothing is there") as refusal:
        walk(tmp_path / "Zebrafish")
    assert "Zebra" not in str(refusal.value)


def test_links_may_not_leave_the_folder(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "secret").write_bytes(b"1")
    (root / "kept").write_bytes(b"1")
    (root / "file").symlink_to(outside / "secret")
    (root / "folder").symlink_to(outside)
    (root / "inner").symlink_to(root / "kept")
    (root / "loop").symlink_to(root)
    found = walk(root)
    assert [file.name for file in found.files] == ["kept"]
    assert verdicts(found) == ["link_leaves_root", "link_leaves_root"]
    assert place_key(root / "file") in str(found.problems[0]) + str(found.problems[1])


def info(name, mode=0):
    member = zipfile.ZipInfo(name, date_time=(2024, 1, 2, 3, 4, 6))
    member.external_attr = mode << 16
    return member


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc/passwd", "..\\up", "C:/x"])
def test_members_may_not_leave_their_folder(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(info(name), b"1")
        archive.writestr(info("kept"), b"1")
    found = walk(tmp_path)
    assert [file.name for file in found.files] == ["z/kept"]
    assert verdicts(found) == ["path_traversal"]
    assert name not in str(found.problems[0])


def test_links_and_zip_files_in_zip_files_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(info("link", stat.S_IFLNK | 0o777), b"/etc/passwd")
        archive.writestr(info("inner.zip"), b"PK")
    assert verdicts(walk(tmp_path)) == ["link_in_zip", "zip_in_zip"]


def test_encrypted_members_are_refused(tmp_path):
    path = zipped(tmp_path / "z.zip", {"a": b"1"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    assert verdicts(walk(tmp_path)) == ["encrypted_zip"]


def test_a_bomb_is_refused_and_a_small_empty_slice_is_none(tmp_path, monkeypatch):
    zipped(tmp_path / "z.zip", {"slice": b"\0" * 300_000})
    assert [file.size for file in walk(tmp_path).files] == [300_000]
    monkeypatch.setattr(refusals, "RATIO_FLOOR", 1000)
    assert verdicts(walk(tmp_path)) == ["zip_bomb"]
    monkeypatch.setattr(refusals, "MAX_ARCHIVE_BYTES", 1000)
    assert "in all" in str(walk(tmp_path).problems[0])


def test_files_above_the_limit_are_refused(tmp_path, monkeypatch):
    (tmp_path / "large").write_bytes(b"12345")
    zipped(tmp_path / "z.zip", {"a": b"12345"})
    loose, member = walk(tmp_path).files
    monkeypatch.setattr(refusals, "MAX_FILE_BYTES", 4)
    for file in (loose, member):
        with pytest.raises(BadData) as refusal:
            file.read()
        assert refusal.value.verdict == "file_too_large"
    assert verdicts(walk(tmp_path)) == ["file_too_large"]


@pytest.mark.parametrize("content", [b"", b"PK no zip", b"\0" * 100])
def test_a_broken_zip_file_is_a_problem_beside_the_others(tmp_path, content):
    (tmp_path / "Zebrafish.zip").write_bytes(content)
    (tmp_path / "kept").write_bytes(b"1")
    found = walk(tmp_path)
    assert [file.name for file in found.files] == ["kept"]
    assert verdicts(found) == ["corrupt_file"]
    assert "Zebra" not in str(found.problems[0])


def test_a_zip_file_that_cannot_be_opened_is_a_problem(tmp_path, monkeypatch):
    zipped(tmp_path / "z.zip", {"a": b"1"})

    def denied(*arguments):
        raise PermissionError(13, "no", "path")

    monkeypatch.setattr(zipfile, "ZipFile", denied)
    assert verdicts(walk(tmp_path)) == ["corrupt_file"]


@pytest.mark.parametrize(("closed", "lost"), [("closed", ""), ("P1/CT/closed", "P1/CT")])
def test_a_folder_that_cannot_be_listed_is_a_problem(tmp_path, monkeypatch, closed, lost):
    (tmp_path / closed).mkdir(parents=True)
    real = os.scandir

    def scan(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "no", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scan)
    found = walk(tmp_path)
    assert "folder" in str(found.problems[0])
    assert found.lost == (lost,), "what lies beside it may lack something"


def test_a_broken_member_is_refused_and_the_others_are_read(tmp_path):
    zipped(tmp_path / "a.zip", {"0": b"first" * 20, "1": b"second" * 20}, zipfile.ZIP_STORED)
    zipped(tmp_path / "b.zip", {"2": b"third"})
    (tmp_path / "c").write_bytes(b"loose")
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"secondsecond", b"secondSECOND"))
    first, second, *others = [content for _, content in read_each(walk(tmp_path).files)]
    assert [content.read() for content in (first, *others)] == [b"first" * 20, b"third", b"loose"]
    for reader in (second.read, second.digest):
        with pytest.raises(BadData) as refusal:
            reader()
        assert refusal.value.verdict == "corrupt_file"


def test_a_member_that_is_gone_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", {"0": b"1"})
    (file,) = walk(path).files
    zipped(path, {"1": b"1"})
    with pytest.raises(BadData):
        file.read()


def test_times_of_members_come_from_the_zip_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(info("a"), b"1")
        odd = info("b")
        odd.date_time = (1980, 0, 0, 0, 0, 0)
        archive.writestr(odd, b"1")
    first, second = walk(tmp_path).files
    assert (first.modified_ns, second.modified_ns) == (1704164646 * 10**9, 0)


def test_a_file_that_is_gone_may_be_there_again(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (file,) = walk(tmp_path).files
    (tmp_path / "a").unlink()
    ((_, content),) = read_each([file])
    with pytest.raises(SourceMoved) as refusal:
        content.read()
    assert refusal.value.verdict == "source_gone"


def test_a_file_above_the_limit_is_told_beside_the_others(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"123")
    monkeypatch.setattr(refusals, "MAX_FILE_BYTES", 4)
    (_, large), (_, small) = read_each(walk(tmp_path).files)
    assert (large.verdict, small.read()) == ("file_too_large", b"123")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA])
def test_a_member_packed_in_a_way_that_is_not_read_is_refused(tmp_path, method):
    zipped(tmp_path / "z.zip", {"a": b"1" * 100}, method)
    assert verdicts(walk(tmp_path)) == ["corrupt_file"]


def test_a_member_without_its_own_header_is_refused(tmp_path):
    path = zipped(tmp_path / "z.zip", {"a": b"1", "b": b"2"})
    path.write_bytes(path.read_bytes().replace(b"PK\3\4", b"PK\3\5", 1))
    found = walk(tmp_path)
    assert ([file.name for file in found.files], verdicts(found)) == (["z/b"], ["corrupt_file"])


def test_what_tells_a_change_is_the_time_of_a_file_and_the_checksum_of_a_member(tmp_path):
    (tmp_path / "a").write_bytes(b"123")
    zipped(tmp_path / "z.zip", {"b": b"123"})
    loose, member = walk(tmp_path).files
    assert (loose.stamp, loose.checksum) == (loose.modified_ns, None)
    assert member.stamp == member.checksum == zlib.crc32(b"123")
    zipped(tmp_path / "z.zip", {"a": b"new", "b": b"123"})
    assert walk(tmp_path).files[2].stamp == member.stamp, "whatever else is in the archive"
