"""Floods that meet on the ridges of the gradient."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage.segmentation import watershed

from tasks.methods.segmentation.otsu import otsu_threshold
from tasks.methods.segmentation.watershed import Watershed, gradient_magnitude

SPACING_MM = (1.0, 1.0, 1.0)


def test_the_border_lies_on_the_steepest_place_and_not_at_the_threshold():
    row = np.array([0, 0, 0, 1, 2, 3, 9, 10, 10, 10.0])
    image = np.tile(row, (1, 6, 1))
    labels = Watershed(smoothing_mm=0)(image, SPACING_MM)
    assert_array_equal(labels[0], np.tile(row >= 9, (6, 1)))


@pytest.mark.parametrize("markers", ["intensity", "distance"])
def test_both_kinds_of_markers_find_a_box(markers):
    image = np.zeros((1, 20, 20))
    image[0, 5:15, 4:12] = 50
    labels = Watershed(markers=markers, smoothing_mm=0)(image, SPACING_MM)
    assert_array_equal(labels[0], image[0] > 0)


def test_distance_marks_every_piece():
    image = np.zeros((13, 22, 22))
    image[4:9, 3:10, 3:10] = 50
    image[5:8, 14:18, 14:18] = 50
    labels = Watershed(markers="distance", keep="all", smoothing_mm=0)(image, SPACING_MM)
    assert not labels[image == 0].any()
    # both sides of an edge are as steep, and eight corners are nearer to the background's marker
    assert labels[5:8, 14:18, 14:18].all()
    assert labels.sum() >= (image > 0).sum() - 8


def test_it_agrees_with_scikit_images_watershed_of_numpys_gradient():
    image = np.random.default_rng(0).normal(size=(12, 14)).cumsum(axis=0).cumsum(axis=1)
    scaled = np.float32(image).astype(np.float64)
    scaled = (scaled - scaled.min()) / np.ptp(scaled)
    slope = np.hypot(*np.gradient(np.pad(scaled, 1, mode="edge")))[1:-1, 1:-1]
    bright = scaled > otsu_threshold(scaled)
    markers = 2 * (scaled >= np.median(scaled[bright])) + (scaled <= np.median(scaled[~bright]))
    labels = Watershed(smoothing_mm=0, keep="all")(image[None], SPACING_MM)
    assert_array_equal(labels[0], watershed(slope, markers) == 2)


def test_the_gradient_is_in_units_per_millimetre():
    k, j, i = np.indices((5, 6, 7))
    slope = gradient_magnitude(3.0 * k + 4.0 * j + 0.0 * i, (3.0, 4.0, 1.0))
    assert_allclose(slope[1:-1, 1:-1], np.sqrt(2))
