"""Two modalities side by side, and two examinations subtracted."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from tasks.methods.fusion.channels import Channels
from tasks.methods.fusion.temporal_difference import TemporalDifference

FIXED = Geometry(shape=(2, 3, 4), spacing_mm=(2.0, 1.0, 1.0))
COARSE = Geometry(shape=(2, 3, 2), spacing_mm=(2.0, 1.0, 2.0), origin_mm=(0.0, 0.0, 0.5))
each_fuser = pytest.mark.parametrize("fuser", [Channels(), TemporalDifference()], ids=lambda fuser: fuser.method)


def ct():
    return np.arange(24).reshape(2, 3, 4)


def pet():
    return np.tile([10.0, 20.0], (2, 3, 1))


def test_the_second_modality_lies_beside_the_first():
    fused = Channels(order=0)(ct(), FIXED, pet(), COARSE)
    assert fused.shape == (2, 2, 3, 4)
    assert fused.dtype == np.float32
    assert_array_equal(fused[0], ct())
    assert_array_equal(fused[1], np.tile([10, 10, 20, 20], (2, 3, 1)))


def test_the_second_modality_is_missing_outside_its_grid():
    shifted = Geometry(shape=(2, 3, 4), spacing_mm=(2.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 3.0))
    fused = Channels()(ct(), FIXED, ct(), shifted)
    assert_array_equal(fused[1, :, :, 3], ct()[:, :, 0])
    assert np.isnan(fused[1, :, :, :3]).all()


def test_growth_is_positive():
    earlier, later = np.zeros((2, 3, 4)), np.zeros((2, 3, 4))
    later[1, 1, 1] = 5
    assert_array_equal(TemporalDifference()(later, FIXED, earlier, FIXED), later)


def test_a_difference_of_an_image_with_itself_is_zero():
    assert_allclose(TemporalDifference()(ct(), FIXED, ct(), FIXED), 0, atol=1e-6)


def test_swapping_two_examinations_on_one_grid_turns_the_sign():
    other = ct()[::-1] ** 2
    there = TemporalDifference()(ct(), FIXED, other, FIXED)
    assert_array_equal(there, -TemporalDifference()(other, FIXED, ct(), FIXED))


@each_fuser
def test_the_images_are_not_changed(fuser):
    first, second = ct().astype(np.float32), pet().astype(np.float32)
    fuser(first, FIXED, second, COARSE)
    assert_array_equal(first, ct())
    assert_array_equal(second, pet())


@each_fuser
def test_a_missing_voxel_of_the_first_image_stays_missing(fuser):
    first = ct().astype(np.float32)
    first[0, 0, 0] = np.nan
    result = fuser(first, FIXED, pet(), COARSE)
    assert np.isnan(result).sum() == 1


@each_fuser
def test_an_array_of_another_shape_than_its_geometry_is_refused(fuser):
    with pytest.raises(BadData, match=r"shapes \(2, 3, 2\) and \(2, 3, 4\)"):
        fuser(pet(), FIXED, pet(), COARSE)


@each_fuser
def test_grids_that_do_not_meet_are_refused(fuser):
    away = Geometry(shape=COARSE.shape, spacing_mm=COARSE.spacing_mm, origin_mm=(99.0, 0.0, 0.0))
    with pytest.raises(BadData) as refused:
        fuser(ct(), FIXED, pet(), away)
    assert refused.value.verdict == "no_overlap"
