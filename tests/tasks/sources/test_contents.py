"""Bytes of source files are read by ranges, hashed in one pass, and refused where they are no longer what was seen."""

from __future__ import annotations

import hashlib
import os
import pickle
import random
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.formats.content import fingerprint
from tasks.sources import contents as source_contents
from tasks.sources import unpack
from tasks.sources.contents import InZip, OnDisk, pread
from tasks.sources.files import walk
from tasks.sources.refusals import SourceMoved
from tasks.sources.unpack import BrokenStream, unpacked
from tests.tasks.sources.test_tars import packed

DATA = bytes(range(256)) * 40 + random.Random(0).randbytes(5000)
HEAD = 300
KINDS = ("disk", "stored", "deflated", "bzip2", "tar", "tar.gz")


def put(folder, kind, data=DATA, name="one"):
    """Write a file, or an archive with it, and return it as it is listed."""
    folder.mkdir(exist_ok=True)
    methods = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2}
    if kind == "disk":
        (folder / name).write_bytes(data)
    elif kind in methods:
        with zipfile.ZipFile(folder / "z.zip", "w", methods[kind]) as archive:
            archive.writestr("before", b"0" * 99)
            archive.writestr(name, data)
    else:
        packed(folder / f"t.{kind}", {"before": b"0" * 99, name: data})
    return walk(folder).files[-1]


def known(file, data=DATA):
    return file.content(fingerprint(data[:HEAD], len(data)))


def verdict_of(function, *arguments):
    with pytest.raises(BadData) as refusal:
        function(*arguments)
    return refusal.value.verdict


@pytest.fixture(params=KINDS)
def file(request, tmp_path):
    return put(tmp_path / "in", request.param)


def test_a_file_is_read_whole_or_in_part(file):
    content = file.content()
    assert content.size == len(DATA)
    assert content.read() == DATA
    for start, stop in ((0, 10), (9000, 12000), (len(DATA) - 3, len(DATA) + 9), (5, 5), (len(DATA) + 1, len(DATA) + 2)):
        assert content.range(start, stop) == DATA[start:stop]
    assert content.digest() == hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("ranges", [[], [(0, 99)], [(0, 9000), (300, 20000)], [(7000, 8000), (0, 50)], [(0, 99999)]])
def test_the_digest_is_that_of_all_bytes_whatever_was_read(file, ranges):
    content = known(file)
    for start, stop in ranges:
        assert content.range(start, stop) == DATA[start:stop]
    assert content.digest() == content.digest() == hashlib.sha256(DATA).hexdigest()


def test_bytes_that_were_read_in_order_are_not_read_again_for_the_digest(tmp_path, monkeypatch):
    content = known(put(tmp_path / "in", "disk"))
    read = []
    monkeypatch.setattr(
        source_contents, "pread", lambda h, start, stop: read.append((start, stop)) or pread(h, start, stop)
    )
    content.range(0, 4000)
    content.range(3000, 9000)
    content.digest()
    assert read == [(0, 4000), (3000, 9000), (9000, len(DATA))]


def test_a_file_is_compared_with_the_scan_wherever_its_first_read_begins(file):
    assert known(file).range(5000, 5010) == DATA[5000:5010]
    other = file.content(fingerprint(b"x" * HEAD, len(DATA)))
    for read in (other.read, other.digest, lambda: other.range(5000, 5010), lambda: other.range(0, 9)):
        assert verdict_of(read) == "source_changed"
    assert verdict_of(file.content(fingerprint(DATA[:HEAD], len(DATA) + 1)).read) == "source_changed"


def test_a_header_that_changed_under_the_same_time_is_noticed(tmp_path):
    file = put(tmp_path / "in", "disk")
    changed = DATA[:9] + b"!" + DATA[10:]
    file.container.write_bytes(changed)
    os.utime(file.container, ns=(file.modified_ns, file.modified_ns))
    assert file.content().read() == changed, "who lists and scans sees what is there"
    assert verdict_of(known(file).read) == "source_changed"


def test_a_file_that_was_touched_or_grew_is_refused(file):
    times = file.container.stat()
    os.utime(file.container, ns=(times.st_mtime_ns, times.st_mtime_ns + 1))
    assert verdict_of(known(file).read) == "source_changed"
    with file.container.open("ab") as stream:
        stream.write(b"more")
    os.utime(file.container, ns=(times.st_mtime_ns, times.st_mtime_ns))
    assert verdict_of(known(file).read) == "source_changed"


def test_a_file_that_is_gone_is_refused_by_another_name(file):
    content = known(file)
    file.container.unlink()
    with pytest.raises(SourceMoved) as refusal:
        content.range(0, 9)
    assert refusal.value.verdict == "source_gone"


def test_a_file_that_became_shorter_while_it_was_scanned_is_refused(tmp_path):
    file = put(tmp_path / "in", "disk")
    file.container.write_bytes(DATA[:50])
    assert verdict_of(file.content().read) == "source_changed"


def test_a_content_travels_to_another_process(file):
    for content in (file.content(), known(file)):
        content.range(0, 100)
        back = pickle.loads(pickle.dumps(content))
        assert type(back) is type(content)
        assert back.digest() == hashlib.sha256(DATA).hexdigest()


def test_members_are_read_in_the_way_they_are_packed(tmp_path):
    kinds = {kind: put(tmp_path / kind, kind) for kind in ("stored", "deflated")}
    assert (type(kinds["stored"].content()), type(kinds["deflated"].content())) == (OnDisk, InZip)


def test_a_large_packed_member_is_unpacked_once(tmp_path, monkeypatch):
    monkeypatch.setattr(source_contents, "SPOOL_BYTES", 1000)
    calls = []
    real = source_contents.unpacked
    monkeypatch.setattr(source_contents, "unpacked", lambda *a: calls.append(1) or real(*a))
    content = put(tmp_path / "in", "deflated").content()
    assert content.range(300, 400) + content.range(9000, 9100) == DATA[300:400] + DATA[9000:9100]
    assert len(calls) == 1


def test_the_beginning_of_a_packed_member_is_read_without_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "BLOCK_BYTES", 512)
    blocks = []
    real = source_contents.unpacked
    monkeypatch.setattr(source_contents, "unpacked", lambda *a: (blocks.append(block) or block for block in real(*a)))
    content = put(tmp_path / "in", "deflated", DATA * 20).content()
    assert content.range(0, 600) == DATA[:600]
    assert len(blocks) == 2


@pytest.mark.parametrize("kind", ["stored", "deflated"])
def test_a_broken_member_is_corrupt_when_it_is_read_to_its_end(tmp_path, kind):
    data = DATA * 100  # more than is unpacked at once
    file = put(tmp_path / "in", kind, data)
    with file.container.open("r+b") as stream:
        stream.seek(file.offset + file.place.packed_size - 2)
        stream.write(b"\xff\xfe")
    (file,) = [one for one in walk(tmp_path / "in").files if one.name.endswith("one")]
    for content in (file.content(), known(file, data)):
        assert content.range(0, 200) == DATA[:200]
        assert verdict_of(content.digest) == "corrupt_file"
    assert verdict_of(file.content().read) == "corrupt_file"


def lying(path, data, size):
    """Write a zip file whose member states another size than it has."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one", data)
    text = path.read_bytes()
    path.write_bytes(text.replace(len(data).to_bytes(4, "little"), size.to_bytes(4, "little")))
    return walk(path).files[0]


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_member_that_lies_about_its_size_is_corrupt(tmp_path, size):
    file = lying(tmp_path / "z.zip", b"a" * 50_000, size)
    assert verdict_of(file.read) == "corrupt_file"
    assert verdict_of(file.content().digest) == "corrupt_file"


def _gzip(data):
    stream = zlib.compressobj(6, zlib.DEFLATED, 31)
    return stream.compress(data) + stream.flush()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=400), min_size=1, max_size=4), st.integers(1, 50))
def test_streams_in_a_row_are_unpacked_in_blocks_of_any_size(parts, step):
    text = b"".join(map(_gzip, parts)) + b"\0" * 10
    blocks = [text[at : at + step] for at in range(0, len(text), step)]
    assert b"".join(unpacked(blocks, "gz")) == b"".join(parts)


@pytest.mark.parametrize("way", ["gz", "bz2", "xz", "deflate"])
@pytest.mark.parametrize("packed_bytes", [b"", b"no such stream", b"\x1f\x8b\x08\0"])
def test_what_is_no_stream_or_was_cut_is_broken(way, packed_bytes):
    with pytest.raises(BrokenStream):
        list(unpacked([packed_bytes], way))


def test_a_cut_stream_gives_what_is_there_and_then_breaks():
    found = []
    with pytest.raises(BrokenStream):
        found.extend(unpacked([_gzip(DATA)[:-9]], "gz"))


def test_blocks_are_never_large():
    sizes = [len(block) for block in unpacked([_gzip(b"\0" * (5 << 20))], "gz")]
    assert max(sizes) == unpack.BLOCK_BYTES
    assert sum(sizes) == 5 << 20


def test_more_than_the_system_gives_at_once_is_read_on(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(DATA)
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda handle, count, at: real(handle, min(count, 1000), at))
    with (tmp_path / "a").open("rb") as stream:
        assert pread(stream.fileno(), 10, 5000) == DATA[10:5000]
        assert pread(stream.fileno(), len(DATA) - 5, len(DATA) + 5) == DATA[-5:]
