from __future__ import annotations

import pickle

import dask.array as da
import imagecodecs
import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from data_catalog import kinds
from data_catalog.errors import BadData
from data_catalog.kinds import SLAB
from tasks.formats.content import Held
from tasks.formats.dicom import blocks, pixels
from tasks.formats.dicom.volume import read_series

JPEG_LS = "1.2.840.10008.1.2.4.80"
DEPTH = 2 * SLAB + 5
BASE = np.arange(12, dtype=np.int16).reshape(3, 4)


class Watched(Held):
    """Content that remembers how many bytes behind its first ones were read."""

    def __init__(self, data):
        super().__init__(data)
        object.__setattr__(self, "asked", [])

    def range(self, start, stop):
        self.asked.append((start, stop))
        return super().range(start, stop)


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(blocks, "SMALL_BYTES", 0)


def stack(make, depth=DEPTH, **elements):
    return [Watched(make.slice(BASE + 12 * k, 2.0 * k, **elements)) for k in range(depth)]


def expected(depth=DEPTH):
    return np.stack([BASE + 12 * k for k in range(depth)])


def test_a_small_volume_is_held(make):
    assert isinstance(read_series(stack(make))[0], np.ndarray)


def test_a_large_one_is_cut_into_slabs_that_are_whole_in_their_planes(make, large):
    values, _, _ = read_series(stack(make))
    assert isinstance(values, da.Array)
    assert values.chunks == ((SLAB, SLAB, 5), (3,), (4,))
    assert values.dtype == np.int16
    assert np.array_equal(values.compute(), expected())


def test_slabs_of_large_planes_are_thinner(make, large, monkeypatch):
    monkeypatch.setattr(kinds, "SLAB_BYTES", 10 * 12 * 2)
    values, _, _ = read_series(stack(make, 20))
    assert values.chunks == ((8, 8, 4), (3,), (4,))
    assert np.array_equal(values.compute(), expected(20))


def test_a_slab_reads_its_own_files_only(make, large):
    files = stack(make)
    values, _, _ = read_series(files)
    for content in files:
        content.asked.clear()
    assert np.array_equal(values.blocks[1].compute(scheduler="synchronous"), expected()[SLAB : 2 * SLAB])
    assert [bool(content.asked) for content in files] == [SLAB <= k < 2 * SLAB for k in range(DEPTH)]


def test_the_header_alone_is_read_before_a_slab_is_asked_for(make, large):
    files = [Watched(make.slice(np.zeros((200, 200), np.int16) + k, 2.0 * k)) for k in range(3)]
    read_series(files)
    assert all(stop <= 32 << 10 for content in files for _, stop in content.asked)


def test_the_slab_that_is_looked_at_first_is_kept_until_it_is_asked_for_again(make, large):
    files = stack(make)
    values, _, _ = read_series(files)
    times = []
    for number in (1, 0, 1, 1, 0):
        before = len(files[number * SLAB].asked)
        slab = values.blocks[number].compute(scheduler="synchronous")
        assert np.array_equal(slab, expected()[number * SLAB :][:SLAB])
        times.append(len(files[number * SLAB].asked) - before)
    assert times == [1, 1, 0, 1, 1]


def test_steps_before_the_slices_are_blocks_of_their_own(make, large):
    files = [
        Held(make.slice(BASE + 100 * t + 12 * k, 2.0 * k, EchoTime=1.0 + t, Modality="MR"))
        for t in range(3)
        for k in range(4)
    ]
    values, _, attributes = read_series(files)
    assert attributes["dims"] == ["echo", "z", "y", "x"]
    assert values.chunks == ((1, 1, 1), (4,), (3,), (4,))
    assert np.array_equal(values.compute(), np.stack([expected(4) + 100 * t for t in range(3)]))


def test_colours_stay_together_in_a_block(make, large):
    rgb = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3)).astype(np.uint8)
    files = [Held(make.slice(rgb[k], 2.0 * k, Modality="MR")) for k in range(2)]
    values, _, _ = read_series(files)
    assert values.chunks == ((3,), (2,), (3,), (4,))
    assert np.array_equal(values.compute(), np.moveaxis(rgb, -1, 0))


def compressed(make, k):
    stream = imagecodecs.jpegls_encode((BASE + 12 * k).astype(np.uint16))
    return make.encoded(make.dataset(BASE + 12 * k, z=2.0 * k), [stream], JPEG_LS)


@pytest.mark.parametrize("threads", ["1", "2", "many"])
def test_compressed_frames_are_the_same_by_any_number_of_threads(make, large, monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    values, _, _ = read_series([Held(compressed(make, k)) for k in range(DEPTH)])
    assert np.array_equal(values.compute(scheduler="synchronous"), expected())


def test_a_broken_frame_is_told_when_its_slab_is_read(make, large, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    broken = make.encoded(make.dataset(BASE, z=2.0), [b"\xff\xd8\xff\xd9"], JPEG_LS)
    values, _, _ = read_series([Held(compressed(make, 0)), Held(broken)])
    with pytest.raises(BadData) as refusal:
        values.compute(scheduler="synchronous")
    assert refusal.value.verdict == "corrupt_file"


def padded(make, k):
    ds = make.dataset(BASE, z=2.0 * k, PixelPaddingValue=3)
    return make.encoded(ds, [imagecodecs.jpegls_encode(BASE.astype(np.uint16))], JPEG_LS)


def test_frames_that_had_to_be_looked_at_are_not_decoded_again(make, large):
    files = [Watched(padded(make, k)) for k in range(4)]
    values, _, _ = read_series(files)
    read = [len(content.asked) for content in files]
    assert np.isnan(values.compute(scheduler="synchronous")).sum() == 4
    assert [len(content.asked) for content in files] == read


def test_frames_beyond_the_limit_are_read_again_rather_than_held(make, large, monkeypatch):
    monkeypatch.setattr(blocks, "HELD_BYTES", 10)
    files = [Watched(padded(make, k)) for k in range(4)]
    values, _, _ = read_series(files)
    read = [len(content.asked) for content in files]
    assert np.isnan(values.compute(scheduler="synchronous")).sum() == 4
    assert [len(content.asked) - before for content, before in zip(files, read, strict=True)] == [1] * 4


def test_a_deflated_file_is_inflated_once_for_a_slab(make, large, monkeypatch):
    opened = []
    original = pixels.parse_header
    monkeypatch.setattr(pixels, "parse_header", lambda content: opened.append(1) or original(content))
    frames = np.arange(8 * 12, dtype=np.uint8).reshape(8, 3, 4)
    plain = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    ds = make.dataset(frames, Modality="US", NumberOfFrames=8, FrameTime=10, **plain)
    values, _, _ = read_series([Held(make.written(ds, DeflatedExplicitVRLittleEndian))])
    assert np.array_equal(values.compute(scheduler="synchronous")[:, 0], frames)
    assert len(opened) == 8


def test_what_is_not_read_yet_travels_to_a_worker(make, large):
    values, _, _ = read_series([Held(make.slice(BASE + 12 * k, 2.0 * k)) for k in range(4)])
    assert np.array_equal(pickle.loads(pickle.dumps(values)).compute(), expected(4))
