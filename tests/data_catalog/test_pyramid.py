"""Coarser copies: where their voxels lie, and what they hold."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_catalog.geometry import Geometry
from data_catalog.pyramid import SMALL, averaged, levels, most_frequent

TURNED = ((0.8, -0.6, 0.0), (0.6, 0.8, 0.0), (0.0, 0.0, 1.0))
FACTORS = [factors for factors in product((1, 2), repeat=3) if factors != (1, 1, 1)]


@pytest.mark.parametrize(
    ("shape", "spacing", "shapes"),
    [
        ((300, 256, 200), (1, 1, 1), []),
        ((60, 512, 512), (3.27, 0.98, 0.98), [(60, 256, 256)]),  # thick slices stay
        ((300, 512, 512), (1, 1, 1), [(150, 256, 256)]),
        ((600, 512, 512), (0.4, 0.9, 0.9), [(300, 512, 512), (150, 256, 256)]),
        ((300, 512, 512), (1.5, 0.9, 0.9), [(150, 256, 256)]),
        ((60, 1100, 1000), (3, 1, 1), [(60, 550, 500), (30, 275, 250), (15, 137, 125)]),
        ((1, 3000, 2000), (1, 0.1, 0.1), [(1, 1500, 1000), (1, 750, 500), (1, 375, 250), (1, 187, 125)]),
        ((10, 20, 600), (1, 1, 1), [(5, 10, 300), (2, 5, 150)]),
        ((1, 1, 600), (1, 1, 1), [(1, 1, 300), (1, 1, 150)]),
    ],
)
def test_the_shortest_sides_are_doubled_until_the_plane_is_small(shape, spacing, shapes):
    assert [level.geometry.shape for level in levels(Geometry(shape, spacing))] == shapes


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 3000)),
    st.tuples(*[st.floats(0.01, 20)] * 3),
)
def test_a_copy_lies_where_the_voxels_it_is_made_of_lie(shape, spacing):
    finer = Geometry(shape, spacing, (5.0, -3.0, 1.0), TURNED)
    found = levels(finer)
    assert len(found) < 30
    for level in found:
        block = np.array(list(product(*(range(factor) for factor in level.factors))), dtype=float)
        np.testing.assert_allclose(level.geometry.to_mm(np.zeros(3)), finer.to_mm(block).mean(axis=0), atol=1e-6)
        last = (np.array(level.geometry.shape) - 1) * level.factors + block
        np.testing.assert_allclose(
            level.geometry.to_mm(np.array(level.geometry.shape) - 1.0), finer.to_mm(last).mean(axis=0), atol=1e-6
        )
        assert (last.max(axis=0) < finer.shape).all()
        finer = level.geometry
    assert max(finer.shape[1:]) <= SMALL


def blocks_of(values, factors):
    """Return the voxels of each block along a last axis, by an index of its own."""
    shape = [n // f for n, f in zip(values.shape, factors, strict=True)]
    result = np.empty((*shape, int(np.prod(factors))), dtype=values.dtype)
    for place in np.ndindex(*shape):
        corner = [slice(p * f, p * f + f) for p, f in zip(place, factors, strict=True)]
        result[place] = values[tuple(corner)].ravel()
    return result


def test_a_drawn_mean_rounds_halves_upwards_and_leaves_out_the_odd_column():
    drawn = np.array([[[1, 2, 0, 0, 99], [2, 1, 0, 1, 99], [-1, -2, -3, -3, 99], [-2, -1, -3, -2, 99]]], dtype="int16")
    assert averaged(drawn, (1, 2, 2)).tolist() == [[[2, 0], [-1, -3]]]
    assert averaged(drawn, (1, 2, 2)).dtype == np.int16


shapes = hnp.array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=5)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(FACTORS), st.sampled_from([k + s for k in "iu" for s in "1248"]))
def test_whole_numbers_are_averaged_exactly_and_without_overflow(data, factors, dtype):
    values = data.draw(hnp.arrays(dtype, shapes))
    count = int(np.prod(factors))
    exact = [
        (2 * sum(map(int, block)) + count) // (2 * count) for block in blocks_of(values, factors).reshape(-1, count)
    ]
    result = averaged(values, factors)
    assert result.dtype == values.dtype
    assert result.ravel().tolist() == exact


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(FACTORS), st.sampled_from(["f2", "f4", "f8"]))
def test_real_numbers_are_averaged_over_those_that_are_there(data, factors, dtype):
    # halves are exact here, so that the oracle needs no tolerance; a None becomes NaN
    held = data.draw(hnp.arrays("i2", shapes, elements=st.integers(-40, 40)))
    gaps = data.draw(hnp.arrays(bool, held.shape))
    values = np.where(gaps, np.nan, held / 2).astype(dtype)
    result = averaged(values, factors)
    assert result.dtype == values.dtype
    blocks = blocks_of(values.astype("f8"), factors)
    there = ~np.isnan(blocks)
    expected = np.where(there, blocks, 0).sum(-1) / np.where(there.any(-1), there.sum(-1), np.nan)
    np.testing.assert_allclose(result, expected, rtol=1e-2 if dtype == "f2" else 1e-6)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("int16", v) for v in (4095, 4096, -4096, -4097, 32767, -32768)] + [("uint16", v) for v in (8191, 8192, 65535)],
)
def test_sums_that_just_fit_into_the_type_and_sums_that_do_not_are_right(dtype, value):
    assert averaged(np.full((2, 2, 2), value, dtype), (2, 2, 2)).tolist() == [[[value]]]


def test_the_largest_numbers_and_infinity_do_not_overflow():
    largest = np.full((2, 2, 2), np.finfo("f8").max)
    assert averaged(largest, (2, 2, 2)).item() == np.finfo("f8").max
    endless = np.array([[[np.inf, 1.0], [np.inf, -np.inf]]])
    assert averaged(endless, (1, 1, 2))[0, :, 0].tolist()[0] == np.inf
    assert np.isnan(averaged(endless, (1, 1, 2))[0, 1, 0])
    assert averaged(np.array([[[np.inf, np.nan]]]), (1, 1, 2)).item() == np.inf


@pytest.mark.parametrize("factors", FACTORS)
def test_a_constant_image_stays_constant(factors):
    for value, dtype in ((-1000, "i2"), (0.1, "f4"), (255, "u1")):
        assert (averaged(np.full((4, 5, 6), value, dtype), factors) == np.array(value, dtype)).all()
    assert (most_frequent(np.full((4, 5, 6), 7, "u1"), factors) == 7).all()


def test_a_drawn_mask_keeps_its_labels():
    drawn = np.array([[[1, 1, 0, 0, 3, 9], [2, 0, 0, 2, 9, 3], [0, 0, 5, 5, 0, 0], [0, 0, 0, 0, 0, 0]]], dtype="uint8")
    # most frequent; more outside than inside; two equally frequent; none; as much inside as outside; none
    assert most_frequent(drawn, (1, 2, 2)).tolist() == [[[1, 0, 3], [0, 5, 0]]]


@settings(max_examples=40, deadline=None)
@given(hnp.arrays("u1", shapes, elements=st.integers(0, 3)), st.sampled_from(FACTORS))
def test_the_most_frequent_label_wins_and_outside_loses_a_tie(values, factors):
    def winner(block):
        counts = Counter(block.tolist())
        return min(counts, key=lambda label: (-counts[label], label == 0, label))

    expected = np.apply_along_axis(winner, -1, blocks_of(values, factors))
    np.testing.assert_array_equal(most_frequent(values, factors), expected)


def test_the_input_is_not_changed():
    values = np.arange(64, dtype="int16").reshape(4, 4, 4)
    before = values.copy()
    averaged(values, (2, 2, 2))
    most_frequent(values, (2, 2, 2))
    np.testing.assert_array_equal(values, before)
