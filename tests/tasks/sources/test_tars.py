"""Tar files are opened as folders, within the same limits as zip files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import time

import pytest

from data_catalog.errors import BadData
from tasks.sources import refusals, spools, tars
from tasks.sources.archives import is_archive, stem
from tasks.sources.files import walk
from tasks.sources.spools import unpacked_archive

WAYS = {"tar": "", "tar.gz": "gz", "tgz": "gz", "tar.bz2": "bz2", "tar.xz": "xz"}


def member(name, size=0, kind=tarfile.REGTYPE, **changes):
    found = tarfile.TarInfo(name)
    found.size, found.type, found.mtime = size, kind, 1704164646
    for key, value in changes.items():
        setattr(found, key, value)
    return found


def packed(path, members):
    """Write a tar file of contents by name, or of `TarInfo`s."""
    way = WAYS[path.name.partition(".")[2]]
    with tarfile.open(path, f"w:{way}", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content, io.BytesIO(b"\0" * content.size))
            else:
                archive.addfile(member(name, len(content)), io.BytesIO(content))
    return path


def verdicts(found):
    return sorted(problem.verdict for problem in found.problems)


def names(found):
    return [file.name for file in found.files]


@pytest.mark.parametrize("end", WAYS)
def test_a_tar_file_drawn_by_hand(tmp_path, end):
    (tmp_path / "one").write_bytes(b"1")
    packed(tmp_path / f"P1.{end}", {"./CT/0.dcm": b"333", "CT/.hidden": b"1", "DICOMDIR": b"1", "b": b"22"})
    found = walk(tmp_path)
    assert [(file.name, file.read()) for file in found.files] == [
        ("P1/CT/0.dcm", b"333"),
        ("P1/b", b"22"),
        ("one", b"1"),
    ]
    assert found.problems == ()
    assert found.files[0].modified_ns == 1704164646 * 10**9
    assert found.files[0].stamp == (tmp_path / f"P1.{end}").stat().st_mtime_ns


def test_long_names_and_folders_are_understood(tmp_path):
    uid = "/".join(["1.3.6.1.4.1.14519.5.2.1.7009.2403.334240657131972136850343327463"] * 4)
    packed(tmp_path / "a.tar", {"folder": member("folder", kind=tarfile.DIRTYPE), uid: b"1"})
    assert names(walk(tmp_path)) == [f"a/{uid}"]


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc/passwd", "..\\up", "C:/x"])
def test_members_may_not_leave_their_folder(tmp_path, name):
    packed(tmp_path / "a.tar", {name: b"1", "kept": b"1"})
    found = walk(tmp_path)
    assert (names(found), verdicts(found)) == (["a/kept"], ["path_traversal"])
    assert name not in str(found.problems[0])


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        (tarfile.SYMTYPE, "link_in_tar"),
        (tarfile.LNKTYPE, "link_in_tar"),
        (tarfile.CHRTYPE, "special_in_tar"),
        (tarfile.BLKTYPE, "special_in_tar"),
        (tarfile.FIFOTYPE, "special_in_tar"),
    ],
)
def test_links_and_devices_are_refused(tmp_path, kind, verdict):
    packed(tmp_path / "a.tar", {"odd": member("odd", kind=kind, linkname="/etc/passwd"), "kept": b"1"})
    found = walk(tmp_path)
    assert (names(found), verdicts(found)) == (["a/kept"], [verdict])


def test_a_member_with_holes_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        holes = member("holes", 512, pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": "99999999"})
        archive.addfile(holes, io.BytesIO(b"\0" * 512))
    assert verdicts(walk(tmp_path)) == ["special_in_tar"]


@pytest.mark.parametrize("name", ["in.zip", "in.tar", "in.TAR.GZ", "in.tgz"])
def test_archives_in_archives_are_refused(tmp_path, name):
    packed(tmp_path / "a.tar", {name: b"1"})
    assert is_archive(name)
    assert verdicts(walk(tmp_path)) == ["archive_in_tar"]


def test_a_name_without_its_end_stands_for_the_folder():
    assert [stem(name) for name in ("P1.tar.gz", "a.b/P1.TGZ", "P1.zip", "P.1.tar")] == ["P1", "a.b/P1", "P1", "P.1"]


def test_members_above_the_limit_are_refused(tmp_path, monkeypatch):
    packed(tmp_path / "a.tar", {"large": b"12345", "kept": b"123"})
    monkeypatch.setattr(refusals, "MAX_FILE_BYTES", 4)
    found = walk(tmp_path)
    assert (names(found), verdicts(found)) == (["a/kept"], ["file_too_large"])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(refusals, "RATIO_FLOOR", 1 << 20)
    path = tmp_path / f"a.tar.{ {gzip.compress: 'gz', bz2.compress: 'bz2', lzma.compress: 'xz'}[pack] }"
    path.write_bytes(pack(b"\0" * (8 << 20)))
    written = []
    real = spools.Spool
    monkeypatch.setattr(spools, "Spool", lambda blocks: real(written.append(len(block)) or block for block in blocks))
    assert verdicts(walk(tmp_path)) == ["tar_bomb"]
    assert sum(written) <= 2 << 20


def test_a_bomb_of_many_files_is_refused(tmp_path, monkeypatch):
    packed(tmp_path / "a.tar", {str(number): b"" for number in range(20)})
    monkeypatch.setattr(refusals, "MAX_MEMBERS", 10)
    found = walk(tmp_path)
    assert (len(found.files), verdicts(found)) == (10, ["tar_bomb"])


def test_an_xz_file_that_asks_for_much_memory_is_refused(tmp_path):
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]
    (tmp_path / "a.tar.xz").write_bytes(lzma.compress(b"\0" * 1000, filters=filters))
    assert verdicts(walk(tmp_path)) == ["corrupt_file"]


@pytest.mark.parametrize("end", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("content", [b"", b"no archive", b"x" * 2000, b"\x1f\x8b\x08\0abc"])
def test_a_broken_tar_file_is_a_problem_beside_the_others(tmp_path, end, content):
    (tmp_path / f"Zebrafish.{end}").write_bytes(content)
    (tmp_path / "kept").write_bytes(b"1")
    found = walk(tmp_path)
    assert (names(found), verdicts(found)) == (["kept"], ["corrupt_file"])
    assert "Zebra" not in str(found.problems[0])


def test_a_cut_tar_file_gives_what_is_whole_and_says_so(tmp_path):
    path = packed(tmp_path / "a.tar", {"0": b"1" * 1000, "1": b"2" * 1000})
    path.write_bytes(path.read_bytes()[:2900])
    found = walk(tmp_path)
    assert names(found) == ["a/0"]
    assert set(verdicts(found)) == {"corrupt_file"}


def test_a_header_that_is_broken_further_on_is_noticed(tmp_path):
    path = packed(tmp_path / "a.tar", {"0": b"1" * 512, "1": b"2" * 512, "2": b"3"})
    data = bytearray(path.read_bytes())
    data[1024] ^= 0xFF
    path.write_bytes(data)
    found = walk(tmp_path)
    assert (names(found), verdicts(found)) == (["a/0"], ["corrupt_file"])


def test_a_tar_file_may_end_without_zeros(tmp_path):
    path = packed(tmp_path / "a.tar", {"0": b"1" * 512})
    path.write_bytes(path.read_bytes()[:1024])
    found = walk(tmp_path)
    assert (names(found), verdicts(found)) == (["a/0"], [])


@pytest.mark.parametrize("size", ["-1024", "99999999999999", "nan"])
def test_a_member_of_an_impossible_size_is_refused_in_no_time(tmp_path, size):
    packed(tmp_path / "a.tar", {"odd": member("odd", 512, pax_headers={"size": size})})
    began = time.monotonic()
    found = walk(tmp_path)
    assert found.files == () or size == "nan"
    assert time.monotonic() - began < 2
    assert set(verdicts(found)) <= {"corrupt_file", "file_too_large"}


@pytest.mark.parametrize("size", [5000, 100_000, 10_000_000])
def test_attributes_that_take_memory_or_time_are_refused(tmp_path, size):
    packed(tmp_path / "a.tar", {"odd": member("odd", pax_headers={"comment": "1" * size})})
    began = time.monotonic()
    assert verdicts(walk(tmp_path)) == ["corrupt_file"]
    assert time.monotonic() - began < 2


def test_a_tar_file_that_sends_its_reader_back_is_refused():
    reader = tars._Reader(0)
    with pytest.raises(tarfile.ReadError):
        reader.seek(-1)
    reader.reads = 10**9
    with pytest.raises(tarfile.ReadError):
        reader.read(1)


def test_a_tar_file_that_cannot_be_opened_is_a_problem(tmp_path, monkeypatch):
    path = packed(tmp_path / "a.tar", {"0": b"1"})
    real = os.pread

    def fails(handle, *rest):
        raise OSError(5, "no", "path")

    monkeypatch.setattr(os, "pread", fails)
    assert verdicts(walk(path)) == ["corrupt_file"]
    monkeypatch.setattr(os, "pread", real)
    assert names(walk(path)) == ["a/0"]


def test_a_compressed_tar_file_is_unpacked_once(tmp_path, monkeypatch):
    path = packed(tmp_path / "a.tar.gz", {str(number): bytes([number]) for number in range(5)})
    calls = []
    real = spools.Spool
    monkeypatch.setattr(spools, "Spool", lambda blocks: calls.append(1) or real(blocks))
    assert [file.read() for file in walk(path).files] == [bytes([number]) for number in range(5)]
    assert len(calls) == 1


def test_a_compressed_tar_file_that_changed_is_not_unpacked_as_what_it_was(tmp_path):
    path = packed(tmp_path / "a.tar.gz", {"0": b"1"})
    state = path.stat()
    with pytest.raises(BadData) as refusal:
        unpacked_archive(path, "gz", state.st_size + 1, state.st_mtime_ns)
    assert refusal.value.verdict == "source_changed"


def test_what_is_unpacked_has_no_name(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    spool = spools.Spool([b"sec", b"ret"])
    assert list(tmp_path.iterdir()) == []
    handle = spool.handle
    assert os.pread(handle, 9, 0) == b"secret"
    del spool
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)
