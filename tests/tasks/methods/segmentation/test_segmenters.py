"""Laws that hold for every segmenter into object and background."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from data_catalog.errors import BadData
from tasks.methods.segmentation.chan_vese import ChanVese
from tasks.methods.segmentation.otsu import Otsu
from tasks.methods.segmentation.watershed import Watershed

SPACING_MM = (3.0, 1.0, 1.0)
SEGMENTERS = [Otsu, Watershed, ChanVese]
each = pytest.mark.parametrize("segmenter", SEGMENTERS)


def ball(shape=(9, 24, 24), radius_mm=8.0, centre=(4, 12, 12)):
    """Draw a ball as labels."""
    steps = np.indices(shape) - np.reshape(centre, (3, 1, 1, 1))
    return ((steps * np.reshape(SPACING_MM, (3, 1, 1, 1))) ** 2).sum(axis=0) <= radius_mm**2


def picture(mask, noise=0.1, seed=0):
    return 100 * (mask + noise * np.random.default_rng(seed).normal(size=mask.shape))


def dice(labels, mask):
    return 2 * (labels.astype(bool) & mask).sum() / (labels.sum() + mask.sum())


def two_boxes():
    """Draw boxes of 18 and of 8 voxels, of 3 mm3 each."""
    mask = np.zeros((5, 12, 12), dtype=bool)
    mask[1:3, 1:4, 1:4] = True
    mask[2:4, 7:9, 7:9] = True
    return mask


@each
def test_a_bright_ball_in_noise_is_found(segmenter):
    labels = segmenter()(picture(ball()), SPACING_MM)
    assert labels.dtype == np.int32
    assert set(np.unique(labels)) == {0, 1}
    assert dice(labels, ball()) > 0.85


@each
def test_a_dark_ball_is_the_bright_ball_of_the_negative(segmenter):
    image = picture(ball())
    dark = segmenter(target="dark")(-image, SPACING_MM)
    assert dice(dark, segmenter()(image, SPACING_MM) == 1) > 0.99


@each
def test_a_disc_in_a_plane_is_found(segmenter):
    disc = ball()[4:5]
    assert dice(segmenter()(picture(disc), SPACING_MM), disc) > 0.9


@each
@settings(max_examples=25, deadline=None)
@given(gain=st.sampled_from([1e-3, 0.5, 8.0]), offset=st.sampled_from([-1000.0, 0.0, 16.0]))
def test_the_unit_does_not_matter(segmenter, gain, offset):
    image = np.rint(picture(ball((7, 20, 20), 8.0, (3, 10, 10))) * 4)
    labels = segmenter()(image, SPACING_MM)
    assert labels.sum() > 300
    assert dice(segmenter()(gain * image + offset, SPACING_MM), labels == 1) > 0.99


@each
def test_without_noise_and_smoothing_the_boxes_are_exact(segmenter):
    rough = {"border_smoothing": 0} if segmenter is ChanVese else {}
    labels = segmenter(smoothing_mm=0, keep="all", **rough)(picture(two_boxes(), noise=0), SPACING_MM)
    assert_array_equal(labels, two_boxes())


def test_only_the_largest_piece_is_kept_unless_all_are_asked_for():
    image = picture(two_boxes(), noise=0)
    assert Otsu(smoothing_mm=0)(image, SPACING_MM).sum() == 18
    assert Otsu(smoothing_mm=0, keep="all")(image, SPACING_MM).sum() == 26


@pytest.mark.parametrize(("least", "voxels"), [(24.0, 26), (24.1, 18), (54.0, 18), (54.1, 0)])
def test_pieces_smaller_than_the_least_volume_are_dropped(least, voxels):
    step = Otsu(smoothing_mm=0, keep="all", min_volume_mm3=least)
    assert step(picture(two_boxes(), noise=0), SPACING_MM).sum() == voxels


def test_of_pieces_of_one_size_the_first_is_kept():
    image = np.array([[[0, 9, 9, 0, 9, 9, 0]]])
    assert_array_equal(Otsu(smoothing_mm=0)(image, SPACING_MM), [[[0, 1, 1, 0, 0, 0, 0]]])


@each
def test_the_image_is_not_changed_and_a_second_call_gives_the_same_bytes(segmenter):
    image = picture(ball()).astype(np.float32)
    before = image.copy()
    first = segmenter()(image, SPACING_MM)
    assert_array_equal(image, before)
    assert segmenter()(image, SPACING_MM).tobytes() == first.tobytes()


@each
@pytest.mark.parametrize("value", [0.0, 0.1, -1024.0])
def test_a_constant_image_is_refused(segmenter, value):
    with pytest.raises(BadData) as refused:
        segmenter()(np.full((4, 5, 6), value), SPACING_MM)
    assert refused.value.verdict == "constant_image"


@each
def test_a_missing_voxel_is_refused(segmenter):
    image = picture(ball())
    image[0, 0, 0] = np.nan
    with pytest.raises(BadData) as refused:
        segmenter()(image, SPACING_MM)
    assert refused.value.verdict == "missing_voxels"


@each
def test_one_voxel_is_a_constant_image(segmenter):
    with pytest.raises(BadData, match="all 1 voxels have one value"):
        segmenter()(np.ones((1, 1, 1)), SPACING_MM)
