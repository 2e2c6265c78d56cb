"""Laws that hold for every preprocessing step."""

from typing import get_args

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from tasks.methods.preprocessing import Preprocessor
from tasks.methods.preprocessing.resample import Resample
from tasks.methods.preprocessing.step import Step, as_voxels, present_values, require_complete

NEEDED = {"window": {"centre": 40.0, "width": 400.0}, "clip": {"low": -20.0, "high": 30.0}}
STEPS = [step(**NEEDED.get(step.model_fields["method"].default, {})) for step in get_args(get_args(Preprocessor)[0])]
SPACING_MM = (3.0, 0.9, 1.1)


def noise(shape=(6, 9, 8), seed=0):
    return np.random.default_rng(seed).normal(20, 60, shape).astype(np.float32)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.method)
class TestEveryStep:
    def test_the_image_is_not_changed(self, step):
        image = noise()
        before = image.copy()
        step(image, SPACING_MM)
        assert_array_equal(image, before)

    def test_the_result_is_new_float32_on_the_grid_it_announces(self, step):
        image = noise()
        result = step(image, SPACING_MM)
        assert result.dtype == np.float32
        assert not np.shares_memory(result, image)
        assert result.shape == step.grid(Geometry(shape=image.shape, spacing_mm=SPACING_MM)).shape

    def test_the_mask_follows_the_image_to_its_grid(self, step):
        labels = np.zeros((6, 9, 8), dtype=np.int32)
        labels[2:5, 3:7, 2:6] = 7
        moved = step.on_mask(labels, SPACING_MM)
        assert moved.shape == step(noise(), SPACING_MM).shape
        assert moved.dtype == labels.dtype
        assert set(np.unique(moved)) == {0, 7}

    def test_a_second_call_gives_the_same_bytes(self, step):
        assert step(noise(), SPACING_MM).tobytes() == step(noise(), SPACING_MM).tobytes()

    def test_a_single_plane_does_not_depend_on_its_z_spacing(self, step):
        plane = noise((1, 9, 8))
        assert_array_equal(step(plane, (0.1, 0.9, 1.1)), step(plane, (50.0, 0.9, 1.1)))

    def test_whole_numbers_are_taken_as_they_are(self, step):
        image = np.rint(noise()).astype(np.int16)
        assert_array_equal(step(image, SPACING_MM), step(image.astype(np.float64), SPACING_MM))

    def test_an_infinite_voxel_is_refused(self, step):
        image = noise()
        image[2, 2, 2] = np.inf
        with pytest.raises(BadData, match="1 of 432 voxels are infinite") as refused:
            step(image, SPACING_MM)
        assert refused.value.verdict == "infinite_voxels"


def test_only_resampling_moves_the_grid():
    geometry = Geometry(shape=(6, 9, 8), spacing_mm=SPACING_MM)
    assert [type(step) for step in STEPS if step.grid(geometry) != geometry] == [Resample]


def test_a_step_without_a_call_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        Step()


def test_a_value_beyond_float32_is_refused():
    with pytest.raises(BadData, match="infinite"):
        as_voxels(np.array([[[1e300]]]))


def test_present_values_are_flat_and_in_order():
    assert_array_equal(present_values(np.array([[[1, np.nan, 3]]], dtype=np.float32)), [1.0, 3.0])


def test_an_image_of_missing_voxels_only_has_no_values():
    with pytest.raises(BadData) as refused:
        present_values(np.full((1, 2, 2), np.nan, dtype=np.float32))
    assert refused.value.verdict == "all_missing"


def test_a_missing_voxel_is_refused_where_none_may_be():
    require_complete(np.zeros((1, 2, 2), dtype=np.float32))
    with pytest.raises(BadData, match="1 of 4 voxels are NaN"):
        require_complete(np.array([[[0, 1], [np.nan, 2]]], dtype=np.float32))
