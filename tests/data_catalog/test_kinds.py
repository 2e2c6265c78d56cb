"""The promise of each kind, and what is refused for breaking it."""

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from data_catalog.kinds import (
    COHORT,
    KINDS,
    MASK,
    MODEL,
    REFUSAL,
    REPORT,
    SIGNAL,
    SLAB,
    SLAB_BYTES,
    STUDY,
    TABLE,
    VOLUME,
    geometry_of,
    mask,
    signal,
    slab_thickness,
    slabs,
    volume,
)
from data_catalog.refs import Study
from tests.data_catalog.conftest import small_volume

GRID = Geometry((2, 2, 3), (2.0, 1.0, 0.5), (10.0, 0.0, -3.0))


def drawn(labels=None, names=None, **attrs):
    values = np.zeros(GRID.shape, dtype=int)
    values[0, 0, :] = (1, 2, 0) if labels is None else labels
    return mask(values, GRID, {1: "tumour", 2: "node"} if names is None else names, **attrs)


def verdict_of(kind, value):
    with pytest.raises(BadData) as refusal:
        kind.check(value)
    return refusal.value.verdict


def test_a_volume_has_its_voxels_in_millimetres():
    image = volume(np.zeros((2, 2, 3)), GRID, unit="HU", modality="CT", corrections=["flipped"])
    assert image.dims == ("z", "y", "x")
    assert image["z"].values.tolist() == [10.0, 12.0]
    assert image["x"].values.tolist() == [-3.0, -2.5, -2.0]
    assert image.attrs["unit"] == "HU"
    assert image.attrs["corrections"] == ["flipped"]
    assert geometry_of(image) == GRID
    VOLUME.check(image)


@pytest.mark.parametrize(
    ("shape", "dims"),
    [((2, 2, 3), "zyx"), ((4, 2, 2, 3), "czyx"), ((5, 4, 2, 2, 3), "tczyx")],
)
def test_time_and_channel_stand_before_space(shape, dims):
    image = volume(np.zeros(shape), GRID, unit="1", modality="MR")
    assert image.dims == tuple(dims)
    VOLUME.check(image)
    assert geometry_of(image) == GRID


def test_a_volume_over_time_alone_is_a_volume():
    image = volume(np.zeros((4, 2, 2, 3)), GRID, unit="1", modality="MR").rename(c="t")
    VOLUME.check(image)


def test_axes_before_space_have_names_steps_and_units():
    image = volume(
        np.zeros((2, 3, 2, 2, 3)),
        GRID,
        unit="1",
        modality="MR",
        leading=("t", "echo"),
        coords={"t": [0, 1.5], "echo": [2, 4, 6]},
    )
    assert image.dims == ("t", "echo", "z", "y", "x")
    assert image["t"].values.tolist() == [0.0, 1.5]
    units = {name: image[name].attrs.get("units") for name in image.dims}
    assert units == {"t": "s", "echo": "ms", "z": "mm", "y": "mm", "x": "mm"}
    VOLUME.check(image)
    assert geometry_of(image) == GRID


def test_channels_may_have_names_instead_of_steps():
    image = volume(
        np.zeros((3, 2, 2, 3), "uint8"), GRID, unit="1", modality="US", coords={"c": ["red", "green", "blue"]}
    )
    assert image.sel(c="green").shape == (2, 2, 3)
    assert image["c"].attrs == {}


def test_a_volume_over_diffusion_weightings_says_so():
    weighted = {"leading": ("b_value",), "coords": {"b_value": [0, 1000]}}
    image = volume(np.zeros((2, 2, 2, 3)), GRID, unit="1", modality="MR", **weighted)
    VOLUME.check(image)
    assert image["b_value"].attrs == {"units": "s/mm2"}


def test_a_lazy_volume_is_checked_without_computing_it():
    def refuse(block):
        raise AssertionError

    VOLUME.check(volume(da.zeros(GRID.shape).map_blocks(refuse, meta=np.empty(0)), GRID, unit="1", modality="MR"))


def gathered(array):
    """Return the slabs of an array, as a list for each step of its leading axes."""
    found = {}
    for step, planes in slabs(array):
        found.setdefault(step, []).append(planes)
    return found


def lazy_of(image, *blocks):
    return image.chunk(dict(zip(image.dims, blocks, strict=True)))


def test_slabs_are_some_slices_of_one_step_after_the_other():
    image = small_volume((2, 3, 70, 2, 2))
    for one in (image, lazy_of(image, 1, 1, SLAB, 2, 2), lazy_of(image, 1, 3, SLAB, 2, 2)):
        found = gathered(one)
        assert list(found) == list(np.ndindex(2, 3))
        assert {tuple(map(len, planes)) for planes in found.values()} == {(32, 32, 6)}
        np.testing.assert_array_equal(np.concatenate(found[1, 2]), image[1, 2])
        assert [step for step, _ in slabs(one)][:6] == [(0, 0), (0, 1), (0, 2)] * 2, "all channels of a slab together"


def test_blocks_that_lie_otherwise_give_the_same_voxels():
    image = small_volume((2, 2, 70, 4, 6)).rename(c="echo")
    found = gathered(lazy_of(image, 2, 1, 50, 3, 2))
    for step in np.ndindex(2, 2):
        np.testing.assert_array_equal(np.concatenate(found[step]), image[step])


def test_slabs_of_large_planes_are_thinner_but_hold_pairs():
    assert slab_thickness(512, 512, 8) == SLAB
    assert slab_thickness(2048, 2048, 2) == 8
    assert slab_thickness(40_000, 40_000, 4) == 2
    assert SLAB_BYTES == 8 * 2048 * 2048 * 2


@pytest.mark.parametrize("lie", [lambda block: block[1:], lambda block: block.astype("float32")])
def test_a_block_that_is_not_what_was_announced_is_refused(lie):
    lazy = da.zeros((4, 2, 2), dtype="int16").map_blocks(lie, dtype="int16", meta=np.empty((0, 0, 0), "int16"))
    image = volume(lazy, Geometry((4, 2, 2), (1, 1, 1)), unit="1", modality="MR")
    with pytest.raises(ValueError, match=r"A block of int16 voxels \(4, 2, 2\) was computed as"):
        gathered(image)


def heard(**changes):
    return signal(np.zeros((2, 5), "int16"), 500, ["I", "aVR"], ["mV", "mV"], "ECG").assign_attrs(**changes)


def test_a_signal_has_named_channels_units_and_a_rate():
    tone = heard(note="at rest")
    assert tone.dims == ("channel", "time")
    assert tone.attrs == {"sampling_hz": 500.0, "unit": ["mV", "mV"], "modality": "ECG", "note": "at rest"}
    assert tone.sel(channel="aVR").shape == (5,)
    SIGNAL.check(tone)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (np.zeros((2, 5)), "not_a_signal"),
        (small_volume(), "not_a_signal"),
        (heard().isel(time=slice(0, 0)), "not_a_signal"),
        (heard() > 0, "not_numeric"),
        (heard(sampling_hz=0.0), "bad_sampling"),
        (heard(sampling_hz=np.nan), "bad_sampling"),
        (heard(unit=["mV"]), "no_unit"),
        (heard().drop_vars("channel"), "no_unit"),
        (xr.DataArray(heard(), attrs={"sampling_hz": 1.0, "unit": ["mV", "mV"]}), "no_unit"),
    ],
)
def test_what_is_no_signal_is_refused(value, verdict):
    assert verdict_of(SIGNAL, value) == verdict


def test_a_mask_names_its_labels_as_text():
    labels = drawn(corrections=["half"])
    assert labels.dtype == np.uint8
    assert labels.attrs["names"] == {"1": "tumour", "2": "node"}
    assert labels.attrs["corrections"] == ["half"]
    MASK.check(labels)


def test_a_mask_of_truth_values_is_one_region():
    labels = mask(np.ones(GRID.shape, dtype=bool), GRID, {1: "all"})
    assert labels.dtype == np.uint8
    assert labels.values.all()
    MASK.check(labels)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-(2**31), 2**31), min_size=3, max_size=3))
def test_a_label_is_never_folded_into_another(labels):
    # 257 in a byte would be 1: a region that nobody drew there
    assert drawn(labels=labels).values[0, 0].tolist() == labels


def test_a_label_too_large_for_a_byte_is_refused_when_nobody_named_it():
    assert verdict_of(MASK, drawn(labels=(257, 0, 0))) == "unnamed_label"
    MASK.check(drawn(labels=(257, 0, 0), names={257: "node"}))


def bare(**changes):
    image = small_volume()
    image.attrs = {name: value for name, value in image.attrs.items() if name not in changes.get("without", ())}
    return image


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (np.zeros((2, 2, 2)), "not_a_volume"),
        (None, "not_a_volume"),
        (small_volume().transpose("x", "y", "z"), "not_a_volume"),
        (small_volume().isel(z=0), "not_a_volume"),
        (small_volume((2, 3, 4, 5)).rename(c="patient"), "not_a_volume"),
        (small_volume((2, 2, 3, 4, 5)).transpose("c", "t", "z", "y", "x"), "not_a_volume"),
        (bare(without=["direction"]), "no_geometry"),
        (bare(without=["spacing_mm", "origin_mm"]), "no_geometry"),
        (bare(without=["unit"]), "no_unit"),
        (bare(without=["modality"]), "no_unit"),
        (small_volume() > 3, "not_numeric"),
        (small_volume(dtype="complex64"), "not_numeric"),
        (small_volume().assign_attrs(spacing_mm=[0.0, 1.0, 1.0]), "bad_spacing"),
    ],
)
def test_what_is_no_volume_is_refused(value, verdict):
    assert verdict_of(VOLUME, value) == verdict


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (np.ones((2, 2, 2)), "not_a_volume"),
        (small_volume(), "not_a_mask"),
        (drawn().astype(float), "not_a_mask"),
        (drawn(labels=(0, 0, 0)), "empty_mask"),
        (drawn(labels=(1, 3, 0)), "unnamed_label"),
        (drawn(names={}), "unnamed_label"),
    ],
)
def test_what_is_no_mask_is_refused(value, verdict):
    assert verdict_of(MASK, value) == verdict


@pytest.mark.parametrize("kind", [TABLE, COHORT], ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ([1, 2], "not_a_table"),
        (pd.DataFrame([[1, 2]]), "not_a_table"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "column_twice"),
    ],
)
def test_what_is_no_table_is_refused(kind, value, verdict):
    assert verdict_of(kind, value) == verdict


def test_a_column_that_stands_twice_is_named():
    with pytest.raises(BadData, match=r"\['a'\] stand twice"):
        TABLE.check(pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]))


@pytest.mark.parametrize(
    ("kind", "value", "verdict"),
    [
        (STUDY, {"scans": []}, "not_a_document"),
        (REFUSAL, None, "not_a_document"),
        (REPORT, "", "not_a_page"),
        (REPORT, b"<html>", "not_a_page"),
        (MODEL, object(), "not_a_model"),
    ],
)
def test_other_broken_promises_are_refused(kind, value, verdict):
    assert verdict_of(kind, value) == verdict


def test_what_keeps_its_promise_is_taken():
    STUDY.check(Study(scans=()))
    REPORT.check("<html>")
    MODEL.check(type("Model", (), {"predict": None}))
    TABLE.check(pd.DataFrame({"a": []}))


def test_every_kind_is_known_by_its_name():
    assert {name: kind.name for name, kind in KINDS.items()} == {name: name for name in KINDS}
    assert {"volume", "mask", "signal", "table", "study", "model", "report", "refusal"} <= set(KINDS)
