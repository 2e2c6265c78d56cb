"""From an image and a mask to a region ready to be measured."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from data_catalog.errors import BadData
from tasks.methods.preprocessing.resample import Resample
from tasks.methods.radiomics.crop import whole_crop
from tasks.methods.radiomics.preparation import Resampling, Resegmentation, grid_of, region_of

SPACING_MM = (3.0, 1.0, 1.0)
NO_RANGE = Resegmentation()


def ball(shape=(8, 20, 20), radius_mm=7.0):
    places = np.indices(shape) - np.reshape(shape, (3, 1, 1, 1)) / 2
    return ((places * np.reshape(SPACING_MM, (3, 1, 1, 1))) ** 2).sum(axis=0) < radius_mm**2


def prepared(image, mask, resampling=None, resegmentation=NO_RANGE, margin=(0, 0, 0)):
    crop = whole_crop(image, mask, SPACING_MM)
    return region_of(crop, grid_of(crop, resampling), margin, resampling, resegmentation)


def test_without_resampling_the_region_is_its_box():
    image, mask = np.arange(3200.0).reshape(8, 20, 20), np.zeros((8, 20, 20), dtype=bool)
    mask[2:4, 5, 7:10] = True
    region = prepared(image, mask)
    assert_array_equal(region.values, image[2:4, 5:6, 7:10])
    assert region.mask.all()
    assert region.spacing_mm == SPACING_MM
    assert not region.planar


def test_the_box_lies_in_what_is_around_it_as_far_as_the_image_goes():
    image, mask = np.random.default_rng(0).normal(size=(8, 20, 20)), np.zeros((8, 20, 20), dtype=bool)
    mask[0:2, 5:9, 15:20] = True
    region = prepared(image, mask, margin=(3, 2, 4))
    assert region.around.shape == (5, 8, 9)
    assert region.place == (0, 2, 4)
    assert_array_equal(region.around[0:2, 2:6, 4:9], region.values)
    assert_array_equal(region.around, image[0:5, 3:11, 11:20])


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("spacing_mm", [2.0, (1.5, 2.0, 0.7)])
def test_resampling_is_that_of_the_preprocessing_step(order, spacing_mm):
    image, mask = np.random.default_rng(1).normal(100, 30, (8, 20, 20)).astype(np.float32), ball()
    region = prepared(image, mask, Resampling(spacing_mm=spacing_mm, interpolation={1: "linear", 3: "cubic"}[order]))
    step = Resample(spacing_mm=spacing_mm, order=order)
    whole = step.on_mask(mask.astype(np.int32), SPACING_MM) > 0
    assert region.mask.sum() == whole.sum()
    assert_allclose(region.values[region.mask], step(image, SPACING_MM)[whole], atol=1e-4)
    assert_allclose(region.spacing_mm, np.broadcast_to(spacing_mm, 3))


def test_every_face_of_the_box_touches_the_region():
    region = prepared(np.zeros((8, 20, 20)), ball(), Resampling(spacing_mm=1.3))
    for axis in range(3):
        for face in (0, -1):
            assert np.take(region.mask, face, axis=axis).any()


def test_slices_may_stay_and_a_plane_keeps_its_z():
    image = np.random.default_rng(1).normal(size=(8, 20, 20))
    assert prepared(image, ball(), Resampling(spacing_mm=(None, 2.0, 2.0))).spacing_mm == (3.0, 2.0, 2.0)
    plane = prepared(image[:1], ball()[4:5], Resampling(spacing_mm=2.0))
    assert plane.spacing_mm == (3.0, 2.0, 2.0)
    assert plane.planar


def test_intensities_are_rounded_to_whole_numbers_where_asked():
    image = np.random.default_rng(1).normal(size=(8, 20, 20)) * 100
    region = prepared(image, ball(), Resampling(spacing_mm=2.0, round_to_integers=True))
    assert_array_equal(region.values, np.rint(region.values))


def test_a_range_and_outliers_leave_voxels_out_of_the_intensities_and_not_of_the_form():
    values = np.array([-1000.0, -20.0, 0.0, 10.0, 20.0, 30.0, 900.0])
    assert_array_equal(Resegmentation(lowest=-20, highest=30)(values), [0, 1, 1, 1, 1, 1, 0])
    assert_array_equal(Resegmentation(lowest=-20)(values), [0, 1, 1, 1, 1, 1, 1])
    assert_array_equal(Resegmentation(outlier_sigma=1.5)(values), [0, 1, 1, 1, 1, 1, 0])
    assert NO_RANGE(values).all()
    image, mask = np.zeros((8, 20, 20)), ball()
    image[4, 10, 10] = 5.0
    region = prepared(image, mask, resegmentation=Resegmentation(highest=1))
    assert region.mask.sum() == mask.sum() == region.kept.sum() + 1


def test_the_deviation_is_that_of_the_voxels_in_the_range():
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 1000.0])
    kept = Resegmentation(highest=100, outlier_sigma=1)(values)
    assert_array_equal(kept, [0, 1, 1, 1, 0, 0])


def test_missing_voxels_are_not_kept_and_spread_no_further_than_half():
    image, mask = np.random.default_rng(0).normal(size=(8, 20, 20)), ball()
    image[4, 10, 10] = np.nan
    own = prepared(image, mask)
    assert own.mask.sum() - own.kept.sum() == 1
    resampled = prepared(image, mask, Resampling(spacing_mm=1.0, interpolation="cubic"))
    lost = resampled.mask & ~resampled.kept
    assert 0 < lost.sum() <= 3
    assert np.isnan(resampled.values[lost]).all()
    assert np.isfinite(resampled.values[resampled.kept]).all()


def test_a_region_of_missing_voxels_only_is_refused():
    for resampling in (None, Resampling(spacing_mm=2.0)):
        with pytest.raises(BadData, match="missing or out of it") as refused:
            prepared(np.full((8, 20, 20), np.nan), ball(), resampling)
        assert refused.value.verdict == "empty_region"


@pytest.mark.parametrize("wrong", [{"spacing_mm": -1.0}, {"spacing_mm": (1.0, None, 1.0)}, {"interpolation": "best"}])
def test_a_grid_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValidationError):
        Resampling(**{"spacing_mm": 1.0, **wrong})


def test_a_grid_that_no_memory_holds_is_refused():
    with pytest.raises(BadData, match="larger `spacing_mm`") as refused:
        prepared(np.zeros((8, 20, 20)), ball(), Resampling(spacing_mm=0.001))
    assert refused.value.verdict == "grid_too_large"


def test_intensities_whose_squares_are_no_numbers_are_refused():
    image = np.zeros((8, 20, 20))
    image[4, 10, 10] = 1e160
    with pytest.raises(BadData, match="1e\\+30") as refused:
        prepared(image, ball())
    assert refused.value.verdict == "too_large_values"


def test_a_range_has_its_lower_end_first():
    with pytest.raises(ValidationError, match="Swap them"):
        Resegmentation(lowest=5, highest=1)
