"""A region drawn wider or narrower."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tasks.methods.radiomics.perturbation.volume_adaptation import VolumeAdaptation

CUBIC = (1.0, 1.0, 1.0)


def adapted(mask, fraction, spacing_mm=CUBIC, seed=0):
    image = np.zeros(mask.shape)
    return VolumeAdaptation(fractions=(fraction,))(image, mask, spacing_mm, seed)[1]


def cross():
    mask = np.zeros((1, 5, 5), dtype=bool)
    mask[0, 2, 2] = True
    return mask


def test_one_voxel_grows_to_its_cross_and_back():
    grown = adapted(cross(), 4.0)
    assert grown[0].astype(int).tolist() == [
        [0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    assert (adapted(grown, -0.8) == cross()).all()


def test_a_layer_is_the_erosion_and_the_dilation():
    ball = sum(axis**2 for axis in np.mgrid[-7:8, -7:8, -7:8]) <= 25
    inner = ndimage.binary_erosion(ball)
    assert (adapted(ball, inner.sum() / ball.sum() - 1) == inner).all()
    outer = ndimage.binary_dilation(ball)
    assert (adapted(ball, outer.sum() / ball.sum() - 1) == outer).all()


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-0.95, 2),
    st.tuples(st.integers(1, 5), st.integers(2, 8), st.integers(2, 8)),
    st.tuples(st.floats(0.5, 5), st.floats(0.5, 2), st.floats(0.5, 2)),
    st.integers(0, 999),
)
def test_the_volume_is_the_one_asked_for_within_the_margin(fraction, box, spacing_mm, seed):
    perturb = VolumeAdaptation(fractions=(fraction,))
    margin = perturb.margin(spacing_mm, box, planar=False)
    shape = tuple(length + 2 * more + 4 for length, more in zip(box, margin, strict=True))
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(more + 2, more + 2 + length) for more, length in zip(margin, box, strict=True))] = True
    image = np.zeros(shape)
    changed = perturb(image, mask, spacing_mm, seed)[1]
    assert changed.sum() == max(round(mask.sum() * (1 + fraction)), 1)
    assert (changed & mask).sum() == min(changed.sum(), mask.sum())
    assert not changed[0].any(), "the margin is enough"
    assert not changed[:, 0].any()
    assert not changed[:, :, -1].any()


def test_where_slices_are_thick_a_region_grows_in_its_plane():
    mask = np.zeros((5, 21, 21), dtype=bool)
    mask[2, 8:13, 8:13] = True
    assert not adapted(mask, 0.8, (5.0, 1.0, 1.0))[[1, 3]].any()
    assert adapted(mask, 0.8, CUBIC)[[1, 3]].any()


def test_an_image_of_one_plane_has_a_border_in_its_plane_alone():
    mask = np.zeros((1, 9, 9), dtype=bool)
    mask[0, 2:7, 2:7] = True
    shrunk = adapted(mask, 9 / 25 - 1, (0.1, 1.0, 1.0))
    assert np.argwhere(shrunk[0]).min(axis=0).tolist() == [3, 3]
    assert shrunk.sum() == 9


def test_a_region_that_fills_the_image_cannot_grow_and_the_last_voxel_stays():
    full = np.ones((2, 3, 3), dtype=bool)
    assert (adapted(full, 0.5) == full).all()
    assert adapted(cross(), -0.9).sum() == 1
    assert adapted(full, -0.99).sum() == 1


def test_another_seed_takes_other_voxels_of_the_last_layer():
    ball = sum(axis**2 for axis in np.mgrid[-7:8, -7:8, -7:8]) <= 25
    one, same, other = (adapted(ball, 0.1, seed=seed) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_a_fraction_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="greater than -1"):
        VolumeAdaptation(fractions=(-1.0,))
