"""Borders moved by the energy of two even regions."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from skimage.segmentation import morphological_chan_vese, morphsnakes

from tasks.methods.segmentation.chan_vese import ChanVese

SPACING_MM = (1.0, 1.0, 1.0)


def noisy_box(shape, seed=0):
    image = np.random.default_rng(seed).normal(size=shape)
    image[..., 4:10, 3:9] += 4
    return image


def scikit_image(image, iterations, smoothing):
    """Call scikit-image with its smoothing operators at their first state, whatever was called before.

    Its erosion takes what lies beyond the image as outside; here the erosion is the dilation of the complement.
    """
    dilate = morphsnakes.inf_sup

    def erode(u):
        return 1 - dilate(1 - u)

    steps = [lambda u: erode(dilate(u)), lambda u: dilate(erode(u))]
    morphsnakes._curvop.funcs = iter(steps * iterations * smoothing)
    return morphological_chan_vese(image, iterations, "checkerboard", smoothing=smoothing)


@pytest.fixture
def scikit_image_restored():
    kept = morphsnakes._curvop.funcs
    yield
    morphsnakes._curvop.funcs = kept


@pytest.mark.usefixtures("scikit_image_restored")
@pytest.mark.parametrize("shape", [(1, 16, 14), (7, 16, 14)])
@pytest.mark.parametrize(("iterations", "smoothing"), [(3, 1), (8, 1), (5, 2)])
def test_it_agrees_with_scikit_image(shape, iterations, smoothing):
    image = noisy_box(shape).astype(np.float32).astype(np.float64)
    found = ChanVese(
        start="checkerboard", iterations=iterations, border_smoothing=smoothing, smoothing_mm=0, keep="all"
    )(image, SPACING_MM)
    expected = scikit_image(np.squeeze(image), iterations, smoothing).reshape(shape) == 1
    if image[expected].mean() < image[~expected].mean():
        expected = ~expected
    assert_array_equal(found, expected)


def test_noise_is_left_out_and_the_box_stays():
    found = ChanVese(smoothing_mm=0)(noisy_box((1, 16, 14)), SPACING_MM)[0]
    assert found[5:9, 4:8].all()
    assert found.sum() <= 6 * 6


def test_a_faint_object_counts_as_inside_when_the_outside_is_weighed_more():
    image = np.zeros((1, 12, 12))
    image[0, 2:10, 2:10] = 2
    image[0, 4:8, 4:8] = 10
    strict = ChanVese(smoothing_mm=0, border_smoothing=0)(image, SPACING_MM)
    loose = ChanVese(smoothing_mm=0, border_smoothing=0, weight_outside=100.0)(image, SPACING_MM)
    assert_array_equal(strict, image > 5)
    assert_array_equal(loose, image > 0)


def test_an_object_smoothed_away_leaves_nothing_or_everything_and_no_error():
    image = np.zeros((1, 9, 9))
    image[0, 4, 4] = 1
    labels = ChanVese(smoothing_mm=0)(image, SPACING_MM)
    assert labels.sum() == 0


def test_an_outside_smoothed_away_leaves_everything():
    image = np.ones((1, 9, 9))
    image[0, 4, 4] = 0
    labels = ChanVese(smoothing_mm=0, border_smoothing=2)(image, SPACING_MM)
    assert labels[0, 4, 4] == 1
