"""The Laplacian of a Gaussian."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import ndimage

from tasks.methods.radiomics.filters.laplacian_of_gaussian import LaplacianOfGaussian
from tasks.methods.radiomics.filters.responses import responses_in_box

CENTRE = tuple(slice(30, 31) for _ in range(3))


def kernel(sigma, dimension, cutoff=4.0):
    """Return IBSI-2's filter as it is printed, for a sigma in voxels."""
    far = int(np.floor(cutoff * sigma + 0.5))
    axes = np.meshgrid(*[np.arange(-far, far + 1)] * dimension, indexing="ij")
    squared = sum(axis**2 for axis in axes)
    gaussian = (1 / (np.sqrt(2 * np.pi) * sigma)) ** dimension * np.exp(-squared / (2 * sigma**2))
    return -(1 / sigma**2) * (dimension - squared / sigma**2) * gaussian


def at_centre(each, image, spacing_mm):
    ((_, response),) = responses_in_box([each], image, CENTRE, spacing_mm)
    return response.item()


@settings(max_examples=10, deadline=None)
@given(sigma=st.floats(0.5, 2.0), cutoff=st.floats(1.0, 5.0))
def test_it_is_the_printed_filter_on_its_whole_support(sigma, cutoff):
    image = np.random.default_rng(0).normal(0, 100, (10, 11, 12))
    each = LaplacianOfGaussian(sigma_mm=2 * sigma, cutoff_sigma=cutoff)
    expected = ndimage.convolve(image, kernel(sigma, 3, cutoff), mode="reflect")
    assert_allclose(each(image, (2.0, 2.0, 2.0)), expected, atol=1e-3)


def test_in_a_plane_it_is_the_printed_filter_of_two_dimensions():
    image = np.random.default_rng(0).normal(0, 100, (3, 11, 12))
    expected = ndimage.convolve(image, kernel(1.5, 2)[None], mode="reflect")
    response = LaplacianOfGaussian(sigma_mm=3.0, dimension="2d")(image, (7.0, 2.0, 2.0))
    assert_allclose(response, expected, atol=1e-3)


def test_a_bright_ball_is_dark_at_its_centre_and_bright_around_it():
    z, y, x = np.indices((41, 41, 41)) - 20
    ball = (z**2 + y**2 + x**2 <= 25) * 100.0
    response = LaplacianOfGaussian(sigma_mm=5 / np.sqrt(3))(ball, (1.0, 1.0, 1.0))
    assert np.unravel_index(response.argmin(), response.shape) == (20, 20, 20)
    assert response[20, 20, 28] > 0


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (2.0, 0.5, 1.0)])
def test_the_response_to_a_parabola_is_its_curvature_in_every_direction(axis, spacing_mm):
    mm = (np.arange(61) - 30) * spacing_mm[axis]
    parabola = np.broadcast_to(np.expand_dims(mm**2, [a for a in range(3) if a != axis]), (61, 61, 61))
    # a long cut-off, as the parabola has its weight in the tails; per squared geometric mean of the spacings
    each = LaplacianOfGaussian(sigma_mm=3.0, cutoff_sigma=5.0)
    expected = 2 * np.prod(spacing_mm) ** (2 / 3)
    assert at_centre(each, parabola, spacing_mm) == pytest.approx(expected, rel=0.01)


def test_a_plain_image_answers_with_hardly_anything():
    response = LaplacianOfGaussian(sigma_mm=3.0)(np.full((5, 6, 7), 1000.0), (1.0, 1.0, 1.0))
    assert np.abs(response).max() < 0.5


def test_the_reach_is_the_cutoff_in_voxels_of_each_axis():
    assert LaplacianOfGaussian(sigma_mm=3.0).reach((3.0, 1.0, 0.5)) == (4, 12, 24)
    assert LaplacianOfGaussian(sigma_mm=3.0, dimension="2d", cutoff_sigma=2.0).reach((3.0, 1.0, 0.5)) == (0, 6, 12)
