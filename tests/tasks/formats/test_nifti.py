from __future__ import annotations

import gzip
import random
import struct

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.formats import inflate, nifti
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
    assert attributes == {"dims": ["z", "y", "x"], "corrections": []}


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


def test_scaled_and_unsigned_values_become_float32():
    data = bytearray(written(RAMP))
    data[112:120] = struct.pack("<ff", 0.5, 1)  # scl_slope, scl_inter
    values, _, _ = read_image(bytes(data))
    assert values.dtype == np.float32
    assert values[3, 2, 1] == 0.5 * 23 + 1
    assert read_image(written(RAMP.astype(np.uint8)))[0].dtype == np.float32


def test_a_big_endian_file_is_read():
    header = nibabel.Nifti1Header(endianness=">")
    image = nibabel.Nifti1Image(RAMP, AFFINE, header=header)
    image.header.set_xyzt_units(xyz="mm")
    values, _, _ = read_image(image.to_bytes())
    assert np.array_equal(values, RAMP.transpose(2, 1, 0))
    assert values.dtype.isnative


def test_a_last_dimension_of_one_is_dropped_and_a_time_series_refused():
    assert read_image(written(RAMP[..., None]))[0].shape == (4, 3, 2)
    assert refusal_of(written(np.stack([RAMP, RAMP], axis=-1))) == "not_three_dimensional"
    assert refusal_of(written(RAMP[0])) == "not_three_dimensional"


@pytest.mark.parametrize(
    ("unit", "spacing", "note"),
    [("unknown", 4.0, "mm were taken"), ("meter", 4000.0, "meter were turned"), ("micron", 0.004, "micron were")],
)
def test_the_unit_of_length_is_turned_to_mm_and_told(unit, spacing, note):
    _, geometry, attributes = read_image(written(RAMP, unit=unit))
    assert geometry.spacing_mm[0] == pytest.approx(spacing)
    assert note in attributes["corrections"][0]


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
    assert inflate.inflate(gzip.compress(b"abc"), inflate.GZIP, 3) == b"abc"


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
        assert values.shape == geometry.shape
