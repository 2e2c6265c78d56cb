"""Laws that hold for every recipe, and what a recipe refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pydantic import ValidationError

from data_catalog.errors import BadData
from tasks.methods.radiomics.binning import AsIs, FixedNumber, FixedSize
from tasks.methods.radiomics.columns import FAMILIES, FILTERED_FAMILIES
from tasks.methods.radiomics.crop import Crop, box_of, widened
from tasks.methods.radiomics.filters.laplacian_of_gaussian import LaplacianOfGaussian
from tasks.methods.radiomics.filters.mean import Mean
from tasks.methods.radiomics.filters.simoncelli import Simoncelli
from tasks.methods.radiomics.preparation import Resampling, Resegmentation
from tasks.methods.radiomics.recipe import Recipe
from tasks.methods.radiomics.recipes import RECIPES, named

SPACING_MM = (3.0, 1.0, 1.5)
EVERY_WAY = ("2d_avg", "2d_mrg", "2.5d_avg", "2.5d_mrg", "3d_avg", "3d_mrg")
OWN = {
    "own_grid": Recipe(aggregations=EVERY_WAY),
    "resampled": Recipe(resampling=Resampling(spacing_mm=2.0), aggregations=("3d_avg",)),
    "cubic": Recipe(resampling=Resampling(spacing_mm=(None, 1.3, 1.3), interpolation="cubic")),
    "nearest": Recipe(resampling=Resampling(spacing_mm=1.7, interpolation="nearest", mask_interpolation="nearest")),
    "outliers": Recipe(resegmentation=Resegmentation(outlier_sigma=2)),
    "fixed_size": Recipe(resegmentation=Resegmentation(lowest=0, highest=70), binning=FixedSize(size=10)),
    "filtered": Recipe(families=("statistics",), filters=(Mean(support=3, dimension="2d"),)),
    "unlike": Recipe(distance=2, dependence_alpha=1),
}
each = pytest.mark.parametrize("recipe", OWN.values(), ids=OWN)
in_3d = pytest.mark.parametrize(
    "recipe", [*OWN.values(), Recipe(filters=(LaplacianOfGaussian(sigma_mm=2),))], ids=[*OWN, "log"]
)


def tumour(shape=(6, 12, 13), seed=0):
    rng = np.random.default_rng(seed)
    steps = np.indices(shape) - np.reshape(shape, (3, 1, 1, 1)) // 2
    mask = (steps**2).sum(axis=0) + rng.normal(size=shape) < 9
    return rng.normal(40, 20, shape), mask


@in_3d
def test_columns_are_those_of_the_definitions_in_their_order(recipe):
    image, mask = tumour()
    columns = [definition.column for definition in recipe.definitions()]
    assert list(recipe(image, mask, SPACING_MM)) == columns
    assert len(set(columns)) == len(columns)


@each
def test_a_plane_has_the_columns_of_the_planar_definitions(recipe):
    columns = [definition.column for definition in recipe.definitions(planar=True)]
    assert list(recipe(*tumour((1, 16, 16)), SPACING_MM)) == columns
    assert not any("3d" in column or "25d" in column for column in columns)


@pytest.mark.parametrize("name", RECIPES)
def test_a_published_recipe_measures_what_it_says(name):
    image, mask = tumour((12, 20, 20))
    found = RECIPES[name](np.rint(np.abs(image)), mask, (2.0, 1.0, 1.0))
    assert list(found) == [definition.column for definition in RECIPES[name].definitions()]
    assert np.isfinite(list(found.values())).all()


@in_3d
def test_all_values_are_finite_floats(recipe):
    values = recipe(*tumour(), SPACING_MM).values()
    assert all(type(value) is float for value in values)
    assert np.isfinite(list(values)).all()


@each
def test_every_column_has_words_a_unit_and_its_code(recipe):
    for definition in recipe.definitions() + recipe.definitions(planar=True):
        assert definition.column == definition.column.lower()
        assert definition.label
        assert definition.unit
        assert definition.meaning.endswith(".")
        assert not definition.conformant or definition.ibsi
        assert (definition.aggregation is None) == (definition.ibsi is None)


def test_texture_counted_unlike_ibsi_is_not_called_conformant():
    usual, unlike = (
        {one.column: one.conformant for one in recipe.definitions()} for recipe in (Recipe(), OWN["unlike"])
    )
    assert usual["cm_contrast_3d_mrg"]
    assert not unlike["cm_contrast_3d_mrg"]
    assert usual["stat_mean"]
    assert unlike["stat_mean"]


def test_statistics_of_filtered_images_have_reference_values_and_texture_of_them_has_none():
    recipe = Recipe(filters=(LaplacianOfGaussian(sigma_mm=3),))
    known = {one.column: one.conformant for one in recipe.definitions()}
    assert known["log_3mm__stat_mean"]
    assert not known["log_3mm__cm_contrast_3d_mrg"]
    assert {one.filter for one in recipe.definitions()} == {"", "log_3mm"}


@in_3d
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_what_lies_far_away_does_not_matter_and_a_part_is_measured_as_the_whole(recipe, seed):
    rng = np.random.default_rng(seed)
    image, mask = (np.pad(array, [(30, 30), (40, 40), (40, 40)]) for array in tumour(seed=seed))
    image += rng.normal(40, 20, image.shape)
    margin = recipe.margin(SPACING_MM, image.shape)
    part = widened(box_of(mask), margin, image.shape)
    assert image[part].size < image.size
    start = tuple(one.start for one in part)
    crop = Crop(image[part], mask[part], SPACING_MM, start, image.shape)
    assert recipe.measure(crop) == pytest.approx(recipe(image, mask, SPACING_MM), rel=1e-9, abs=1e-9)


def test_a_filter_that_sees_the_whole_image_asks_for_it():
    recipe = Recipe(filters=(Simoncelli(level=1),))
    assert recipe.margin(SPACING_MM, (10, 10, 10)) is None
    image, mask = tumour()
    assert "simoncelli_1__stat_mean" in recipe(image, mask, SPACING_MM)


@each
def test_the_image_is_not_changed_and_a_second_call_gives_the_same(recipe):
    image, mask = tumour()
    image_before, mask_before = image.copy(), mask.copy()
    first = recipe(image, mask, SPACING_MM)
    assert_array_equal(image, image_before)
    assert_array_equal(mask, mask_before)
    assert recipe(image, mask, SPACING_MM) == first


@each
def test_the_order_of_axes_in_memory_does_not_matter(recipe):
    image, mask = tumour()
    other = recipe(np.asfortranarray(image), np.asfortranarray(mask), SPACING_MM)
    assert other == recipe(image, mask, SPACING_MM)


@each
def test_an_empty_region_is_refused(recipe):
    image, mask = tumour()
    with pytest.raises(BadData, match="the mask is empty") as refused:
        recipe(image, np.zeros_like(mask), SPACING_MM)
    assert refused.value.verdict == "empty_region"


def test_a_region_that_vanishes_on_the_new_grid_is_refused():
    image, mask = tumour()
    lone = np.zeros_like(mask)
    lone[1, 1, 1] = True
    recipe = Recipe(resampling=Resampling(spacing_mm=9.0), minimum_voxels=1)
    with pytest.raises(BadData, match="none of its 1 voxels is left") as refused:
        recipe(image, lone, SPACING_MM)
    assert refused.value.verdict == "empty_region"


def test_a_region_out_of_the_range_that_is_kept_is_refused():
    recipe = Recipe(resegmentation=Resegmentation(lowest=1000))
    with pytest.raises(BadData, match="out of it") as refused:
        recipe(*tumour(), SPACING_MM)
    assert refused.value.verdict == "empty_region"


def test_one_voxel_is_too_small_a_region():
    image, mask = tumour()
    lone = np.zeros_like(mask)
    lone[3, 4, 5] = True
    with pytest.raises(BadData, match="at least 8 voxels") as refused:
        Recipe()(image, lone, SPACING_MM)
    assert refused.value.verdict == "region_too_small"


def drawn(shape, *voxels):
    mask = np.zeros(shape, dtype=bool)
    for voxel in voxels:
        mask[voxel] = True
    return mask


TINY = {
    "one voxel": drawn((5, 5, 5), (2, 2, 2)),
    "two apart": drawn((5, 5, 5), (0, 0, 0), (4, 4, 4)),
    "two that touch at a corner": drawn((5, 5, 5), (2, 2, 2), (3, 3, 3)),
    "a line": drawn((5, 5, 5), *[(2, 2, x) for x in range(5)]),
    "a plane": drawn((5, 5, 5), (2, slice(None), slice(None))),
    "a slanted plane": drawn((5, 5, 5), *[(z, y, z) for z in range(5) for y in range(5)]),
    "the whole image": np.ones((5, 5, 5), dtype=bool),
    "two balls": drawn((5, 5, 5), (slice(2), slice(2), slice(2)), (slice(3, 5), slice(3, 5), slice(3, 5))),
}


@pytest.mark.parametrize("constant", [True, False], ids=["constant", "varied"])
@pytest.mark.parametrize("mask", TINY.values(), ids=TINY)
def test_a_region_of_any_form_has_numbers_and_a_missing_one_is_among_those_that_may_be(mask, constant):
    recipe = Recipe(minimum_voxels=1, aggregations=EVERY_WAY)
    image = np.full(mask.shape, 7.0) if constant else np.random.default_rng(1).normal(10, 3, mask.shape)
    found = recipe(image, mask, SPACING_MM)
    reasons = {one.column: one.undefined for one in recipe.definitions()}
    missing = [column for column, value in found.items() if np.isnan(value)]
    assert all(reasons[column] for column in missing), missing
    assert not np.isinf(list(found.values())).any()


def test_an_infinite_voxel_is_refused():
    image, mask = tumour()
    image[3, 6, 6] = -np.inf
    with pytest.raises(BadData) as refused:
        Recipe()(image, mask, SPACING_MM)
    assert refused.value.verdict == "infinite_voxels"


def test_a_mask_of_another_shape_is_refused():
    image, mask = tumour()
    with pytest.raises(BadData, match=r"shapes \(6, 12, 13\) and \(5, 12, 13\)") as refused:
        Recipe()(image, mask[1:], SPACING_MM)
    assert refused.value.verdict == "other_grid"


def test_missing_voxels_are_left_out_of_all_but_the_form():
    image, mask = tumour()
    holes = mask & (np.random.default_rng(5).random(mask.shape) < 0.3)
    holed = Recipe()(np.where(holes, np.nan, image), mask, SPACING_MM)
    whole = Recipe()(image, mask, SPACING_MM)
    assert holed["stat_missing_count"] == holes.sum() > 0
    assert holed["stat_voxel_count"] == (mask & ~holes).sum()
    assert holed["morph_volume_mm3"] == whole["morph_volume_mm3"]
    assert holed["stat_mean"] == pytest.approx(image[mask & ~holes].mean())


def test_bins_of_a_fixed_size_begin_where_the_range_does():
    image, mask = tumour()
    kept = Resegmentation(lowest=-5, highest=200)
    own = Recipe(resegmentation=kept, binning=FixedSize(size=10))(image, mask, SPACING_MM)
    told = Recipe(resegmentation=kept, binning=FixedSize(size=10, start=-5))(image, mask, SPACING_MM)
    other = Recipe(resegmentation=kept, binning=FixedSize(size=10, start=-8))(image, mask, SPACING_MM)
    assert own == told
    assert own["ih_mean"] != other["ih_mean"]


def test_only_the_families_that_are_asked_for_are_measured():
    prefixes = {
        "morphology": "morph",
        "spatial": "morph",
        "local_intensity": "loc",
        "statistics": "stat",
        "histogram": "ih",
        "volume_histogram": "ivh",
        "cooccurrence": "cm",
        "run_length": "rlm",
        "size_zone": "szm",
        "distance_zone": "dzm",
        "tone_difference": "ngt",
        "dependence": "ngl",
    }
    image, mask = tumour()
    everything = Recipe()(image, mask, SPACING_MM)
    assert set(prefixes) == set(FAMILIES)
    for family, prefix in prefixes.items():
        found = Recipe(families=(family,))(image, mask, SPACING_MM)
        assert {column.partition("_")[0] for column in found} == {prefix}
        assert found == {column: everything[column] for column in found}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"families": ()}, "at least one family"),
        ({"filtered_families": ("morphology",)}, "morphology is none of these"),
        ({"aggregations": ()}, "`aggregations` is empty"),
        ({"filters": (Mean(support=3), Mean(support=3))}, "two are the same"),
        ({"distance": 0}, "greater than or equal to 1"),
        ({"resampling": {"spacing_mm": 0.0}}, "greater than 0"),
        ({"method": "recipes"}, "'recipe'"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(wrong, words):
    with pytest.raises(ValidationError, match=words):
        Recipe(**wrong)


def test_families_of_filtered_images_are_those_that_a_filter_changes():
    assert set(FAMILIES) - set(FILTERED_FAMILIES) == {"morphology", "spatial", "local_intensity"}


def test_a_recipe_is_known_by_all_its_parameters():
    assert Recipe().digest == Recipe().digest
    assert Recipe().digest == Recipe(binning=FixedNumber(number=32)).digest
    assert len({Recipe().digest, *(recipe.digest for recipe in OWN.values())}) == 1 + len(OWN)
    assert hash(Recipe()) == hash(Recipe())
    assert Recipe.model_validate_json(OWN["filtered"].model_dump_json()) == OWN["filtered"]


def test_a_recipe_by_modality_is_the_published_one():
    assert named("by_modality", "PT") == RECIPES["ibsi_validation_pet"]
    assert named("by_modality", "US") == named("arbitrary_units", "CT") == Recipe()
    assert named("ibsi_a", "US").volume_histogram_binning == AsIs()
