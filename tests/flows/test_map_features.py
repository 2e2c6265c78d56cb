"""A plan that maps features: where the maps are found again, and what becomes of images that cannot be mapped."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from pydantic import ValidationError

from data_catalog.store import Store
from flows.plan import FeatureMapping, Plan
from flows.radiomics_study import radiomics_study
from tasks.methods.radiomics.feature_map import FeatureMap

MAPPER = {"method": "feature_map", "features": ["stat_mean", "stat_range"], "size": [3, 3, 3]}


@pytest.fixture(scope="module")
def mapped(small_cohort, small_plan, tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    cohort = shutil.copytree(small_cohort, folder / "cohort")
    light = {"preprocess": [], "segment": [], "detect": [], "mine": None, "first_patients": 2}
    entries = [
        {"modality": "CT", "region": "tumour", "feature_map": MAPPER},
        {"modality": "CT", "region": None, "name": "far", "feature_map": {**MAPPER, "radius_mm": 1000}},
    ]
    plan = small_plan(cohort, folder / "results", compute={"workers": 0}, feature_maps=entries, **light)
    return radiomics_study(plan), Store(plan.store_folder)


def test_every_region_that_is_asked_for_has_a_map_by_scan_region_and_reader(mapped):
    made, store = mapped
    study = store.open(made.study)
    wanted = {
        f"{scan.item}/{region.name}/{region.reader}"
        for scan in study.scans
        if scan.modality == "CT"
        for region in scan.regions
        if region.name == "tumour"
    }
    assert set(made.maps) == wanted
    assert {name for name, _ in made.refs()} == {"study", "table", *(f"maps.{name}" for name in wanted)}
    maps = store.open(next(iter(made.maps.values())))
    assert maps["c"].values.tolist() == MAPPER["features"]
    assert np.isfinite(maps.values).any()


def test_an_image_that_cannot_be_mapped_is_refused_beside_the_others(mapped):
    made, store = mapped
    refused = [one for one in store.open(made.study).refusals if one.stage == "map_features"]
    assert {one.verdict for one in refused} == {"window_too_large"}
    assert all(one.item.endswith("/far") for one in refused)


@pytest.mark.parametrize(
    ("one", "other", "fits"),
    [
        ({}, {}, False),
        ({}, {"name": "small"}, True),
        ({"modality": "CT"}, {"modality": "PT"}, True),
        ({"modality": "CT"}, {}, False),
        ({"region": "tumour"}, {"region": "node"}, True),
        ({"region": "tumour"}, {"region": None}, True),
    ],
)
def test_two_maps_of_one_region_have_two_names(one, other, fits):
    mapper = FeatureMap(features=["stat_mean"])
    entries = tuple(FeatureMapping(feature_map=mapper, **changes) for changes in (one, other))
    given = {"sources": [{"method": "dicom", "path": "x"}], "feature_maps": entries}
    if fits:
        assert Plan(**given).feature_maps == entries
    else:
        with pytest.raises(ValidationError, match="different names"):
            Plan(**given)
