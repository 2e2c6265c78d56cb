"""Noise as strong as the image's own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tasks.methods.radiomics.perturbation.noise_addition import COIFLET_1, NoiseAddition, noise_level

MASK = np.ones((1, 64, 64), dtype=bool)
CUBIC = (1.0, 1.0, 1.0)


def test_the_filter_is_a_high_pass_of_unit_energy_orthogonal_to_its_own_shifts():
    assert np.sum(COIFLET_1) == pytest.approx(0, abs=1e-9)
    assert np.sum(COIFLET_1 * np.arange(6)) == pytest.approx(0, abs=1e-9), "two vanishing moments: no slope is noise"
    assert np.sum(COIFLET_1**2) == pytest.approx(1)
    assert np.sum(COIFLET_1[2:] * COIFLET_1[:-2]) == pytest.approx(0, abs=1e-9)
    assert np.sum(COIFLET_1[4:] * COIFLET_1[:-4]) == pytest.approx(0, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 100), st.floats(-1000, 1000), st.floats(-2, 2), st.integers(0, 1000))
def test_the_level_is_that_of_white_noise_whatever_smooth_image_lies_below(sigma, offset, slope, seed):
    image = np.random.default_rng(seed).normal(offset, sigma, (1, 256, 256))
    image += slope * np.arange(256) + 1.5 * slope * np.arange(256)[:, None]
    inner = image[:, 8:-8, 8:-8]
    assert noise_level(inner) == pytest.approx(sigma, rel=0.05)


def test_an_edge_is_no_noise_and_blurred_noise_is_less():
    step = np.zeros((1, 64, 64))
    step[:, 20:44, 20:44] = 1000
    assert noise_level(step) == pytest.approx(0, abs=1e-6)
    noisy = np.random.default_rng(0).normal(0, 10, (2, 64, 64))
    assert noise_level(ndimage.gaussian_filter(noisy, 1)) < 3


def test_the_image_has_the_noise_twice_after():
    image = np.random.default_rng(0).normal(0, 5, (1, 256, 256))
    noisy, mask = NoiseAddition()(image, np.ones(image.shape, dtype=bool), CUBIC, 1)
    assert (noisy - image).std() == pytest.approx(5, rel=0.03)
    assert noisy.std() == pytest.approx(5 * np.sqrt(2), rel=0.03)
    assert mask.all()


def test_the_same_seed_gives_the_same_noise_and_another_seed_another():
    image = np.random.default_rng(0).normal(0, 5, MASK.shape)
    one, two, three = (NoiseAddition()(image, MASK, CUBIC, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert abs(np.corrcoef((one - image).ravel(), (three - image).ravel())[0, 1]) < 0.05


def test_missing_voxels_count_for_nothing_and_stay_missing():
    image = np.random.default_rng(0).normal(0, 5, MASK.shape)
    holed = image.copy()
    holed[:, 30:34, 30:34] = np.nan
    assert noise_level(holed) == pytest.approx(noise_level(image), rel=0.03)
    assert np.isnan(NoiseAddition()(holed, MASK, CUBIC, 1)[0]).sum() == 16
    assert noise_level(np.full(MASK.shape, np.nan)) == 0
    assert np.array_equal(NoiseAddition()(np.full(MASK.shape, 3), MASK, CUBIC, 1)[0], np.full(MASK.shape, 3.0))
    assert np.isfinite(NoiseAddition()(np.ones((1, 1, 1)), np.ones((1, 1, 1), dtype=bool), CUBIC, 1)[0]).all()
