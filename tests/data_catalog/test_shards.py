"""Files of chunks: which chunks lie in which, and an index that other readers understand."""

import struct
from hashlib import sha256
from io import FileIO
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.shards import SHARD_BYTES, ArrayFiles, chunks_and_shards, save

MISSING = 2**64 - 1


@pytest.mark.parametrize(
    ("shape", "itemsize", "chunk", "shard"),
    [
        ((1, 1, 1), 2, (1, 1, 1), None),
        ((32, 128, 128), 2, (32, 128, 128), None),
        ((33, 128, 128), 2, (32, 128, 128), (64, 128, 128)),
        ((40, 150, 140), 2, (32, 75, 70), (64, 150, 140)),  # even parts: no chunk is mostly beyond the edge
        ((1, 3000, 2000), 1, (1, 500, 500), (1, 3000, 2000)),  # a single plane: wider chunks
        ((5, 512, 512), 2, (5, 256, 256), (5, 512, 512)),
        ((300, 512, 512), 2, (32, 128, 128), (320, 512, 512)),
        ((512, 512, 512), 2, (32, 128, 128), (512, 512, 512)),  # 256 MiB: the largest that is one file
        ((513, 512, 512), 2, (32, 128, 128), (288, 512, 512)),
        ((100, 2048, 2048), 2, (8, 256, 256), (32, 2048, 2048)),
        ((2, 40_000, 40_000), 4, (2, 507, 507), (2, 507, 40_053)),
        ((5, 3, 10, 10, 10), 8, (1, 1, 10, 10, 10), (5, 3, 10, 10, 10)),  # many steps are one file
        ((7, 60, 300, 300), 4, (1, 32, 100, 100), (7, 64, 300, 300)),
        ((40, 300, 512, 512), 2, (1, 32, 128, 128), (1, 320, 512, 512)),
        ((3, 2, 600, 512, 512), 2, (1, 1, 32, 128, 128), (1, 1, 320, 512, 512)),
    ],
)
def test_chunks_and_shards_of_drawn_shapes(shape, itemsize, chunk, shard):
    assert chunks_and_shards(shape, itemsize) == (chunk, shard)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 4000), min_size=3, max_size=5), st.sampled_from([1, 2, 4, 8]))
def test_a_shard_is_whole_chunks_and_no_file_is_huge(shape, itemsize):
    chunk, shard = chunks_and_shards(tuple(shape), itemsize)
    leading = len(shape) - 3
    assert chunk[:leading] == (1,) * leading
    assert all(c <= n for c, n in zip(chunk, shape, strict=True))
    largest = shard or chunk
    assert all(s % c == 0 and s < n + c for s, c, n in zip(largest, chunk, shape, strict=True))
    assert int(np.prod(largest)) * itemsize <= SHARD_BYTES
    padded = np.prod([-(-n // c) * c / n for c, n in zip(chunk[-2:], shape[-2:], strict=True)])
    assert padded < 1.3, "even parts waste little"


def test_a_file_holds_the_chunks_as_they_came_and_where_each_begins(tmp_path):
    with ArrayFiles(tmp_path, "v", (33, 128, 256), 2) as files:
        assert files.chunk == (32, 128, 128)
        for place, encoded in (((0, 0, 0), b"first"), ((0, 0, 1), None), ((1, 0, 1), b"last"), ((1, 0, 0), b"3")):
            assert files.written == {}
            files.add(place, encoded)
    content = (tmp_path / "v/c/0/0/0").read_bytes()
    index = struct.pack("<8Q", 0, 5, MISSING, MISSING, 9, 1, 5, 4)
    assert content == b"firstlast3" + index + struct.pack("<I", google_crc32c.value(index))
    assert files.written == {"v/c/0/0/0": (len(content), sha256(content).hexdigest())}


def test_a_file_at_the_edge_waits_only_for_the_chunks_there_are(tmp_path):
    with ArrayFiles(tmp_path, "v", (2, 17 * 32, 512, 512), 2) as files:
        assert chunks_and_shards(files.shape, 2)[1] == (1, 9 * 32, 512, 512)
        for place in np.ndindex(2, 17, 4, 4):
            files.add(place, b"x")
            assert ("v/c/0/1/0/0" in files.written) == (place >= (0, 16, 3, 3))
    assert len(files.written) == 4


def test_an_array_of_zeros_has_no_files(tmp_path):
    for shape, chunks in (((33, 128, 256), (2, 1, 2)), ((5, 5, 5), (1, 1, 1))):
        with ArrayFiles(tmp_path, "v", shape, 2) as files:
            for place in np.ndindex(*chunks):
                files.add(place, None)
        assert files.written == {}
    assert not list(tmp_path.iterdir())


def test_a_single_chunk_is_a_file_without_an_index(tmp_path):
    with ArrayFiles(tmp_path, "v", (5, 5, 5), 2) as files:
        files.add((0, 0, 0), b"all")
    assert (tmp_path / "v/c/0/0/0").read_bytes() == b"all"
    assert files.written == {"v/c/0/0/0": (3, sha256(b"all").hexdigest())}


def test_a_file_left_open_by_an_error_is_closed(tmp_path):
    def fail():
        with ArrayFiles(tmp_path, "v", (33, 128, 256), 2) as files:
            files.add((0, 0, 0), b"first")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()  # a file that stays open would warn, and warnings are errors here


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_full_disk_is_told_and_no_file_stays_open(tmp_path, monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    (tmp_path / "v/c/0/0").mkdir(parents=True)
    (tmp_path / "v/c/0/0/0").symlink_to("/dev/full")

    def fill():
        with ArrayFiles(tmp_path, "v", (64, 128, 128), 2) as files:
            files.add((0, 0, 0), bytes(2**20))
            files.add((1, 0, 0), bytes(2**20))

    with pytest.raises(OSError, match="No space left"):
        fill()


def test_a_system_that_writes_less_at_once_is_asked_again(tmp_path, monkeypatch):
    class Slow(FileIO):
        def write(self, data):
            return super().write(memoryview(data)[:5])

    with monkeypatch.context() as patched, ArrayFiles(tmp_path, "v", (32, 128, 128), 2) as files:
        patched.setattr(Path, "open", lambda path, *_, **__: Slow(path, "wb"))
        files.add((0, 0, 0), b"more than five bytes")
    assert (tmp_path / "v/c/0/0/0").read_bytes() == b"more than five bytes"


def test_a_small_file_is_saved_with_its_size_and_digest(tmp_path):
    assert save(tmp_path / "a" / "b", b"abc") == (3, sha256(b"abc").hexdigest())
    assert (tmp_path / "a" / "b").read_bytes() == b"abc"
