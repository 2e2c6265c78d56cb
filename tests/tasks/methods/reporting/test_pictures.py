from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.segmentation import find_boundaries

from data_catalog.errors import BadData
from tasks.methods.reporting.pictures import (
    BAR,
    BAR_MARGIN,
    GREYS,
    OUTLINE,
    bar_length_mm,
    outline,
    picture_of,
    shown_plane,
)

UNIT = (1.0, 1.0, 1.0)


def levels(png):
    """Return the entries of the palette (y, x)."""
    return np.asarray(Image.open(BytesIO(png)))


def colours(png):
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def box(shape=(3, 8, 8), z=1, rows=slice(2, 6), columns=slice(3, 7)):
    mask = np.zeros(shape, dtype=bool)
    mask[z, rows, columns] = True
    return mask


def test_the_outline_of_a_drawn_square_is_its_rim():
    inside = np.zeros((5, 6), dtype=bool)
    inside[1:4, 1:5] = True
    rim = inside.copy()
    rim[2, 2:4] = False
    assert np.array_equal(outline(inside), rim)


def test_the_picture_outlines_exactly_the_boundary_of_the_mask():
    mask = box()
    shown = levels(picture_of(np.zeros(mask.shape), mask, UNIT, width=8))
    assert np.array_equal(shown == OUTLINE, mask[1] & find_boundaries(mask[1], mode="inner", connectivity=1))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_an_outline_is_part_of_its_region_and_touches_the_outside(seed):
    inside = np.random.default_rng(seed).random((9, 9)) < 0.6
    framed = np.pad(inside, 1)
    neighbours = framed[:-2, 1:-1] & framed[2:, 1:-1] & framed[1:-1, :-2] & framed[1:-1, 2:]
    assert np.array_equal(outline(inside), inside & ~neighbours)


def test_a_region_at_the_edge_is_outlined_at_the_edge():
    mask = box(rows=slice(0, 3), columns=slice(0, 3))
    assert (levels(picture_of(np.zeros(mask.shape), mask, UNIT, width=8)) == OUTLINE)[0, :3].all()


def test_a_region_of_one_voxel_is_its_own_outline():
    mask = box(rows=slice(2, 3), columns=slice(5, 6))
    shown = levels(picture_of(np.zeros(mask.shape), mask, UNIT, width=8))
    assert np.argwhere(shown == OUTLINE).tolist() == [[2, 5]]


def test_the_plane_in_which_the_region_is_largest_is_shown():
    mask = box(z=0, rows=slice(2, 4)) | box(z=2)
    assert shown_plane(mask.shape, mask) == 2


def test_without_a_region_the_middle_plane_is_shown_without_outline():
    image = np.stack([np.full((4, 4), value) for value in (0.0, 1.0, 2.0)])
    shown = levels(picture_of(image, None, UNIT, (0, 2), width=4))
    assert shown_plane(image.shape, None) == 1
    assert np.unique(shown).tolist() == [round(0.5 * (GREYS - 1))]


@pytest.mark.parametrize(
    ("spacing", "size"),
    [((9, 1, 1), (100, 50)), ((9, 2, 1), (100, 100)), ((1, 0.5, 1), (100, 25)), ((1, 3, 1.5), (100, 100))],
)
def test_the_picture_has_the_true_proportions_of_the_plane(spacing, size):
    png = picture_of(np.zeros((2, 10, 20)), None, spacing, width=100)
    assert Image.open(BytesIO(png)).size == size


def test_black_and_white_are_the_ends_of_the_window():
    image = np.array([[[-100.0, 0.0, 50.0, 100.0, 900.0]]])
    shown = levels(picture_of(image, None, UNIT, (0, 100), width=5))[0]
    assert shown.tolist() == [0, 0, round(0.5 * (GREYS - 1)), GREYS - 1, GREYS - 1]


def test_without_a_window_a_few_bright_voxels_do_not_darken_the_rest():
    image = np.tile(np.linspace(0, 1, 100), (1, 100, 1))
    image[0, 0, 0] = 1e6
    shown = levels(picture_of(image, None, UNIT, width=100))
    assert shown[50, 99] == GREYS - 1
    assert shown[50, 0] == 0


def test_missing_voxels_are_black():
    image = np.full((1, 4, 4), 5.0)
    image[0, 1, 2] = np.nan
    shown = levels(picture_of(image, None, UNIT, (0, 5), width=4))
    assert shown[1, 2] == 0
    assert shown[0, 0] == GREYS - 1


def test_a_constant_image_is_grey():
    shown = levels(picture_of(np.full((1, 4, 4), 7), None, UNIT, width=4))
    assert np.unique(shown).tolist() == [round(0.5 * (GREYS - 1))]


def test_of_several_channels_the_first_is_shown():
    channels = np.stack([np.zeros((1, 4, 4)), np.ones((1, 4, 4))])
    assert levels(picture_of(channels, None, UNIT, (0, 1), width=4)).max() == 0


def test_greys_are_grey_and_the_outline_has_its_colour():
    mask = box()
    shown = colours(picture_of(np.zeros(mask.shape), mask, UNIT, (0, 1), width=8))
    assert shown[2, 3].tolist() == [255, 170, 0]
    assert shown[0, 0].tolist() == [0, 0, 0]
    assert colours(picture_of(np.ones((1, 2, 2)), None, UNIT, (0, 1), width=2))[0, 0].tolist() == [255, 255, 255]


def test_the_scale_bar_is_as_long_as_it_says():
    shown = levels(picture_of(np.zeros((1, 100, 100)), None, (1, 2, 2), width=400, bar_mm=50))
    rows, columns = np.nonzero(shown == BAR)
    assert columns.min() == BAR_MARGIN
    assert len(set(columns.tolist())) == 100  # 50 mm of 200 mm, over 400 pixels
    assert rows.max() == 400 - BAR_MARGIN - 1


def test_a_scale_bar_fits_on_a_flat_picture():
    shown = levels(picture_of(np.zeros((1, 1, 100)), None, UNIT, width=300, bar_mm=10))
    assert (shown == BAR).any()


@pytest.mark.parametrize(("width", "length"), [(200, 50), (100, 20), (30, 5), (400, 100), (7, 2)])
def test_the_length_of_the_bar_is_round_and_fits(width, length):
    assert bar_length_mm(width) == length


def test_the_same_image_gives_the_same_bytes_and_is_left_as_it_was():
    image, mask = np.random.default_rng(0).normal(size=(3, 8, 8)), box()
    before = image.copy(), mask.copy()
    first, second = picture_of(image, mask, UNIT), picture_of(image, mask, UNIT)
    assert first == second
    assert np.array_equal(image, before[0])
    assert np.array_equal(mask, before[1])


def test_the_file_holds_nothing_but_the_picture():
    png = picture_of(np.zeros((1, 4, 4)), None, UNIT)
    assert Image.open(BytesIO(png)).info == {}
    assert not any(chunk in png for chunk in (b"tEXt", b"iTXt", b"tIME", b"eXIf"))


@pytest.mark.parametrize(
    ("image", "mask", "verdict"),
    [
        (np.zeros((2, 4, 4)), np.ones((3, 4, 4), dtype=bool), "other_grid"),
        (np.zeros((2, 4, 4)), np.zeros((2, 4, 4), dtype=bool), "empty_region"),
        (np.full((2, 4, 4), np.nan), None, "all_missing"),
    ],
)
def test_what_cannot_be_shown_is_refused(image, mask, verdict):
    with pytest.raises(BadData) as refused:
        picture_of(image, mask, UNIT)
    assert refused.value.verdict == verdict
