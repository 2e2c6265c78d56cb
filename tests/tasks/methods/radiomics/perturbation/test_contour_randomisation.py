"""A region drawn anew of supervoxels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tasks.methods.radiomics.perturbation.contour_randomisation import ContourRandomisation, _closed, _kept

CUBIC = (1.0, 1.0, 1.0)


def lesion(shape=(24, 40, 40), radius=9, seed=0):
    away = np.indices(shape) - np.reshape(shape, (3, 1, 1, 1)) // 2
    if shape[0] == 1:
        away[0] = 0
    mask = (away**2).sum(axis=0) <= radius**2
    image = 100.0 * mask + ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 60, shape), 1)
    return image, mask


def dice(one, two):
    return 2 * (one & two).sum() / (one.sum() + two.sum())


def test_supervoxels_are_kept_by_their_overlap():
    labels = np.repeat([0, 1, 2, 3], 10)
    inside = np.zeros(40, dtype=bool)
    inside[:9] = True  # nine tenths of the first: always
    inside[10:11] = True  # a tenth of the second: never
    inside[20:25] = True  # half of the third: every other time
    kept = np.array([_kept(labels, inside, np.random.default_rng(seed)) for seed in range(400)])
    assert kept[:, 0].all()
    assert not kept[:, [1, 3]].any()
    assert kept[:, 2].mean() == pytest.approx(0.5, abs=0.08)


def test_of_a_region_that_fills_no_supervoxel_the_one_most_inside_is_kept():
    labels = np.repeat([0, 1], 50)
    inside = np.zeros(100, dtype=bool)
    inside[48:53] = True
    assert _kept(labels, inside, np.random.default_rng(0)).tolist() == [False, True]


def test_a_gap_of_a_voxel_is_closed_and_an_edge_is_not_worn_away():
    mask = np.array([[[1, 1, 0, 1, 1], [1, 1, 0, 1, 1], [1, 1, 0, 1, 1]]], dtype=bool)
    assert _closed(mask)[0, 1].all()
    assert _closed(np.ones((3, 3, 3), dtype=bool)).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([(24, 40, 40), (1, 40, 40)]))
def test_the_region_is_drawn_otherwise_but_is_still_the_region(seed, shape):
    image, mask = lesion(shape, seed=seed)
    perturb = ContourRandomisation()
    same, drawn = perturb(image, mask, CUBIC, seed)
    assert np.array_equal(same, image)
    assert 0.5 < dice(drawn, mask) <= 1
    assert np.array_equal(drawn, perturb(image, mask, CUBIC, seed)[1])


def test_repetitions_differ_and_their_mean_is_near_the_region():
    image, mask = lesion()
    perturb = ContourRandomisation(supervoxel_mm3=60)
    drawn = np.array([perturb(image, mask, CUBIC, seed)[1] for seed in range(20)])
    assert len(np.unique(drawn.sum(axis=(1, 2, 3)))) > 10
    assert drawn.sum(axis=(1, 2, 3)).mean() == pytest.approx(mask.sum(), rel=0.2)


def test_a_part_with_its_margin_gives_the_same_region_as_the_whole():
    image, mask = lesion((40, 60, 60))
    perturb = ContourRandomisation(supervoxel_mm3=200)
    box = tuple(int(np.ptp(axis)) + 1 for axis in mask.nonzero())
    margin = perturb.margin(CUBIC, box, planar=False)
    part = tuple(
        slice(max(int(axis.min()) - more, 0), int(axis.max()) + 1 + more)
        for axis, more in zip(mask.nonzero(), margin, strict=True)
    )
    whole = perturb(image, mask, CUBIC, 4)[1]
    assert (whole[part] == perturb(image[part], mask[part], CUBIC, 4)[1]).all()
    assert whole.sum() == whole[part].sum()


def test_degenerate_images_still_give_a_region():
    _, mask = lesion((12, 20, 20), radius=5)
    for image in (np.zeros(mask.shape), np.full(mask.shape, np.nan), np.where(mask, np.nan, 1.0)):
        assert ContourRandomisation()(image, mask, CUBIC, 0)[1].any()
    one = np.zeros((5, 5, 5), dtype=bool)
    one[2, 2, 2] = True
    assert ContourRandomisation()(np.zeros(one.shape), one, CUBIC, 0)[1].any()
    assert ContourRandomisation()(np.ones((1, 1, 1)), np.ones((1, 1, 1), dtype=bool), CUBIC, 0)[1].all()
