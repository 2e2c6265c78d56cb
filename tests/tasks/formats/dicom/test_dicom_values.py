from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from data_catalog.errors import BadData

RAMP = np.arange(12, dtype=np.int16).reshape(3, 4)


def refusal_of(make, data):
    with pytest.raises(BadData) as refusal:
        make.read([data])
    return refusal.value


def names_of(attributes):
    return [correction["name"] for correction in attributes["corrections"]]


# --- number types


def test_each_slice_has_its_own_scale(make):
    files = [
        make.slice(RAMP, z, Modality="PT", Units="GML", RescaleSlope=slope, RescaleIntercept=0)
        for z, slope in enumerate([0.5, 2.0])
    ]
    values, _, attributes = make.read(files)
    assert (values.dtype, attributes["unit"]) == (np.float32, "SUV")
    assert values[:, 2, 3].tolist() == [5.5, 22.0]


@pytest.mark.parametrize("stored", [np.uint16, np.int16, np.uint8])
def test_hounsfield_units_stay_whole_numbers(make, stored):
    values, _, _ = make.read([make.slice(RAMP.astype(stored), RescaleSlope=1, RescaleIntercept=-1024)])
    assert values.dtype == np.int16
    assert np.array_equal(values[0], RAMP - 1024)


def test_a_whole_slope_keeps_whole_numbers(make):
    values, _, _ = make.read([make.slice(RAMP, Modality="MR", RescaleSlope=-3, RescaleIntercept=7)])
    assert values.dtype == np.int16
    assert np.array_equal(values[0], 7 - 3 * RAMP)


@pytest.mark.parametrize("intercept", [-32768, 0, 1000])
def test_unsigned_numbers_that_fit_after_the_intercept_are_not_wrapped(make, intercept):
    stored = np.array([[0, 31767], [65535, 40000]], np.uint16)
    values, _, _ = make.read([make.slice(stored, RescaleSlope=1, RescaleIntercept=intercept)])
    assert np.array_equal(values[0], stored.astype(np.int64) + intercept)
    assert values.dtype == (np.int16 if intercept == -32768 else np.float32)


def test_numbers_that_float32_cannot_hold_become_float64(make):
    stored = np.array([[0, 1], [2**24 + 1, 2**31 - 1]], np.uint32)
    values, _, _ = make.read([make.slice(stored, Modality="MR")])
    assert values.dtype == np.float64
    assert np.array_equal(values[0], stored)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hnp.arrays(st.sampled_from([np.uint8, np.int16, np.uint16]), (3, 4)),
    st.integers(-5, 5).filter(bool),
    st.integers(-70_000, 70_000),
)
def test_whole_numbers_are_kept_exactly_whatever_their_scale(make, stored, slope, intercept):
    data = make.slice(stored, Modality="MR", RescaleSlope=slope, RescaleIntercept=intercept)
    values, _, _ = make.read([data])
    assert np.array_equal(values[0].astype(np.int64), stored.astype(np.int64) * slope + intercept)


# --- units


@pytest.mark.parametrize(
    ("elements", "unit"),
    [
        ({}, "HU"),
        ({"RescaleType": "HU"}, "HU"),
        ({"RescaleType": "US"}, "1"),
        ({"RescaleType": "MGML"}, "mg/ml"),
        ({"Modality": "DX", "RescaleType": "OD"}, "10^-3 optical density"),
        ({"Modality": "MR"}, "1"),
        ({"Modality": "PT", "Units": "BQML"}, "Bq/ml"),
        ({"Modality": "PT", "Units": "GML", "SUVType": "LBM"}, "SUV by lean mass or area"),
        ({"Modality": "PT", "Units": "CNTS"}, "1"),
    ],
)
def test_the_unit_comes_from_the_header(make, elements, unit):
    assert make.read([make.slice(RAMP, **elements)])[2]["unit"] == unit


def test_slices_of_several_units_are_no_volume(make):
    files = [make.slice(RAMP, z, RescaleType=kind) for z, kind in enumerate(["HU", "MGML"])]
    with pytest.raises(BadData) as refusal:
        make.read(files)
    assert refusal.value.verdict == "mixed_series"


# --- padding and negatives


def test_padding_becomes_missing_and_is_counted(make):
    values, _, attributes = make.read([make.slice(RAMP, PixelPaddingValue=3, SliceThickness=1)])
    assert np.argwhere(np.isnan(values)).tolist() == [[0, 0, 3]]
    text = "1 voxels of padding were made missing"
    assert attributes["corrections"] == [{"name": "padding_made_missing", "text": text}]


def test_a_range_of_padding_may_be_given_either_way(make):
    values, _, _ = make.read([make.slice(RAMP, PixelPaddingValue=9, PixelPaddingRangeLimit=2)])
    assert np.isnan(values).sum() == 8


def test_padding_that_no_voxel_has_changes_nothing(make):
    values, _, attributes = make.read([make.slice(RAMP, PixelPaddingValue=-2000, SliceThickness=1)])
    assert (values.dtype, attributes["corrections"]) == (np.int16, [])


def test_an_image_of_padding_alone_is_missing_as_a_whole(make):
    values, _, _ = make.read([make.slice(np.full((3, 4), -2000, np.int16), PixelPaddingValue=-2000)])
    assert np.isnan(values).all()


@pytest.mark.parametrize(("dtype", "expected"), [(np.uint8, 255 - 11), (np.int16, -1 - 11)])
def test_a_negative_is_turned_and_told(make, dtype, expected):
    ds = make.dataset(RAMP.astype(dtype), Modality="DX", PhotometricInterpretation="MONOCHROME1")
    values, _, attributes = make.read([make.written(ds)])
    assert values[0, 2, 3] == expected
    assert names_of(attributes) == ["negative_turned"]


def test_hounsfield_units_are_not_turned(make):
    values, _, _ = make.read([make.slice(RAMP, PhotometricInterpretation="MONOCHROME1")])
    assert values[0, 2, 3] == 11


# --- look-up tables


def table(entries, first=0, **elements):
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, 16]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = list(entries)
    item["LUTData"].VR = "US"
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return Sequence([item])


def test_a_modality_table_says_what_stored_values_mean(make):
    lut = table([100 * k**2 for k in range(12)])
    values, _, _ = make.read([make.slice(RAMP, Modality="DX", ModalityLUTSequence=lut)])
    assert np.array_equal(values[0], 100 * RAMP.astype(np.int64) ** 2)


def test_values_beyond_a_modality_table_take_its_ends(make):
    lut = table([7, 8, 9], first=4)
    values, _, _ = make.read([make.slice(RAMP, Modality="DX", ModalityLUTSequence=lut)])
    assert values[0].tolist() == [[7, 7, 7, 7], [7, 8, 9, 9], [9, 9, 9, 9]]


def test_a_window_or_a_table_for_viewing_changes_nothing(make):
    data = make.slice(RAMP, WindowCenter=5, WindowWidth=2, VOILUTSequence=table([0, 65535]))
    assert np.array_equal(make.read([data])[0][0], RAMP)


@pytest.mark.parametrize("drop", ["LUTData", "LUTDescriptor"])
def test_a_table_without_its_entries_is_refused(make, drop):
    lut = table([1, 2, 3])
    delattr(lut[0], drop)
    assert refusal_of(make, make.slice(RAMP, ModalityLUTSequence=lut)).verdict == "missing_element"


def test_a_table_shorter_than_it_says_is_refused(make):
    assert refusal_of(make, make.slice(RAMP, ModalityLUTSequence=table([1, 2], LUTDescriptor=[5, 0, 16]))).verdict == (
        "bad_element"
    )


# --- real numbers


def float_image(make, values, **elements):
    ds = make.dataset(RAMP, BitsStored=None, HighBit=None, PixelRepresentation=None, PixelData=None, **elements)
    keyword = "FloatPixelData" if values.dtype == np.float32 else "DoubleFloatPixelData"
    setattr(ds, keyword, values.tobytes())
    ds.BitsAllocated = 8 * values.dtype.itemsize
    return make.written(ds)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_pixels_are_read_and_missing_ones_stay_missing(make, dtype):
    values = RAMP.astype(dtype)
    values[0, 0] = np.nan
    read, _, _ = make.read([float_image(make, values, PhotometricInterpretation="MONOCHROME1")])
    assert read.dtype == np.float32
    assert np.array_equal(read[0], values.astype(np.float32), equal_nan=True)


def test_doubles_that_float32_cannot_hold_stay_doubles(make):
    values = RAMP / 7.0
    read, _, _ = make.read([float_image(make, values)])
    assert read.dtype == np.float64
    assert np.array_equal(read[0], values)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_padding_of_real_pixels_becomes_missing(make, dtype):
    values = RAMP.astype(dtype)
    name = "FloatPixelPaddingValue" if dtype is np.float32 else "DoubleFloatPixelPaddingValue"
    read, _, _ = make.read([float_image(make, values, **{name: 11.0})])
    assert np.argwhere(np.isnan(read)).tolist() == [[0, 2, 3]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinite_pixels_are_refused(make, dtype):
    values = RAMP.astype(dtype)
    values[1, 1] = np.inf
    assert refusal_of(make, float_image(make, values)).verdict == "infinite_values"


def test_real_pixels_beyond_float32_stay_doubles(make):
    values = np.where(RAMP > 5, 1e300, 0.0)
    assert np.array_equal(make.read([float_image(make, values)])[0][0], values)


def parametric(make, values, slope=1.0, unit="1"):
    ds = make.dataset(RAMP, Modality="OT", BitsStored=None, HighBit=None, PixelRepresentation=None, PixelData=None)
    ds.SOPClassUID, ds.FloatPixelData, ds.BitsAllocated = "1.2.840.10008.5.1.4.1.1.30", values.tobytes(), 32
    mapping, code = Dataset(), Dataset()
    code.CodeValue = unit
    mapping.MeasurementUnitsCodeSequence = Sequence([code])
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = slope, 1.0
    common = Dataset()
    common.RealWorldValueMappingSequence = Sequence([mapping])
    ds.SharedFunctionalGroupsSequence = Sequence([common])
    return make.written(ds)


def test_a_parametric_map_has_the_values_and_the_unit_of_the_real_world(make):
    values, _, attributes = make.read([parametric(make, RAMP.astype(np.float32), slope=2.0, unit="um2/s")])
    assert np.array_equal(values[0], 2.0 * RAMP + 1)
    assert attributes["unit"] == "um2/s"


@pytest.mark.parametrize(("code", "unit"), [("1", "1"), ("[hnsf'U]", "HU"), ("ZEBRA FISH", "1")])
def test_units_of_ucum_have_their_common_names_and_other_texts_none(make, code, unit):
    assert make.read([parametric(make, RAMP.astype(np.float32), unit=code)])[2]["unit"] == unit


def test_a_mapping_of_slope_0_is_refused(make):
    assert refusal_of(make, parametric(make, RAMP.astype(np.float32), slope=0.0)).verdict == "bad_element"


@pytest.mark.parametrize(
    ("mapped", "unit"),
    [((2.0, -10.0), "mm2/s"), ((2.0000001, -10.000001), "mm2/s"), ((1e-6, 0.0), "1"), ((2.0, 0.0), "1"), (None, "1")],
)
def test_a_mapping_tells_the_unit_of_mr_where_it_only_repeats_the_rescaling(make, mapped, unit):
    ds = make.dataset(RAMP, Modality="MR", RescaleSlope=2.0, RescaleIntercept=-10.0)
    mapping, code = Dataset(), Dataset()
    code.CodeValue = "mm2/s"
    mapping.MeasurementUnitsCodeSequence = Sequence([code])
    if mapped is not None:
        mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = mapped
    ds.RealWorldValueMappingSequence = Sequence([mapping])
    values, _, attributes = make.read([make.written(ds)])
    assert attributes["unit"] == unit
    assert np.array_equal(values[0], 2.0 * RAMP - 10)
