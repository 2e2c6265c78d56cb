"""Label maps onto the voxels of their image: re-ordered or placed exactly, or refused with the difference."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from tasks.methods.regions.label_maps import merged, named_only, onto_image

IMAGE = Geometry(
    shape=(3, 4, 5),
    spacing_mm=(3.0, 2.0, 1.0),
    origin_mm=(7.0, -4.0, 11.0),
    direction=((0.8, -0.6, 0.0), (0.6, 0.8, 0.0), (0.0, 0.0, 1.0)),
)
LABELS = np.arange(60).reshape(3, 4, 5)


def grid_of(first, steps, shape, image=IMAGE):
    """Return the grid that begins at a voxel of an image and goes on by steps in voxels."""
    first, steps = np.array(first, float), np.array(steps, float)
    columns = np.array([image.to_mm(first + step) - image.to_mm(first) for step in steps]).T
    spacing = np.linalg.norm(columns, axis=0)
    return Geometry(shape, tuple(spacing), tuple(image.to_mm(first)), tuple(map(tuple, columns / spacing)))


def refusal_of(own, labels=None):
    with pytest.raises(BadData) as refusal:
        onto_image(np.ones(own.shape, int) if labels is None else labels, own, IMAGE)
    assert refusal.value.verdict == "other_grid"
    return refusal.value.came


def test_labels_on_the_grid_of_the_image_stay_where_they_are():
    placed, notes = onto_image(LABELS, IMAGE, IMAGE)
    np.testing.assert_array_equal(placed, LABELS)
    assert notes == []


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(permutations(range(3)))), st.tuples(*[st.booleans()] * 3))
def test_axes_in_any_order_and_direction_give_the_same_voxels(order, flips):
    # Turned along the image's own axes, the labels lie where they lay: values and places move together.
    back = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    seen = LABELS[back].transpose(order)
    first = np.where(flips, np.array(IMAGE.shape) - 1, 0)
    steps = (np.eye(3) * np.where(flips, -1, 1))[list(order)]
    placed, notes = onto_image(seen, grid_of(first, steps, seen.shape), IMAGE)
    np.testing.assert_array_equal(placed, LABELS)
    assert [note.name for note in notes] == ([] if order == (0, 1, 2) and not any(flips) else ["axes_reordered"])


def test_the_order_of_the_axes_is_told():
    own = grid_of((0, 3, 0), [(0, 0, 1), (1, 0, 0), (0, -1, 0)], (5, 3, 4))
    _, (note,) = onto_image(np.ones(own.shape, int), own, IMAGE)
    assert note.text.endswith("(y, -x, z)")


def test_a_box_of_the_image_is_placed_and_the_rest_is_outside():
    placed, notes = onto_image(np.full((2, 2, 3), 7), grid_of((1, 2, 1), np.eye(3), (2, 2, 3)), IMAGE)
    expected = np.zeros(IMAGE.shape, int)
    expected[1:3, 2:4, 1:4] = 7
    np.testing.assert_array_equal(placed, expected)
    assert [note.name for note in notes] == ["box_placed"]
    assert "2 x 2 x 3 voxels where its image has 3 x 4 x 5" in notes[0].text


def test_a_map_may_reach_beyond_the_image_where_it_holds_nothing():
    labels = np.pad(LABELS, 2)
    placed, notes = onto_image(labels, grid_of((-2, -2, -2), np.eye(3), labels.shape), IMAGE)
    np.testing.assert_array_equal(placed, LABELS)
    assert [note.name for note in notes] == ["box_placed"]


@pytest.mark.parametrize("first", [(1, 0, 0), (0, 0, -1), (3, 0, 0), (0, -9, 0)])
def test_labels_beyond_the_image_are_refused_and_counted(first):
    assert "of 60 labelled voxels lie beyond the image" in refusal_of(grid_of(first, np.eye(3), IMAGE.shape))


def test_a_map_whose_axis_runs_the_other_way_from_the_same_corner_is_refused_by_that_name():
    came = refusal_of(grid_of((0, 0, 0), np.diag([1, 1, -1]), IMAGE.shape))
    assert "its x axis runs the other way" in came
    assert "48 of 60" in came


def test_a_turned_map_is_refused_with_the_angle():
    came = refusal_of(grid_of((0, 0, 0), [(1, 0, 0), (0, 0.8, 1.2), (0, -0.3, 0.8)], IMAGE.shape))
    assert "its y axis is turned by 36.9 degrees" in came
    assert "its z axis" not in came


def test_a_map_of_other_voxels_is_refused_with_their_size():
    came = refusal_of(grid_of((0, 0, 0), np.diag([1, 0.5, 0.5]), (3, 8, 10)))
    assert "voxels of 3.000 x 1.000 x 0.500 and 3.000 x 2.000 x 1.000 mm differ" in came
    assert "shapes (3, 8, 10) and (3, 4, 5) differ" in came


def test_a_shifted_map_is_refused_with_the_shift():
    came = refusal_of(grid_of((0.5, 0, 0), np.eye(3), IMAGE.shape))
    assert came == "it begins (1.200, 0.900, 0.000) mm from the image's first voxel"


def test_a_small_shift_is_taken_for_rounding_and_told():
    _, notes = onto_image(LABELS, grid_of((0, 0, 0.015), np.eye(3), IMAGE.shape), IMAGE)
    assert [note.name for note in notes] == ["positions_rounded"]


def test_the_thickness_of_a_single_plane_means_nothing():
    planar = Geometry(shape=(1, 4, 5), spacing_mm=(1.0, 2.0, 1.0))
    own = Geometry(shape=(1, 4, 5), spacing_mm=(8.0, 2.0, 1.0))
    np.testing.assert_array_equal(onto_image(LABELS[:1], own, planar)[0], LABELS[:1])


def test_a_map_without_a_name_is_one_region_and_says_so_where_it_holds_several_values():
    labels, names, notes = merged(np.array([[[0, 2, 5]]]), "tumour")
    assert labels.tolist() == [[[0, 1, 1]]]
    assert names == {1: "tumour"}
    assert [note.text for note in notes] == ["2 values were taken for one region"]
    assert merged(np.array([[[0, 255]]]), "tumour")[2] == []


def test_named_values_are_kept_and_others_left_out():
    labels, names, notes = named_only(np.array([[[0, 1, 2, 3, 4]]]), {1: "core", 4: "rim", 9: "vessel"})
    assert labels.tolist() == [[[0, 1, 0, 0, 4]]]
    assert names == {1: "core", 4: "rim"}
    assert [note.text for note in notes] == ["2 values without a name were left out"]


def test_values_of_one_name_are_one_region():
    labels, names, notes = named_only(np.array([[[0, 1, 2, 4]]]), {4: "tumour", 1: "tumour", 2: "oedema"})
    assert labels.tolist() == [[[0, 1, 2, 1]]]
    assert names == {1: "tumour", 2: "oedema"}
    assert notes == []


def test_a_map_without_any_named_value_is_refused():
    with pytest.raises(BadData, match="none of its 2 values has one") as refusal:
        named_only(np.array([[[0, 1, 2]]]), {3: "tumour"})
    assert refusal.value.verdict == "unknown_region"


def test_labels_are_left_as_they_are():
    labels = LABELS.copy()
    onto_image(labels, IMAGE, IMAGE)
    named_only(labels, {1: "a", 2: "a"})
    merged(labels, "a")
    np.testing.assert_array_equal(labels, LABELS)
