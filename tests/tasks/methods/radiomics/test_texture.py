"""Texture of a region, all families and aggregations."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.radiomics import glcm, gldzm, glrlm, glszm, ngldm, ngtdm
from tasks.methods.radiomics.binning import AsIs, FixedNumber
from tasks.methods.radiomics.grey import grey_volume
from tasks.methods.radiomics.kernels.levels import fill_levels, lowest_and_highest
from tasks.methods.radiomics.kernels.zones import depths, find_zones
from tasks.methods.radiomics.texture import texture
from tests.tasks.methods.radiomics import texture_by_definition as definition

FAMILIES = ("cooccurrence", "run_length", "size_zone", "distance_zone", "tone_difference", "dependence")
AGGREGATIONS = ("2d_avg", "2d_mrg", "2.5d_avg", "2.5d_mrg", "3d_avg", "3d_mrg")
WHERE_NOTHING_TOUCHES = {
    f"{family.PREFIX}_{word}_{aggregation}"
    for family, aggregations in ((glcm, ("25d_mrg", "3d_avg", "3d_mrg")), (ngtdm, ("25d", "3d")))
    for word, aggregation in product(family.UNDEFINED, aggregations)
}


def of(levels, families=FAMILIES, aggregations=AGGREGATIONS, mask=None, **settings):
    """Return the texture of levels (z, y, x) that are 0 outside the region."""
    levels = np.asarray(levels)
    kept = levels > 0
    return texture(
        grey_volume(levels.astype(float), kept, AsIs()),
        kept if mask is None else mask,
        families,
        aggregations,
        **settings,
    )


@st.composite
def volumes(draw):
    """Draw levels (z, y, x), 0 outside, and a mask of all of them and some more."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 7)))
    number, filled = draw(st.integers(1, 4)), draw(st.sampled_from([0.2, 0.7, 0.95, 1.0]))
    mask = rng.random(shape) < filled
    levels = rng.integers(1, number + 1, shape) * (mask & (rng.random(shape) < draw(st.sampled_from([0.9, 1.0]))))
    if not levels.any():
        levels[0, 0, 0] = mask[0, 0, 0] = 1
    return levels, mask


def mean(each):
    """Return the mean of each feature over matrices that have some."""
    some = [list(features.values()) if isinstance(features, dict) else features for features in each if features]
    return np.mean(some, axis=0) if some else np.full(1, np.nan)


def slices(levels):
    return [(z, slice(z, z + 1)) for z in range(len(levels)) if levels[z].any()]


def expected(levels, mask, aggregation, alpha, distance):
    """Return the features of each family by definition, for one aggregation."""
    dimension, way = aggregation.split("_")
    planar = dimension != "3d"
    parts = [(levels[s], mask[s]) for _, s in slices(levels)] if dimension == "2d" else [(levels, mask)]
    steps = definition.IN_SLICE if planar else definition.DIRECTIONS
    groups = [steps] if way == "mrg" else [[step] for step in steps]
    of_parts = {family: [] for family in FAMILIES}
    for part, inside in parts:
        voxels = (part > 0).sum()
        for group in groups:
            matrices = [definition.pairs(part, np.multiply(distance, step), levels.max()) for step in group]
            of_parts["cooccurrence"].append(definition.pair_features(np.sum(matrices, axis=0)))
            elements = [run for step in group for run in definition.runs(part, step)]
            of_parts["run_length"].append(definition.extent_features(elements, voxels * len(group))[:16])
        zones = definition.zones(part, inside, planar=planar)
        by_size, by_depth = [(level, size) for level, size, _ in zones], [(level, depth) for level, _, depth in zones]
        of_parts["size_zone"].append(definition.extent_features(by_size, voxels)[:16])
        of_parts["distance_zone"].append(definition.extent_features(by_depth, voxels)[:16])
        of_parts["tone_difference"].append(
            definition.tone_features(definition.tones(part, planar=planar, distance=distance))
        )
        dependences = definition.dependences(part, planar=planar, alpha=alpha, distance=distance)
        of_parts["dependence"].append(definition.extent_features(dependences, voxels))
    return {family: mean(each) for family, each in of_parts.items()}


@settings(max_examples=40, deadline=None)
@given(volumes(), st.sampled_from(AGGREGATIONS), st.sampled_from([(0, 1), (0, 1), (1, 1), (0, 2), (1, 3)]))
def test_every_feature_is_that_of_its_definition(volume, aggregation, alpha_distance):
    levels, mask = volume
    alpha, distance = alpha_distance
    words = expected(levels, mask, aggregation, alpha, distance)
    for family in FAMILIES:
        found = of(levels, [family], [aggregation], mask, alpha=alpha, distance=distance)
        if np.isnan(words[family]).any():
            assert np.isnan(list(found.values())).all()
        else:
            assert list(found.values()) == pytest.approx(words[family], rel=1e-9, abs=1e-9), family


@settings(max_examples=15, deadline=None)
@given(volumes(), st.permutations((0, 1, 2)), st.sampled_from([1, -1]))
def test_a_turned_volume_has_the_same_texture(volume, axes, sense):
    levels, mask = volume
    turned = of(
        np.ascontiguousarray(levels.transpose(axes)[::sense]),
        aggregations=["3d_avg", "3d_mrg"],
        mask=np.ascontiguousarray(mask.transpose(axes)[::sense]),
    )
    assert turned == pytest.approx(of(levels, aggregations=["3d_avg", "3d_mrg"], mask=mask), nan_ok=True)


@settings(max_examples=15, deadline=None)
@given(volumes())
def test_empty_space_around_a_region_changes_nothing(volume):
    levels, mask = volume
    assert of(np.pad(levels, 2), mask=np.pad(mask, 2)) == pytest.approx(of(levels, mask=mask), nan_ok=True)


@settings(max_examples=15, deadline=None)
@given(volumes())
def test_a_family_is_the_same_alone_as_with_the_others(volume):
    levels, mask = volume
    alone = {
        column: value
        for family, aggregation in product(FAMILIES, AGGREGATIONS)
        for column, value in of(levels, [family], [aggregation], mask).items()
    }
    assert alone == pytest.approx(of(levels, mask=mask), nan_ok=True, abs=0, rel=0)


def test_a_plane_has_the_same_texture_in_2d_and_in_2_5d():
    levels = np.random.default_rng(0).integers(0, 4, (1, 9, 8))
    found = of(levels)
    for column, value in found.items():
        if "_25d" in column:
            assert found[column.replace("_25d", "_2d")] == value


def test_columns_are_named_by_family_feature_and_aggregation():
    found = of(np.random.default_rng(0).integers(0, 4, (3, 4, 5)), aggregations=["2.5d_avg", "3d_mrg"])
    assert {"cm_joint_maximum_3d_mrg", "cm_joint_maximum_25d_avg", "rlm_short_runs_emphasis_3d_mrg"} <= set(found)
    assert {"szm_small_zone_emphasis_3d", "szm_small_zone_emphasis_25d", "ngt_coarseness_3d"} <= set(found)
    assert {"dzm_small_distance_emphasis_3d", "ngl_low_dependence_emphasis_3d"} <= set(found)
    assert len(found) == 2 * (25 + 16 + 16 + 16 + 5 + 17)


@pytest.mark.parametrize("family", [glcm, glrlm, glszm, gldzm, ngtdm, ngldm])
def test_every_feature_has_a_label_a_code_a_unit_and_a_sentence(family):
    for word, label, code, unit, meaning in family.FEATURES:
        assert word == word.lower().replace(" ", "_")
        assert set(label.replace("-", " ").split()) == set(word.split("_")) | set()
        assert len(code) == 4
        assert unit == "1"
        assert meaning.endswith(".")
    assert set(family.UNDEFINED) <= {word for word, *_ in family.FEATURES}


def test_one_voxel_has_what_can_be_said_of_it_and_the_rest_is_not_a_number():
    found = of(np.array([[[3]]]), aggregations=["2.5d_mrg", "3d_avg", "3d_mrg"])
    assert {column for column, value in found.items() if np.isnan(value)} == WHERE_NOTHING_TOUCHES
    assert found["rlm_short_runs_emphasis_3d_mrg"] == found["szm_zone_percentage_3d"] == 1
    assert found["ngl_low_dependence_emphasis_3d"] == found["dzm_small_distance_emphasis_3d"] == 1
    assert found["rlm_high_grey_level_run_emphasis_3d_mrg"] == 9


def test_voxels_that_do_not_touch_are_each_a_zone_and_pair_with_none():
    levels = np.zeros((5, 5, 5), dtype=int)
    levels[::2, ::2, ::2] = 2
    found = of(levels, aggregations=["2.5d_mrg", "3d_avg", "3d_mrg"])
    assert {column for column, value in found.items() if np.isnan(value)} == WHERE_NOTHING_TOUCHES
    assert found["szm_zone_size_non_uniformity_3d"] == 27
    assert found["ngl_dependence_count_energy_3d"] == 1


def test_a_region_of_one_grey_level_is_as_even_as_can_be():
    found = of(np.full((3, 4, 5), 7))
    assert not np.isnan(list(found.values())).any()
    for way in ("2d_avg", "2d_mrg", "25d_avg", "25d_mrg", "3d_avg", "3d_mrg"):
        assert found[f"cm_joint_maximum_{way}"] == found[f"cm_angular_second_moment_{way}"] == 1
        assert (
            found[f"cm_contrast_{way}"] == found[f"cm_joint_entropy_{way}"] == found[f"cm_inverse_variance_{way}"] == 0
        )
        assert found[f"cm_correlation_{way}"] == 1
        assert found[f"cm_information_correlation_1_{way}"] == found[f"cm_information_correlation_2_{way}"] == 0
    for way in ("2d", "25d", "3d"):
        assert found[f"ngt_coarseness_{way}"] == 1e6
        assert all(found[f"ngt_{word}_{way}"] == 0 for word in ("contrast", "busyness", "complexity", "strength"))
        assert found[f"szm_zone_size_entropy_{way}"] == found[f"szm_grey_level_variance_{way}"] == 0


def test_levels_in_proportion_to_their_rarity_are_not_busy():
    levels = np.array([[[2, 1, 1]]])
    assert of(levels, ["tone_difference"], ["3d_mrg"])["ngt_busyness_3d"] == 0


def test_slices_without_a_pair_are_not_averaged():
    levels = np.zeros((3, 4, 4), dtype=int)
    levels[0] = np.arange(16).reshape(4, 4) % 3 + 1
    alone = of(levels)
    levels[2, 1, 1] = 3
    found = of(levels)
    for column in alone:
        if column.startswith(("cm_", "ngt_")) and "_2d" in column:
            assert found[column] == alone[column]


def test_many_levels_give_the_same_texture_as_few_that_are_far_apart():
    rng = np.random.default_rng(0)
    few = rng.integers(1, 4, (4, 5, 6))
    many = np.array([0, 1, 700, 4096])[few]
    found, spread = of(few, aggregations=["3d_mrg"]), of(many, aggregations=["3d_mrg"])
    for column in ("cm_joint_entropy_3d_mrg", "cm_joint_maximum_3d_mrg", "szm_zone_size_entropy_3d"):
        assert spread[column] == pytest.approx(found[column])
    assert spread["rlm_run_entropy_3d_mrg"] == pytest.approx(found["rlm_run_entropy_3d_mrg"])


def test_long_runs_and_large_zones_are_counted_in_full():
    levels = np.ones((1, 1, 3000), dtype=int)
    levels[0, 0, 1000] = 2
    found = of(levels, ["run_length", "size_zone"], ["3d_avg"])
    assert found["szm_large_zone_emphasis_3d"] == pytest.approx((1000**2 + 1 + 1999**2) / 3)
    along, across = (1000**2 + 1 + 1999**2) / 3, 1
    assert found["rlm_long_runs_emphasis_3d_avg"] == pytest.approx((along + 12 * across) / 13)


def test_kernels_are_compiled_once_whatever_the_array():
    levels = np.random.default_rng(0).integers(0, 4, (6, 7, 8)).astype(float)
    kept = levels > 0
    grey = grey_volume(levels, kept, AsIs())
    expected = texture(grey, kept, FAMILIES, AGGREGATIONS)
    compiled = {
        kernel: len(kernel.compiled.signatures) for kernel in (fill_levels, lowest_and_highest, depths, find_zones)
    }
    levels.flags.writeable = kept.flags.writeable = False
    turned = levels.transpose(2, 1, 0).copy().transpose(2, 1, 0)
    for values, mask in ((levels, kept), (turned, kept[::-1][::-1])):
        found = texture(grey_volume(values, mask, AsIs()), mask, FAMILIES, AGGREGATIONS)
        assert found == pytest.approx(expected, nan_ok=True, abs=0, rel=0)
    assert {kernel: len(kernel.compiled.signatures) for kernel in compiled} == compiled


def test_inputs_are_not_changed():
    rng = np.random.default_rng(0)
    values, kept = rng.normal(size=(5, 6, 7)), rng.random((5, 6, 7)) < 0.8
    before = values.copy(), kept.copy()
    grey = grey_volume(values, kept, FixedNumber(number=4))
    padded = grey.padded.copy()
    texture(grey, kept, FAMILIES, AGGREGATIONS, alpha=1, distance=2)
    texture(grey, kept, FAMILIES, AGGREGATIONS)
    np.testing.assert_array_equal(values, before[0])
    np.testing.assert_array_equal(kept, before[1])
    np.testing.assert_array_equal(grey.padded, padded)
