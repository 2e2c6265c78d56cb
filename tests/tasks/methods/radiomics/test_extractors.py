"""Laws that hold for every extractor of a region's features."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from data_catalog.errors import BadData
from tasks.methods.radiomics.cooccurrence import Cooccurrence
from tasks.methods.radiomics.extractor import RegionFeatures, cut_out
from tasks.methods.radiomics.intensity_statistics import IntensityStatistics
from tasks.methods.radiomics.shape import Shape

SPACING_MM = (3.0, 1.0, 1.5)
EXTRACTORS = [IntensityStatistics(), Shape(), Cooccurrence(), Cooccurrence(aggregation="averaged", bin_number=8)]
each = pytest.mark.parametrize("extractor", EXTRACTORS, ids=lambda extractor: extractor.method)


def tumour(shape=(6, 8, 9), seed=0):
    rng = np.random.default_rng(seed)
    steps = np.indices(shape) - np.reshape(shape, (3, 1, 1, 1)) // 2
    mask = (steps**2).sum(axis=0) + rng.normal(size=shape) < 7
    return rng.normal(40, 20, shape), mask


@each
def test_columns_are_those_of_the_definitions_in_their_order(extractor):
    image, mask = tumour()
    columns = [definition.column for definition in extractor.definitions()]
    assert list(extractor(image, mask, SPACING_MM)) == columns
    assert len(set(columns)) == len(columns)


@each
def test_a_plane_has_the_columns_of_the_planar_definitions(extractor):
    image, mask = tumour((1, 12, 12))
    columns = [definition.column for definition in extractor.definitions(planar=True)]
    assert list(extractor(image, mask, SPACING_MM)) == columns


@each
def test_all_values_are_finite_floats(extractor):
    for shape in ((6, 8, 9), (1, 12, 12)):
        values = extractor(*tumour(shape), SPACING_MM).values()
        assert all(type(value) is float for value in values)
        assert np.isfinite(list(values)).all()


@each
def test_features_that_ibsi_defines_have_its_code_and_the_others_none(extractor):
    for definition in extractor.definitions() + extractor.definitions(planar=True):
        assert definition.conformant == (definition.ibsi is not None)
        assert definition.column == definition.column.lower()
        assert definition.label
        assert definition.meaning.endswith(".")


@each
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), shift=st.tuples(*[st.integers(0, 3)] * 3))
def test_where_the_region_lies_does_not_matter(extractor, seed, shift):
    image, mask = tumour(seed=seed)
    moved = [np.pad(array, [(step, 3 - step) for step in shift]) for array in (image, mask)]
    there, here = extractor(*moved, SPACING_MM), extractor(image, mask, SPACING_MM)
    assert there == pytest.approx(here, rel=1e-9)


@each
def test_voxels_outside_the_region_do_not_matter(extractor):
    image, mask = tumour()
    other = np.where(mask, image, np.nan)
    assert extractor(other, mask, SPACING_MM) == extractor(image, mask, SPACING_MM)


@each
def test_the_image_is_not_changed_and_a_second_call_gives_the_same(extractor):
    image, mask = tumour()
    image_before, mask_before = image.copy(), mask.copy()
    first = extractor(image, mask, SPACING_MM)
    assert_array_equal(image, image_before)
    assert_array_equal(mask, mask_before)
    assert extractor(image, mask, SPACING_MM) == first


@each
def test_an_empty_region_is_refused(extractor):
    image, mask = tumour()
    with pytest.raises(BadData, match="the mask is empty") as refused:
        extractor(image, np.zeros_like(mask), SPACING_MM)
    assert refused.value.verdict == "empty_region"


@each
def test_one_voxel_is_too_small_a_region(extractor):
    mask = np.zeros((6, 8, 9), dtype=bool)
    mask[3, 4, 5] = True
    with pytest.raises(BadData, match="at least 8 voxels") as refused:
        extractor(tumour()[0], mask, SPACING_MM)
    assert refused.value.verdict == "region_too_small"


@each
def test_an_infinite_voxel_is_refused(extractor):
    image, mask = tumour()
    image[3, 4, 4] = -np.inf
    with pytest.raises(BadData) as refused:
        extractor(image, mask, SPACING_MM)
    assert refused.value.verdict == "infinite_voxels"


@each
def test_a_mask_of_another_shape_is_refused(extractor):
    image, mask = tumour()
    with pytest.raises(BadData, match=r"shapes \(6, 8, 9\) and \(5, 8, 9\)") as refused:
        extractor(image, mask[1:], SPACING_MM)
    assert refused.value.verdict == "other_grid"


@pytest.mark.parametrize(("extractor", "family"), [(IntensityStatistics(), "stat"), (Cooccurrence(), "cm")])
def test_missing_voxels_are_left_out_and_counted(extractor, family):
    image, mask = tumour()
    holes = mask & (np.random.default_rng(5).random(mask.shape) < 0.3)
    holed = extractor(np.where(holes, np.nan, image), mask, SPACING_MM)
    assert holed.pop(f"{family}_missing_count") == holes.sum() > 0
    without = extractor(image, mask & ~holes, SPACING_MM)
    assert without.pop(f"{family}_missing_count") == 0
    assert holed == without


@pytest.mark.parametrize("extractor", [IntensityStatistics(), Cooccurrence()], ids=lambda extractor: extractor.method)
def test_a_region_of_missing_voxels_only_is_refused(extractor):
    image, mask = tumour()
    with pytest.raises(BadData, match="missing in the image") as refused:
        extractor(np.full_like(image, np.nan), mask, SPACING_MM)
    assert refused.value.verdict == "empty_region"


def test_a_region_is_cut_out_with_its_bounding_box():
    mask = np.zeros((5, 6, 7), dtype=bool)
    mask[1:3, 2, 4:7] = True
    region = cut_out(np.arange(210).reshape(5, 6, 7), mask, SPACING_MM)
    assert region.mask.shape == (2, 1, 3)
    assert_array_equal(region.values, [[[60, 61, 62]], [[102, 103, 104]]])
    assert not region.planar
    assert region.missing_count == 0


def test_a_base_without_a_call_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        RegionFeatures()
