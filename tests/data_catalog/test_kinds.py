"""The promise of each kind, and what is refused for breaking it."""

import numpy as np
import pandas as pd
import pytest
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
    STUDY,
    TABLE,
    VOLUME,
    geometry_of,
    mask,
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
    assert {"volume", "mask", "table", "study", "model", "report", "refusal"} <= set(KINDS)
