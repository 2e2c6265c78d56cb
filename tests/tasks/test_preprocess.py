"""Images are cleaned step by step, and their masks go along where the grid moves."""

from __future__ import annotations

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from data_catalog import layout
from data_catalog.errors import BadData
from data_catalog.kinds import MASK, VOLUME, geometry_of, mask, volume
from tasks.methods.preprocessing.fill_missing import FillMissing
from tasks.methods.preprocessing.project import Project
from tasks.methods.preprocessing.resample import Resample
from tasks.methods.preprocessing.smoothing import MeanFilter
from tasks.methods.preprocessing.windowing import Clip, Window
from tasks.methods.preprocessing.z_score import ZScore
from tasks.preprocess import moves_grid, preprocess, preprocess_mask
from tests.tasks.conftest import GRID, ball, image


def test_steps_run_in_their_order():
    steps = (Clip(low=0, high=50), ZScore())
    cleaned = preprocess.function(image(corrections=["flipped"]), steps=steps)
    VOLUME.check(cleaned)
    expected = steps[1](steps[0](ball(), GRID.spacing_mm), GRID.spacing_mm)
    np.testing.assert_array_equal(cleaned.values, expected)
    assert cleaned.attrs["corrections"] == ["flipped"]
    assert cleaned.attrs["steps"] == ["clip", "z_score"]
    assert cleaned.attrs["unit"] == ZScore().unit("HU") != "HU"
    assert cleaned.attrs["modality"] == "CT"
    assert geometry_of(cleaned) == GRID


def test_the_grid_moves_with_the_image_and_its_mask():
    steps = (FillMissing(), Resample(spacing_mm=2.0))
    cleaned = preprocess.function(image(), steps=steps)
    labels = mask(ball() > 0, GRID, {1: "tumour"})
    moved = preprocess_mask.function(labels, steps=steps)
    VOLUME.check(cleaned)
    MASK.check(moved)
    assert geometry_of(cleaned) == geometry_of(moved) == GRID.resized((2.0, 2.0, 2.0))
    assert moved.attrs["names"] == {"1": "tumour"}
    assert cleaned.values[moved.values == 1].mean() > 3 * cleaned.values[moved.values == 0].mean()


def test_a_region_that_a_coarser_grid_has_no_voxel_for_is_refused():
    lone = np.zeros(GRID.shape, dtype=bool)
    lone[0, 0, 0] = True
    labels = mask(lone, GRID, {1: "tumour"})
    with pytest.raises(BadData) as refusal:
        MASK.check(preprocess_mask.function(labels, steps=(Resample(spacing_mm=6.0),)))
    assert refusal.value.verdict == "empty_mask"


def test_each_channel_is_cleaned_by_itself():
    both = np.stack([ball(), ball(inside=10.0) + 50])
    cleaned = preprocess.function(image(both), steps=(ZScore(), Resample(spacing_mm=2.0)))
    assert cleaned.dims == ("c", "z", "y", "x")
    for number in range(2):
        alone = preprocess.function(image(both[number]), steps=(ZScore(), Resample(spacing_mm=2.0)))
        np.testing.assert_array_equal(cleaned.values[number], alone.values)


def test_without_steps_an_image_stays_as_it_is():
    before = image()
    after = preprocess.function(before, steps=())
    xr.testing.assert_equal(after, before)
    assert after.attrs["corrections"] == []


def test_the_image_that_is_read_is_not_changed():
    before = image()
    copy = before.copy(deep=True)
    preprocess.function(before, steps=(Clip(low=0, high=1), FillMissing()))
    xr.testing.assert_identical(before, copy)


@pytest.mark.parametrize(
    ("steps", "moves"),
    [((), False), ((FillMissing(), Clip(low=0, high=1)), False), ((FillMissing(), Resample(spacing_mm=1.0)), True)],
)
def test_masks_follow_only_where_a_step_moves_the_grid(steps, moves):
    assert moves_grid(steps) is moves


def over_time(values):
    return volume(values, GRID, unit="1", modality="MR", leading=("t",), coords={"t": [0.0, 2.0]})


def test_each_point_in_time_is_cleaned_by_itself_and_keeps_its_time():
    cleaned = preprocess.function(over_time(np.stack([ball(), ball() + 5])), steps=(Clip(low=0, high=50),))
    assert cleaned.dims == ("t", "z", "y", "x")
    assert cleaned.coords["t"].values.tolist() == [0.0, 2.0]


def test_a_series_over_time_becomes_one_image():
    steps = (Project(axis="t", by="mean"), Clip(low=0, high=1000))
    cleaned = preprocess.function(over_time(np.stack([ball(), ball() + 4])), steps=steps)
    VOLUME.check(cleaned)
    assert cleaned.dims == ("z", "y", "x")
    np.testing.assert_allclose(cleaned.values, np.clip(ball() + 2, 0, 1000), rtol=1e-6)


def test_an_image_without_the_axis_is_not_projected():
    cleaned = preprocess.function(image(), steps=(Project(axis="echo"),))
    np.testing.assert_array_equal(cleaned.values, image().values)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_a_large_image_is_cleaned_some_slices_at_a_time_and_is_the_same(monkeypatch, tmp_path, shape):
    names = ("t", "c")[2 - len(shape) :] if shape else ()
    tall = replace(GRID, shape=(70, 9, 8))
    voxels = np.random.default_rng(0).normal(0, 50, (*shape, *tall.shape)).astype(np.float32)
    scan = volume(voxels, tall, unit="HU", modality="CT", leading=names)
    steps = (Clip(low=-60, high=60), MeanFilter(size=(5, 3, 3)), Window(centre=0, width=100))
    whole = preprocess.function(scan, steps=steps)
    monkeypatch.setattr("tasks.preprocess.WHOLE_BYTES", 0)
    slabs = preprocess.function(scan, steps=steps)
    assert isinstance(slabs.data, da.Array)
    assert slabs.data.numblocks[-3] == 3
    VOLUME.check(slabs)
    xr.testing.assert_identical(slabs.compute(), whole)
    layout.write(VOLUME, slabs, tmp_path / "slabs")
    layout.write(VOLUME, whole, tmp_path / "whole")
    files = [{p.relative_to(one): p.read_bytes() for p in one.rglob("*") if p.is_file()} for one in tmp_path.iterdir()]
    assert files[0] == files[1]
    assert not isinstance(preprocess.function(scan, steps=(*steps, ZScore())).data, da.Array), "it needs all of it"
