"""One choice of compression: what is done is what the metadata say, on any number of threads."""

from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import numcodecs.blosc
import numpy as np
import pytest
import zarr

from data_catalog.compression import DEFAULT, Compression, described, encoder, thread_count

CHOICES = get_args(Compression)
SMOOTH = np.linspace(0, 3000, 32 * 64 * 64).astype("int16").reshape(32, 64, 64)


@pytest.mark.parametrize("choice", CHOICES)
def test_what_is_compressed_is_what_zarr_would_write(choice):
    store = {}
    array = zarr.create_array(
        zarr.storage.MemoryStore(store), shape=SMOOTH.shape, chunks=SMOOTH.shape, dtype="int16",
        compressors=described(choice, 2),
    )  # fmt: skip
    array[:] = SMOOTH
    assert store["c/0/0/0"].to_bytes() == encoder(choice)(SMOOTH)


def test_the_choices_differ_and_the_default_is_one():
    sizes = {choice: len(encoder(choice)(SMOOTH)) for choice in CHOICES}
    assert DEFAULT in CHOICES
    assert sizes["zstd-1"] < sizes["lz4"] < SMOOTH.nbytes


@pytest.mark.parametrize("choice", CHOICES)
def test_chunks_of_any_size_come_back(choice):
    for size in (1, 2**19 - 1, 2**19, 2**19 + 1, 3 * 2**19):
        values = np.arange(size, dtype="int16") % 3001
        packed = encoder(choice)(values)
        assert np.array_equal(np.frombuffer(numcodecs.blosc.decompress(packed), "int16"), values)


def test_threads_give_the_same_bytes():
    encode = encoder("lz4")
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(encode, [SMOOTH] * 40))) == 1


@pytest.mark.parametrize(("said", "count"), [("3", 3), ("1", 1), ("4,2", 4), ("0", 1)])
def test_the_environment_says_how_many_threads_work(monkeypatch, said, count):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert thread_count() == count


@pytest.mark.parametrize("said", ["", "many"])
def test_without_a_number_each_core_has_a_thread(monkeypatch, said):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    assert thread_count() == 5
