from __future__ import annotations

import struct
from itertools import pairwise

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom.fragments import frame_ranges
from tasks.formats.dicom.parse import parse, parse_header
from tasks.formats.dicom.pixels import pixels_of
from tests.frames import stored_values

RLE, JPEG_LS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"
FRAMES = np.random.default_rng(0).integers(0, 4000, (4, 16, 20)).astype(np.uint16)
SPIFF = (
    bytes.fromhex("ffd8 ffe8 0020") + b"SPIFF\0" + bytes.fromhex("0200 00 01 00000010 00000014 0a 10 06 01")
    + bytes(8) + bytes.fromhex("ffe8 0008 00000001")
)  # fmt: skip
"""The header that a JPEG-LS stream may stand in, with the size of the frames; some versions of imagecodecs write it."""


def in_spiff(stream):
    return stream if b"SPIFF" in stream[:16] else SPIFF + stream


STREAMS = [in_spiff(imagecodecs.jpegls_encode(frame)) for frame in FRAMES]


def rle(frame):
    """Return a frame as its header and two segments of runs that are literal, the high bytes first."""
    segments = [packed(frame.astype(">u2").view(np.uint8).reshape(-1, 2)[:, k].tobytes()) for k in range(2)]
    return struct.pack("<16L", 2, 64, 64 + len(segments[0]), *[0] * 13) + b"".join(segments)


def packed(data):
    runs = [data[at : at + 128] for at in range(0, len(data), 128)]
    packed = b"".join(bytes([len(run) - 1]) + run for run in runs)
    return packed + b"\0" * (len(packed) % 2)


RLE_STREAMS = [rle(frame) for frame in FRAMES]


def item(data):
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(data)) + data


END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def ranges(data, frames, extended=b""):
    return frame_ranges(Held(data), 0, len(data), frames, extended)


def refusal_of(data, frames, extended=b""):
    with pytest.raises(BadData) as refusal:
        ranges(data, frames, extended)
    return refusal.value


def film(make, frames, *, table=True, **elements):
    ds = make.dataset(FRAMES, Modality="OT", NumberOfFrames=len(FRAMES), **elements)
    return make.encoded(ds, frames, JPEG_LS, table=table)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(table=False, cuts=[[], [22], [], [22, 23]])
@given(st.booleans(), st.lists(st.lists(st.integers(1, 300), max_size=4), min_size=4, max_size=4))
def test_frames_may_be_split_into_fragments_anyhow(make, table, cuts):
    frames = []
    for stream, places in zip(STREAMS, cuts, strict=True):
        bounds = [0, *sorted({2 * at for at in places if 2 * at < len(stream)}), len(stream)]
        frames.append([stream[a:b] for a, b in pairwise(bounds)])
    data = film(make, frames, table=table)
    assert np.array_equal(stored_values(parse_header(Held(data))), FRAMES)
    assert np.array_equal(stored_values(parse(data)), FRAMES)


def test_frames_may_come_in_fragments_of_two_bytes_without_a_table(make):
    frames = [[stream[at : at + 2] for at in range(0, len(stream), 2)] for stream in STREAMS]
    assert np.array_equal(stored_values(parse_header(Held(film(make, frames, table=False)))), FRAMES)


def test_a_fragment_that_begins_with_the_inner_stream_of_a_frame_is_no_frame(make):
    inner = STREAMS[3].find(b"\xff\xd8", 2)
    assert inner > 0, "the encoder writes a SPIFF header, in which a stream begins twice"
    frames = [*([stream] for stream in STREAMS[:3]), [STREAMS[3][:inner], STREAMS[3][inner:]]]
    assert np.array_equal(stored_values(parse(film(make, frames, table=False))), FRAMES)


def test_the_extended_table_says_where_frames_begin(make):
    halves = [[stream[:100], stream[100:]] for stream in STREAMS]
    sizes = [sum(8 + len(part) + len(part) % 2 for part in frame) for frame in halves]
    offsets = np.cumsum([0, *sizes[:-1]]).astype("<u8").tobytes()
    data = film(make, halves, table=False, ExtendedOffsetTable=offsets, ExtendedOffsetTableLengths=bytes(32))
    assert np.array_equal(stored_values(parse_header(Held(data))), FRAMES)


def test_a_table_of_offsets_that_is_wrong_is_not_believed():
    data = item(struct.pack("<LL", 0, 5)) + item(b"\xff\xd8\xff\xf7ab") + item(b"cd") + item(b"\xff\xd8\xff\xf7") + END
    found = ranges(data, 2)
    assert [[data[a:b] for a, b in frame] for frame in found] == [[b"\xff\xd8\xff\xf7ab", b"cd"], [b"\xff\xd8\xff\xf7"]]


def test_empty_fragments_count_for_nothing_where_they_have_to():
    data = item(b"") + item(b"ab") + item(b"") + item(b"cd") + END
    assert [[data[a:b] for a, b in frame] for frame in ranges(data, 2)] == [[b"ab"], [b"cd"]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        item(b"") + END,
        item(b"") + item(b"ab"),
        item(b"") + item(b"ab") + END[:-1],
        item(b"") + item(b"abcdef")[:-2],
        item(b"") + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF),
        item(b"") + struct.pack("<HHL", 0x0008, 0x0018, 2) + b"ab" + END,
    ],
)
def test_fragments_that_are_cut_or_broken_are_refused(data):
    assert refusal_of(data, 1).verdict == "corrupt_file"


def test_fragments_that_do_not_make_up_the_frames_are_refused():
    data = item(b"") + item(b"ab") + item(b"cd") + item(b"ef") + END
    assert "do not make up" in refusal_of(data, 2).came
    assert "do not make up" in refusal_of(data, 5).came


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(table=False, cuts=[[], [64], [66], [70, 72]])
@given(st.booleans(), st.lists(st.lists(st.integers(66, 400), max_size=4), min_size=4, max_size=4))
def test_rle_frames_may_be_split_into_fragments_behind_their_header(make, table, cuts):
    frames = []
    for stream, places in zip(RLE_STREAMS, cuts, strict=True):
        bounds = [0, *sorted({at // 2 * 2 for at in places}), len(stream)]
        frames.append([stream[a:b] for a, b in pairwise(bounds)])
    ds = make.dataset(FRAMES, Modality="OT", NumberOfFrames=len(FRAMES))
    data = make.encoded(ds, frames, RLE, table=table)
    assert np.array_equal(stored_values(parse_header(Held(data))), FRAMES)


@pytest.mark.parametrize(
    "numbers",
    [
        [0, 64, *[0] * 14],
        [16, *range(64, 79)],
        [2, 64, 64, *[0] * 13],
        [2, 66, 80, *[0] * 13],
        [2, 64, 80, 90, *[0] * 12],
    ],
)
def test_a_fragment_that_begins_almost_as_an_rle_frame_begins_none(numbers):
    right, almost = (struct.pack("<16L", *each) for each in ([2, 64, 80, *[0] * 13], numbers))
    whole = [right + b"ab", b"cd", right + b"ef"]
    assert len(ranges(item(b"") + b"".join(map(item, whole)) + END, 2)) == 2
    assert "do not make up" in refusal_of(item(b"") + b"".join(map(item, [*whole[:2], almost])) + END, 2).came


def test_each_frame_is_read_alone(make):
    data = film(make, STREAMS)
    pixels = pixels_of(parse_header(Held(data)), Held(data))
    assert np.array_equal(pixels.stored(3), FRAMES[3])
    assert len(pixels.ranges) == 4
