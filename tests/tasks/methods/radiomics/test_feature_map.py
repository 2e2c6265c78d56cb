"""A map holds at every voxel what is measured in the window around it, over chunks as in the whole image."""

import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from data_catalog.errors import BadData
from tasks.methods.radiomics.binning import FixedSize
from tasks.methods.radiomics.feature_map import FEATURES, FeatureMap
from tasks.methods.radiomics.grey import GreyVolume
from tasks.methods.radiomics.recipe import Recipe
from tasks.methods.radiomics.texture import texture
from tasks.methods.radiomics.window_bins import BinsOfRange, BinsOfSize
from tasks.methods.stencil import map_over_chunks

CUBIC = (1.0, 1.0, 1.0)
SPACING_MM = (2.5, 0.8, 1.0)
BY_SIZE = BinsOfSize(size=10, start=-200)
BY_NUMBER = BinsOfRange(number=8, lowest=-60, highest=60)
PAIRS = tuple(name for name in FEATURES if name.startswith("cm_"))


def noise(shape, seed=0, *, missing=False):
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 25, shape).astype(np.float32)
    if missing:
        image[rng.random(shape) < 0.2] = np.nan
    return image


def blob(shape, seed=0):
    """Return the mask of about two thirds of an image, with holes and parts that do not touch."""
    return np.random.default_rng(seed + 1).random(shape) < 0.65


def mapped(image, mask=None, spacing_mm=CUBIC, **changes):
    """Return the maps of an image by name."""
    mapper = FeatureMap(**changes)
    return dict(zip(mapper.features, mapper(np.asarray(image), mask, spacing_mm), strict=True))


def windows_of(image, mask, size):
    """Yield each voxel that is mapped, with the part of the image and of the mask that its window is."""
    for place in np.argwhere(mask & ~np.isnan(image)):
        box = tuple(slice(max(p - s // 2, 0), p + s // 2 + 1) for p, s in zip(place, size, strict=True))
        yield tuple(place), image[box], mask[box]


def test_the_mean_and_the_range_of_three_voxels_in_a_row():
    found = mapped([[[1, 5, 3, 4]]], features=["stat_mean", "stat_range", "stat_median"], size=(1, 1, 3))
    assert_array_equal(found["stat_mean"], [[[3, 3, 4, 3.5]]])
    assert_array_equal(found["stat_range"], [[[4, 4, 2, 1]]])
    assert_array_equal(found["stat_median"], [[[3, 3, 4, 3.5]]])


def test_contrast_is_high_where_an_edge_is_in_the_window():
    edge = np.repeat([[[0, 0, 0, 3, 3, 3]]], 6, axis=1)
    found = mapped(edge, features=["cm_contrast"], size=(1, 3, 3), binning=BinsOfSize(size=1, start=0))["cm_contrast"]
    # of the 20 pairs of a window 7 cross the edge, with levels that differ by 3
    assert_allclose(found[0, 2], [0, 0, 63 / 20, 63 / 20, 0, 0], rtol=1e-6)


def test_outside_of_the_mask_nothing_is_mapped_and_nothing_is_seen():
    image = np.array([[[1.0, 2.0, 900.0, 4.0]]])
    found = mapped(image, image < 900, features=["stat_mean"], size=(1, 1, 3))
    assert_array_equal(found["stat_mean"], [[[1.5, 1.5, np.nan, 4]]])


def test_a_window_of_one_plane_keeps_to_it():
    image = noise((5, 6, 7))
    flat = mapped(image, features=PAIRS, size=(1, 5, 5), binning=BY_NUMBER)
    alone = mapped(image[2:3], features=PAIRS, size=(9, 5, 5), binning=BY_NUMBER)
    for name in PAIRS:
        assert_array_equal(flat[name][2], alone[name][0])


def test_a_radius_in_mm_is_as_many_voxels_as_lie_within_it():
    by_radius = FeatureMap(features=["stat_mean"], radius_mm=2.4)
    assert by_radius.reach((2.5, 0.8, 1.0)) == (0, 3, 2)
    by_size = FeatureMap(features=["stat_mean"], size=(1, 7, 5))
    assert_array_equal(by_radius(noise((3, 9, 8)), None, SPACING_MM), by_size(noise((3, 9, 8)), None, SPACING_MM))


@pytest.mark.parametrize(("size", "seed"), [((3, 3, 3), 0), ((5, 3, 5), 1), ((1, 5, 3), 2)])
def test_every_voxel_has_the_values_that_a_recipe_gives_for_its_window(size, seed):
    image, mask = noise((4, 5, 7), seed, missing=True), blob((4, 5, 7), seed)
    found = mapped(image, mask, features=FEATURES, size=size, binning=BY_SIZE)
    recipe = Recipe(
        families=("statistics", "histogram", "cooccurrence"), binning=FixedSize(size=10, start=-200), minimum_voxels=1
    )
    for place, part, inside in windows_of(image, mask, size):
        expected = recipe(part, inside, CUBIC)
        ending = "_2d_mrg" if part.shape[0] == 1 else "_3d_mrg"
        for name in FEATURES:
            value = expected[name + ending if name in PAIRS else name]
            assert found[name][place] == pytest.approx(value, rel=2e-6, abs=2e-6, nan_ok=True), (name, place)


def test_with_a_fixed_number_every_window_has_as_many_levels():
    image, mask = noise((5, 6, 6)), blob((5, 6, 6))
    found = mapped(image, mask, features=PAIRS, size=(3, 3, 5), binning=BY_NUMBER)
    levels = np.clip(np.floor((image + 60) / 15).astype(int) + 1, 1, 8)
    for place, part, inside in windows_of(levels, mask, (3, 3, 5)):
        grey = np.pad(np.where(inside, part, 0), 1).astype(np.uint16)
        histogram = np.bincount(grey.ravel(), minlength=9)
        histogram[0] = 0
        expected = texture(GreyVolume(grey, histogram), inside, ["cooccurrence"], ["3d_mrg"])
        for name in PAIRS:
            assert found[name][place] == pytest.approx(expected[f"{name}_3d_mrg"], rel=2e-6, abs=2e-6, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(
    chunks=st.tuples(st.integers(1, 9), st.integers(1, 11), st.integers(1, 12)),
    cut=st.tuples(st.integers(1, 9), st.integers(1, 11), st.integers(1, 12)),
    size=st.tuples(*[st.sampled_from([1, 3, 5, 7, 13])] * 3),
    seed=st.integers(0, 100),
)
def test_chunked_equals_whole_bit_for_bit(chunks, cut, size, seed):
    image, mask = noise((9, 11, 12), seed, missing=True), blob((9, 11, 12), seed)
    mapper = FeatureMap(features=FEATURES, size=size, binning=BY_SIZE if seed % 2 else BY_NUMBER)
    pieces = da.from_array(image, chunks=chunks), da.from_array(mask, chunks=cut)
    with dask.config.set(scheduler="synchronous"):
        lazy = map_over_chunks(mapper, *pieces, SPACING_MM)
        assert lazy.shape == (len(FEATURES), *image.shape)
        assert lazy.dtype == np.float32
        assert_array_equal(lazy.compute(), mapper(image, mask, SPACING_MM))


@pytest.mark.parametrize("shape", [(1, 20, 19), (3, 4, 30), (1, 1, 1), (8, 9, 10)])
def test_chunked_equals_whole_without_a_mask_and_for_short_axes(shape):
    image = noise(shape)
    mapper = FeatureMap(binning=BY_NUMBER)
    with dask.config.set(scheduler="synchronous"):
        found = map_over_chunks(mapper, da.from_array(image, chunks=(1, 3, 4)), None, SPACING_MM).compute()
    assert_array_equal(found, mapper(image, None, SPACING_MM))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), low=st.tuples(*[st.integers(0, 3)] * 3))
def test_a_box_is_mapped_as_the_whole(seed, low):
    image, mask = noise((6, 7, 8), seed), blob((6, 7, 8), seed)
    mapper = FeatureMap(features=FEATURES, size=(3, 5, 3), binning=BY_SIZE)
    box = tuple(slice(first, first + 3) for first in low)
    assert_array_equal(mapper.in_box(image, mask, CUBIC, box), mapper(image, mask, CUBIC)[(slice(None), *box)])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_a_voxel_does_not_see_beyond_the_reach(seed):
    image = noise((7, 9, 9), seed)
    mapper = FeatureMap(features=FEATURES, size=(3, 5, 3), binning=BY_SIZE)
    elsewhere = noise(image.shape, seed + 1)
    elsewhere[2:5, 2:7, 3:6] = image[2:5, 2:7, 3:6]
    one, other = (mapper(voxels, None, CUBIC)[:, 3, 4, 4] for voxels in (image, elsewhere))
    assert_array_equal(one, other)


def test_the_order_of_axes_in_memory_and_of_features_does_not_matter():
    image, mask = noise((5, 6, 7)), blob((5, 6, 7))
    found = mapped(image, mask, features=FEATURES, binning=BY_SIZE)
    other = mapped(np.asfortranarray(image), np.asfortranarray(mask), features=FEATURES[::-1], binning=BY_SIZE)
    for name in FEATURES:
        assert_array_equal(found[name], other[name])


def test_whole_numbers_are_mapped_and_not_changed():
    image = np.random.default_rng(0).integers(-1000, 2000, (4, 5, 6)).astype(np.int16)
    before = image.copy()
    found = mapped(image, features=["stat_mean", "cm_contrast"], binning=BY_SIZE)
    assert_array_equal(image, before)
    assert_array_equal(found["stat_mean"], mapped(image.astype(float), features=["stat_mean"])["stat_mean"])


def test_what_lies_beyond_the_bins_is_in_the_first_or_the_last():
    image = np.array([[[-1e30, -60, 59, 1e30]]])
    found = mapped(image, features=["cm_joint_average"], size=(1, 1, 3), binning=BY_NUMBER)["cm_joint_average"]
    assert_array_equal(found, [[[1, 2.75, 6.25, 8]]])


def test_a_constant_image_has_no_contrast_and_one_level():
    names = ["stat_variance", "stat_skewness", "ih_uniformity", "ih_entropy", "cm_contrast", "cm_correlation"]
    found = mapped(np.full((3, 3, 3), 0.1), features=names, binning=BinsOfSize(size=1, start=0))
    assert [float(found[name].max()) for name in names] == [0, 0, 1, 0, 0, 1]
    assert [float(found[name].min()) for name in names] == [0, 0, 1, 0, 0, 1]


def test_one_voxel_has_intensities_and_no_pairs():
    found = mapped([[[7.0]]], features=FEATURES, binning=BY_SIZE)
    assert found["stat_mean"].item() == found["stat_maximum"].item() == 7
    assert found["stat_variance"].item() == found["ih_entropy"].item() == 0
    assert all(np.isnan(found[name]).all() for name in PAIRS)


@pytest.mark.parametrize("image", [np.zeros((2, 3, 4)), np.full((2, 3, 4), np.nan)])
def test_an_empty_mask_and_an_image_of_missing_voxels_map_to_nothing(image):
    found = mapped(image, np.zeros(image.shape, bool) if image.any() else np.isnan(image), features=["stat_mean"])
    assert np.isnan(found["stat_mean"]).all()


def test_a_window_larger_than_the_image_is_the_image():
    image = noise((2, 3, 4))
    found = mapped(image, features=FEATURES, size=(9, 9, 9), binning=BY_SIZE)
    for name in FEATURES:
        assert_array_equal(found[name], np.full(image.shape, found[name][0, 0, 0]))
    assert found["stat_mean"][0, 0, 0] == pytest.approx(image.mean(), rel=1e-5)


def test_each_map_has_a_unit():
    mapper = FeatureMap(features=["stat_mean", "stat_variance", "stat_skewness", "cm_contrast"], binning=BY_SIZE)
    assert mapper.units("HU") == ("HU", "HU^2", "1", "1")
    assert len(FeatureMap(features=FEATURES, binning=BY_SIZE).units("1")) == len(FEATURES)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"features": []}, "at least 1 item"),
        ({"features": ["stat_mean", "stat_mean"]}, "mapped once"),
        ({"features": ["cm_contrst"]}, "cm_contrast"),
        ({"features": ["cm_contrast"]}, "`binning` is empty"),
        ({"size": (2, 3, 3)}, "even"),
        ({"size": (1, 1, 65), "binning": BY_SIZE}, "at most 63"),
        ({"binning": {"method": "fixed_number", "lowest": 1, "highest": 1}}, "less than"),
        ({"binning": {"method": "fixed_size"}}, "start"),
    ],
)
def test_maps_that_cannot_be_made_are_refused_before_any_work(changes, said):
    with pytest.raises(ValidationError, match=said):
        FeatureMap(**changes)


def test_infinite_voxels_are_refused_inside_the_mask_alone():
    image = noise((2, 3, 4))
    image[0, 0, 0] = np.inf
    with pytest.raises(BadData) as refusal:
        mapped(image, features=["stat_mean"])
    assert refusal.value.verdict == "infinite_voxels"
    assert np.isnan(mapped(image, np.isfinite(image), features=["stat_mean"])["stat_mean"][0, 0, 0])


@pytest.mark.parametrize(
    ("mask", "radius_mm", "verdict"), [(np.ones((2, 3, 5), bool), 2, "other_grid"), (None, 40, "window_too_large")]
)
def test_a_mask_of_another_shape_and_a_window_too_large_are_refused(mask, radius_mm, verdict):
    with pytest.raises(BadData) as refusal:
        mapped(noise((2, 3, 4)), mask, features=["stat_mean"], radius_mm=radius_mm)
    assert refusal.value.verdict == verdict
