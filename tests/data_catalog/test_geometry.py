"""Where voxels lie in the patient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from data_catalog.errors import BadData
from data_catalog.geometry import SAME_GRID_TOLERANCE_MM, Geometry

DRAWN = Geometry((2, 3, 4), (5.0, 2.0, 1.0), (100.0, 10.0, 1.0))
SWAPPED = ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))

lengths = st.floats(0.1, 10.0)
places = st.floats(-500.0, 500.0)
turns = st.floats(-180.0, 180.0)


@st.composite
def geometries(draw, most=20):
    turn = Rotation.from_euler("zyx", [draw(turns), draw(turns), draw(turns)], degrees=True).as_matrix()
    return Geometry(
        shape=tuple(draw(st.integers(1, most)) for _ in range(3)),
        spacing_mm=tuple(draw(lengths) for _ in range(3)),
        origin_mm=tuple(draw(places) for _ in range(3)),
        direction=tuple(tuple(float(v) for v in row) for row in turn),
    )


def test_a_drawn_grid_counts_in_millimetres():
    assert DRAWN.to_mm(np.array([1, 2, 3])).tolist() == [105.0, 14.0, 4.0]
    assert DRAWN.to_index(np.array([105.0, 14.0, 4.0])).tolist() == [1.0, 2.0, 3.0]
    assert [DRAWN.axis_positions_mm(axis).tolist() for axis in range(3)] == [[100, 105], [10, 12, 14], [1, 2, 3, 4]]
    assert DRAWN.voxel_volume_mm3 == pytest.approx(10.0)
    assert not DRAWN.is_planar
    assert Geometry((1, 3, 4), (1.0, 1.0, 1.0)).is_planar


@settings(max_examples=30, deadline=None)
@given(grid=geometries(), first=st.tuples(*[st.integers(0, 9)] * 3))
def test_a_part_of_a_grid_has_its_voxels_at_the_same_places(grid, first):
    part = grid.part(first, (2, 3, 4))
    assert part.shape == (2, 3, 4)
    last = np.array([1, 2, 3])
    assert part.to_mm(last) == pytest.approx(grid.to_mm(last + first), abs=1e-9)


def test_the_columns_of_the_direction_are_the_array_axes():
    turned = Geometry((2, 3, 4), (5.0, 2.0, 1.0), (100.0, 10.0, 1.0), SWAPPED)
    assert turned.to_mm(np.array([1, 0, 0])).tolist() == [100.0, 15.0, 1.0]
    assert turned.affine()[:3, 0].tolist() == [0.0, 5.0, 0.0]
    assert turned.axis_positions_mm(0).tolist() == [10.0, 15.0]


def test_a_tilted_gantry_keeps_its_shear_and_loses_volume():
    slope = np.deg2rad(20)
    tilted = ((float(np.cos(slope)), 0.0, 0.0), (float(np.sin(slope)), 1.0, 0.0), (0.0, 0.0, 1.0))
    assert Geometry((2, 2, 2), (1.0, 1.0, 1.0), direction=tilted).voxel_volume_mm3 == pytest.approx(np.cos(slope))


@settings(max_examples=25, deadline=None)
@given(geometries(), st.tuples(places, places, places))
def test_index_and_millimetres_turn_back_into_each_other(geometry, index):
    there = geometry.to_mm(np.array(index))
    np.testing.assert_allclose(geometry.to_index(there), index, atol=1e-6)
    homogeneous = geometry.affine() @ [*index, 1.0]
    np.testing.assert_allclose(there, homogeneous[:3], atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(geometries(), st.integers(1, 5))
def test_many_points_are_turned_as_each_alone(geometry, count):
    indices = np.arange(count * 6, dtype=float).reshape(count, 2, 3)
    together = geometry.to_mm(indices)
    assert together.shape == indices.shape
    np.testing.assert_allclose(together[0, 1], geometry.to_mm(indices[0, 1]))
    np.testing.assert_allclose(geometry.to_index(together), indices, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(geometries(), st.tuples(lengths, lengths, lengths))
def test_another_spacing_keeps_the_centre_and_covers_the_extent(geometry, spacing_mm):
    other = geometry.resized(spacing_mm)
    assert other.spacing_mm == spacing_mm
    assert other.direction == geometry.direction
    centre, same = (one.to_mm((np.array(one.shape) - 1) / 2) for one in (geometry, other))
    np.testing.assert_allclose(centre, same, atol=1e-6)
    extent = np.array(geometry.shape) * geometry.spacing_mm
    assert (np.array(other.shape) * spacing_mm >= extent - 1e-4).all()
    assert ((np.array(other.shape) - 1) * spacing_mm < extent + 1e-9).all()


def test_a_resized_grid_is_as_ibsi_draws_it():
    # 4 voxels of 3 mm (12 mm) become 6 of 2 mm: the first centre moves from 1.5 to 1 mm inside the edge.
    coarse = Geometry((1, 1, 4), (1.0, 1.0, 3.0), (0.0, 0.0, 1.5))
    fine = coarse.resized((1.0, 1.0, 2.0))
    assert fine.shape == (1, 1, 6)
    assert fine.origin_mm == pytest.approx((0.0, 0.0, 1.0))


@settings(max_examples=25, deadline=None)
@given(geometries())
def test_the_attributes_hold_the_whole_geometry(geometry):
    assert Geometry.from_attrs(geometry.shape, geometry.to_attrs()) == geometry


def test_a_grid_is_the_same_as_itself_and_as_one_within_the_tolerance():
    DRAWN.require_same_grid(DRAWN)
    DRAWN.require_same_grid(Geometry(DRAWN.shape, DRAWN.spacing_mm, (100.0, 10.0, 1.0 + 0.9 * SAME_GRID_TOLERANCE_MM)))


@pytest.mark.parametrize(
    ("other", "came"),
    [
        (Geometry((2, 3, 5), (5.0, 2.0, 1.0), (100.0, 10.0, 1.0)), r"shapes \(2, 3, 4\) and \(2, 3, 5\) differ"),
        (Geometry((2, 3, 4), (5.0, 2.0, 1.0), (100.0, 10.0, 1.01)), "up to 0.010 mm apart"),
        (Geometry((2, 3, 4), (5.0, 2.0, 1.1), (100.0, 10.0, 1.0)), "up to 0.300 mm apart"),
    ],
)
def test_another_grid_is_refused_with_how_far_it_lies(other, came):
    with pytest.raises(BadData, match=came) as refusal:
        DRAWN.require_same_grid(other)
    assert refusal.value.verdict == "other_grid"


def test_a_turned_grid_with_the_same_origin_is_another_grid():
    cube = Geometry((3, 3, 3), (1.0, 1.0, 1.0))
    with pytest.raises(BadData, match="apart"):
        cube.require_same_grid(Geometry((3, 3, 3), (1.0, 1.0, 1.0), direction=SWAPPED))


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ({"shape": (0, 1, 1)}, "empty_grid"),
        ({"spacing_mm": (0.0, 1.0, 1.0)}, "bad_spacing"),
        ({"spacing_mm": (-1.0, 1.0, 1.0)}, "bad_spacing"),
        ({"spacing_mm": (float("nan"), 1.0, 1.0)}, "bad_spacing"),
        ({"spacing_mm": (float("inf"), 1.0, 1.0)}, "bad_spacing"),
        ({"origin_mm": (0.0, float("nan"), 0.0)}, "bad_origin"),
        ({"direction": ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))}, "bad_direction"),
        ({"direction": ((float("nan"), 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))}, "bad_direction"),
    ],
)
def test_what_is_no_grid_is_refused(parts, verdict):
    with pytest.raises(BadData) as refusal:
        Geometry(**{"shape": (1, 1, 1), "spacing_mm": (1.0, 1.0, 1.0), **parts})
    assert refusal.value.verdict == verdict
