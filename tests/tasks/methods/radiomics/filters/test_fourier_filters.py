"""Simoncelli's wavelet and Riesz transforms: products in the frequencies of an image."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError

from tasks.methods.radiomics.filters.laplacian_of_gaussian import LaplacianOfGaussian
from tasks.methods.radiomics.filters.riesz import Riesz
from tasks.methods.radiomics.filters.simoncelli import Simoncelli

SPACING_MM = (1.0, 1.0, 1.0)
SHAPES = [(8, 10, 12), (9, 7, 11), (6, 9, 8)]


def noise(shape):
    return np.random.default_rng(0).normal(0, 100, shape)


def coordinates(shape):
    """Return IBSI's coordinate of each frequency of an image along (z, y, x), in the order of numpy's transform."""
    axes = [(np.arange(n) - (n - 1) / 2) / (max(n - 1, 1) / 2) for n in shape]
    return np.meshgrid(*[np.fft.ifftshift(axis) for axis in axes], indexing="ij")


def product(image, factor):
    factor = factor.copy()
    factor[0, 0, 0] = 0
    return np.fft.ifftn(np.fft.fftn(image) * factor).real


def band_pass(shape, level):
    nu, highest = np.sqrt(sum(axis**2 for axis in coordinates(shape))), 2.0 ** (1 - level)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = (nu >= highest / 4) & (nu <= highest)
        return np.where(inside, np.cos(np.pi / 2 * np.log2(2 * nu / highest)), 0.0)


def component(shape, order):
    k1, k2, k3 = coordinates(shape)[::-1]
    nu = np.sqrt(k1**2 + k2**2 + k3**2)
    nu[nu == 0] = 1
    weight = {(1, 0, 0): 1, (0, 2, 0): 1, (1, 1, 0): np.sqrt(2), (1, 1, 1): np.sqrt(6)}[order]
    return (-1j) ** sum(order) * weight * k1 ** order[0] * k2 ** order[1] * k3 ** order[2] / nu ** sum(order)


def wave(function, length=9, periods=2):
    """Return a wave along x; of 9 voxels it has exactly the coordinate periods / 4."""
    return np.tile(function(2 * np.pi * periods * np.arange(length) / length), (1, 9, 1))


def test_a_wave_in_the_middle_of_the_band_passes_and_one_at_its_edge_does_not():
    image = wave(np.cos, periods=2)
    assert_allclose(Simoncelli(dimension="2d", level=1)(image, SPACING_MM), image, atol=1e-6)
    assert_allclose(Simoncelli(dimension="2d", level=2)(image, SPACING_MM), 0.0, atol=1e-6)
    assert_allclose(
        Simoncelli(dimension="2d", level=2)(wave(np.cos, periods=1), SPACING_MM), wave(np.cos, periods=1), atol=1e-6
    )


def test_a_cosine_becomes_a_sine_by_a_riesz_transform_along_it():
    image, expected = wave(np.cos), wave(np.sin)
    assert_allclose(Riesz(order=(1, 0), padding=0)(image, SPACING_MM), expected, atol=1e-6)
    assert_allclose(Riesz(order=(0, 1), padding=0)(image, SPACING_MM), 0.0, atol=1e-6)
    assert_allclose(Riesz(order=(2, 0), padding=0)(image, SPACING_MM), -image, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("level", [1, 2, 3])
def test_simoncellis_wavelet_is_the_real_part_of_a_whole_transform(shape, level):
    expected = product(noise(shape), band_pass(shape, level))
    assert_allclose(Simoncelli(level=level)(noise(shape), SPACING_MM), expected, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("order", [(1, 0, 0), (0, 2, 0), (1, 1, 0), (1, 1, 1)])
def test_a_riesz_transform_is_the_real_part_of_a_whole_transform_of_the_padded_image(shape, order):
    padded = np.pad(noise(shape), 3, mode="edge")
    expected = product(padded, component(padded.shape, order))[3:-3, 3:-3, 3:-3]
    response = Riesz(order=order, padding=3, boundary="nearest")(noise(shape), SPACING_MM)
    assert_allclose(response, expected, atol=1e-4)


def test_a_riesz_transform_of_a_response_pads_the_image_first():
    shape, order = (8, 10, 12), (1, 0, 0)
    padded = np.pad(noise(shape), 5, mode="symmetric")
    log = LaplacianOfGaussian(sigma_mm=1.0)
    inner = {log: log(padded, SPACING_MM), Simoncelli(): product(padded, band_pass(padded.shape, 1))}
    for of, response in inner.items():
        expected = product(response, component(padded.shape, order))[5:-5, 5:-5, 5:-5]
        assert_allclose(Riesz(order=order, of=of, padding=5)(noise(shape), SPACING_MM), expected, atol=1e-4)


@pytest.mark.parametrize("order", [(1, 0), (0, 2), (1, 1)])
def test_with_an_order_of_two_numbers_each_plane_is_transformed_by_itself(order):
    image = noise((3, 8, 9))
    weight = component((1, 8, 9), (*order, 0))
    expected = np.concatenate([product(plane[None], weight) for plane in image])
    assert_allclose(Riesz(order=order, padding=0)(image, SPACING_MM), expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 2, 1), (1, 1, 3)])
def test_an_image_of_few_voxels_and_one_intensity_has_no_response(shape):
    for each in (Simoncelli(dimension="2d"), Riesz(order=(2, 0)), Riesz(order=(0, 1), padding=0)):
        assert_allclose(each(np.full(shape, 50.0), SPACING_MM), 0.0, atol=1e-6)


def test_the_components_of_one_order_together_hold_the_energy_of_the_image():
    image = noise((9, 9, 9))
    image -= image.mean()
    orders = [(2, 0, 0), (0, 2, 0), (0, 0, 2), (1, 1, 0), (1, 0, 1), (0, 1, 1)]
    energy = sum((Riesz(order=order, padding=0)(image, SPACING_MM).astype(float) ** 2).sum() for order in orders)
    assert energy == pytest.approx((image**2).sum(), rel=1e-5)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"order": (0, 0, 0)}, "1 or more"),
        ({"order": (1, 0), "of": Simoncelli()}, "Set `of.dimension` to 2d, or `order` to 3 numbers"),
        ({"of": Simoncelli(dimension="2d")}, "Set `of.dimension` to 3d, or `order` to 2 numbers"),
        ({"boundary": "zero", "of": LaplacianOfGaussian()}, "Set `of.boundary` to zero"),
        ({"of": LaplacianOfGaussian(boundary="zero")}, "Set `of.boundary` to mirror"),
    ],
)
def test_riesz_transforms_that_make_no_sense_are_refused(parameters, reason):
    with pytest.raises(ValidationError, match=reason):
        Riesz(**parameters)
