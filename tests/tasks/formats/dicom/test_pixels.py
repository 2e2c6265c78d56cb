from __future__ import annotations

from io import BytesIO

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom import layout
from tasks.formats.dicom.parse import parse, parse_header
from tasks.formats.dicom.pixels import pixels_of
from tests.frames import stored_values

RAMP = np.arange(12, dtype=np.int16).reshape(3, 4)


class Counted(Held):
    """Content that remembers which ranges were read."""

    asked: list[tuple[int, int]] = []

    def range(self, start, stop):
        self.asked.append((start, stop))
        return super().range(start, stop)


def refusal_of(make, data):
    with pytest.raises(BadData) as refusal:
        make.read([data])
    return refusal.value


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hnp.arrays(st.sampled_from([np.uint8, np.int16, np.uint16, np.uint32]), (3, 4)), st.integers(0, 3))
def test_native_pixels_equal_those_of_pydicom(make, values, unused):
    stored = 8 * values.dtype.itemsize - unused
    data = make.slice(values, BitsStored=stored, HighBit=stored - 1)
    assert np.array_equal(stored_values(parse(data))[0], pydicom.dcmread(BytesIO(data)).pixel_array)


def test_bits_that_are_not_stored_do_not_count(make):
    overlaid = RAMP.astype(np.uint16) | 0xF000
    assert np.array_equal(make.read([make.slice(overlaid, BitsStored=12, HighBit=11)])[0][0], RAMP)
    shifted = RAMP.astype(np.uint16) << 4
    assert np.array_equal(make.read([make.slice(shifted, BitsStored=12, HighBit=15)])[0][0], RAMP)
    negative = (np.full((3, 4), -5) & 0xFFF).astype(np.uint16)
    signed = make.slice(negative, BitsStored=12, HighBit=11, PixelRepresentation=1)
    assert (make.read([signed])[0] == -5).all()


@pytest.mark.parametrize(
    ("syntax", "options"),
    [
        (ImplicitVRLittleEndian, {"implicit": True}),
        (DeflatedExplicitVRLittleEndian, {}),
        (ExplicitVRBigEndian, {"little": False}),
    ],
)
def test_every_native_syntax_gives_the_same_pixels(make, syntax, options):
    ds = make.dataset(RAMP, RescaleSlope=1, RescaleIntercept=-1000)
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = RAMP.astype(">i2").tobytes()
    assert np.array_equal(make.read([make.written(ds, syntax, **options)])[0][0], RAMP - 1000)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_bytes_of_a_big_endian_file_are_swapped_where_they_are_words(make, vr, samples):
    values = np.arange(9 * samples, dtype=np.uint8).reshape((3, 3) if samples == 1 else (3, 3, 3))
    ds = make.dataset(values, Modality="US")
    even = values.tobytes() + b"\0" * (values.size % 2)
    swapped = np.frombuffer(even, np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    ds.PixelData = swapped if vr == "OW" else even
    data = make.written(ds, ExplicitVRBigEndian, little=False)
    if vr == "OB":
        data = data.replace(b"\x7f\xe0\x00\x10OW", b"\x7f\xe0\x00\x10OB")
    assert np.array_equal(stored_values(parse(data))[0], values)
    assert np.array_equal(stored_values(parse_header(Held(data)))[0], values)


def test_frames_of_bits_follow_each_other_without_a_gap():
    bits = np.random.default_rng(0).integers(0, 2, (3, 3, 5)).astype(np.uint8)
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    found = layout.Layout(
        "PixelData", "1.2.840.10008.1.2.1", False, 3, 3, 5, 1, 1, 1, 0, signed=False, planar=False,
        photometric="MONOCHROME2",
    )  # fmt: skip
    from tasks.formats.dicom.pixels import Pixels

    pixels = Pixels(Held(packed), 0, len(packed), found)
    assert np.array_equal(np.stack([pixels.stored(k) for k in range(3)]), bits)


def test_only_the_frame_that_is_asked_for_is_read(make):
    frames = np.arange(4 * 12, dtype=np.int16).reshape(4, 3, 4)
    data = make.slice(frames, NumberOfFrames=4)
    content = Counted(data)
    pixels = pixels_of(parse_header(content), content)
    content.asked.clear()
    assert np.array_equal(pixels.stored(2), frames[2])
    ((start, stop),) = content.asked
    assert stop - start == 24


def test_a_deflated_file_is_inflated_again_rather_than_held(make):
    data = make.written(make.dataset(RAMP), DeflatedExplicitVRLittleEndian)
    pixels = pixels_of(parse_header(Held(data)), Held(data))
    assert pixels.content.size == len(data)
    assert np.array_equal(pixels.stored(0), RAMP)
    opened = pixels.opened()
    assert np.array_equal(pixels.stored(0, opened), RAMP)


@pytest.mark.parametrize(
    ("elements", "verdict"),
    [
        ({"Rows": 300}, "corrupt_file"),
        ({"Rows": 0}, "missing_element"),
        ({"BitsAllocated": 12}, "bad_element"),
        ({"BitsStored": 17}, "bad_element"),
        ({"HighBit": 3}, "bad_element"),
        ({"BitsAllocated": None}, "missing_element"),
        ({"PixelData": b""}, "missing_pixels"),
        ({"PixelData": None}, "missing_pixels"),
        ({"SamplesPerPixel": 2}, "colour_not_supported"),
        ({"SamplesPerPixel": 4}, "colour_not_supported"),
        ({"PhotometricInterpretation": "CMYK"}, "colour_not_supported"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "missing_element"),
        ({"NumberOfFrames": 100001}, "bad_element"),
    ],
)
def test_pixels_that_cannot_be_trusted_are_refused_by_name(make, elements, verdict):
    assert refusal_of(make, make.slice(RAMP, **elements)).verdict == verdict


def test_a_file_that_ends_before_its_pixels_is_refused(make):
    refusal = refusal_of(make, make.slice(RAMP)[:-4])
    assert refusal.verdict == "corrupt_file"
    assert "before its pixels" in refusal.came


def test_a_file_that_became_shorter_is_refused_when_it_is_read(make):
    data = make.slice(RAMP)
    pixels = pixels_of(parse_header(Held(data)), Held(data[:-4]))
    with pytest.raises(BadData, match="cut"):
        pixels.stored(0)
    swapped = make.dataset(RAMP.astype(np.uint8), Modality="US")
    big = make.written(swapped, ExplicitVRBigEndian, little=False)
    shorter = pixels_of(parse_header(Held(big)), Held(big[:-3]))
    with pytest.raises(BadData, match="cut"):
        shorter.stored(0)


def test_announced_sizes_beyond_the_limits_are_refused(make, monkeypatch):
    data = make.encoded(make.dataset(np.zeros((64, 64), np.int16)), [b"\0" * 64], "1.2.840.10008.1.2.5")
    monkeypatch.setattr(layout, "RATIO_FLOOR", 0)
    monkeypatch.setattr(layout, "MAX_RATIO", 2)
    assert refusal_of(make, data).verdict == "unreasonable_header"
    monkeypatch.setattr(layout, "MAX_DECODED_BYTES", 1000)
    assert "1000 bytes" in str(refusal_of(make, data))


def test_sixty_thousand_rows_and_columns_allocate_nothing(make):
    stream = b"\xff\x4f\xff\x51" + b"\0" * 200
    ds = make.dataset(RAMP, Rows=60000, Columns=60000)
    refusal = refusal_of(make, make.encoded(ds, [stream], "1.2.840.10008.1.2.4.90"))
    assert refusal.verdict == "unreasonable_header"


@pytest.mark.parametrize("number", ["100", "101", "102", "103", "104", "105", "106", "107", "108"])
def test_a_video_misses_its_decoder_and_is_not_called_broken(make, number):
    clip = "1.2.840.10008.5.1.4.1.1.3.1"
    ds = make.dataset(np.zeros((20, 4, 4, 3), np.uint8), sop_class=clip, Modality="US", NumberOfFrames=20)
    del ds.ImagePositionPatient, ds.ImageOrientationPatient
    ds.PhotometricInterpretation = "YBR_PARTIAL_420"
    data = make.encoded(ds, [bytes(500)], f"1.2.840.10008.1.2.4.{number}", table=False)
    assert refusal_of(make, data).verdict == "codec_missing"


def test_a_frame_beyond_the_pixels_is_cut(make):
    data = make.slice(RAMP)
    with pytest.raises(BadData, match="cut"):
        pixels_of(parse_header(Held(data)), Held(data)).stored(1)
