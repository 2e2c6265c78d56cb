"""Separable wavelets."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError
from scipy import ndimage

from tasks.methods.radiomics.filters.separable_wavelet import SeparableWavelet, subbands
from tasks.methods.radiomics.filters.wavelet_coefficients import LOW_PASS, high_pass

SPACING_MM = (1.0, 1.0, 1.0)
SCIPY = {"zero": "constant", "nearest": "nearest", "periodic": "wrap", "mirror": "reflect"}
MOMENTS = {"haar": 1, "db2": 2, "db3": 3, "db4": 4, "coif1": 2, "coif2": 4, "coif3": 6}
each_wavelet = pytest.mark.parametrize("wavelet", list(LOW_PASS))


def noise():
    return np.random.default_rng(0).normal(0, 100, (13, 14, 15))


def by_scipy(image, wavelet, subband, level, boundary):
    """Convolve level after level with the filters dilated."""
    for at in range(1, level + 1):
        for axis, letter in zip((2, 1, 0), subband, strict=False):
            taps = LOW_PASS[wavelet] if at < level or letter == "L" else high_pass(LOW_PASS[wavelet])
            dilated = np.zeros(len(taps) * 2 ** (at - 1))
            dilated[:: 2 ** (at - 1)] = taps
            if dilated.size % 2 == 0:
                dilated = np.append(dilated, 0.0)
            image = ndimage.convolve1d(image, dilated, axis=axis, mode=SCIPY[boundary])
    return image


def test_haars_high_pass_is_the_difference_of_neighbours():
    image = np.tile([0.0, 0.0, 1.0, 1.0, 1.0], (1, 4, 1))
    response = SeparableWavelet(wavelet="haar", subband="HL")(image, SPACING_MM)
    # a voxel less its neighbour on the right over the square root of 2, twice over that root along y
    assert_allclose(response[0], np.tile([0.0, -1.0, 0.0, 0.0, 0.0], (4, 1)), atol=1e-7)
    assert_allclose(SeparableWavelet(wavelet="haar", subband="LH")(image, SPACING_MM), 0.0, atol=1e-7)


@each_wavelet
def test_the_filters_of_a_wavelet_are_orthonormal(wavelet):
    low, high = np.array(LOW_PASS[wavelet]), np.array(high_pass(LOW_PASS[wavelet]))
    assert low.sum() == pytest.approx(np.sqrt(2), abs=1e-11)
    for shift in range(0, low.size, 2):
        same, crossed = (np.dot(low[shift:], other[: low.size - shift]) for other in (low, high))
        assert same == pytest.approx(1.0 if shift == 0 else 0.0, abs=1e-11)
        assert crossed == pytest.approx(0.0, abs=1e-11)


@each_wavelet
def test_a_wavelet_has_its_vanishing_moments(wavelet):
    high = np.array(high_pass(LOW_PASS[wavelet]))
    place = np.linspace(-1, 1, high.size)
    for power in range(MOMENTS[wavelet]):
        assert (high * place**power).sum() == pytest.approx(0.0, abs=1e-9)
    assert abs((high * place ** MOMENTS[wavelet]).sum()) > 1e-4


@each_wavelet
@pytest.mark.parametrize("boundary", SCIPY)
def test_a_first_level_is_one_convolution_along_each_axis(wavelet, boundary):
    for subband in ("LLH", "HLL", "LH"):
        each = SeparableWavelet(wavelet=wavelet, subband=subband, boundary=boundary)
        assert_allclose(each(noise(), SPACING_MM), by_scipy(noise(), wavelet, subband, 1, boundary), atol=1e-3)


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("wavelet", ["haar", "db2"])
def test_a_later_level_is_a_convolution_of_the_low_pass_before_it(wavelet, level):
    # on a periodic image it makes no difference that the image is continued once only
    each = SeparableWavelet(wavelet=wavelet, subband="HLH", level=level, boundary="periodic")
    assert_allclose(each(noise(), SPACING_MM), by_scipy(noise(), wavelet, "HLH", level, "periodic"), atol=1e-3)


@each_wavelet
@pytest.mark.parametrize("dimension", ["2d", "3d"])
def test_all_subbands_together_hold_the_energy_of_the_image(wavelet, dimension):
    bands = [
        each.model_copy(update={"boundary": "periodic"})(noise(), SPACING_MM)
        for each in subbands(wavelet, dimension=dimension)
    ]
    assert len(bands) == (8 if dimension == "3d" else 4)
    copies = len(bands)
    assert sum((band.astype(float) ** 2).sum() for band in bands) / copies == pytest.approx((noise() ** 2).sum())


@pytest.mark.parametrize("subband", ["L", "LLLL", "LXH", "llh"])
def test_other_subbands_are_refused(subband):
    with pytest.raises(ValidationError, match="subband"):
        SeparableWavelet(subband=subband)
