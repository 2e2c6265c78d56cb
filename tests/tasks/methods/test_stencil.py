"""Over chunks, a step gives what it gives on the whole image."""

from typing import get_args

import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from data_catalog.errors import BadData, PlanError
from tasks.methods.preprocessing import Preprocessor
from tasks.methods.preprocessing.smoothing import MeanFilter
from tasks.methods.stencil import over_chunks

SPACING_MM = (2.5, 0.8, 1.0)
NEEDED = {"window": {"centre": 40.0, "width": 400.0}, "clip": {"low": -20.0, "high": 30.0}}
STEPS = [step(**NEEDED.get(step.model_fields["method"].default, {})) for step in get_args(get_args(Preprocessor)[0])]
LOCAL = [step for step in STEPS if step.reach(SPACING_MM) is not None]
WHOLE = [step for step in STEPS if step.reach(SPACING_MM) is None]
KEEPS_MISSING = [step for step in LOCAL if step.method != "median_filter"]


def name(step):
    return step.method


def noise(shape, *, missing=False):
    image = np.random.default_rng(0).normal(0, 50, shape).astype(np.float32)
    if missing:
        image[np.random.default_rng(1).random(shape) < 0.4] = np.nan
    return image


def chunked(image, chunks, *steps):
    with dask.config.set(scheduler="synchronous"):
        return over_chunks(steps, da.from_array(image, chunks=chunks), SPACING_MM).compute()


def test_the_steps_that_run_over_chunks_are_these():
    assert [step.method for step in LOCAL] == ["window", "clip", "mean_filter", "median_filter", "gaussian_filter"]


def test_a_bright_voxel_at_the_border_of_a_chunk_is_spread_into_the_next():
    image = np.zeros((1, 1, 8))
    image[0, 0, 3] = 9
    assert_array_equal(chunked(image, (1, 1, 4), MeanFilter(size=(1, 1, 3))), [[[0, 0, 3, 3, 3, 0, 0, 0]]])


@pytest.mark.parametrize("step", LOCAL, ids=name)
@settings(max_examples=12, deadline=None)
@given(chunks=st.tuples(st.integers(1, 7), st.integers(4, 15), st.integers(3, 14)))
def test_chunked_equals_whole(step, chunks):
    image = noise((7, 15, 14))
    assert_array_equal(chunked(image, chunks, step), step(image, SPACING_MM))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(LOCAL), min_size=1, max_size=3), st.integers(1, 9))
def test_steps_one_after_the_other_see_as_far_as_all_of_them(steps, thickness):
    image = noise((17, 12, 11))
    whole = image
    for step in steps:
        whole = step(whole, SPACING_MM)
    assert_array_equal(chunked(image, (thickness, 12, 11), *steps), whole)


@pytest.mark.parametrize("step", KEEPS_MISSING, ids=name)
@pytest.mark.parametrize("chunks", [(4, 7, 6), (1, 20, 19), (11, 5, 5)])
def test_chunked_equals_whole_with_missing_voxels(step, chunks):
    image = noise((11, 20, 19), missing=True)
    image[:6, :10, :10] = np.nan
    assert_array_equal(chunked(image, chunks, step), step(image, SPACING_MM))


@pytest.mark.parametrize("step", LOCAL, ids=name)
@pytest.mark.parametrize("shape", [(1, 20, 19), (3, 4, 30), (1, 1, 1)])
def test_chunked_equals_whole_for_a_plane_and_for_axes_shorter_than_the_reach(step, shape):
    image = noise(shape)
    assert_array_equal(chunked(image, (1, 3, 4), step), step(image, SPACING_MM))


@pytest.mark.parametrize("step", LOCAL, ids=name)
def test_the_result_says_its_shape_and_type_before_it_is_computed(step):
    lazy = over_chunks([step], da.zeros((5, 6, 7), dtype=np.int16, chunks=3), SPACING_MM)
    assert lazy.shape == (5, 6, 7)
    assert lazy.dtype == np.float32


def test_a_missing_voxel_is_refused_in_its_chunk_too():
    median = next(step for step in LOCAL if step.method == "median_filter")
    with pytest.raises(BadData, match="are NaN"):
        chunked(noise((4, 9, 9), missing=True), (2, 3, 3), median)


@pytest.mark.parametrize("step", WHOLE, ids=name)
def test_a_step_that_needs_the_whole_image_is_refused(step):
    with pytest.raises(PlanError, match=step.method):
        over_chunks([step], da.zeros((4, 4, 4), chunks=2), SPACING_MM)
