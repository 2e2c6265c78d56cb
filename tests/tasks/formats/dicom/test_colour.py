from __future__ import annotations

from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.uid import ExplicitVRBigEndian

from data_catalog.errors import BadData

RGB = np.random.default_rng(1).integers(0, 256, (6, 8, 3)).astype(np.uint8)
RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8)


def colours(make, ds_or_data):
    data = ds_or_data if isinstance(ds_or_data, bytes) else make.written(ds_or_data)
    values, geometry, attributes = make.read([data])
    assert attributes["dims"] == ["c", "z", "y", "x"]
    assert geometry.shape == (1, *values.shape[2:])
    return np.moveaxis(values[:, 0], 0, -1)


def refusal_of(make, ds):
    with pytest.raises(BadData) as refusal:
        make.read([make.written(ds)])
    return refusal.value


def test_colour_comes_first_and_stays_rgb(make):
    assert np.array_equal(colours(make, make.dataset(RGB, Modality="US")), RGB)


@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (5, 3), (1, 3)])
def test_an_image_of_three_rows_and_columns_keeps_its_axes(make, shape):
    small = RGB.ravel()[: shape[0] * shape[1] * 3].reshape(*shape, 3)
    assert np.array_equal(colours(make, make.dataset(small, Modality="US")), small)


def test_colours_in_planes_are_the_same(make):
    ds = make.dataset(RGB, Modality="US", PlanarConfiguration=1)
    ds.PixelData = np.moveaxis(RGB, -1, 0).tobytes()
    assert np.array_equal(colours(make, ds), RGB)


def test_colours_of_16_bits_are_kept(make):
    deep = RGB.astype(np.uint16) * 257
    assert np.array_equal(colours(make, make.dataset(deep, Modality="US")), deep)


def test_pure_red_in_luminance_and_chroma_is_red(make):
    ybr = np.full((2, 2, 3), (76, 85, 255), dtype=np.uint8)
    found = colours(make, make.dataset(ybr, Modality="US", PhotometricInterpretation="YBR_FULL"))
    assert np.abs(found - np.array([254, 0, 0])).max() <= 2


@pytest.mark.parametrize("syntax", [None, "1.2.840.10008.1.2.4.80"])
def test_luminance_and_chroma_are_turned_as_pydicom_turns_them(make, syntax):
    ds = make.dataset(RGB, Modality="US", PhotometricInterpretation="YBR_FULL")
    data = make.encoded(ds, [imagecodecs.jpegls_encode(RGB)], syntax) if syntax else make.written(ds)
    theirs = convert_color_space(RGB, "YBR_FULL", "RGB").astype(int)
    assert np.abs(colours(make, data) - theirs).max() <= 1


def test_pairs_of_pixels_share_their_chroma(make):
    ybr = RGB.copy()
    ybr[:, 1::2, 1:] = ybr[:, ::2, 1:]
    ds = make.dataset(RGB, Modality="US", PhotometricInterpretation="YBR_FULL_422")
    ds.PixelData = np.concatenate([ybr[:, ::2, :1], ybr[:, 1::2, :1], ybr[:, ::2, 1:]], axis=-1).tobytes()
    whole = make.dataset(ybr, Modality="US", PhotometricInterpretation="YBR_FULL")
    assert np.array_equal(colours(make, ds), colours(make, whole))


def test_half_a_pair_of_pixels_is_refused(make):
    ds = make.dataset(np.zeros((2, 3, 3), np.uint8), Modality="US", PhotometricInterpretation="YBR_FULL_422")
    assert refusal_of(make, ds).verdict == "corrupt_file"


def test_studio_video_reaches_from_black_to_white(make):
    ybr = np.array([[[16, 128, 128], [235, 128, 128]]], np.uint8)
    ds = make.dataset(ybr, Modality="US", PhotometricInterpretation="YBR_PARTIAL_422", PixelSpacing=[1, 1])
    ds.PixelData = bytes([16, 235, 128, 128])
    assert colours(make, ds).tolist() == [[[0, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize("name", ["YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420"])
def test_transforms_that_belong_to_a_codec_are_refused_without_it(make, name):
    ds = make.dataset(RGB, Modality="US", PhotometricInterpretation=name)
    assert refusal_of(make, ds).verdict in {"bad_element", "colour_not_supported"}


# --- palettes


def paletted(make, tables, bits=8, first=0, *, segmented=False, pixels=RAMP, **elements):
    ds = make.dataset(pixels, Modality="US", PhotometricInterpretation="PALETTE COLOR")
    for name, entries in zip(("Red", "Green", "Blue"), tables, strict=True):
        keyword = f"{name}PaletteColorLookupTable"
        setattr(ds, f"{keyword}Descriptor", [elements.get("count", len(entries) % 65536), first, bits])
        ds[f"{keyword}Descriptor"].VR = "US"
        code = np.uint8 if bits == 8 and not segmented else np.uint16
        data = np.asarray(entries, dtype=code).tobytes()
        setattr(ds, f"{'Segmented' if segmented else ''}{keyword}Data", data + b"\0" * (len(data) % 2))
    return ds


TABLES = np.random.default_rng(2).integers(0, 256, (3, 48))


def test_a_palette_is_looked_up_once(make):
    assert np.array_equal(colours(make, paletted(make, TABLES)), np.moveaxis(TABLES[:, RAMP], 0, -1))


def test_a_palette_of_16_bits_gives_its_upper_8(make):
    ds = paletted(make, TABLES * 256 + 7, bits=16)
    assert np.array_equal(colours(make, ds), np.moveaxis(TABLES[:, RAMP], 0, -1))
    assert np.array_equal(colours(make, ds), apply_color_lut(RAMP, ds) >> 8)


def test_bytes_of_a_palette_may_stand_in_words(make):
    ds = paletted(make, TABLES)
    for k, name in enumerate(("Red", "Green", "Blue")):
        setattr(ds, f"{name}PaletteColorLookupTableData", TABLES[k].astype("<u2").tobytes())
    assert np.array_equal(colours(make, ds), np.moveaxis(TABLES[:, RAMP], 0, -1))


def test_values_beyond_a_palette_take_its_ends(make):
    found = colours(make, paletted(make, TABLES[:, :10], first=5))
    assert np.array_equal(found[0, 0], TABLES[:, 0])
    assert np.array_equal(found[5, 7], TABLES[:, 9])


def test_a_palette_of_a_big_endian_file_is_turned(make):
    ds = paletted(make, TABLES)
    ds["PixelData"].VR = "OB"
    for name in ("Red", "Green", "Blue"):
        element = ds[f"{name}PaletteColorLookupTableData"]
        element.value = np.frombuffer(element.value, np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    ds.PixelData = np.frombuffer(ds.PixelData, np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    data = make.written(ds, ExplicitVRBigEndian, little=False)
    assert np.array_equal(colours(make, data), np.moveaxis(TABLES[:, RAMP], 0, -1))


def test_a_segmented_palette_is_expanded_as_pydicom_expands_it(make):
    # Two entries, a line of four up to 40, and both once more by reference.
    segments = [0, 2, 10, 20, 1, 4, 40, 2, 2, 0, 0]
    ds = paletted(make, [segments] * 3, bits=16, segmented=True, count=12, pixels=RAMP % 12)
    theirs = apply_color_lut(RAMP % 12, dcmread(BytesIO(make.written(ds))))[..., 0]
    assert theirs[0].tolist() == [10, 20, 25, 30, 35, 40, 10, 20]
    scaled = paletted(
        make, [[0, 2, 10 << 8, 20 << 8, 1, 4, 40 << 8, 2, 2, 0, 0]] * 3, bits=16, segmented=True, count=12
    )
    scaled.PixelData = (RAMP % 12).tobytes()
    assert np.array_equal(colours(make, scaled)[..., 0], theirs)


@pytest.mark.parametrize(
    "segments", [[1, 4, 40], [9, 1, 1], [0, 1, 5, 2, 1, 8, 0], [2, 1, 0, 0], [0, 2, 10, 20, 2, 60000, 0, 0]]
)
def test_segments_that_make_no_sense_are_refused(make, segments):
    ds = paletted(make, [segments] * 3, bits=16, segmented=True, count=12)
    assert refusal_of(make, ds).verdict == "bad_element"


@pytest.mark.parametrize("segments", [[0, 1, 7] + [1, 60000, 9] * 3, [0, 1, 7, 2, 9, 99, 0]])
def test_segments_that_describe_more_than_a_palette_holds_are_refused(make, segments):
    assert refusal_of(make, paletted(make, [segments] * 3, bits=16, segmented=True, count=12)).verdict == "bad_element"


def test_colours_of_real_numbers_are_refused(make):
    ds = make.dataset(RGB, Modality="US", PixelData=None)
    ds.FloatPixelData, ds.BitsAllocated = RGB.astype(np.float32).tobytes(), 32
    assert refusal_of(make, ds).verdict == "colour_not_supported"


def test_palettes_that_are_broken_are_refused_by_name(make):
    short = paletted(make, TABLES, count=60)
    assert refusal_of(make, short).verdict == "bad_element"
    missing = paletted(make, TABLES)
    del missing.BluePaletteColorLookupTableData
    assert refusal_of(make, missing).verdict == "missing_element"
    odd = paletted(make, TABLES)
    odd.RedPaletteColorLookupTableDescriptor = [48, 1, 8]
    assert refusal_of(make, odd).verdict == "bad_element"
    wide = paletted(make, TABLES)
    wide.RedPaletteColorLookupTableDescriptor = [48, 0, 20]
    assert refusal_of(make, wide).verdict == "bad_element"
