from __future__ import annotations

import random
import struct
import warnings
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from data_catalog.errors import BadData
from tasks.formats import wav
from tasks.formats.content import Held
from tasks.formats.wav import read_sound


def chunk(name, body):
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def written(samples=b"", *, code=1, channels=1, rate=8000, bits=16, before=b"", form=b"RIFF", size=None, extra=b""):
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits) + extra
    data = b"data" + struct.pack("<I", len(samples) if size is None else size) + samples
    body = b"WAVE" + before + chunk(b"fmt ", head) + data
    return form + struct.pack("<I", len(body)) + body


def read(data):
    return read_sound(Held(data))


def refusal_of(data):
    with pytest.raises(BadData) as refusal:
        read(data)
    return refusal.value.verdict


def extensible(code, bits):
    tail = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    return struct.pack("<HHIH", 22, bits, 0, code) + tail


def test_sixteen_bits_are_shares_of_full_scale():
    values, rate = read(written(struct.pack("<4h", 0, 16384, -32768, 32767)))
    assert rate == 8000.0
    assert (values.shape, values.dtype) == ((1, 4), np.float32)
    assert values[0].tolist() == [0.0, 0.5, -1.0, pytest.approx(32767 / 32768)]


def test_channels_stand_one_below_the_other():
    values, _ = read(written(struct.pack("<6h", 1, 2, 3, 4, 5, 6), channels=2))
    assert np.array_equal(values * 32768, [[1, 3, 5], [2, 4, 6]])


@pytest.mark.parametrize(
    ("bits", "samples", "expected"),
    [
        (8, bytes([0, 128, 255]), [-1.0, 0.0, 127 / 128]),
        (24, b"\0\0\x80" + b"\0\0\0" + b"\0\0\x40", [-1.0, 0.0, 0.5]),
        (32, struct.pack("<3i", -(2**31), 0, 2**30), [-1.0, 0.0, 0.5]),
    ],
)
def test_every_width_has_the_same_scale(bits, samples, expected):
    assert read(written(samples, bits=bits))[0][0].tolist() == expected
    assert read(written(samples, bits=bits, code=0xFFFE, extra=extensible(1, bits)))[0][0].tolist() == expected


@pytest.mark.parametrize(("bits", "kind"), [(32, "f"), (64, "d")])
def test_floating_point_stays_what_it_is(bits, kind):
    samples = struct.pack(f"<3{kind}", 0.25, -3.5, 1e-9)
    assert read(written(samples, code=3, bits=bits))[0][0].tolist() == [0.25, -3.5, np.float32(1e-9)]
    assert refusal_of(written(struct.pack(f"<{kind}", float("inf")), code=3, bits=bits)) == "infinite_values"
    assert refusal_of(written(struct.pack("<d", 1e300), code=3, bits=64)) == "infinite_values"


SCALE = {"uint8": 128, "int16": 2**15, "int32": 2**31, "float32": 1, "float64": 1}


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(SCALE)), st.integers(1, 3), st.integers(0, 2**32))
def test_files_of_scipy_are_read_as_scipy_reads_them(kind, channels, seed):
    chance = np.random.default_rng(seed)
    samples = (chance.normal(size=(50, channels)) * 0.2 * SCALE[kind]).astype(kind)
    stream = BytesIO()
    wavfile.write(stream, 22050, samples)
    rate, theirs = wavfile.read(BytesIO(stream.getvalue()))
    values, ours = read(stream.getvalue())
    middle = 128 if kind == "uint8" else 0
    expected = (theirs.reshape(50, -1).astype(np.float64) - middle) / SCALE[kind]
    assert ours == rate
    assert np.array_equal(values, expected.T.astype(np.float32))


def test_three_bytes_are_read_as_scipy_reads_them():
    samples = np.random.default_rng(3).integers(0, 256, 300, dtype=np.uint8).tobytes()
    data = written(samples, bits=24)
    theirs = wavfile.read(BytesIO(data))[1] / 2**31
    assert np.array_equal(read(data)[0][0], theirs.astype(np.float32))


def test_a_large_file_states_its_size_in_a_chunk_of_its_own():
    samples = struct.pack("<3h", 1, 2, 3)
    sizes = chunk(b"ds64", struct.pack("<QQQI", 100, len(samples), 3, 0))
    data = written(samples, form=b"RF64", size=0xFFFFFFFF, before=sizes)
    assert np.array_equal(read(data)[0][0] * 32768, [1, 2, 3])
    alone = written(samples, form=b"RF64", size=0xFFFFFFFF)
    assert refusal_of(alone) in {"corrupt_file", "unreasonable_header"}


def test_a_size_that_was_left_open_is_that_of_the_rest_of_the_file():
    samples = struct.pack("<3h", 1, 2, 3)
    assert np.array_equal(read(written(samples, size=0xFFFFFFFF))[0][0] * 32768, [1, 2, 3])


def test_a_big_endian_file_is_read():
    samples = struct.pack(">2h", 1, -2)
    head = struct.pack(">HHIIHH", 1, 1, 8000, 16000, 2, 16)
    body = b"WAVE" + b"fmt " + struct.pack(">I", 16) + head + b"data" + struct.pack(">I", 4) + samples
    assert np.array_equal(read(b"RIFX" + struct.pack(">I", len(body)) + body)[0][0] * 32768, [1, -2])


def test_other_chunks_are_skipped_even_those_of_odd_length():
    before = chunk(b"LIST", b"Zebrafish") + chunk(b"junk", b"")
    assert read(written(struct.pack("<h", 7), before=before))[0].shape == (1, 1)


def test_the_rest_of_a_frame_is_left_out():
    assert read(written(b"\1\0\2\0\3\0", channels=2))[0].shape == (2, 1)


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"", "not_wav"),
        (b"RIFF\0\0\0\0AVI ", "not_wav"),
        (b"RIFF\0\0\0\0WAVE", "corrupt_file"),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"data", b"\0\0"), "corrupt_file"),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", b"\0\0"), "corrupt_file"),
        (written(struct.pack("<4h", 1, 2, 3, 4))[:-2], "corrupt_file"),
        (written(), "empty_signal"),
        (written(b"\0" * 8, code=6, bits=8), "encoding_not_supported"),
        (written(b"\0" * 8, bits=12), "encoding_not_supported"),
        (written(b"\0" * 8, rate=0), "corrupt_file"),
        (written(b"\0" * 8, channels=0), "corrupt_file"),
        (written(b"\0" * 8, channels=300), "corrupt_file"),
        (written(b"\0" * 8, code=0xFFFE, extra=b"\0" * 24), "encoding_not_supported"),
    ],
)
def test_broken_and_other_files_are_refused_by_name(data, verdict):
    assert refusal_of(data) == verdict


def test_too_many_samples_or_chunks_are_refused(monkeypatch):
    monkeypatch.setattr(wav, "MAX_BYTES", 4)
    assert refusal_of(written(b"\0" * 6)) == "unreasonable_header"
    monkeypatch.setattr(wav, "MAX_CHUNKS", 3)
    assert refusal_of(written(b"\0\0", before=chunk(b"junk", b"") * 5)) == "unreasonable_header"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_a_mutated_file_is_read_or_refused(seed):
    chance = random.Random(seed)
    data = bytearray(written(bytes(range(96)), bits=chance.choice([8, 16, 24, 32]), channels=chance.choice([1, 2])))
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            values, rate = read(bytes(data))
        except BadData:
            return
    assert values.ndim == 2
    assert rate > 0
