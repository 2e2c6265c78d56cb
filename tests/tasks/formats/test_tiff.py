from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import SimpleITK
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data_catalog.errors import BadData
from tasks.formats import tiff_pages
from tasks.formats.content import Held
from tasks.formats.tiff import samples_in
from tasks.formats.tiff_scale import Scale, ome_scale
from tasks.formats.voxels import as_image, as_labels

RAMP = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
KNOWN = Scale(0.2, 0.1, 3.0)


def written(values=RAMP, **options):
    stream = BytesIO()
    tifffile.imwrite(stream, values, **{"photometric": "minisblack", "metadata": None, **options})
    return stream.getvalue()


def pages(*planes, **options):
    stream = BytesIO()
    with tifffile.TiffWriter(stream) as file:
        for plane in planes:
            file.write(plane, contiguous=False, photometric="minisblack", **{"metadata": None, **options})
    return stream.getvalue()


def read(data, scale=KNOWN):
    return as_image(samples_in(Held(data), scale))


def labels_in(data):
    return as_labels(samples_in(Held(data), as_labels=True))


def refusal_of(data, scale=KNOWN, call=read):
    with pytest.raises(BadData) as refusal:
        call(data, scale) if call is read else call(data)
    return refusal.value.verdict


def test_pages_are_slices_in_their_order():
    values, geometry, attributes = read(written())
    assert (values.shape, values.dtype, values[1, 2, 3]) == ((2, 3, 4), np.float32, 23)
    assert (geometry.spacing_mm, geometry.origin_mm) == ((3.0, 0.2, 0.1), (0.0, 0.0, 0.0))
    assert attributes == {"dims": ["z", "y", "x"], "coords": {}, "corrections": []}
    assert np.array_equal(read(pages(*RAMP))[0], RAMP)
    assert np.array_equal(read(pages(*RAMP, metadata={}))[0], RAMP)


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["uint8", "int16", "uint16", "int32", "float32"]),
    st.sampled_from([None, "zlib", "lzw", "packbits"]),
    st.booleans(),
    st.booleans(),
)
def test_every_sample_type_compression_and_byte_order_gives_the_same_voxels(kind, compression, big, tiled):
    values = np.random.default_rng(7).integers(0, 100, (2, 16, 16)).astype(kind)
    options = {"byteorder": ">" if big else "<", "tile": (16, 16) if tiled else None, "bigtiff": tiled}
    found, _, _ = read(written(values, compression=compression, **options))
    assert np.array_equal(found, values)


def test_voxels_are_those_of_simpleitk():
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stack.tif"
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(RAMP), str(path))
        data = path.read_bytes()
    assert np.array_equal(read(data)[0], RAMP)


def test_a_single_page_needs_no_distance_between_slices():
    values, geometry, _ = read(written(RAMP[0]), Scale(0.2, 0.1))
    assert (values.shape, geometry.spacing_mm) == ((1, 3, 4), (1.0, 0.2, 0.1))


@pytest.mark.parametrize(
    ("scale", "verdict"),
    [(None, "no_pixel_size"), (Scale(slice_mm=3.0), "no_pixel_size"), (Scale(0.2, 0.1), "no_slice_distance")],
)
def test_a_stack_without_a_size_is_refused(scale, verdict):
    assert refusal_of(written(), scale) == verdict


def test_the_resolution_of_a_printer_is_no_size_of_a_pixel():
    assert refusal_of(written(resolution=(72, 72), resolutionunit="INCH"), None) == "no_pixel_size"


def imagej(values=RAMP, unit="mm", axes="ZYX", **metadata):
    told = {"spacing": 2.5, "unit": unit, "axes": axes, **metadata}
    return written(values, imagej=True, resolution=(10, 5), metadata=told, photometric=None)


@pytest.mark.parametrize(
    ("unit", "spacing"), [("mm", (2.5, 0.2, 0.1)), ("cm", (25.0, 2.0, 1.0)), ("micron", (0.0025, 0.0002, 0.0001))]
)
def test_the_size_that_imagej_states_counts(unit, spacing):
    values, geometry, _ = read(imagej(unit=unit), None)
    assert np.array_equal(values, RAMP)
    assert geometry.spacing_mm == pytest.approx(spacing)


def test_each_axis_of_imagej_may_have_a_unit_of_its_own():
    assert read(imagej(yunit="cm", zunit="micron"), None)[1].spacing_mm == pytest.approx((0.0025, 2.0, 0.1))


def test_axes_that_a_volume_does_not_have_are_refused():
    stream = BytesIO()
    tifffile.imwrite(stream, np.stack([RAMP, RAMP]), metadata={"axes": "PZYX"}, photometric="minisblack")
    assert refusal_of(stream.getvalue(), KNOWN) == "not_three_dimensional"


def test_imagej_without_a_unit_of_length_states_nothing():
    assert refusal_of(imagej(unit="pixel"), None) == "no_pixel_size"
    assert read(imagej(unit="pixel"))[1].spacing_mm == (3.0, 0.2, 0.1)


def test_the_plan_and_the_file_must_agree():
    assert read(imagej(), Scale(0.2005, 0.1, 2.5))[1].spacing_mm == (2.5, 0.2, 0.1)
    assert refusal_of(imagej(), Scale(0.21, 0.1, 2.5)) == "conflicting_geometry"


def test_time_and_channels_of_imagej_become_leading_axes():
    both = np.stack([RAMP, RAMP + 100])
    values, _, attributes = read(imagej(both, axes="TZYX", finterval=0.5), None)
    assert np.array_equal(values, both)
    assert (attributes["dims"], attributes["coords"]) == (["t", "z", "y", "x"], {"t": [0.0, 0.5]})
    values, _, attributes = read(imagej(both.transpose(1, 0, 2, 3), axes="ZCYX"), None)
    assert np.array_equal(values, both)
    assert attributes["dims"] == ["c", "z", "y", "x"]
    _, _, attributes = read(imagej(both, axes="TZYX"), None)
    assert attributes["corrections"][0]["name"] == "time_step_unknown"


def test_the_size_that_ome_states_counts():
    told = {
        "axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "mm", "PhysicalSizeY": 250.0,
        "PhysicalSizeZ": 3.0, "PhysicalSizeZUnit": "mm",
    }  # fmt: skip
    values, geometry, _ = read(written(np.repeat(RAMP, 2, axis=2), ome=True, metadata=told), None)
    assert values.shape == (2, 3, 8)
    assert geometry.spacing_mm == (3.0, 0.25, 0.5)
    assert ome_scale("<OME/>") == Scale()
    assert ome_scale('<OME><Pixels PhysicalSizeX="-1" TimeIncrement="20" TimeIncrementUnit="ms"/></OME>') == Scale(
        column_mm=0.001, step_s=0.02
    )


def test_colours_are_channels_and_their_opacity_is_told():
    rgb = np.zeros((2, 3, 4, 3), np.uint8)
    rgb[1, 2, 3] = (10, 20, 30)
    values, _, attributes = read(written(rgb, photometric="rgb"))
    assert (values.shape, values[:, 1, 2, 3].tolist()) == ((3, 2, 3, 4), [10, 20, 30])
    assert attributes["corrections"] == []
    rgba = np.concatenate([rgb, np.full((2, 3, 4, 1), 128, np.uint8)], axis=-1)
    values, _, attributes = read(written(rgba, photometric="rgb", extrasamples=["unassalpha"]))
    assert values.shape == (3, 2, 3, 4)
    assert attributes["corrections"][0]["name"] == "opacity_left_out"


def test_a_negative_is_turned_and_told():
    values, _, attributes = read(written(RAMP.astype(np.uint8), photometric="miniswhite"))
    assert np.array_equal(values, 255 - RAMP)
    assert attributes["corrections"][0]["name"] == "negative_turned"
    assert refusal_of(written(RAMP.astype(np.float32), photometric="miniswhite")) == "colour_not_supported"


def picture(mode):
    stream = BytesIO()
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8), mode="L")
    if mode == "P":
        image.putpalette(bytes(range(200, 206)))
        image.mode == "P"  # noqa: B015
    image.save(stream, "TIFF")
    return stream.getvalue()


def test_labels_lie_on_no_grid_of_their_own_and_a_palette_names_labels():
    labels, geometry, _ = labels_in(written(RAMP))
    assert (labels.dtype, labels.max(), geometry.spacing_mm) == (np.int32, 23, (1.0, 1.0, 1.0))
    assert np.array_equal(labels_in(picture("P"))[0], [[[0, 1], [2, 0]]])
    assert refusal_of(picture("P")) == "colour_not_supported"
    assert refusal_of(written(RAMP * 0), call=labels_in) == "empty_mask"
    assert refusal_of(written(RAMP + 0.5), call=labels_in) == "not_labels"


def test_one_bit_is_enough_for_a_mask():
    mask = np.zeros((8, 8), bool)
    mask[2, 3] = True
    stream = BytesIO()
    Image.fromarray(mask).save(stream, "TIFF")
    labels, _, _ = labels_in(stream.getvalue())
    assert (labels.sum(), labels[0, 2, 3]) == (1, 1)


def test_channels_of_colours_are_more_axes_than_a_volume_has():
    both = written(np.zeros((2, 2, 3, 4, 3), np.uint8), imagej=True, metadata={"axes": "ZCYXS"}, photometric="rgb")
    assert refusal_of(both) == "not_three_dimensional"


def test_pages_of_several_sizes_are_refused():
    assert refusal_of(pages(RAMP[0], RAMP[0, :2])) == "mixed_pages"
    assert refusal_of(pages(RAMP[0], RAMP[0].astype(np.float32))) == "mixed_pages"


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"", "not_tiff"),
        (b"no tiff at all", "not_tiff"),
        (b"II*\0" + b"\xff" * 20, "corrupt_file"),
        (written()[:-20], "corrupt_file"),
        (written()[:100], "corrupt_file"),
        (written(RAMP.astype(np.complex64)), "colour_not_supported"),
    ],
)
def test_broken_and_other_files_are_refused_by_name(data, verdict):
    assert refusal_of(data) == verdict


def test_a_bomb_is_refused_before_it_is_inflated():
    data = bytearray(written(np.zeros((64, 64), np.uint8), compression="zlib"))
    with tifffile.TiffFile(BytesIO(bytes(data))) as file:
        tags = [file.pages.first.tags[name] for name in ("ImageWidth", "ImageLength")]
    for tag in tags:
        data[tag.valueoffset : tag.valueoffset + 4] = (60_000).to_bytes(4, "little")
        data[tag.offset + 2 : tag.offset + 4] = (4).to_bytes(2, "little")
    assert refusal_of(bytes(data)) == "unreasonable_header"


def test_a_description_that_defines_entities_is_refused():
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><OME><Pixels/></OME>'
    assert refusal_of(written(RAMP[0], description=bomb)) == "unreasonable_header"


def test_a_file_that_is_cut_anywhere_is_refused_and_never_filled_with_zeros():
    for whole in (written(), pages(*RAMP), imagej(unit="pixel"), written(compression="zlib"), written(tile=(16, 16))):
        expected, refused = read(whole)[0], 0
        for stop in range(8, len(whole) - 1, 7):
            try:
                assert np.array_equal(read(whole[:stop])[0], expected), "what was cut off was no voxel"
            except BadData as refusal:
                refused += refusal.verdict == "corrupt_file"
        assert refused > 10


def test_a_list_of_pages_that_returns_to_itself_is_refused():
    data = bytearray(pages(*RAMP))
    first = int.from_bytes(data[4:8], "little")
    after = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    data[after : after + 4] = data[4:8]
    assert refusal_of(bytes(data)) == "corrupt_file"
    data[4:8] = b"\0\0\0\0"
    assert refusal_of(bytes(data)) == "corrupt_file"


def test_endless_pages_are_refused(monkeypatch):
    monkeypatch.setattr(tiff_pages, "MAX_PAGES", 1)
    assert refusal_of(pages(*RAMP)) == "unreasonable_header"


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_a_mutated_file_is_read_or_refused(seed):
    chance = random.Random(seed)
    kinds = (written(), written(compression="zlib"), imagej(), pages(*RAMP))
    data = bytearray(chance.choice(kinds))
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    for call in (read, labels_in):
        try:
            values, geometry, _ = call(bytes(data))
        except BadData:
            continue
        assert values.shape[-3:] == geometry.shape
