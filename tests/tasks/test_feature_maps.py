"""Maps of features are kept as volumes in the place of the region, computed slab by slab."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from data_catalog.kinds import MASK, VOLUME, geometry_of, mask, slab_thickness
from tasks.feature_maps import map_features
from tasks.methods.radiomics.feature_map import FeatureMap
from tasks.methods.radiomics.window_bins import BinsOfSize
from tasks.stage import perform
from tests.tasks.conftest import GRID, ball, image, kept

MAPPER = FeatureMap(
    features=["stat_mean", "stat_variance", "cm_contrast"], size=(3, 5, 3), binning=BinsOfSize(size=25, start=-200)
)
WIDE = Geometry((90, 60, 50), (3.0, 1.0, 1.5), (-20.0, 4.0, 7.0))


def labels(values=None, grid=GRID):
    return mask(ball() > 0 if values is None else values, grid, {1: "tumour", 2: "node"})


def noise(grid, seed=0):
    return np.random.default_rng(seed).normal(0, 50, grid.shape).astype(np.float32)


def drawn_in(box, grid, label=2):
    values = np.zeros(grid.shape, dtype=int)
    values[box] = label * (np.random.default_rng(1).random(values[box].shape) < 0.8)
    for end in (0, -1):
        values[box][end, end, end] = label
    return values


BOX = (slice(10, 80), slice(20, 41), slice(5, 33))


def test_a_region_is_mapped_in_its_box_and_keeps_its_place(store):
    voxels, drawn = noise(WIDE), drawn_in(BOX, WIDE)
    drawn[0, 0, 0] = 1
    inputs = {"image": kept(store, VOLUME, image(voxels, grid=WIDE)), "labels": kept(store, MASK, labels(drawn, WIDE))}
    outcome = perform(store.root, map_features.job("P-1", inputs, {"label": 2, "feature_map": MAPPER}))
    maps = store.open(outcome.ref)
    assert maps.dims == ("c", "z", "y", "x")
    assert maps["c"].values.tolist() == list(MAPPER.features)
    assert maps.dtype == np.float32
    assert (maps.attrs["unit"], maps.attrs["modality"]) == ("HU, HU^2, 1", "CT")
    assert_array_equal(maps.values, MAPPER(voxels, drawn == 2, WIDE.spacing_mm)[(slice(None), *BOX)])
    place = geometry_of(maps)
    assert place.spacing_mm == WIDE.spacing_mm
    assert_allclose(place.to_mm(np.zeros(3)), WIDE.to_mm(np.array([10.0, 20.0, 5.0])))


def test_a_whole_image_is_mapped_where_no_region_is_given(store):
    inputs = {"image": kept(store, VOLUME, image(noise(GRID)))}
    outcome = perform(store.root, map_features.job("P-1", inputs, {"feature_map": MAPPER}))
    maps = store.open(outcome.ref)
    assert_array_equal(maps.values, MAPPER(noise(GRID), None, GRID.spacing_mm))
    assert geometry_of(maps) == GRID


def test_a_plane_is_mapped_in_its_plane():
    plane = Geometry((1, 9, 8), (1.0, 0.5, 0.5))
    maps = map_features.function(image(noise(plane), grid=plane), feature_map=MAPPER)
    assert_array_equal(maps.values, MAPPER(noise(plane), None, plane.spacing_mm))


def test_maps_are_computed_slab_by_slab():
    large = Geometry((100, 600, 500), (1.0, 1.0, 1.0))
    empty = np.broadcast_to(np.int16(0), large.shape)
    maps = map_features.function(image(empty, grid=large), feature_map=MAPPER)
    thickness = slab_thickness(600, 500, 4 * len(MAPPER.features))
    assert thickness < 100
    assert set(maps.data.chunks[1][:-1]) == {thickness}
    assert maps.data.chunks[2:] == ((600,), (500,))


def test_what_no_window_sees_does_not_matter():
    voxels, drawn = noise(WIDE), drawn_in(BOX, WIDE)
    elsewhere = np.full(WIDE.shape, 1e6, dtype=np.float32)
    seen = (slice(9, 81), slice(18, 43), slice(4, 34))
    elsewhere[seen] = voxels[seen]
    one, other = (
        map_features.function(image(values, grid=WIDE), labels(drawn, WIDE), label=2, feature_map=MAPPER)
        for values in (voxels, elsewhere)
    )
    assert_array_equal(one.values, other.values)


def test_an_image_with_channels_is_refused_with_how_to_make_one():
    with pytest.raises(BadData, match="`project`") as refusal:
        map_features.function(image(np.stack([ball()] * 2)), feature_map=MAPPER)
    assert refusal.value.verdict == "too_many_steps"


def test_a_region_on_another_grid_and_one_without_voxels_are_refused():
    with pytest.raises(BadData, match="share a grid"):
        map_features.function(image(), labels(noise(WIDE) > 0, WIDE), feature_map=MAPPER)
    with pytest.raises(BadData) as refusal:
        map_features.function(image(), labels(), label=2, feature_map=MAPPER)
    assert refusal.value.verdict == "empty_region"
