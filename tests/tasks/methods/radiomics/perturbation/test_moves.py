"""Rotation and translation: image and region move together, and nothing is pulled in from the edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tasks.methods.radiomics.perturbation.rotation import Rotation
from tasks.methods.radiomics.perturbation.translation import Translation

CUBIC = (1.0, 1.0, 1.0)


def smooth(shape, seed=0):
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 100, shape), 1.5)


def test_a_quarter_turn_is_drawn():
    image = np.arange(25.0).reshape(1, 5, 5)
    mask = np.zeros((1, 5, 5), dtype=bool)
    mask[0, 2, 1:4] = True  # a row becomes a column
    turned, inside = Rotation(degrees=(90.0,), interpolation="linear")(image, mask, CUBIC, 0)
    assert np.argwhere(inside[0]).tolist() == [[1, 2], [2, 2], [3, 2]]
    # the x axis turns towards the y axis: what was on the right is below
    assert turned[0, :, 2] == pytest.approx(image[0, 2, :])


def test_a_whole_voxel_is_a_plain_shift():
    image, mask = np.zeros((3, 3, 4)), np.zeros((3, 3, 4), dtype=bool)
    image[1, 1, 1], mask[1, 1, 1] = 7.0, True
    moved, inside = Translation(fractions=(1.0,))(image, mask, CUBIC, 0)
    assert np.argwhere(inside).tolist() == [[2, 2, 2]]
    assert moved[2, 2, 2] == pytest.approx(7)
    assert np.count_nonzero(np.abs(moved) > 1e-4) == 1


def test_a_half_voxel_reads_between_two():
    image = np.tile(np.arange(6.0), (1, 3, 1))
    mask = np.ones((1, 3, 6), dtype=bool)
    moved, inside = Translation(fractions=(0.5,), interpolation="linear")(image, mask, CUBIC, 3)
    assert moved[0, 1].tolist() == [0, 0.5, 1.5, 2.5, 3.5, 4.5]
    assert inside[0, 1].all(), "a voxel half inside is inside"
    assert inside[0, 0].tolist() == [False, True, True, True, True, True], "a quarter is not"


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize("fraction", [-0.75, -0.25, 0.25, 0.5])
def test_a_translation_is_that_of_scipy(fraction, interpolation):
    image, mask = smooth((7, 8, 9)), smooth((7, 8, 9), 1) > 0
    moved, inside = Translation(fractions=(fraction,), interpolation=interpolation)(image, mask, CUBIC, 0)
    order = {"linear": 1, "cubic": 3}[interpolation]
    expected = ndimage.shift(image, (fraction,) * 3, order=order, mode="nearest")
    assert moved == pytest.approx(expected)
    share = ndimage.shift(mask.astype(float), (fraction,) * 3, order=1, mode="grid-constant")
    assert (inside == (np.round(share, 6) >= 0.5)).all()


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([Rotation(), Rotation(degrees=(13.0, -90.0)), Translation(), Translation(fractions=(0.5, -1.0))]),
    st.tuples(st.integers(2, 6), st.integers(3, 9), st.integers(3, 9)),
    st.tuples(st.floats(0.5, 4), st.floats(0.5, 2), st.floats(0.5, 2)),
    st.integers(0, 99),
)
def test_a_part_with_its_margin_is_moved_as_the_whole_is(perturb, box, spacing_mm, seed):
    margin = perturb.margin(spacing_mm, box, planar=False)
    beyond = 5
    shape = tuple(length + 2 * (more + beyond) for length, more in zip(box, margin, strict=True))
    image, mask = smooth(shape), np.zeros(shape, dtype=bool)
    inner = tuple(slice(more + beyond, more + beyond + length) for length, more in zip(box, margin, strict=True))
    mask[inner] = True
    part = (slice(beyond, -beyond),) * 3

    whole, whole_mask = perturb(image, mask, spacing_mm, seed)
    cut, cut_mask = perturb(image[part], mask[part], spacing_mm, seed)

    assert whole_mask.sum() == cut_mask.sum()
    assert (whole_mask[part] == cut_mask).all()
    assert cut[cut_mask] == pytest.approx(whole[part][cut_mask], abs=0.02)
    within = tuple(slice(more, more + length) for length, more in zip(box, margin, strict=True))
    assert cut[within] == pytest.approx(whole[part][within], abs=0.02)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([Rotation(), Translation()]), st.integers(0, 10_000), st.booleans())
def test_a_move_keeps_the_volume_nearly_the_range_and_its_inputs(perturb, seed, planar):
    image, mask = smooth((1 if planar else 9, 24, 24), seed), np.zeros((1 if planar else 9, 24, 24), dtype=bool)
    mask[:, 7:17, 7:17] = True
    before = image.copy(), mask.copy()
    moved, inside = perturb(image, mask, (3.0, 1.0, 1.0), seed)
    again = perturb(image, mask, (3.0, 1.0, 1.0), seed)
    assert np.array_equal(moved, again[0])
    assert np.array_equal(inside, again[1])
    assert inside.sum() == pytest.approx(mask.sum(), rel=0.12)
    beyond = 0.2 * np.ptp(image)
    assert image.min() - beyond < moved.min() < moved.max() < image.max() + beyond
    assert np.array_equal(image, before[0])
    assert np.array_equal(mask, before[1])


def test_missing_voxels_stay_missing_and_do_not_spread():
    image, mask = smooth((1, 12, 12)), np.ones((1, 12, 12), dtype=bool)
    image[0, 5:7, 5:7] = np.nan
    moved, _ = Translation(fractions=(0.25,))(image, mask, CUBIC, 0)
    assert np.isnan(moved).sum() == 4
    assert np.isnan(moved[0, 5:7, 5:7]).all()
    nothing, inside = Rotation()(np.full((1, 6, 6), np.nan), mask[:, :6, :6], CUBIC, 0)
    assert np.isnan(nothing).all()
    assert inside.any()


def test_no_move_changes_nothing():
    image, mask = smooth((3, 5, 5)), smooth((3, 5, 5), 1) > 0
    for perturb in (Rotation(degrees=(0.0,)), Translation(fractions=(0.0,))):
        same, inside = perturb(image, mask, CUBIC, 0)
        assert np.array_equal(same, image)
        assert np.array_equal(inside, mask)
        assert same is not image


def test_a_constant_image_stays_constant():
    mask = np.ones((3, 5, 5), dtype=bool)
    for perturb in (Rotation(), Translation()):
        assert perturb(np.full((3, 5, 5), 3), mask, CUBIC, 1)[0] == pytest.approx(3.0)
