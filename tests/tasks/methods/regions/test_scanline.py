from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from tasks.methods.regions.scanline import rasterise

GRID = Geometry(shape=(2, 6, 7), spacing_mm=(2.0, 1.0, 1.0))


def outline(points_yx, z=0.0):
    return np.array([(z, y, x) for y, x in points_yx], dtype=np.float64)


def box(y0, x0, y1, x1, z=0.0):
    return outline([(y0, x0), (y0, x1), (y1, x1), (y1, x0)], z)


def drawn(mask):
    return ["".join(".#"[int(v)] for v in row) for row in mask]


def test_a_ring_with_a_hole_drawn_by_hand():
    mask = rasterise([box(0.5, 0.5, 4.5, 5.5), box(1.5, 1.5, 3.5, 4.5)], GRID)
    assert drawn(mask[0]) == [".......", ".#####.", ".#...#.", ".#...#.", ".#####.", "......."]
    assert not mask[1].any()


def test_a_triangle_drawn_by_hand():
    mask = rasterise([outline([(0.5, 0.5), (0.5, 6.1), (6.0, 0.5)])], Geometry((1, 6, 7), (1.0, 1.0, 1.0)))
    assert drawn(mask[0]) == [".......", ".#####.", ".####..", ".###...", ".##....", ".#....."]


def test_a_centre_on_the_upper_or_left_border_is_inside_one_on_the_others_is_not():
    assert drawn(rasterise([box(1, 1, 3, 4)], GRID)[0]) == [
        ".......",
        ".###...",
        ".###...",
        ".......",
        ".......",
        ".......",
    ]


def test_contours_go_to_the_slice_they_lie_in():
    mask = rasterise([box(0.5, 0.5, 2.5, 2.5, z=1.9), box(0.5, 0.5, 1.5, 1.5, z=-0.9)], GRID)
    assert mask.sum(axis=(1, 2)).tolist() == [1, 4]


def test_a_turned_grid_gives_the_same_voxels():
    turn = np.array([[1, 0, 0], [0, 0.6, -0.8], [0, 0.8, 0.6]])
    grid = Geometry((1, 9, 9), (1.0, 2.0, 0.5), origin_mm=(3.0, 1.0, -2.0), direction=tuple(map(tuple, turn.tolist())))
    index = np.array([(0, 1.3, 1.3), (0, 1.3, 6.2), (0, 7.4, 6.2), (0, 4.1, 2.2)])
    flat = Geometry((1, 9, 9), (1.0, 1.0, 1.0))
    assert np.array_equal(rasterise([grid.to_mm(index)], grid), rasterise([index], flat))


corners = st.tuples(st.floats(-0.4, 18.4), st.floats(-0.4, 22.4))


@settings(max_examples=25, deadline=None)
@given(st.lists(corners, min_size=3, max_size=9))
def test_polygons_equal_those_of_scikit_image(points):
    # Points are moved off the grid lines, where the two have other rules for borders.
    moved = np.add(np.round(np.array(points), 2), (0.003137, 0.001719))
    ours = rasterise([outline(moved)], Geometry((1, 19, 23), (1.0, 1.0, 1.0)))
    assert np.array_equal(ours[0], polygon2mask((19, 23), moved))


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 6), st.floats(0, 5), st.lists(corners, min_size=3, max_size=6))
def test_a_polygon_cut_in_two_shares_no_voxel_and_loses_none(y, x, points):
    grid = Geometry((1, 19, 23), (1.0, 1.0, 1.0))
    whole, left, right = box(y, x, y + 9, x + 12), box(y, x, y + 9, x + 7), box(y, x + 7, y + 9, x + 12)
    halves = rasterise([left], grid).astype(int) + rasterise([right], grid)
    assert np.array_equal(halves, rasterise([whole], grid))
    twice = [outline(points), whole, outline(points)]
    assert np.array_equal(rasterise(twice, grid), rasterise([whole], grid))


def test_neither_direction_nor_start_of_a_contour_matters():
    points = [(0.7, 0.6), (0.9, 5.2), (4.6, 3.9), (2.2, 2.8)]
    first = rasterise([outline(points)], GRID)
    assert np.array_equal(rasterise([outline(points[::-1])], GRID), first)
    assert np.array_equal(rasterise([outline(points[2:] + points[:2])], GRID), first)


@pytest.mark.parametrize("points", [[(1.0, 1.0)], [(1.0, 1.0), (3.0, 2.0)], [(2.0, 1.0)] * 4])
def test_a_point_and_a_line_enclose_nothing(points):
    assert not rasterise([outline(points)], GRID).any()


def test_no_contours_give_no_voxel():
    assert not rasterise([], GRID).any()


@pytest.mark.parametrize(
    "contour",
    [
        box(1, 1, 3, 3, z=3.1),
        box(1, 1, 3, 3, z=-1.1),
        box(1, 1, 3, 8.5),
        box(-1.5, 1, 3, 3),
        np.array([(0.0, 1, 1), (0.0, 1, 3), (1.9, 3, 3)]),
    ],
)
def test_contours_off_the_grid_are_counted(contour):
    with pytest.raises(BadData, match="1 of 2 do not") as refusal:
        rasterise([box(1, 1, 3, 3), contour], GRID)
    assert refusal.value.verdict == "contour_off_grid"


def test_a_contour_may_end_at_the_edge_of_the_image():
    assert rasterise([box(-0.5, -0.5, 5.5, 6.5)], GRID)[0].all()


def test_contours_are_left_as_they_are():
    contour = box(0.5, 0.5, 4.5, 5.5)
    before = contour.copy()
    rasterise([contour], GRID)
    assert np.array_equal(contour, before)
