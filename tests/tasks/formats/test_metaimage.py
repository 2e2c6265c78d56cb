from __future__ import annotations

import gzip
import random
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.formats import metaimage
from tasks.formats.metaimage import read_meta_header, samples_in
from tasks.formats.voxels import as_image

RAMP = np.arange(24, dtype="<i2").reshape(2, 3, 4)
HEAD = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "10 20 30",
    "AnatomicalOrientation": "RAI",
    "ElementSpacing": "2 3 4",
    "DimSize": "4 3 2",
    "ElementType": "MET_SHORT",
    "ElementDataFile": "LOCAL",
}


def written(body=None, **changes):
    """Return a file whose header has other values for some keys; None takes a key out."""
    last = changes.pop("ElementDataFile", "LOCAL")
    held = {**HEAD, **changes}
    held.pop("ElementDataFile")
    lines = [f"{key} = {value}" for key, value in held.items() if value is not None]
    return "\n".join([*lines, f"ElementDataFile = {last}\n"]).encode() + (RAMP.tobytes() if body is None else body)


def read(data, voxels=None):
    return as_image(samples_in(data, voxels))


def refusal_of(data, *given):
    with pytest.raises(BadData) as refusal:
        read(data, *given)
    return refusal.value.verdict


def test_a_volume_written_by_hand_is_turned_to_z_y_x():
    values, geometry, attributes = read(written())
    assert (values.shape, values.dtype, values[1, 2, 3]) == ((2, 3, 4), np.int16, 23)
    assert (geometry.spacing_mm, geometry.origin_mm) == ((4.0, 3.0, 2.0), (30.0, 20.0, 10.0))
    assert attributes == {"dims": ["z", "y", "x"], "coords": {}, "corrections": []}


def itk_file(image, **options):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "image.mha"
        SimpleITK.WriteImage(image, str(path), **options)
        return path.read_bytes(), SimpleITK.ReadImage(str(path))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]),
    st.booleans(),
)
def test_voxels_and_corners_are_those_of_simpleitk(seed, kind, zipped):
    chance = np.random.default_rng(seed)
    image = SimpleITK.GetImageFromArray(chance.integers(0, 100, (3, 4, 5)).astype(kind))
    image.SetSpacing(chance.uniform(0.5, 5, 3).tolist())
    image.SetOrigin(chance.uniform(-200, 200, 3).tolist())
    image.SetDirection(np.linalg.qr(chance.normal(size=(3, 3)))[0].ravel().tolist())
    data, other = itk_file(image, useCompression=zipped)
    values, geometry, _ = read(data)
    assert np.array_equal(values, SimpleITK.GetArrayFromImage(other))
    for corner in np.ndindex(2, 2, 2):
        index = np.array(corner) * (np.array(geometry.shape) - 1)
        theirs = other.TransformIndexToPhysicalPoint([int(n) for n in index[::-1]])
        assert np.abs(geometry.to_mm(index)[::-1] - theirs).max() < 1e-4


def test_channels_and_time_become_leading_axes():
    parts = np.stack([RAMP, RAMP + 100, RAMP + 200])
    data, _ = itk_file(SimpleITK.GetImageFromArray(np.moveaxis(parts, 0, -1), isVector=True))
    values, _, attributes = read(data)
    assert np.array_equal(values, parts)
    assert attributes["dims"] == ["c", "z", "y", "x"]
    series = SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(part) for part in parts], 1.5, 2.5)
    values, _, attributes = read(itk_file(series)[0])
    assert np.array_equal(values, parts)
    assert (attributes["dims"], attributes["coords"]) == (["t", "z", "y", "x"], {})
    assert attributes["corrections"][0]["name"] == "time_step_unknown"


def test_one_plane_is_a_volume_of_one_slice():
    plane = SimpleITK.GetImageFromArray(RAMP[0])
    plane.SetSpacing([2.0, 3.0])
    plane.SetOrigin([10.0, 20.0])
    plane.SetDirection([0, 1, -1, 0])
    data, other = itk_file(plane)
    values, geometry, _ = read(data)
    assert np.array_equal(values, RAMP[:1])
    theirs = other.TransformIndexToPhysicalPoint([3, 2])
    assert np.allclose(geometry.to_mm(np.array([0, 2, 3]))[::-1], [*theirs, 0.0])


@pytest.mark.parametrize("keys", [("Position", "Orientation"), ("Origin", "Rotation"), ("Offset", "TransformMatrix")])
def test_the_older_names_of_keys_mean_the_same(keys):
    place, turn = keys
    other = {"Offset": None, "TransformMatrix": None, "ElementSpacing": None}
    data = written(**{**other, place: "10 20 30", turn: "0 1 0 1 0 0 0 0 -1", "ElementSize": "2 3 4"})
    _, geometry, _ = read(data)
    assert geometry.spacing_mm == (4.0, 3.0, 2.0)
    assert np.allclose(geometry.to_mm(np.array([1, 2, 3])), (30 - 4, 20 + 3 * 2, 10 + 2 * 3))


def test_the_anatomical_orientation_is_ignored():
    assert read(written(AnatomicalOrientation="LPS"))[1] == read(written())[1]


def test_the_byte_order_is_that_of_the_header():
    for key in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB"):
        data = written(RAMP.astype(">i2").tobytes(), **{"BinaryDataByteOrderMSB": None, key: "True"})
        assert np.array_equal(read(data)[0], RAMP)


def test_a_detached_header_is_read_with_its_data():
    head = written(b"", ElementDataFile="voxels.raw")
    assert read_meta_header(head).data_file == "voxels.raw"
    assert np.array_equal(read(head, RAMP.tobytes())[0], RAMP)
    zipped = written(b"", ElementDataFile="voxels.zraw", CompressedData="True")
    assert np.array_equal(read(zipped, zlib.compress(RAMP.tobytes()))[0], RAMP)
    assert np.array_equal(read(zipped, gzip.compress(RAMP.tobytes()))[0], RAMP)
    assert np.array_equal(read(written(b"", ElementDataFile="v", HeaderSize="-1"), b"abc" + RAMP.tobytes())[0], RAMP)
    assert np.array_equal(read(written(b"", ElementDataFile="v", HeaderSize="2"), b"ab" + RAMP.tobytes())[0], RAMP)
    assert refusal_of(head) == "missing_voxels"
    assert refusal_of(head, RAMP.tobytes()[:-1]) == "corrupt_file"


def test_a_header_may_hold_comments_blank_lines_and_carriage_returns():
    data = written(b"").replace(b"\n", b"\r\n").replace(b"NDims", b"Comment = an image\r\n\r\nNDims") + RAMP.tobytes()
    assert np.array_equal(read(data)[0], RAMP)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"ElementType": "MET_OTHER"}, "corrupt_file"),
        ({"ElementType": None}, "corrupt_file"),
        ({"BinaryData": "False"}, "encoding_not_supported"),
        ({"NDims": "4"}, "not_three_dimensional"),
        ({"NDims": "1", "DimSize": "24"}, "not_three_dimensional"),
        ({"DimSize": "4 3 two"}, "corrupt_file"),
        ({"DimSize": "4 3 0"}, "empty_grid"),
        ({"DimSize": "-4 3 2"}, "empty_grid"),
        ({"DimSize": None}, "corrupt_file"),
        ({"DimSize": "99999 99999 99999"}, "unreasonable_header"),
        ({"ElementNumberOfChannels": "0"}, "corrupt_file"),
        ({"ElementNumberOfChannels": "99999999"}, "corrupt_file"),
        ({"ElementSpacing": None}, "corrupt_file"),
        ({"ElementSpacing": "1 2"}, "corrupt_file"),
        ({"ElementSpacing": "1 2 nan"}, "corrupt_file"),
        ({"ElementSpacing": "1 2 0"}, "bad_spacing"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "bad_direction"),
        ({"ElementToIntensityFunctionSlope": "2"}, "unknown_scale"),
        ({"ElementToIntensityFunctionOffset": "-1024"}, "unknown_scale"),
        ({"HeaderSize": "many"}, "corrupt_file"),
        ({"body": b""}, "corrupt_file"),
        ({"body": zlib.compress(RAMP.tobytes())[:-3], "CompressedData": "True"}, "corrupt_file"),
        ({"body": zlib.compress(RAMP.tobytes() * 2), "CompressedData": "True"}, "unreasonable_header"),
    ],
)
def test_broken_and_other_files_are_refused_by_name(changes, verdict):
    assert refusal_of(written(**changes)) == verdict


@pytest.mark.parametrize("name", ["LIST", "C6_%02d.raw 1 10 1"])
def test_data_in_several_files_are_refused_as_such(name):
    assert refusal_of(written(ElementDataFile=name)) == "encoding_not_supported"


def test_axes_that_mix_space_and_time_are_refused():
    mixed = "1 0 0 1 0 1 0 0 0 0 1 0 0 0 0 1"
    data = written(
        RAMP.tobytes() * 2,
        NDims="4",
        DimSize="4 3 2 2",
        ElementSpacing="1 1 1 1",
        Offset="0 0 0 0",
        TransformMatrix=mixed,
    )
    assert refusal_of(data) == "corrupt_file"


def test_a_header_without_an_end_is_refused(monkeypatch):
    assert refusal_of(b"no image") == "not_metaimage"
    assert refusal_of(b"ObjectType = Image\nNDims = 3\n") == "corrupt_file"
    monkeypatch.setattr(metaimage, "MAX_HEADER_BYTES", 40)
    assert refusal_of(written()) == "unreasonable_header"


def test_no_value_of_a_header_stands_in_a_message():
    for changes in ({"ElementType": "Zebrafish"}, {"DimSize": "Zebrafish 1 1"}, {"ElementSpacing": "Zebrafish 1 1"}):
        with pytest.raises(BadData) as refusal:
            read(written(**changes))
        assert "Zebra" not in str(refusal.value)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_a_mutated_file_is_read_or_refused(seed):
    chance = random.Random(seed)
    zipped = written(zlib.compress(RAMP.tobytes()), CompressedData="True")
    data = bytearray(zipped if chance.random() < 0.5 else written())
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    try:
        values, geometry, _ = read(bytes(data))
    except BadData:
        return
    assert values.shape[-3:] == geometry.shape
