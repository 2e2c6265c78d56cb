from __future__ import annotations

from io import BytesIO

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from data_catalog.errors import BadData
from tasks.formats.dicom import pixels as dicom_pixels
from tasks.formats.dicom.parse import parse
from tasks.formats.dicom.pixels import stored_values
from tasks.formats.dicom.volume import read_series

RAMP = np.arange(12, dtype=np.int16).reshape(3, 4)


def refusal_of(data):
    with pytest.raises(BadData) as refusal:
        read_series([data])
    return refusal.value


def test_each_slice_has_its_own_scale(make):
    files = [
        make.slice(RAMP, z, Modality="PT", Units="GML", RescaleSlope=slope, RescaleIntercept=0)
        for z, slope in enumerate([0.5, 2.0])
    ]
    values, _, attributes = read_series(files)
    assert (values.dtype, attributes["unit"]) == (np.float32, "SUV")
    assert values[:, 2, 3].tolist() == [5.5, 22.0]


def test_hounsfield_units_stay_whole_numbers(make):
    values, _, _ = read_series([make.slice(RAMP.astype(np.uint16), RescaleSlope=1, RescaleIntercept=-1024)])
    assert (values.dtype, values.min()) == (np.int16, -1024)


def test_numbers_beyond_int16_become_floats(make):
    values, _, _ = read_series([make.slice(np.array([[0, 65535]], np.uint16))])
    assert (values.dtype, values.max()) == (np.float32, 65535.0)


@pytest.mark.parametrize(
    ("elements", "unit"),
    [
        ({}, "HU"),
        ({"RescaleType": "HU"}, "HU"),
        ({"RescaleType": "US"}, "1"),
        ({"Modality": "MR"}, "1"),
        ({"Modality": "PT", "Units": "BQML"}, "Bq/ml"),
        ({"Modality": "PT", "Units": "GML", "SUVType": "LBM"}, "SUV by lean mass or area"),
        ({"Modality": "PT", "Units": "CNTS"}, "1"),
    ],
)
def test_the_unit_comes_from_the_header(make, elements, unit):
    assert read_series([make.slice(RAMP, **elements)])[2]["unit"] == unit


def test_padding_becomes_missing_and_is_counted(make):
    values, _, attributes = read_series([make.slice(RAMP, PixelPaddingValue=3)])
    assert np.argwhere(np.isnan(values)).tolist() == [[0, 0, 3]]
    assert attributes["corrections"] == ["1 voxels of padding were made missing"]


def test_a_range_of_padding_may_be_given_either_way(make):
    values, _, _ = read_series([make.slice(RAMP, PixelPaddingValue=9, PixelPaddingRangeLimit=2)])
    assert np.isnan(values).sum() == 8


def test_padding_that_no_voxel_has_changes_nothing(make):
    values, _, attributes = read_series([make.slice(RAMP, PixelPaddingValue=-2000)])
    assert (values.dtype, attributes["corrections"]) == (np.int16, [])


@pytest.mark.parametrize(("dtype", "expected"), [(np.uint8, 255 - 11), (np.int16, -1 - 11)])
def test_a_negative_is_turned_and_told(make, dtype, expected):
    ds = make.dataset(RAMP.astype(dtype), Modality="DX", PhotometricInterpretation="MONOCHROME1")
    values, _, attributes = read_series([make.written(ds)])
    assert values[0, 2, 3] == expected
    assert attributes["corrections"] == ["the image was stored as a negative and was turned"]


def test_hounsfield_units_are_not_turned(make):
    values, _, _ = read_series([make.slice(RAMP, PhotometricInterpretation="MONOCHROME1")])
    assert values[0, 2, 3] == 11


def test_bits_that_are_not_stored_do_not_count(make):
    overlaid = RAMP.astype(np.uint16) | 0xF000
    assert np.array_equal(read_series([make.slice(overlaid, BitsStored=12, HighBit=11)])[0][0], RAMP)
    shifted = RAMP.astype(np.uint16) << 4
    assert np.array_equal(read_series([make.slice(shifted, BitsStored=12, HighBit=15)])[0][0], RAMP)
    negative = (np.full((3, 4), -5) & 0xFFF).astype(np.uint16)
    signed = make.slice(negative, BitsStored=12, HighBit=11, PixelRepresentation=1)
    assert (read_series([signed])[0] == -5).all()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hnp.arrays(st.sampled_from([np.uint8, np.int16, np.uint16]), (3, 4)), st.integers(0, 3))
def test_native_pixels_equal_those_of_pydicom(make, values, unused):
    stored = 8 * values.dtype.itemsize - unused
    data = make.slice(values, BitsStored=stored, HighBit=stored - 1)
    assert np.array_equal(stored_values(parse(data))[0], pydicom.dcmread(BytesIO(data)).pixel_array)


def test_colour_comes_first_and_stays_rgb(make):
    rgb = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    values, geometry, attributes = read_series([make.slice(rgb, Modality="US")])
    assert attributes["dims"] == ["c", "z", "y", "x"]
    assert geometry.shape == (1, 3, 4)
    assert np.array_equal(values[:, 0], np.moveaxis(rgb, -1, 0))


def test_ybr_is_turned_to_rgb(make):
    ybr = np.full((2, 2, 3), (76, 85, 255), dtype=np.uint8)
    values, _, _ = read_series([make.slice(ybr, Modality="US", PhotometricInterpretation="YBR_FULL")])
    assert np.abs(values[:, 0, 0, 0] - np.array([254, 0, 0])).max() <= 2


@pytest.mark.parametrize("elements", [{"PhotometricInterpretation": "PALETTE COLOR"}, {"SamplesPerPixel": 2}])
def test_other_colours_are_refused(make, elements):
    assert refusal_of(make.slice(RAMP, **elements)).verdict == "colour_not_supported"


def test_big_endian_pixels_are_turned(make):
    ds = make.dataset(RAMP)
    ds.PixelData = RAMP.astype(">i2").tobytes()
    data = make.written(ds, ExplicitVRBigEndian, little=False)
    assert np.array_equal(read_series([data])[0][0], RAMP)
    bytes_ = make.written(make.dataset(RAMP.astype(np.uint8)), ExplicitVRBigEndian, little=False)
    assert refusal_of(bytes_).verdict == "bad_element"


def compressed(make, values, syntax=RLELossless):
    ds = make.dataset(values)
    make.written(ds)
    ds.compress(syntax, generate_instance_uid=False)
    return make.written(ds, syntax)


def test_compressed_pixels_equal_native_ones(make):
    values, _, _ = read_series([compressed(make, RAMP)])
    assert np.array_equal(values[0], RAMP)


def test_compressed_colour_is_read(make):
    rgb = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    values, _, _ = read_series([compressed(make, rgb)])
    assert np.array_equal(values[:, 0], np.moveaxis(rgb, -1, 0))


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_broken_streams_are_corrupt(make, syntax):
    ds = make.dataset(RAMP)
    ds.PixelData = encapsulate([b"\x07" * 90])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    assert refusal_of(make.written(ds, syntax)).verdict == "corrupt_file"


@pytest.mark.parametrize("syntax", [JPEGLSLossless, pydicom.uid.UID("1.2.3.4")])
def test_a_missing_decoder_is_named(make, syntax):
    ds = make.dataset(RAMP)
    ds.PixelData = encapsulate([b"\xff" * 90])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    data = make.written(ds, JPEGLSLossless).replace(JPEGLSLossless.encode(), syntax.ljust(22, "\0").encode())
    assert refusal_of(data).verdict == "codec_missing"


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
    ],
)
def test_pixels_that_cannot_be_trusted_are_refused_by_name(make, elements, verdict):
    assert refusal_of(make.slice(RAMP, **elements)).verdict == verdict


def test_announced_sizes_beyond_the_limits_are_refused(make, monkeypatch):
    data = compressed(make, np.zeros((64, 64), np.int16))
    monkeypatch.setattr(dicom_pixels, "RATIO_FLOOR", 0)
    monkeypatch.setattr(dicom_pixels, "MAX_RATIO", 2)
    assert refusal_of(data).verdict == "unreasonable_header"
    monkeypatch.setattr(dicom_pixels, "MAX_DECODED_BYTES", 1000)
    assert "1000 bytes" in str(refusal_of(data))


def float_image(make, values, **elements):
    ds = make.dataset(RAMP, BitsStored=None, HighBit=None, PixelRepresentation=None, PixelData=None, **elements)
    keyword = "FloatPixelData" if values.dtype == np.float32 else "DoubleFloatPixelData"
    setattr(ds, keyword, values.tobytes())
    ds.BitsAllocated = 8 * values.dtype.itemsize
    return make.written(ds)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_pixels_are_read_and_missing_ones_stay_missing(make, dtype):
    values = RAMP.astype(dtype)
    values[0, 0] = np.nan
    read, _, _ = read_series([float_image(make, values, PhotometricInterpretation="MONOCHROME1")])
    assert read.dtype == np.float32
    assert np.array_equal(read[0], values.astype(np.float32), equal_nan=True)


def test_infinite_pixels_are_refused(make):
    values = RAMP.astype(np.float32)
    values[1, 1] = np.inf
    assert refusal_of(float_image(make, values)).verdict == "infinite_values"


# --- enhanced multi-frame


def enhanced(make, positions, *, shared=True, groups=None):
    ds = make.dataset(np.arange(12 * len(positions), dtype=np.int16).reshape(-1, 3, 4))
    measures, orientation, scale = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, orientation.ImageOrientationPatient = ds.PixelSpacing, ds.ImageOrientationPatient
    scale.RescaleSlope, scale.RescaleIntercept = 2, 1
    del ds.PixelSpacing, ds.ImageOrientationPatient, ds.ImagePositionPatient
    common = Dataset()
    common.PixelMeasuresSequence, common.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    common.PixelValueTransformationSequence = Sequence([scale])
    frames = []
    for z in positions:
        frame, place = Dataset(), Dataset()
        place.ImagePositionPatient = [0, 0, z]
        frame.PlanePositionSequence = Sequence([place])
        if not shared:
            frame.update(common)
        frames.append(frame)
    ds.NumberOfFrames = len(positions)
    if shared:
        ds.SharedFunctionalGroupsSequence = Sequence([common])
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames[:groups])
    return make.written(ds)


@pytest.mark.parametrize("shared", [True, False])
def test_frames_lie_where_their_functional_groups_say(make, shared):
    values, geometry, _ = read_series([enhanced(make, [4.0, 0.0, 2.0], shared=shared)])
    assert values[:, 0, 0].tolist() == [25.0, 49.0, 1.0]
    assert (geometry.spacing_mm, geometry.origin_mm[0]) == ((2.0, 2.0, 0.5), 0.0)


def test_each_frame_needs_its_functional_group(make):
    assert refusal_of(enhanced(make, [0.0, 1.0, 2.0], groups=2)).verdict == "bad_element"


def test_stored_values_of_several_frames_equal_those_of_pydicom(make):
    data = enhanced(make, [0.0, 1.0])
    assert np.array_equal(stored_values(parse(data)), pydicom.dcmread(BytesIO(data)).pixel_array)
