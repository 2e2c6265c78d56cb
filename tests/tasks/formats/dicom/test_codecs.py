from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.pixels.encoders.native import _encode_segment

from data_catalog.errors import BadData

JPEG = "1.2.840.10008.1.2.4."
RLE, DEFLATED_FRAME = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"


def rle(values):
    """Return a frame by pydicom's encoder of segments: one for each byte of a cell, the highest first."""
    cells = values if values.ndim == 3 else values[..., None]
    planes = [
        cells[..., c].astype(f"<u{cells.itemsize}").view(np.uint8).reshape(*cells.shape[:2], -1)[..., byte]
        for c in range(cells.shape[-1])
        for byte in range(cells.itemsize)[::-1]
    ]
    segments = [bytes(_encode_segment(plane.tobytes(), columns=plane.shape[1])) for plane in planes]
    ends = np.cumsum([64, *map(len, segments)])
    return struct.pack("<16L", len(segments), *ends[:-1], *[0] * (15 - len(segments))) + b"".join(segments)


def deflated(values):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(values.tobytes()) + packer.flush()


def lossless_jpeg(values):
    return imagecodecs.jpeg8_encode(values, lossless=True, predictor=1, bitspersample=8 * values.itemsize)


def jpeg_2000(values):
    return imagecodecs.jpeg2k_encode(values, level=0, reversible=True, codecformat="j2k")


LOSSLESS = {
    "rle": (RLE, rle),
    "deflated_frame": (DEFLATED_FRAME, deflated),
    "jpeg_lossless": (JPEG + "57", lossless_jpeg),
    "jpeg_lossless_first_order": (JPEG + "70", lossless_jpeg),
    "jpeg_ls": (JPEG + "80", imagecodecs.jpegls_encode),
    "jpeg_2000": (JPEG + "90", jpeg_2000),
    "jpeg_2000_any": (JPEG + "91", jpeg_2000),
    "htj2k": (JPEG + "201", imagecodecs.htj2k_encode),
    "htj2k_any": (JPEG + "203", imagecodecs.htj2k_encode),
}


def picture(dtype, shape=(40, 50)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    top = min(np.iinfo(dtype).max, 4000)
    grey = (top / 2 * (1 + np.sin(x / 5.0) * np.cos(y / 7.0))).astype(dtype)
    return np.stack([grey, grey[::-1], grey[:, ::-1]], axis=-1) if len(shape) == 3 else grey


def one(make, values, stream, syntax, **elements):
    ds = make.dataset(values, Modality="OT", **elements)
    return make.read([make.encoded(ds, [stream], syntax)])[0]


def refusal_of(make, values, stream, syntax, **elements):
    with pytest.raises(BadData) as refusal:
        one(make, values, stream, syntax, **elements)
    return refusal.value


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", LOSSLESS)
def test_a_lossless_frame_comes_back_as_it_was(make, name, dtype):
    syntax, encode = LOSSLESS[name]
    values = picture(dtype)
    assert np.array_equal(one(make, values, encode(values), syntax)[0], values)


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_colours_come_back_as_they_were(make, name):
    syntax, encode = LOSSLESS[name]
    values = picture(np.uint8, (40, 50, 3))
    found = one(make, values, encode(values), syntax)
    assert np.array_equal(np.moveaxis(found[:, 0], 0, -1), values)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hnp.arrays(st.sampled_from([np.uint8, np.uint16]), (8, 8)), st.sampled_from(sorted(LOSSLESS)))
def test_any_values_survive_every_lossless_codec(make, values, name):
    syntax, encode = LOSSLESS[name]
    assert np.array_equal(one(make, values, encode(values), syntax)[0], values)


@pytest.mark.parametrize("name", ["rle", "jpeg_ls", "jpeg_lossless", "jpeg_2000"])
def test_a_stream_of_unsigned_numbers_may_hold_signed_ones(make, name):
    syntax, encode = LOSSLESS[name]
    values = picture(np.int16) - 2000
    stream = encode((values & 0xFFF).astype(np.uint16))
    elements = {"BitsStored": 12, "HighBit": 11}
    assert np.array_equal(one(make, values, stream, syntax, **elements)[0], values)


def test_a_signed_stream_of_jpeg_2000_keeps_its_signs(make):
    values = picture(np.int16) - 2000
    stream = imagecodecs.jpeg2k_encode(values, level=0, reversible=True, codecformat="j2k")
    assert np.array_equal(one(make, values, stream, JPEG + "90")[0], values)
    as_unsigned = one(make, values, stream, JPEG + "90", PixelRepresentation=0)[0]
    assert np.array_equal(as_unsigned, values.astype(np.uint16))


@pytest.mark.parametrize(
    ("syntax", "stream", "values", "most"),
    [
        (JPEG + "50", lambda v: imagecodecs.jpeg8_encode(v, level=98), picture(np.uint8), 6),
        (JPEG + "51", lambda v: imagecodecs.jpeg8_encode(v, level=98, bitspersample=12), picture(np.uint16), 60),
        (JPEG + "81", lambda v: imagecodecs.jpegls_encode(v, level=2), picture(np.uint8), 2),
        (JPEG + "91", lambda v: imagecodecs.jpeg2k_encode(v, level=60, codecformat="j2k"), picture(np.uint8), 4),
    ],
)
def test_a_lossy_frame_comes_back_nearly_as_it_was(make, syntax, stream, values, most):
    bits = {"BitsStored": 12, "HighBit": 11} if values.itemsize == 2 else {}
    found = one(make, values, stream(values), syntax, **bits)
    assert 0 < np.abs(found[0].astype(int) - values).max() <= most


# --- colours of JPEG


def test_jpeg_undoes_its_own_transform_of_colours_once(make):
    values = picture(np.uint8, (40, 50, 3))
    stream = imagecodecs.jpeg8_encode(values, level=100, subsampling="444")
    for name in ("YBR_FULL_422", "YBR_FULL", "YBR_ICT"):
        found = one(make, values, stream, JPEG + "50", PhotometricInterpretation=name)
        assert np.abs(np.moveaxis(found[:, 0], 0, -1).astype(int) - values).max() <= 6


def test_jpeg_without_a_transform_is_taken_as_it_is_where_the_header_says_rgb(make):
    values = picture(np.uint8, (40, 50, 3))
    stream = imagecodecs.jpeg8_encode(values, level=100, subsampling="444", colorspace="RGB", outcolorspace="RGB")
    at = stream.find(b"Adobe")
    bare = stream[: at - 4] + stream[at + 12 :] if at > 0 else stream
    for data in (stream, bare):
        found = one(make, values, data, JPEG + "50")
        assert np.abs(np.moveaxis(found[:, 0], 0, -1).astype(int) - values).max() <= 6


# --- broken streams


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_cut_frame_is_refused(make, name):
    syntax, encode = LOSSLESS[name]
    values = picture(np.uint16)
    stream = encode(values)
    for cut in (10, 70, len(stream) // 2, len(stream) - 20):
        assert refusal_of(make, values, stream[:cut], syntax).verdict == "corrupt_file"


@pytest.mark.parametrize("name", LOSSLESS)
def test_noise_in_place_of_a_stream_is_refused(make, name):
    noise = np.random.default_rng(0).integers(0, 256, 500, dtype=np.uint8).tobytes()
    assert refusal_of(make, picture(np.uint16), noise, LOSSLESS[name][0]).verdict == "corrupt_file"


@pytest.mark.parametrize("name", [name for name in LOSSLESS if "j" in name])
@pytest.mark.parametrize("shape", [(41, 50), (40, 50, 3)])
def test_a_stream_of_another_size_than_the_header_is_refused_before_it_is_decoded(make, name, shape):
    syntax, encode = LOSSLESS[name]
    refusal = refusal_of(make, picture(np.uint8), encode(picture(np.uint8, shape)), syntax)
    assert refusal.verdict == "corrupt_file"
    assert "announce" in refusal.came


def test_a_stream_that_decodes_to_another_shape_is_refused(make, monkeypatch):
    monkeypatch.setattr(imagecodecs, "jpegls_decode", lambda data: picture(np.uint8)[:-1])
    values = picture(np.uint8)
    assert "another shape" in refusal_of(make, values, imagecodecs.jpegls_encode(values), JPEG + "80").came


def test_a_stream_of_more_bits_than_a_cell_is_refused(make):
    refusal = refusal_of(make, picture(np.uint8), imagecodecs.jpegls_encode(picture(np.uint16)), JPEG + "80")
    assert "more bits" in refusal.came


def test_a_header_of_jpeg_2000_that_announces_a_billion_pixels_allocates_nothing(make):
    values = picture(np.uint8)
    stream = bytearray(jpeg_2000(values))
    struct.pack_into(">LL", stream, 8, 60000, 60000)
    struct.pack_into(">LL", stream, 24, 60000, 60000)
    assert "another size" in refusal_of(make, values, bytes(stream), JPEG + "90").came


def test_too_many_tiles_are_unreasonable(make):
    values = np.zeros((256, 256), np.uint8)
    stream = bytearray(jpeg_2000(values))
    struct.pack_into(">LLLL", stream, 24, 1, 1, 0, 0)
    assert refusal_of(make, values, bytes(stream), JPEG + "90").verdict == "unreasonable_header"


@pytest.mark.parametrize("step", [(2, 2), (0, 0)])
def test_subsampled_jpeg_2000_is_refused(make, step):
    values = picture(np.uint8)
    stream = bytearray(jpeg_2000(values))
    stream[43:45] = bytes(step)
    assert refusal_of(make, values, bytes(stream), JPEG + "90").verdict == "corrupt_file"


def test_a_stream_within_the_boxes_of_a_jp2_file_is_read(make):
    values = picture(np.uint8)
    stream = imagecodecs.jpeg2k_encode(values, level=0, reversible=True, codecformat="jp2")
    assert np.array_equal(one(make, values, stream, JPEG + "90")[0], values)


def test_fill_bytes_and_restart_markers_before_the_frame_header_are_skipped(make):
    values = picture(np.uint8)
    stream = lossless_jpeg(values)
    filled = stream[:2] + b"\xff\xff\xff" + stream[3:]
    assert np.array_equal(one(make, values, filled, JPEG + "70")[0], values)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: struct.pack("<L", 3) + s[4:],
        lambda s: s[:4] + struct.pack("<L", 60) + s[8:],
        lambda s: s[:8] + struct.pack("<L", 10**9) + s[12:],
        lambda s: s[:8] + s[4:8] + s[12:],
    ],
)
def test_segments_of_rle_that_are_not_those_of_the_cells_are_refused(make, change):
    values = picture(np.uint16)
    assert refusal_of(make, values, change(rle(values)), RLE).verdict == "corrupt_file"


def test_a_segment_that_holds_too_little_is_refused_rather_than_left_to_chance(make):
    values = np.zeros((40, 50), np.uint8)
    assert "cut" in refusal_of(make, values, rle(values[:-1]), RLE).came


def test_a_deflated_frame_that_inflates_to_more_is_refused(make):
    values = picture(np.uint8)
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(bytes(10_000_000)) + packer.flush()
    assert refusal_of(make, values, bomb, DEFLATED_FRAME).verdict == "unreasonable_header"
    assert "cut" in refusal_of(make, values, deflated(values[:-1]), DEFLATED_FRAME).came


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.100", "1.2.3.4"])
def test_a_missing_decoder_is_named(make, syntax):
    assert refusal_of(make, picture(np.uint8), b"\xff" * 90, syntax).verdict == "codec_missing"


def in_one_segment(packed, count=1):
    """Return a frame of RLE that announces segments, all of them these bytes."""
    starts = [64 + len(packed) * k for k in range(count)]
    return struct.pack("<16L", count, *starts, *[0] * (15 - count)) + packed * count


@pytest.mark.parametrize(
    "packed",
    [
        b"\x7f" + bytes(100),  # 128 bytes as they are, of which 100 are there
        b"\x81",  # 128 times a byte that is not there
        b"\x81\x05" * 2,  # 256 bytes, where 12 fit and some padding
        b"\x80" * 40,  # nothing, 40 times
        b"\x0a" + bytes(11),  # 11 bytes, where 12 are due
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_runs_that_reach_beyond_their_segment_or_the_plane_are_refused(make, packed, dtype):
    stream = in_one_segment(packed, np.dtype(dtype).itemsize)
    assert refusal_of(make, np.zeros((3, 4), dtype), stream, RLE).verdict == "corrupt_file"


def test_padding_behind_the_pixels_of_a_segment_is_left_out(make):
    stream = in_one_segment(bytes([11, *range(12), 0xC1, 7]))  # 64 bytes more than the plane has
    assert one(make, np.zeros((3, 4), np.uint8), stream, RLE)[0].ravel().tolist() == list(range(12))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(packed=b"\xbd\0\0", rows=1)
@given(st.binary(min_size=1, max_size=60), st.sampled_from([1, 2, 3]))
def test_any_bytes_in_segments_are_the_pixels_that_packbits_means_or_are_refused(make, packed, rows):
    values, stream = np.zeros((rows, 4), np.uint16), in_one_segment(packed, 2)
    expected = unpacked_slowly(packed)
    if expected is None and packed[-1] == 0:
        # a segment is padded to an even length: where all is there, the last byte begins no run
        whole = unpacked_slowly(packed[:-1])
        expected = whole if whole is not None and len(whole) == values.size + 64 else None
    if expected is None or not values.size <= len(expected) <= values.size + 64:
        assert refusal_of(make, values, stream, RLE).verdict == "corrupt_file"
    else:
        assert one(make, values, stream, RLE)[0].ravel().tolist() == [257 * byte for byte in expected[: values.size]]


def unpacked_slowly(packed):
    """Return what PackBits means, byte by byte; None where a run is cut."""
    at, out = 0, []
    while at < len(packed):
        head, at = packed[at], at + 1
        if head < 128:
            run, at = packed[at : at + head + 1], at + head + 1
            if len(run) <= head:
                return None
            out += run
        elif head > 128:
            if at == len(packed):
                return None
            out += packed[at : at + 1] * (257 - head)
            at += 1
    return out
