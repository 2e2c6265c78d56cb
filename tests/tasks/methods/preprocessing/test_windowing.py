"""Windows and clipping at fixed values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from tasks.methods.preprocessing.windowing import Clip, Window

SPACING_MM = (1.0, 1.0, 1.0)
HU = np.array([[[-2000.0, -1350, -600, 150, 900, np.nan]]])


def test_a_lung_window_runs_from_zero_to_one():
    shown = Window(centre=-600, width=1500)(HU, SPACING_MM)
    assert_allclose(shown, [[[0, 0, 0.5, 1, 1, np.nan]]])


def test_a_window_can_keep_the_unit():
    shown = Window(centre=-600, width=1500, output="image_unit")(HU, SPACING_MM)
    assert_allclose(shown, [[[-1350, -1350, -600, 150, 150, np.nan]]])


def test_clip_sets_what_lies_outside_to_the_limits():
    assert_array_equal(Clip(low=-1000, high=400)(HU, SPACING_MM), [[[-1000, -1000, -600, 150, 400, np.nan]]])


@settings(max_examples=25, deadline=None)
@given(st.floats(-500, 500), st.floats(1, 1000), st.lists(st.floats(-3000, 3000, width=32), min_size=2, max_size=9))
def test_a_window_keeps_order_and_stays_between_zero_and_one(centre, width, values):
    shown = Window(centre=centre, width=width)(np.sort(values).reshape(1, 1, -1), SPACING_MM)
    assert (np.diff(shown) >= 0).all()
    assert shown.min() >= 0
    assert shown.max() <= 1


@settings(max_examples=25, deadline=None)
@given(st.floats(-100, 100, width=32), st.floats(0.5, 100, width=32))
def test_clipping_twice_is_clipping_once(low, width):
    step = Clip(low=low, high=low + width)
    once = step(HU, SPACING_MM)
    assert_array_equal(step(once, SPACING_MM), once)


def test_a_constant_image_stays_constant():
    assert (Clip(low=0, high=1)(np.full((2, 2, 2), 7), SPACING_MM) == 1).all()


def test_a_scaled_window_has_no_unit():
    assert Window(centre=40, width=400).unit("HU") == "1"
    assert Window(centre=40, width=400, output="image_unit").unit("HU") == "HU"
    assert Clip(low=0, high=1).unit("HU") == "HU"


def test_limits_in_the_wrong_order_are_refused():
    with pytest.raises(ValidationError, match="is not less than"):
        Clip(low=3, high=3)


def test_a_window_has_a_width():
    with pytest.raises(ValidationError, match="width"):
        Window(centre=0, width=0)
