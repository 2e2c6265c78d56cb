"""What no scan of a patient can be is refused, what is only unusual is told, and the rest passes without a word."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.gate.plausible import plausible

SPACING = (3.0, 1.0, 1.0)


def ct(shape=(70, 12, 12), air=-1000, tissue=40):
    """Return a body of tissue in air, with some noise."""
    values = np.full(shape, air, dtype=np.int16)
    values[:, 3:-3, 3:-3] = tissue
    return values + np.random.default_rng(1).integers(-20, 20, shape).astype(np.int16)


def pet(level=1.0, shape=(40, 10, 10)):
    return (level * np.random.default_rng(2).gamma(2, 0.5, shape)).astype(np.float32)


def refusal_of(values, spacing_mm=SPACING, unit="HU", modality="CT"):
    with pytest.raises(BadData) as refusal:
        plausible(values, spacing_mm, unit, modality)
    return refusal.value.verdict


def told(values, unit="HU", modality="CT"):
    return [note.name for note in plausible(values, SPACING, unit, modality)]


@pytest.mark.parametrize("lazy", [np.asarray, lambda values: da.from_array(values, chunks=(32, -1, -1))])
def test_a_body_in_air_passes_without_a_word(lazy):
    assert told(lazy(ct())) == []
    assert told(lazy(pet()), "SUV", "PT") == []
    assert told(lazy(ct(air=0, tissue=900)), "1", "MR") == []


@pytest.mark.parametrize("offset", [1000, 1024])
def test_raw_values_that_are_called_hu_are_refused(offset):
    assert refusal_of(np.clip(ct() + offset, 0, 4095)) == "implausible_units"


@pytest.mark.parametrize(("intercept", "passes"), [(-1024.0, True), (-1000.0, True), (-999.0, False), (0.0, False)])
def test_bone_alone_passes_where_the_file_says_that_it_subtracted_the_offset(intercept, passes):
    bone = np.random.default_rng(3).integers(150, 1800, (40, 9, 9)).astype(np.int16)
    if passes:
        assert [note.name for note in plausible(bone, SPACING, "HU", "CT", intercept=intercept)] == ["no_air"]
    else:
        with pytest.raises(BadData, match="tissue is not"):
            plausible(bone, SPACING, "HU", "CT", intercept=intercept)


def test_raw_values_of_another_unit_are_nobodys_business():
    assert told(np.clip(ct() + 1024, 0, 4095), "1") == []


@pytest.mark.parametrize("values", [ct(air=0), ct(air=0, tissue=300), ct(air=-100, tissue=1000)])
def test_a_ct_without_air_is_told_and_passes(values):
    assert told(values) == ["no_air"]


def test_a_ct_of_air_alone_is_told_and_passes():
    assert told(ct(tissue=-1000)) == ["no_tissue"]


def test_becquerels_that_are_called_suv_are_refused():
    assert refusal_of(pet(5000.0), unit="SUV", modality="PT") == "implausible_units"
    assert refusal_of(pet(5000.0), unit="SUV by lean mass or area", modality="PT") == "implausible_units"
    assert told(pet(5000.0), "Bq/ml", "PT") == []


def test_suv_that_are_nowhere_above_noise_are_refused():
    assert refusal_of(pet(1e-5), unit="SUV", modality="PT") == "implausible_units"


def test_a_full_bladder_passes():
    values = pet()
    values[20, 4:6, 4:6] = 900
    assert told(values, "SUV", "PT") == []


@pytest.mark.parametrize("unit", ["HU", "SUV", "1"])
@pytest.mark.parametrize("value", [0, 7])
def test_a_constant_image_is_refused(unit, value):
    assert refusal_of(np.full((40, 3, 3), value, np.int16), unit=unit) == "constant_image"


def test_an_image_without_a_value_is_refused():
    assert refusal_of(np.full((2, 3, 3), np.nan, np.float32)) == "all_missing"


def test_missing_values_do_not_count():
    values = ct().astype(np.float32)
    values[:10] = np.nan
    assert told(values) == []
    one = np.full((2, 3, 3), np.nan, np.float32)
    one[0, 0, 0] = 5
    assert refusal_of(one) == "constant_image"


@pytest.mark.parametrize("place", [(0, 0, 0), (69, 11, 11), (35, 0, 3)])
def test_one_voxel_anywhere_makes_an_image_vary(place):
    values = np.zeros((70, 12, 12), np.int16)
    values[place] = 1
    assert told(values, "1", "MR") == []


@pytest.mark.parametrize(
    ("spacing_mm", "modality", "verdict"),
    [
        ((3.0, 0.01, 0.01), "CT", "implausible_spacing"),
        ((50.0, 1.0, 1.0), "CT", "implausible_spacing"),
        ((0.001, 0.0008, 0.0008), "MR", "implausible_spacing"),
        ((45.0, 1.0, 1.0), "MR", "implausible_spacing"),  # 70 slices: 3.15 m
        ((1.0, 0.0005, 0.0005), "US", "implausible_spacing"),
        ((1.0, 0.01, 0.01), "OPT", None),
        ((3.0, 0.04, 0.04), "CT", None),
        ((40.0, 1.0, 1.0), "PT", None),
    ],
)
def test_voxels_of_no_scanner_are_refused(spacing_mm, modality, verdict):
    if verdict is None:
        assert plausible(ct(), spacing_mm, "1", modality) == []
    else:
        assert refusal_of(ct(), spacing_mm, "1", modality) == verdict


def test_the_thickness_of_a_single_plane_means_nothing():
    assert plausible(ct((1, 12, 12)), (5000.0, 1.0, 1.0), "HU", "CT") == []


def test_values_along_leading_axes_are_looked_at():
    still = np.zeros((3, 2, 4, 4), np.int16)
    assert refusal_of(still, unit="1", modality="MR") == "constant_image"
    still[2, 1, 3, 3] = 1
    assert told(still, "1", "MR") == []


def test_of_a_lazy_volume_only_the_middle_is_computed_where_that_tells_all():
    asked = []

    def block(values, block_info=None):
        asked.append(block_info[0]["chunk-location"][0])
        return values

    lazy = da.from_array(ct((320, 12, 12)), chunks=(32, -1, -1)).map_blocks(block, meta=np.empty((0, 0, 0), np.int16))
    asked.clear()
    assert told(lazy) == []
    assert asked == [4]
    values = ct((320, 12, 12), air=0)
    values[319, 0, 0] = -500
    asked.clear()
    lazy = da.from_array(values, chunks=(32, -1, -1)).map_blocks(block, meta=np.empty((0, 0, 0), np.int16))
    assert told(lazy) == []
    assert sorted(asked) == list(range(10)), "each block once, until the last tells"


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 70), st.integers(1, 40), st.floats(-3000, 3000), st.sampled_from(["HU", "SUV", "1"]))
def test_whole_and_in_blocks_are_judged_alike(slices, thickness, level, unit):
    values = np.random.default_rng(slices).normal(level, 300, (slices, 4, 4)).astype(np.float32)
    lazy = da.from_array(values, chunks=(thickness, -1, -1))

    def verdict(array):
        try:
            return [note.name for note in plausible(array, SPACING, unit, "CT")]
        except BadData as refusal:
            return refusal.verdict

    assert verdict(values) == verdict(lazy)


def test_values_are_left_as_they_are():
    values = ct()
    plausible(values, SPACING, "HU", "CT")
    np.testing.assert_array_equal(values, ct())
