"""What may be shown of a refused scan, and how small."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data_catalog.geometry import Geometry
from tasks.methods.gate.thumbnail import axial_plane, encoded, is_axial, mask_plane, may_be_shown, thumbnail

CT, CAPTURE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7"
AXIAL = Geometry(shape=(4, 6, 8), spacing_mm=(3.0, 2.0, 1.0))
SAGITTAL = Geometry((4, 6, 8), (3.0, 2.0, 1.0), direction=((0.0, -1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)))


@pytest.mark.parametrize(
    ("modality", "sop_class", "image_type", "annotated", "shown"),
    [
        ("CT", CT, ("ORIGINAL", "PRIMARY", "AXIAL"), "", True),
        ("MR", CT, (), "NO", True),
        ("PT", CT, ("ORIGINAL", "PRIMARY"), "", True),
        ("CT", CT, ("ORIGINAL", "SECONDARY", "AXIAL"), "", True),
        ("CT", CT, ("DERIVED", "SECONDARY"), "", False),
        ("CT", CT, ("DERIVED", "SECONDARY", "OTHER"), "", False),
        ("CT", CAPTURE, ("ORIGINAL", "PRIMARY"), "", False),
        ("CT", f"{CAPTURE}.2", ("ORIGINAL", "PRIMARY"), "NO", False),
        ("CT", CT, ("ORIGINAL", "PRIMARY"), "YES", False),
        ("CT", CT, ("ORIGINAL", "PRIMARY"), "yes", False),
        *[
            (modality, CT, ("ORIGINAL", "PRIMARY"), "NO", False)
            for modality in ("US", "SC", "XA", "CR", "DX", "OT", "")
        ],
    ],
)
def test_only_scans_without_text_are_shown(modality, sop_class, image_type, annotated, shown):
    assert may_be_shown(modality, sop_class, image_type, annotated) is shown


@pytest.mark.parametrize(
    ("normal", "axial"), [((1, 0, 0), True), ((-5, 0, 3), True), ((0, 1, 0), False), ((1, 1, 0), False)]
)
def test_a_plane_is_axial_when_it_cuts_across_the_patient(normal, axial):
    assert is_axial(normal) is axial


def test_a_plane_keeps_its_proportions_and_is_made_no_larger_than_it_is():
    ramp = np.tile(np.arange(8), (4, 1))
    small = thumbnail(ramp, (2.0, 1.0))
    assert small.shape == (8, 8)
    assert thumbnail(ramp, (1.0, 1.0)).shape == (4, 8)
    assert thumbnail(np.zeros((512, 256)), (0.5, 0.5)).shape == (96, 48)
    assert (small[0, 0], small[0, -1]) == (0, 255)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.floats(0.05, 20), st.floats(0.05, 20))
def test_a_thumbnail_is_small_and_of_eight_bits(rows, columns, row_mm, column_mm):
    plane = np.random.default_rng(rows).normal(size=(rows, columns))
    small = thumbnail(plane, (row_mm, column_mm))
    assert small.dtype == np.uint8
    assert min(small.shape) >= 1
    assert max(small.shape) <= 96


def test_a_thumbnail_is_the_mean_of_blocks():
    plane = np.kron(np.array([[0, 1], [2, 3]]), np.ones((96, 96)))
    small = thumbnail(plane, (1.0, 1.0))
    assert [small[10, 10], small[10, 80], small[80, 10], small[80, 80]] == [0, 85, 170, 255]


def test_missing_values_are_black_and_a_constant_plane_too():
    plane = np.array([[np.nan, 5.0], [6.0, 7.0]])
    assert thumbnail(plane, (1.0, 1.0))[0, 0] == 0
    assert not thumbnail(np.full((3, 3), np.nan), (1.0, 1.0)).any()
    assert not thumbnail(np.full((3, 3), 9), (1.0, 1.0)).any()


def test_the_middle_axial_plane_of_a_volume_is_shown():
    values = np.arange(4)[:, None, None] * 100 + np.arange(8) + np.zeros((4, 6, 1))
    np.testing.assert_array_equal(axial_plane(values, AXIAL, "CT"), thumbnail(values[2], (2.0, 1.0)))
    np.testing.assert_array_equal(axial_plane(values[None, None], AXIAL, "MR"), thumbnail(values[2], (2.0, 1.0)))
    assert axial_plane(values, AXIAL, "US") is None


def test_of_a_sagittal_volume_the_plane_across_the_patient_is_shown():
    values = np.random.default_rng(0).normal(size=SAGITTAL.shape)
    np.testing.assert_array_equal(axial_plane(values, SAGITTAL, "MR"), thumbnail(values[:, 3, :], (3.0, 1.0)))


def test_a_single_sagittal_plane_is_not_shown():
    planar = Geometry((1, 6, 8), SAGITTAL.spacing_mm, direction=SAGITTAL.direction)
    assert axial_plane(np.zeros((1, 6, 8)), planar, "MR") is None
    assert mask_plane(np.ones((1, 6, 8)), planar) is None


def test_of_a_mask_the_plane_is_shown_in_which_most_is_inside():
    labels = np.zeros((4, 6, 8), int)
    labels[1, 2:4, 2:4] = 3
    labels[3, 1:5, 1:6] = 1
    shown = mask_plane(labels, AXIAL)
    np.testing.assert_array_equal(shown, thumbnail(labels[3] > 0, (2.0, 1.0)))
    assert set(np.unique(shown)) <= set(range(256))
    assert shown.max() == 255


def test_a_picture_is_a_png_without_any_text():
    picture = thumbnail(np.random.default_rng(0).normal(size=(200, 200)), (1.0, 1.0))
    data = base64.b64decode(encoded(picture))
    image = Image.open(BytesIO(data))
    assert (image.format, image.mode, image.size, image.info) == ("PNG", "L", (96, 96), {})
    np.testing.assert_array_equal(np.asarray(image), picture)
    assert encoded(picture) == encoded(picture.copy())
