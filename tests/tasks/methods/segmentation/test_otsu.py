"""The threshold between two classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from skimage.filters import threshold_otsu

from tasks.methods.segmentation.otsu import Otsu, otsu_threshold


def test_the_brighter_class_of_a_drawn_plane_is_inside():
    image = np.array([[[1, 1, 2, 1], [1, 8, 9, 1], [2, 9, 8, 1]]])
    expected = [[[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]]
    assert_array_equal(Otsu(smoothing_mm=0)(image, (1.0, 1.0, 1.0)), expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_no_other_threshold_separates_the_classes_better(seed):
    rng = np.random.default_rng(seed)
    image = np.concatenate([rng.integers(0, 60, 90), rng.integers(120, 200, 70)]).reshape(1, 10, 16)
    inside = Otsu(smoothing_mm=0, keep="all", bins=512)(image, (1.0, 1.0, 1.0)) == 1

    def between(bright):
        share = bright.mean()
        return share * (1 - share) * (image[bright].mean() - image[~bright].mean()) ** 2

    best = max(between(image > threshold) for threshold in np.unique(image)[:-1])
    assert between(inside) == pytest.approx(best)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_the_threshold_is_scikit_images_to_half_a_bin(seed):
    values = np.random.default_rng(seed).normal(size=3000) + np.repeat([0.0, 4.0], [2000, 1000])
    scaled = (values - values.min()) / np.ptp(values)
    assert otsu_threshold(scaled) == pytest.approx(threshold_otsu(scaled) + 0.5 / 256, abs=1e-9)


def test_in_a_gap_the_threshold_is_in_the_middle():
    assert otsu_threshold(np.array([0.0, 0.0, 1.0])) == pytest.approx(0.5, abs=1 / 256)
