"""Frames of a segmentation onto the voxels of its image: by place, exactly, or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from tasks.methods.regions.frames import DrawnFrame, place_frames

GRID = Geometry(shape=(4, 5, 6), spacing_mm=(3.0, 2.0, 1.0), origin_mm=(10.0, 20.0, 30.0))
TURNED = Geometry(
    shape=(4, 5, 6),
    spacing_mm=(3.0, 2.0, 1.0),
    origin_mm=(10.0, 20.0, 30.0),
    direction=((0.8, -0.6, 0.0), (0.6, 0.8, 0.0), (0.0, 0.0, 1.0)),
)


def frame_of(inside, geometry=GRID, first=(0, 0, 0), down=(0, 1, 0), across=(0, 0, 1)):
    """Return a frame whose first pixel is a voxel of a grid and whose rows and columns go so many voxels."""
    step = [
        geometry.to_mm(np.array(first, float) + np.array(way)) - geometry.to_mm(np.array(first, float))
        for way in (down, across)
    ]
    corner = geometry.to_mm(np.array(first, float))
    return DrawnFrame(np.asarray(inside, dtype=bool), *(tuple(map(float, one)) for one in (corner, *step)))


def refusal_of(*frames, geometry=GRID):
    with pytest.raises(BadData) as refusal:
        place_frames(frames, geometry)
    return refusal.value


def test_a_frame_drawn_by_hand_lies_in_its_slice():
    inside = np.zeros((5, 6))
    inside[1:3, 2:5] = 1
    mask, notes = place_frames([frame_of(inside, first=(2, 0, 0))], GRID)
    assert mask.sum(axis=(1, 2)).tolist() == [0, 0, 6, 0]
    np.testing.assert_array_equal(mask[2], inside)
    assert notes == []


def test_a_small_frame_is_a_part_of_a_slice_and_the_rest_is_outside():
    mask, _ = place_frames([frame_of(np.ones((2, 3)), first=(1, 3, 2))], GRID)
    assert np.argwhere(mask).tolist() == [[1, y, x] for y in (3, 4) for x in (2, 3, 4)]


@pytest.mark.parametrize("geometry", [GRID, TURNED])
@settings(max_examples=15, deadline=None)
@given(bits=st.integers(1, 2**30 - 1), flips=st.tuples(st.booleans(), st.booleans()), is_turned=st.booleans())
def test_however_a_frame_is_flipped_or_turned_its_voxels_are_the_same(geometry, bits, flips, is_turned):
    plane = np.array([bits >> n & 1 for n in range(30)], dtype=bool).reshape(5, 6)
    first = np.where(flips, (4, 5), 0)
    down, across = (np.array((0, -1 if flips[0] else 1, 0)), np.array((0, 0, -1 if flips[1] else 1)))
    seen = plane[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
    if is_turned:
        seen, down, across = seen.T, across, down
    mask, notes = place_frames([frame_of(seen, geometry, (1, *first), down, across)], geometry)
    np.testing.assert_array_equal(mask[1], plane)
    assert mask.sum() == plane.sum()
    assert notes == []


def test_frames_may_lie_across_the_slices_of_the_image():
    mask, _ = place_frames([frame_of(np.ones((4, 5)), first=(0, 0, 3), down=(1, 0, 0), across=(0, 1, 0))], GRID)
    assert mask[:, :, 3].all()
    assert mask.sum() == 20


def test_frames_of_one_slice_are_joined():
    mask, _ = place_frames([frame_of(np.eye(5, 6)), frame_of(np.eye(5, 6)), frame_of(np.ones((1, 6)))], GRID)
    np.testing.assert_array_equal(mask[0], np.eye(5, 6, dtype=bool) | (np.arange(5)[:, None] == 0))


def test_an_empty_frame_may_lie_anywhere():
    away = replace(frame_of(np.zeros((5, 6))), corner_mm=(999.0, 0.3, 0.0))
    assert place_frames([away, frame_of(np.ones((5, 6)))], GRID)[0].sum() == 30


def test_a_region_without_a_voxel_is_refused():
    assert refusal_of(frame_of(np.zeros((5, 6)))).verdict == "empty_mask"
    assert refusal_of().verdict == "empty_mask"


def test_a_frame_between_two_slices_is_refused_with_how_far_it_is_off():
    refusal = refusal_of(frame_of(np.ones((5, 6)), first=(1.4, 0, 0)))
    assert refusal.verdict == "frame_off_grid"
    assert "1.200 mm off" in refusal.came


@pytest.mark.parametrize("first", [(4, 0, 0), (-1, 0, 0), (0, 1, 0), (0, 0, -1), (10**7, 0, 0)])
def test_what_is_inside_beyond_the_image_is_refused_and_counted(first):
    refusal = refusal_of(frame_of(np.ones((5, 6)), first=first))
    assert refusal.verdict == "frame_off_grid"
    assert " of 30 in one frame" in refusal.came


def test_a_shift_by_a_part_of_a_voxel_is_another_grid():
    refusal = refusal_of(frame_of(np.ones((4, 4)), first=(0, 0.5, 0.25)))
    assert refusal.verdict == "other_grid"
    assert "(0.000, 1.000, 0.250) mm" in refusal.came


@pytest.mark.parametrize(
    ("down", "across", "came"),
    [
        ((0, 2, 0), (0, 0, 1), "a row steps (0.000, 2.000, 0.000)"),
        ((0, 1, 0), (0, 0, 1.01), "a column (0.000, 0.000, 1.010)"),
        ((0, 0.8, 1.2), (0, -0.3, 0.8), "a row steps (0.000, 0.800, 1.200)"),
        ((0, 1, 0), (0, 1, 0), "a column (0.000, 1.000, 0.000)"),
        ((0, 0, 0), (0, 0, 1), "a row steps (0.000, 0.000, 0.000)"),
    ],
)
def test_pixels_of_another_size_or_direction_are_another_grid(down, across, came):
    refusal = refusal_of(frame_of(np.ones((5, 6)), down=down, across=across))
    assert refusal.verdict == "other_grid"
    assert came in refusal.came


def test_a_small_shift_is_taken_for_rounding_and_told():
    _, notes = place_frames([frame_of(np.ones((5, 6)), first=(0.003, 0, 0))], GRID)
    assert [note.name for note in notes] == ["positions_rounded"]
    assert "0.009 mm" in notes[0].text


def test_a_picture_without_a_place_has_the_mask_of_its_size():
    planar = Geometry(shape=(1, 5, 6), spacing_mm=(1.0, 0.2, 0.2))
    nowhere = DrawnFrame(np.eye(5, 6, dtype=bool), None, None, None)
    np.testing.assert_array_equal(place_frames([nowhere], planar)[0][0], np.eye(5, 6))
    assert refusal_of(nowhere).verdict == "unknown_position"
    assert refusal_of(DrawnFrame(np.eye(5, dtype=bool), None, None, None), geometry=planar).verdict == (
        "unknown_position"
    )


def test_frames_are_left_as_they_are():
    frame = frame_of(np.ones((5, 6)))
    place_frames([frame], GRID)
    assert frame.inside.all()
