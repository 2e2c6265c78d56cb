"""Roundish objects, where they are and how large."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from skimage.feature import blob_dog, blob_log

from data_catalog.errors import BadData
from tasks.methods.detection.blobs import COLUMNS, DogBlobs, LogBlobs, shared_part

ISOTROPIC = (1.0, 1.0, 1.0)
THICK = (2.5, 0.8, 0.8)
DETECTORS = [LogBlobs, DogBlobs]
each = pytest.mark.parametrize("detector", DETECTORS)


def balls(shape, spacing_mm, *found):
    """Draw balls given as (centre in mm, radius in mm, brightness) on black."""
    places = np.moveaxis(np.indices(shape), 0, -1) * spacing_mm
    image = np.zeros(shape)
    for centre, radius, brightness in found:
        image[((places - centre) ** 2).sum(axis=-1) <= radius**2] = brightness
    return image


@each
def test_two_nodules_are_found_in_millimetres_the_brighter_first(detector):
    image = balls((17, 50, 50), THICK, ((12.5, 12.0, 12.8), 4.0, 60), ((27.5, 27.2, 28.0), 4.0, 100))
    table = detector(min_radius_mm=2, max_radius_mm=7)(image, THICK)
    assert_allclose(table[["z_mm", "y_mm", "x_mm"]], [[27.5, 27.2, 28.0], [12.5, 12.0, 12.8]], atol=2.5)
    assert_allclose(table["radius_mm"], 4, rtol=0.35)
    assert table["strength"].is_monotonic_decreasing


def test_the_radius_is_found_to_a_step():
    for radius in (3.0, 5.0, 7.0):
        image = balls((27, 27, 27), ISOTROPIC, ((13, 13, 13), radius, 1))
        table = LogBlobs(min_radius_mm=2, max_radius_mm=8, scales=13)(image, ISOTROPIC)
        assert table["radius_mm"][0] == pytest.approx(radius, abs=0.5)
        assert table["strength"][0] == pytest.approx(0.925, rel=0.1)


def test_a_disc_in_a_plane_has_no_z():
    image = balls((1, 40, 40), ISOTROPIC, ((0, 15, 22), 5.0, 1))
    table = LogBlobs(min_radius_mm=2, max_radius_mm=8)(image, (9.0, 0.5, 0.5))
    assert len(table) == 1
    assert_allclose(table[["z_mm", "y_mm", "x_mm"]], [[0, 7.5, 11]], atol=0.5)
    assert table["radius_mm"][0] == pytest.approx(2.5, abs=0.7)
    assert table["strength"][0] == pytest.approx(0.736, rel=0.1)


@each
def test_dark_objects_are_the_bright_objects_of_the_negative(detector):
    image = balls((20, 20, 20), ISOTROPIC, ((9, 10, 11), 4.0, 1)).astype(np.float32)
    limits = {"min_radius_mm": 2, "max_radius_mm": 6}
    dark = detector(target="dark", **limits)(-image, ISOTROPIC)
    pd.testing.assert_frame_equal(dark, detector(**limits)(image, ISOTROPIC))


def seeds(image, radius_mm, **more):
    return LogBlobs(min_radius_mm=1.5, max_radius_mm=radius_mm, scales=6, **more)(image, ISOTROPIC)


def test_it_agrees_with_scikit_images_laplacian_on_cubic_voxels():
    image = balls((30, 30, 30), ISOTROPIC, ((8, 8, 8), 4.0, 1), ((21, 20, 22), 5.0, 0.8))
    table = LogBlobs(min_radius_mm=3, max_radius_mm=7, scales=9)(image, ISOTROPIC)
    root = np.sqrt(3)
    expected = blob_log(image, 3 / root, 7 / root, num_sigma=9, threshold=0.2)
    assert len(table) == len(expected) == 2
    order = np.argsort(expected[:, 0])
    assert_allclose(table.sort_values("z_mm")[["z_mm", "y_mm", "x_mm"]], expected[order, :3], atol=1)
    assert_allclose(table.sort_values("z_mm")["radius_mm"], expected[order, 3] * root, atol=0.5)


def test_it_agrees_with_scikit_images_differences_on_square_pixels():
    image = balls((1, 60, 60), ISOTROPIC, ((0, 18, 18), 6.0, 1), ((0, 40, 42), 9.0, 1))[0]
    per_sigma = np.sqrt(4 * np.log(1.6) / (1 - 1.6**-2))
    table = DogBlobs(min_radius_mm=2, max_radius_mm=20)(image[None], ISOTROPIC)
    expected = blob_dog(image, 2 / per_sigma, 20 / per_sigma, threshold=0.2)
    assert len(table) == len(expected) == 2
    order = np.argsort(expected[:, 0])
    assert_allclose(table.sort_values("y_mm")[["y_mm", "x_mm"]], expected[order, :2], atol=1)
    assert_allclose(table.sort_values("y_mm")["radius_mm"], expected[order, 2] * per_sigma, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.integers(0, 4)] * 3))
def test_an_object_moved_is_found_moved(shift):
    here = balls((24, 24, 24), ISOTROPIC, ((9, 9, 9), 3.0, 1))
    there = np.roll(here, shift, axis=(0, 1, 2))
    first, second = seeds(here, 5.0), seeds(there, 5.0)
    assert_allclose(second[["z_mm", "y_mm", "x_mm"]], first[["z_mm", "y_mm", "x_mm"]].to_numpy() + shift)
    assert_allclose(second["strength"], first["strength"], rtol=1e-5)


@pytest.mark.parametrize("spacing_mm", [(2.0, 1.0, 1.0), (1.0, 2.0, 0.5)])
def test_the_strength_does_not_depend_on_the_spacing(spacing_mm):
    def soft_ball(spacing):
        shape = np.rint(32 / np.array(spacing)).astype(int) + 1
        steps = np.moveaxis(np.indices(shape), 0, -1) * spacing - 16
        return np.exp(-(steps**2).sum(axis=-1) / (2 * 4**2))

    method = LogBlobs(min_radius_mm=7, max_radius_mm=7, scales=1)
    here, there = method(soft_ball(ISOTROPIC), ISOTROPIC), method(soft_ball(spacing_mm), spacing_mm)
    assert_allclose(there[["z_mm", "y_mm", "x_mm"]], [[16, 16, 16]])
    assert there["strength"][0] == pytest.approx(here["strength"][0], rel=0.03)


@each
def test_one_object_is_one_maximum_over_radii(detector):
    image = balls((1, 40, 40), ISOTROPIC, ((0, 20, 17), 5.0, 1))
    table = detector(min_radius_mm=2, max_radius_mm=12, overlap=1)(image, ISOTROPIC)
    assert len(table) == 1


def test_thick_slices_of_even_grey_do_not_look_like_an_object():
    image = np.zeros((8, 20, 20))
    image[:, :, 10:] = 1000
    table = LogBlobs(min_radius_mm=1.5, max_radius_mm=3, threshold=0.5)(image, (8.0, 1.0, 1.0))
    assert len(table) == 0


@each
@pytest.mark.parametrize("image", [np.zeros((5, 6, 7)), np.full((1, 6, 7), 0.1), np.ones((1, 1, 1))])
def test_a_constant_image_gives_an_empty_table_of_the_same_columns(detector, image):
    table = detector()(image, ISOTROPIC)
    assert list(table.columns) == list(COLUMNS)
    assert (table.dtypes == np.float64).all()
    assert len(table) == 0


@each
def test_the_same_columns_and_types_with_objects(detector):
    table = detector(min_radius_mm=2, max_radius_mm=5)(balls((1, 20, 20), ISOTROPIC, ((0, 9, 9), 3.0, 1)), ISOTROPIC)
    assert list(table.columns) == list(COLUMNS)
    assert (table.dtypes == np.float64).all()
    assert len(table) == 1


@each
def test_a_missing_voxel_is_refused(detector):
    with pytest.raises(BadData) as refused:
        detector()(np.full((2, 2, 2), np.nan), ISOTROPIC)
    assert refused.value.verdict == "missing_voxels"


def test_radii_in_the_wrong_order_are_refused():
    with pytest.raises(ValidationError, match="greater than"):
        LogBlobs(min_radius_mm=5, max_radius_mm=4)


def test_of_two_detections_of_one_object_the_weaker_is_dropped():
    image = balls((1, 40, 40), ISOTROPIC, ((0, 20, 15), 4.0, 1), ((0, 20, 22), 4.0, 0.9))
    two = LogBlobs(min_radius_mm=3, max_radius_mm=5, overlap=0.5)(image, ISOTROPIC)
    one = LogBlobs(min_radius_mm=3, max_radius_mm=5, overlap=0.01)(image, ISOTROPIC)
    assert len(two) == 2
    assert len(one) == 1
    assert_array_equal(one.iloc[0], two.iloc[0])


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_shared_part_agrees_with_counting_random_points(dimensions):
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (200_000, dimensions))
    small = points[(points**2).sum(axis=1) <= 1]
    for apart, radius in ((0.3, 1.0), (1.0, 1.5), (2.0, 1.2), (0.0, 1.0), (0.4, 2.0), (5.0, 1.0)):
        beside = small - np.eye(dimensions)[0] * apart
        counted = ((beside**2).sum(axis=1) <= radius**2).mean()
        assert shared_part(np.array([apart]), np.array([radius]), 1.0, dimensions)[0] == pytest.approx(
            counted, abs=0.01
        )
