"""Many filters on one image."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from data_catalog.errors import BadData
from tasks.methods.radiomics.filters.gabor import Gabor
from tasks.methods.radiomics.filters.laplacian_of_gaussian import LaplacianOfGaussian
from tasks.methods.radiomics.filters.laws import Laws
from tasks.methods.radiomics.filters.mean import Mean
from tasks.methods.radiomics.filters.responses import responses, responses_in_box
from tasks.methods.radiomics.filters.riesz import Riesz
from tasks.methods.radiomics.filters.separable_wavelet import subbands
from tasks.methods.radiomics.filters.simoncelli import Simoncelli

SPACING_MM = (2.0, 1.0, 1.0)
LOG = LaplacianOfGaussian(sigma_mm=1.0)
MANY = [
    Mean(),
    LOG,
    LaplacianOfGaussian(sigma_mm=2.0),
    *subbands("db2"),
    *subbands("coif1", dimension="2d"),
    Mean(),
    Laws(kernel="L5E5E5", rotations="max", energy_distance=2),
    Laws(kernel="E5L5E5", energy_distance=2),
    Gabor(sigma_mm=1.0, lambda_mm=2.0),
    Gabor(sigma_mm=1.0, lambda_mm=3.0, theta_step_deg=90.0),
    Simoncelli(level=1),
    Simoncelli(level=2),
    Simoncelli(dimension="2d"),
    Riesz(order=(1, 0, 0), of=LOG, padding=4),
    Riesz(order=(0, 1, 0), of=LOG, padding=4),
    Riesz(order=(0, 1, 0), padding=4),
]


def noise():
    return np.random.default_rng(0).normal(0, 100, (8, 9, 10)).astype(np.float32)


def test_filters_give_together_what_each_gives_alone_in_their_order():
    found = list(responses(MANY, noise(), SPACING_MM))
    assert [name for name, _ in found] == [each.name for each in MANY]
    for each, (_, response) in zip(MANY, found, strict=True):
        assert_array_equal(response, each(noise(), SPACING_MM))


def test_a_box_is_cut_out_of_what_the_whole_image_gives():
    box = (slice(2, 5), slice(0, 4), slice(7, 10))
    whole = dict(responses(MANY[:10], noise(), SPACING_MM))
    for name, response in responses_in_box(MANY[:10], noise(), box, SPACING_MM):
        assert_array_equal(response, whole[name][box])


def test_one_map_is_made_at_a_time():
    asked = responses(iter([Mean(), LOG, Simoncelli()]), noise(), SPACING_MM)
    assert next(asked)[0] == "mean_5"
    assert next(asked)[0] == "log_1mm"


def test_no_filters_have_no_responses():
    assert list(responses([], noise(), SPACING_MM)) == []


def test_a_3d_filter_among_many_refuses_one_plane():
    with pytest.raises(BadData, match="`log_1mm` met an image of shape \\(1, 9, 10\\)"):
        list(responses([Mean(dimension="2d"), LOG], noise()[:1], SPACING_MM))
