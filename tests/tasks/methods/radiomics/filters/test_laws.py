"""Laws' kernels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError
from scipy import ndimage

from tasks.methods.radiomics.filters.laws import PATTERNS, Laws

SPACING_MM = (1.0, 1.0, 1.0)
SCIPY = {"zero": "constant", "nearest": "nearest", "periodic": "wrap", "mirror": "reflect"}


def noise(shape=(7, 8, 9)):
    return np.random.default_rng(0).normal(0, 100, shape)


def by_scipy(image, kernel, boundary):
    """Convolve along x, then y, then z."""
    for axis, place in zip((2, 1, 0), range(0, len(kernel), 2), strict=False):
        pattern = np.array(PATTERNS[kernel[place : place + 2]], dtype=float)
        image = ndimage.convolve1d(image, pattern / np.linalg.norm(pattern), axis=axis, mode=SCIPY[boundary])
    return image


def test_an_edge_across_x_answers_to_an_edge_along_x():
    image = np.tile([0.0, 0.0, 1.0, 1.0, 1.0], (1, 4, 1))
    # (-1, 0, 1) as a convolution: what is on the left less what is on the right; the level adds up 1 + 2 + 1
    edge = -4 / np.sqrt(2 * 6)
    assert_allclose(Laws(kernel="E3L3")(image, SPACING_MM)[0, 1], [0, edge, edge, 0, 0], atol=1e-6)
    assert_allclose(Laws(kernel="L3E3")(image, SPACING_MM), 0.0, atol=1e-6)


@pytest.mark.parametrize("boundary", SCIPY)
@pytest.mark.parametrize("kernel", ["L5E5E5", "E5L5S5", "E3W5R5", "S3L3", "R5W5"])
def test_letters_are_convolved_along_x_and_y_and_z(kernel, boundary):
    expected = by_scipy(noise(), kernel, boundary)
    assert_allclose(Laws(kernel=kernel, boundary=boundary)(noise(), SPACING_MM), expected, atol=1e-4)


@pytest.mark.parametrize("boundary", SCIPY)
@pytest.mark.parametrize(("kernel", "size"), [("L5E5E5", 5), ("L5E5", (1, 5, 5))])
def test_energy_is_the_local_mean_of_absolute_responses_continued_like_the_image(kernel, size, boundary):
    responses = np.abs(by_scipy(noise(), kernel, boundary))
    expected = ndimage.uniform_filter(responses, size, mode=SCIPY[boundary])
    each = Laws(kernel=kernel, energy_distance=2, boundary=boundary)
    assert_allclose(each(noise(), SPACING_MM), expected, atol=1e-4)


def test_the_reach_of_an_energy_is_that_of_the_kernel_and_of_the_mean():
    assert Laws(kernel="L5E5E5", energy_distance=7).reach(SPACING_MM) == (9, 9, 9)
    assert Laws(kernel="L3E5").reach(SPACING_MM) == (0, 2, 1)


@pytest.mark.parametrize("kernel", ["L5", "L5E5E5E5", "X5L5", "W3L3", "l5e5"])
def test_other_kernels_are_refused(kernel):
    with pytest.raises(ValidationError, match="kernel"):
        Laws(kernel=kernel)
