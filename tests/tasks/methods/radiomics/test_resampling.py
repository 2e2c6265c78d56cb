"""Images read off on another grid, axis by axis, against SciPy's way over all axes at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from data_catalog.geometry import Geometry
from tasks.methods.radiomics.resampling import SPLINE_REACH, Axis, Part, axis_of, read_off

ORDERS = {"nearest": 0, "linear": 1, "cubic": 3}
each = pytest.mark.parametrize("by", ORDERS)


def whole(voxels):
    return Part(np.asarray(voxels, dtype=float), (0, 0, 0), np.shape(voxels))


def everything(axes):
    return tuple(slice(0, axis.count) for axis in axes)


def by_scipy(voxels, axes, order):
    matrix, offset = np.diag([axis.step for axis in axes]), [axis.first for axis in axes]
    shape = tuple(axis.count for axis in axes)
    return ndimage.affine_transform(
        np.asarray(voxels, dtype=float), matrix, offset=offset, output_shape=shape, order=order, mode="nearest"
    )


def test_a_ruler_read_off_at_twice_the_step():
    axis = axis_of(6, 1.0, 2.0)
    assert axis == Axis(first=0.5, step=2.0, count=3)
    axes = (axis_of(1, 1.0, None), axis_of(1, 1.0, None), axis)
    assert_array_equal(read_off(whole([[[0, 1, 2, 3, 4, 5]]]), axes, everything(axes), "linear"), [[[0.5, 2.5, 4.5]]])


def test_a_ruler_read_off_at_half_the_step_repeats_its_ends():
    axes = (axis_of(1, 1.0, None), axis_of(1, 1.0, None), axis_of(2, 1.0, 0.5))
    found = read_off(whole([[[0.0, 4.0]]]), axes, everything(axes), "linear")
    assert_array_equal(found, [[[0.0, 1.0, 3.0, 4.0]]])


def test_the_new_grid_is_that_of_the_geometry():
    geometry = Geometry((7, 30, 41), (3.0, 0.977, 0.977))
    other = geometry.resized((2.0, 1.5, 1.0))
    axes = [
        axis_of(length, old, new)
        for length, old, new in zip((7, 30, 41), (3.0, 0.977, 0.977), (2.0, 1.5, 1.0), strict=True)
    ]
    assert tuple(axis.count for axis in axes) == other.shape
    assert_allclose([axis.first * mm for axis, mm in zip(axes, geometry.spacing_mm, strict=True)], other.origin_mm)


@each
@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    spacing=st.tuples(*[st.sampled_from([0.4, 0.7, 1.0, 1.9, 3.0])] * 3),
    seed=st.integers(0, 99),
)
def test_it_agrees_with_scipy(by, shape, spacing, seed):
    voxels = np.random.default_rng(seed).normal(size=shape)
    axes = tuple(axis_of(length, 1.0, mm) for length, mm in zip(shape, spacing, strict=True))
    found = read_off(whole(voxels), axes, everything(axes), by)
    expected = by_scipy(voxels, axes, ORDERS[by])
    if by == "nearest":  # which of two voxels just as near is a matter of rounding
        assert np.isin(found, voxels).all()
        assert np.isclose(found, expected).mean() > 0.5
    else:
        assert_allclose(found, expected, atol=1e-9)


@each
def test_a_constant_stays_what_it_is(by):
    axes = tuple(axis_of(5, 1.0, mm) for mm in (0.6, 1.7, 3.0))
    assert_allclose(read_off(whole(np.full((5, 5, 5), -1000.0)), axes, everything(axes), by), -1000.0, rtol=1e-12)


@pytest.mark.parametrize(("by", "reach"), [("nearest", 1), ("linear", 1), ("cubic", SPLINE_REACH)])
def test_a_part_is_read_off_as_the_whole(by, reach):
    voxels = np.random.default_rng(3).normal(size=(40, 90, 100))
    axes = tuple(
        axis_of(length, old, new) for length, old, new in zip(voxels.shape, (3, 1, 1), (1.1, 1.7, 0.8), strict=True)
    )
    wanted = (slice(30, 60), slice(20, 30), slice(60, 75))
    seen = [
        axis.seen_by(want.start, want.stop, reach, length)
        for axis, want, length in zip(axes, wanted, voxels.shape, strict=True)
    ]
    cut = tuple(slice(*one) for one in seen)
    part = Part(voxels[cut], tuple(one.start for one in cut), voxels.shape)
    assert part.voxels.size < voxels.size
    expected = read_off(whole(voxels), axes, everything(axes), by)[wanted]
    assert_allclose(read_off(part, axes, wanted, by), expected, atol=1e-10)


@given(
    length=st.integers(1, 60),
    step=st.floats(0.2, 5),
    data=st.data(),
)
def test_the_new_voxels_of_a_range_hold_all_that_lie_in_it(length, step, data):
    axis = axis_of(length, 1.0, step)
    start = data.draw(st.integers(0, length - 1))
    stop = data.draw(st.integers(start + 1, length))
    low, high = axis.of_old(start, stop)
    at = axis.first + axis.step * np.arange(axis.count)
    inside = np.flatnonzero((at > start - 1) & (at < stop))
    assert inside.size == 0 or (low <= inside[0] and inside[-1] < high)
    assert 0 <= low <= high <= axis.count


def test_an_axis_that_keeps_its_spacing_is_handed_on():
    voxels = np.random.default_rng(0).normal(size=(3, 4, 5))
    axes = tuple(axis_of(length, 2.0, mm) for length, mm in zip(voxels.shape, (None, 2.0, 2.0), strict=True))
    assert all(axis.same for axis in axes)
    assert_array_equal(read_off(whole(voxels), axes, everything(axes), "cubic"), voxels)
