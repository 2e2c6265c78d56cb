"""One image of the steps of a series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from data_catalog.errors import BadData
from tasks.methods.preprocessing.project import Project

SPACING_MM = (1.0, 1.0, 1.0)
THREE = np.array([1.0, 5.0, 3.0]).reshape(3, 1, 1, 1)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("mean", 3),
        ("median", 3),
        ("max", 5),
        ("min", 1),
        ("first", 1),
        ("last", 3),
        ("sd", np.sqrt(8 / 3)),
        ("luminance", 0.299 + 5 * 0.587 + 3 * 0.114),
    ],
)
def test_each_way_keeps_what_it_says(by, expected):
    assert_allclose(Project(by=by).across(THREE), [[[expected]]], rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(arrays(np.float32, (4, 2, 2, 3), elements=st.floats(-100, 100, width=32)))
def test_the_mean_lies_between_the_least_and_the_most(steps):
    low, mean, high = (Project(by=by).across(steps) for by in ("min", "mean", "max"))
    assert (low <= mean + 1e-4).all()
    assert (mean <= high + 1e-4).all()


def test_a_voxel_that_is_missing_once_is_missing():
    steps = np.stack([np.full((1, 1, 2), 1.0), np.array([[[np.nan, 3.0]]])])
    assert_array_equal(Project(by="mean").across(steps), [[[np.nan, 2.0]]])


def test_one_step_is_itself():
    assert_array_equal(Project(by="median").across(THREE[:1]), [[[1]]])


def test_luminance_of_two_steps_is_refused():
    with pytest.raises(BadData, match="has 2 steps") as refusal:
        Project(axis="c", by="luminance").across(THREE[:2])
    assert refusal.value.verdict == "not_a_colour_image"


def test_an_image_without_the_axis_stays():
    image = np.arange(6.0).reshape(1, 2, 3)
    assert_array_equal(Project()(image, SPACING_MM), image)
