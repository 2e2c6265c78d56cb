"""The mean filter."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from scipy import ndimage

from tasks.methods.radiomics.filters.mean import Mean

SCIPY = {"zero": "constant", "nearest": "nearest", "periodic": "wrap", "mirror": "reflect"}
SPACING_MM = (3.0, 1.0, 1.0)


def test_a_bright_voxel_is_spread_over_its_box():
    image = np.zeros((1, 5, 5))
    image[0, 2, 2] = 9.0
    expected = np.zeros((1, 5, 5))
    expected[0, 1:4, 1:4] = 1.0
    assert_allclose(Mean(support=3, dimension="2d")(image, SPACING_MM), expected, atol=1e-7)


@pytest.mark.parametrize("boundary", SCIPY)
@pytest.mark.parametrize("support", [1, 3, 15])
def test_it_is_scipys_uniform_filter(boundary, support):
    image = np.random.default_rng(0).normal(0, 100, (6, 7, 8))
    expected = ndimage.uniform_filter(image, support, mode=SCIPY[boundary])
    assert_allclose(Mean(support=support, boundary=boundary)(image, SPACING_MM), expected, atol=1e-4)


def test_an_image_of_one_intensity_is_its_own_mean():
    assert_array_equal(Mean(support=15)(np.full((4, 5, 6), -1000, np.int16), SPACING_MM), -1000.0)


def test_a_mean_lies_between_the_extremes():
    image = np.random.default_rng(0).integers(-1000, 1000, (6, 7, 8))
    response = Mean(support=5)(image, SPACING_MM)
    assert image.min() <= response.min()
    assert response.max() <= image.max()


def test_a_box_without_a_centre_is_refused():
    with pytest.raises(ValidationError, match="odd"):
        Mean(support=4)


def test_the_form_shows_how_wide_a_box_may_be():
    shown = Mean.model_json_schema()["properties"]["support"]
    assert (shown["minimum"], shown["maximum"]) == (1, 255)
