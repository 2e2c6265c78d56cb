"""Gabor's filter."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError
from scipy import ndimage

from tasks.methods.radiomics.filters.gabor import Gabor

SPACING_MM = (2.0, 1.0, 1.5)
SCIPY = {"zero": "constant", "nearest": "nearest", "periodic": "wrap", "mirror": "reflect"}
PLANES = {"xy": (2, 1), "xz": (2, 0), "yz": (1, 0)}


def noise():
    return np.random.default_rng(0).normal(0, 100, (7, 9, 8))


def modulus(image, each, theta, plane):
    """Convolve with the filter as it is printed, in one plane."""
    axes = PLANES[plane]
    k1, k2 = (np.arange(-far, far + 1) * SPACING_MM[axis] for axis in axes for far in [reach_along(each, axis)])
    k1, k2 = np.meshgrid(k1, k2, indexing="ij")
    along, beside = k1 * np.cos(theta) + k2 * np.sin(theta), -k1 * np.sin(theta) + k2 * np.cos(theta)
    wave = np.exp(
        -(along**2 + (each.gamma * beside) ** 2) / (2 * each.sigma_mm**2) + 2j * np.pi * along / each.lambda_mm
    )
    (across,) = {0, 1, 2} - set(axes)
    kernel = np.expand_dims(wave.T, across)
    mode = SCIPY[each.boundary]
    real, imaginary = (ndimage.convolve(image, part, mode=mode) for part in (kernel.real, kernel.imag))
    return np.hypot(real, imaginary)


def reach_along(each, axis):
    return int(np.ceil(4 * each.sigma_mm * max(1, 1 / each.gamma) / SPACING_MM[axis]))


def stripes(along):
    """Return waves of 4 voxels along the last axis, or the one before."""
    wave = np.cos(2 * np.pi * np.arange(40) / 4)
    return np.tile(wave, (1, 40, 1)) if along == "x" else np.tile(wave[:, None], (1, 1, 40))


def test_stripes_answer_to_their_own_width_and_direction():
    def response(along, **parameters):
        each = Gabor(sigma_mm=4.0, gamma=1.0, **parameters)
        return each(stripes(along), (1.0, 1.0, 1.0))[0, 20, 20]

    own = response("x", lambda_mm=4.0)
    # half of the weight of the Gaussian: a cosine is two waves, of which one has the filter's direction
    assert own == pytest.approx(np.pi * 4.0**2, rel=1e-3)
    assert response("y", lambda_mm=4.0) < 0.01 * own
    assert response("x", lambda_mm=8.0) < 0.01 * own
    assert response("y", lambda_mm=4.0, theta_deg=90.0) == pytest.approx(own, rel=1e-3)
    assert response("y", lambda_mm=4.0, theta_step_deg=90.0) == pytest.approx(own / 2, rel=1e-2)


@pytest.mark.parametrize("boundary", SCIPY)
@pytest.mark.parametrize("theta_deg", [0.0, 25.0, 210.0])
def test_it_is_the_printed_filter(boundary, theta_deg):
    each = Gabor(sigma_mm=1.5, lambda_mm=3.0, gamma=0.8, theta_deg=theta_deg, boundary=boundary)
    assert_allclose(
        each(noise(), SPACING_MM), modulus(noise(), each, np.deg2rad(theta_deg), "xy"), rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize("turns", [3, 8])
def test_directions_and_orthogonal_planes_are_averaged(turns):
    each = Gabor(sigma_mm=1.5, lambda_mm=3.0, gamma=2.0, theta_step_deg=360 / turns, orthogonal_planes=True)
    angles = 2 * np.pi * np.arange(turns) / turns
    expected = np.mean([modulus(noise(), each, theta, plane) for theta in angles for plane in PLANES], axis=0)
    assert_allclose(each(noise(), SPACING_MM), expected, rtol=1e-5, atol=1e-4)


def test_opposite_directions_have_one_response():
    one, other = (Gabor(sigma_mm=1.5, lambda_mm=3.0, theta_deg=theta) for theta in (30.0, 210.0))
    assert_allclose(one(noise(), SPACING_MM), other(noise(), SPACING_MM), rtol=1e-5, atol=1e-4)


def test_a_plain_image_answers_with_hardly_anything():
    response = Gabor()(np.full((1, 30, 30), 1000.0), (1.0, 1.0, 1.0))
    weight = 1000.0 * 2 * np.pi * 5.0**2 / 1.5
    assert np.abs(response).max() < 1e-3 * weight


def test_steps_that_do_not_make_a_turn_are_refused():
    with pytest.raises(ValidationError, match="whole number of steps"):
        Gabor(theta_step_deg=50.0)
