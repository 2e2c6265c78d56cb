from __future__ import annotations

import gzip
import random
import struct
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.formats import nifti
from tasks.formats.nifti import read_image, read_labels

AFFINE = np.array([[-2.0, 0, 0, 10], [0, -3.0, 0, 20], [0, 0, 4.0, 30], [0, 0, 0, 1]])


def written(values, affine=AFFINE, *, kind=nibabel.Nifti1Image, sform=1, qform=1, unit="mm", zipped=False):
    image = kind(values, affine)
    image.set_sform(affine, code=sform)
    image.set_qform(affine, code=qform)
    image.header.set_xyzt_units(xyz=unit)
    data = image.to_bytes()
    return gzip.compress(data) if zipped else data


def refusal_of(data, read=read_image):
    with pytest.raises(BadData) as refusal:
        read(data)
    return refusal.value.verdict


RAMP = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_volume_drawn_by_hand_is_turned_to_z_y_x_and_lps(kind, zipped):
    values, geometry, attributes = read_image(written(RAMP, kind=kind, zipped=zipped))
    assert (values.shape, values.dtype, values[3, 2, 1]) == ((4, 3, 2), np.int16, RAMP[1, 2, 3])
    assert geometry.spacing_mm == (4.0, 3.0, 2.0)
    assert geometry.origin_mm == (30.0, -20.0, -10.0)
    assert geometry.direction == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    assert attributes == {"dims": ["z", "y", "x"], "coords": {}, "corrections": []}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_every_voxel_lies_where_nibabel_says(seed):
    chance = np.random.default_rng(seed)
    turn = np.linalg.qr(chance.normal(size=(3, 3)))[0]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * chance.uniform(0.5, 5, 3), chance.uniform(-50, 50, 3)
    _, geometry, _ = read_image(written(RAMP, affine))
    for i, j, k in ((0, 0, 0), (1, 2, 3), (1, 0, 2)):
        z, y, x = geometry.to_mm(np.array([k, j, i]))
        assert np.allclose((-x, -y, z), (affine @ (i, j, k, 1))[:3], atol=1e-3)


def test_scaled_values_become_float32_and_small_whole_numbers_int16():
    data = bytearray(written(RAMP))
    data[112:120] = struct.pack("<ff", 0.5, 1)  # scl_slope, scl_inter
    values, _, _ = read_image(bytes(data))
    assert values.dtype == np.float32
    assert values[3, 2, 1] == 0.5 * 23 + 1
    assert read_image(written(RAMP.astype(np.uint8)))[0].dtype == np.int16
    assert read_image(written(RAMP.astype(np.uint16)))[0].dtype == np.float32


def test_whole_numbers_that_are_too_large_for_single_precision_stay_exact():
    large = RAMP.astype(np.int32) + 2**24
    values, _, _ = read_image(written(large))
    assert values.dtype == np.float64
    assert np.array_equal(values, large.transpose(2, 1, 0))
    assert read_image(written(large - 1000))[0].dtype == np.float32
    image = nibabel.Nifti1Image(RAMP.astype(np.int64) + 2**60, AFFINE, dtype=np.int64)
    assert refusal_of(image.to_bytes()) == "implausible_values"


def test_a_big_endian_file_is_read():
    header = nibabel.Nifti1Header(endianness=">")
    image = nibabel.Nifti1Image(RAMP, AFFINE, header=header)
    image.header.set_xyzt_units(xyz="mm")
    values, _, _ = read_image(image.to_bytes())
    assert np.array_equal(values, RAMP.transpose(2, 1, 0))
    assert values.dtype.isnative


def test_a_fourth_axis_is_time_and_a_fifth_the_channel():
    assert read_image(written(RAMP[..., None]))[0].shape == (4, 3, 2)
    image = nibabel.Nifti1Image(np.stack([RAMP, RAMP + 100], axis=-1), AFFINE)
    image.header.set_xyzt_units("mm", "msec")
    image.header["pixdim"][4], image.header["toffset"] = 500, 1000
    values, geometry, attributes = read_image(image.to_bytes())
    assert (values.shape, values[1, 3, 2, 1], geometry.shape) == ((2, 4, 3, 2), 123, (4, 3, 2))
    assert attributes == {"dims": ["t", "z", "y", "x"], "coords": {"t": [1.0, 1.5]}, "corrections": []}
    vectors = np.stack([RAMP, RAMP + 100, RAMP + 200], axis=-1)[..., None, :]
    values, _, attributes = read_image(written(vectors))
    assert (attributes["dims"], values[2, 3, 2, 1]) == (["c", "z", "y", "x"], 223)


@pytest.mark.parametrize("unit", ["hz", "unknown"])
def test_volumes_without_a_time_are_counted(unit):
    image = nibabel.Nifti1Image(np.stack([RAMP, RAMP], axis=-1), AFFINE)
    image.header.set_xyzt_units("mm", unit)
    _, _, attributes = read_image(image.to_bytes())
    assert attributes["coords"] == {}
    assert [correction["name"] for correction in attributes["corrections"]] == ["time_step_unknown"]


def test_colours_become_channels_and_their_opacity_is_told():
    rgb = np.zeros((2, 3, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    rgb["G"][1, 2, 3] = 200
    values, _, attributes = read_image(written(rgb))
    assert (values.shape, values[:, 3, 2, 1].tolist(), attributes["corrections"]) == ((3, 4, 3, 2), [0, 200, 0], [])
    rgba = np.zeros((2, 3, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])
    rgba["B"][1, 2, 3] = 7
    values, _, attributes = read_image(written(rgba))
    assert (values[:, 3, 2, 1].tolist(), attributes["corrections"][0]["name"]) == ([0, 0, 7], "opacity_left_out")


def test_one_plane_is_a_volume_of_one_slice_and_more_than_five_axes_are_refused():
    values, geometry, _ = read_image(written(RAMP[:, :, 0]))
    assert (values.shape, geometry.shape) == ((1, 3, 2), (1, 3, 2))
    six = nibabel.Nifti1Image(np.zeros((2, 2, 2, 2, 2, 2), np.int16), AFFINE)
    assert refusal_of(six.to_bytes()) == "not_three_dimensional"
    assert refusal_of(written(np.stack([RAMP, RAMP], axis=-1)), read_labels) == "not_three_dimensional"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (116, struct.pack("<f", float("inf"))),  # scl_inter
        (70, struct.pack("<h", 999)),  # datatype
        (123, b"\x07"),  # unit of length
        (123, b"\x3a"),  # unit of time
    ],
)
def test_a_header_that_makes_no_sense_is_refused(place, value):
    data = bytearray(written(np.stack([RAMP, RAMP], axis=-1)))
    data[112:116] = struct.pack("<f", 1.0)
    data[place : place + len(value)] = value
    assert refusal_of(bytes(data)) == "corrupt_file"


def test_a_pair_of_header_and_voxels_is_read_as_one_file_is():
    pair = nibabel.Nifti1Pair(RAMP, AFFINE)
    pair.header.set_xyzt_units("mm")
    files = {name: nibabel.FileHolder(fileobj=BytesIO()) for name in ("header", "image")}
    pair.to_file_map(files)
    head, body = (files[name].fileobj.getvalue() for name in ("header", "image"))
    for voxels in (body, gzip.compress(body)):
        values, geometry, _ = read_image(head, voxels)
        assert np.array_equal(values, RAMP.transpose(2, 1, 0))
        assert geometry == read_image(written(RAMP))[1]
    assert (nifti.is_detached(head), nifti.is_detached(written(RAMP))) == (True, False)
    assert refusal_of(head) == "missing_voxels"
    assert refusal_of(head, lambda data: read_image(data, body[:-1])) == "corrupt_file"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["uint8", "int16", "int32", "float32", "float64"]))
def test_voxels_and_corners_are_those_of_simpleitk(seed, kind):
    chance = np.random.default_rng(seed)
    turn = np.linalg.qr(chance.normal(size=(3, 3)))[0]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * chance.uniform(0.5, 5, 3), chance.uniform(-50, 50, 3)
    data = written(chance.integers(0, 200, (2, 3, 4)).astype(kind), affine)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "image.nii"
        path.write_bytes(data)
        other = SimpleITK.ReadImage(str(path))
    values, geometry, _ = read_image(data)
    assert np.array_equal(values, SimpleITK.GetArrayFromImage(other))
    for corner in np.ndindex(2, 2, 2):
        index = np.array(corner) * (np.array(geometry.shape) - 1)
        theirs = other.TransformIndexToPhysicalPoint([int(n) for n in index[::-1]])
        assert np.abs(geometry.to_mm(index)[::-1] - theirs).max() < 1e-4


@pytest.mark.parametrize(
    ("unit", "spacing", "name", "note"),
    [
        ("unknown", 4.0, "length_unit_assumed", "mm were taken"),
        ("meter", 4000.0, "length_unit_changed", "meter were turned"),
        ("micron", 0.004, "length_unit_changed", "micron were"),
    ],
)
def test_the_unit_of_length_is_turned_to_mm_and_told(unit, spacing, name, note):
    _, geometry, attributes = read_image(written(RAMP, unit=unit))
    assert geometry.spacing_mm[0] == pytest.approx(spacing)
    (correction,) = attributes["corrections"]
    assert correction["name"] == name
    assert note in correction["text"]


def test_a_qform_without_the_length_of_a_step_is_refused():
    data = bytearray(written(RAMP, sform=0))
    struct.pack_into("<f", data, 76 + 4 * 3, 0.0)  # pixdim[3]
    assert refusal_of(bytes(data)) == "bad_spacing"


@pytest.mark.parametrize("slope", [1 / 255, 0.1])
def test_labels_that_a_scale_makes_whole_but_for_its_rounding_are_labels(slope):
    image = nibabel.Nifti1Image((RAMP % 2 * round(1 / slope)).astype(np.uint8), AFFINE)
    image.set_sform(AFFINE, code=1)
    image.header.set_slope_inter(slope, 0)
    data = bytearray(image.to_bytes())
    struct.pack_into("<ff", data, 112, slope, 0.0)
    assert np.array_equal(np.unique(read_labels(bytes(data))[0]), [0, 1])


def test_rounding_of_a_rotation_by_180_degrees_is_no_conflict_but_a_shift_is():
    axis = np.array([1.0, 2.0, 3.0]) / np.sqrt(14)
    affine = np.eye(4)
    affine[:3, :3] = 2 * np.outer(axis, axis) - np.eye(3)  # by 180 degrees: the quaternion's first part is 0
    values = np.zeros((2, 2, 2), np.int16)
    values[0, 0, 0] = 1
    large = np.zeros((300, 300, 2), np.int8)
    assert read_image(written(large, affine))[1].shape == (2, 300, 300)
    image = nibabel.Nifti1Image(values, affine)
    image.set_qform(affine, code=1)
    affine[0, 3] += 0.5
    image.set_sform(affine, code=1)
    assert refusal_of(image.to_bytes()) == "conflicting_geometry"


def test_one_of_sform_and_qform_is_enough_none_is_refused():
    assert read_image(written(RAMP, qform=0))[1] == read_image(written(RAMP, sform=0))[1]
    assert refusal_of(written(RAMP, sform=0, qform=0)) == "unknown_position"


def test_sform_and_qform_that_differ_are_refused():
    image = nibabel.Nifti1Image(RAMP, AFFINE)
    image.set_sform(AFFINE, code=1)
    image.set_qform(AFFINE + np.diag([0, 0, 0.5, 0]), code=1)
    assert refusal_of(image.to_bytes()) == "conflicting_geometry"


def test_axes_without_length_are_refused():
    for value, verdict in ((0.0, "bad_spacing"), (np.nan, "corrupt_file")):
        image = nibabel.Nifti1Image(RAMP, None)
        image.header["sform_code"], image.header["srow_x"] = 1, [1, 0, 0, 0]
        image.header["srow_y"], image.header["srow_z"] = [0, 1, 0, 0], [0, 0, value, 0]
        assert refusal_of(image.to_bytes()) == verdict


def test_a_rotation_that_is_none_is_refused():
    data = bytearray(written(RAMP))
    data[256:260] = struct.pack("<f", 2.0)  # quatern_b
    assert refusal_of(bytes(data)) == "corrupt_file"


def test_labels_are_whole_numbers():
    labels, _, _ = read_labels(written((RAMP % 3).astype(np.float32)))
    assert (labels.dtype, labels.max(), labels.shape) == (np.int32, 2, (4, 3, 2))
    assert read_labels(written((RAMP % 3).astype(np.uint8)))[0].dtype == np.int32


@pytest.mark.parametrize("values", [RAMP + 0.5, -RAMP, np.where(RAMP > 3, np.nan, 1), RAMP * 1e10])
def test_other_values_are_no_labels(values):
    assert refusal_of(written(values.astype(np.float32)), read_labels) == "not_labels"


def test_an_empty_label_map_is_refused():
    assert refusal_of(written(np.zeros((2, 2, 2), np.uint8)), read_labels) == "empty_mask"


def test_missing_voxels_stay_missing_and_infinite_ones_are_refused():
    values = RAMP.astype(np.float32)
    values[0, 0, 0] = np.nan
    assert np.isnan(read_image(written(values))[0]).sum() == 1
    values[0, 0, 0] = np.inf
    assert refusal_of(written(values)) == "infinite_values"
    assert refusal_of(written(np.full((2, 2, 2), 1e300))) == "infinite_values"


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"", "not_nifti"),
        (b"\x89PNG" + b"0" * 400, "not_nifti"),
        (written(RAMP)[:200], "corrupt_file"),
        (written(RAMP)[:-5], "corrupt_file"),
        (written(RAMP, zipped=True)[:-20], "corrupt_file"),
        (b"\x1f\x8b" + b"x" * 50, "corrupt_file"),
        (written(RAMP.astype(np.complex64)), "colour_not_supported"),
    ],
)
def test_other_and_broken_files_are_refused(data, verdict):
    assert refusal_of(data) == verdict


def test_a_gzip_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(nifti, "MAX_BYTES", 10_000)
    assert refusal_of(gzip.compress(b"\0" * 1_000_000)) == "unreasonable_header"


def test_more_voxels_than_a_file_can_hold_are_refused_before_memory_is_taken():
    data = bytearray(written(RAMP))
    data[42:48] = struct.pack("<hhh", 32767, 32767, 32767)
    assert refusal_of(bytes(data)) == "unreasonable_header"
    assert refusal_of(gzip.compress(bytes(data))) == "unreasonable_header"


def test_nothing_of_the_description_is_kept():
    image = nibabel.Nifti1Image(RAMP, AFFINE)
    image.header["descrip"] = b"Zebrafish"
    _, _, attributes = read_image(image.to_bytes())
    assert "Zebra" not in str(attributes)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_a_mutated_file_is_read_or_refused(seed):
    chance = random.Random(seed)
    data = bytearray(written(RAMP))
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    for read in (read_image, read_labels):
        try:
            values, geometry, _ = read(bytes(data))
        except BadData:
            continue
        assert values.shape[-3:] == geometry.shape
