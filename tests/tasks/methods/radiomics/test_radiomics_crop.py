"""The box of a region, and parts of an image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from data_catalog.errors import BadData
from tasks.methods.radiomics.crop import box_of, whole_crop, widened


def test_the_box_of_an_l():
    mask = np.zeros((4, 5, 6), dtype=bool)
    mask[1, 1:4, 2] = True
    mask[1, 3, 2:5] = True
    assert box_of(mask) == (slice(1, 2), slice(1, 4), slice(2, 5))


@given(hnp.arrays(bool, st.tuples(*[st.integers(1, 5)] * 3)))
def test_the_box_is_that_of_scipy(mask):
    if mask.any():
        assert box_of(mask) == ndimage.find_objects(mask.astype(np.uint8))[0]


def test_an_empty_mask_has_no_box():
    with pytest.raises(BadData) as refused:
        box_of(np.zeros((2, 2, 2), dtype=bool))
    assert refused.value.verdict == "empty_region"


def test_a_margin_ends_where_the_grid_does():
    box = (slice(0, 2), slice(3, 4), slice(8, 9))
    assert widened(box, (2, 2, 2), (3, 10, 10)) == (slice(0, 3), slice(1, 6), slice(6, 10))


def test_a_whole_image_is_a_part_of_itself():
    crop = whole_crop(np.zeros((1, 3, 3)), np.ones((1, 3, 3), dtype=bool), (1.0, 1.0, 1.0))
    assert (crop.start, crop.whole, crop.planar) == ((0, 0, 0), (1, 3, 3), True)


IMAGE, MASK = np.zeros((2, 3, 4)), np.ones((2, 3, 4), dtype=bool)


@pytest.mark.parametrize(
    "spacing_mm",
    [
        (0, 1, 1),
        (-1, 1, 1),
        (np.nan, 1, 1),
        (np.inf, 1, 1),
        (1, 1),
        (1, 1, 1, 1),
        1.0,
        None,
        ("1", "1", "1"),
        (1e-9,) * 3,
    ],
)
def test_a_spacing_that_is_none_is_refused(spacing_mm):
    with pytest.raises(BadData, match=r"as \(3.0, 1.0, 1.0\)") as refused:
        whole_crop(IMAGE, MASK, spacing_mm)
    assert refused.value.verdict == "bad_spacing"


@pytest.mark.parametrize("spacing_mm", [[3, 1, 1], np.array([3.0, 1.0, 1.0]), (np.float32(3), 1, 1.0)])
def test_a_spacing_may_be_given_in_any_way(spacing_mm):
    assert whole_crop(IMAGE, MASK, spacing_mm).spacing_mm == (3.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        (IMAGE[0], MASK[0]),
        (IMAGE[None], MASK[None]),
        (IMAGE.astype(complex), MASK),
        (IMAGE.astype(str), MASK),
        (IMAGE[:0], MASK[:0]),
        (5.0, True),
    ],
)
def test_what_is_no_image_along_three_axes_is_refused(image, mask):
    with pytest.raises(BadData, match=r"image\[None\]") as refused:
        whole_crop(image, mask, (1.0, 1.0, 1.0))
    assert refused.value.verdict == "not_an_image"


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64, np.float32])
@pytest.mark.parametrize("label", [1, 3, 100])
def test_one_label_is_a_region_in_any_type(kind, label):
    mask = (MASK * label).astype(kind)
    mask[0] = 0
    assert whole_crop(IMAGE, mask, (1, 1, 1)).mask.sum() == 12


@pytest.mark.parametrize(
    "mask",
    [
        np.where(MASK, np.arange(24).reshape(2, 3, 4) % 3, 0),
        np.where(np.arange(24).reshape(2, 3, 4) % 2, 1.0, np.nan),
        np.where(np.arange(24).reshape(2, 3, 4) % 2, 0.5, 0.0),
        np.where(np.arange(24).reshape(2, 3, 4) % 2, -1, 0),
        MASK.astype(object),
    ],
)
def test_a_mask_of_several_labels_or_of_none_is_refused(mask):
    with pytest.raises(BadData, match="labels == 3") as refused:
        whole_crop(IMAGE, mask, (1, 1, 1))
    assert refused.value.verdict == "not_one_region"


def test_a_mask_of_zeros_has_no_region():
    assert not whole_crop(IMAGE, np.zeros(IMAGE.shape, dtype=int), (1, 1, 1)).mask.any()
