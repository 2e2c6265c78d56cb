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
