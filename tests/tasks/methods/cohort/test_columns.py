"""What a column of the cohort means, in words."""

import pytest

from tasks.methods.cohort.columns import (
    VOLUMES,
    ColumnMeaning,
    feature_columns,
    matching,
    meanings,
    size_columns,
)
from tasks.methods.radiomics.definition import FeatureDefinition
from tasks.methods.radiomics.recipe import Recipe


def definition(column, label, unit="1", ibsi="ABCD"):
    return FeatureDefinition(
        column=column, label=label, ibsi=ibsi, aggregation=None, unit=unit, conformant=True, meaning="What it says."
    )


DEFINITIONS = [
    definition("stat_mean", "Mean intensity", "image"),
    definition("stat_variance", "Intensity variance", "image^2"),
    definition("stat_skewness", "Intensity skewness"),
    definition("cm_contrast", "GLCM contrast"),
    definition("morph_volume_mm3", "Volume", "mm^3"),
]


def meaning(column, unit="HU"):
    return meanings([column], DEFINITIONS, {"CT": unit})[column]


def test_features_are_what_is_neither_key_nor_outcome_nor_clinical():
    columns = [
        "patient",
        "visit",
        "day",
        "scanner",
        "outcome",
        "CT.tumour.stat_mean",
        "age",
        "PT.node.morph_volume_mm3",
    ]
    assert feature_columns(columns, ["age"]) == ["CT.tumour.stat_mean", "PT.node.morph_volume_mm3"]
    assert feature_columns([], []) == []


def test_the_columns_of_size_are_volume_and_area():
    columns = [f"CT.tumour.{name}" for name in (*VOLUMES, "morph_sphericity", "volume")]
    assert size_columns(columns) == [f"CT.tumour.{name}" for name in VOLUMES]


@pytest.mark.parametrize("planar", [False, True])
def test_a_size_is_a_feature_that_a_recipe_gives(planar):
    assert set(VOLUMES) & {one.column for one in Recipe().definitions(planar=planar)}


@pytest.mark.parametrize(
    ("column", "label", "unit"),
    [
        ("CT.tumour.stat_mean", "CT tumour mean intensity", "HU"),
        ("CT.tumour.stat_variance", "CT tumour intensity variance", "HU^2"),
        ("CT.tumour.stat_skewness", "CT tumour intensity skewness", ""),
        ("CT.tumour.cm_contrast", "CT tumour GLCM contrast", ""),
        ("CT.tumour.morph_volume_mm3", "CT tumour volume", "mm^3"),
        ("PT on CT.tumour.stat_mean", "PT on CT tumour mean intensity", "image"),
        ("CT.GTV.1.stat_mean", "CT GTV.1 mean intensity", "HU"),
    ],
)
def test_a_feature_is_named_by_image_region_and_definition(column, label, unit):
    found = meaning(column)
    assert (found.column, found.label, found.unit) == (column, label, unit)
    assert found.is_feature
    assert found.ibsi == "ABCD"


@pytest.mark.parametrize(
    ("column", "label", "unit"),
    [
        ("CT.tumour.delta_stat_mean", "CT tumour mean intensity (change)", "HU"),
        ("CT.tumour.delta_percent_stat_mean", "CT tumour mean intensity (relative change)", "%"),
        ("CT.tumour.delta_per_day_morph_volume_mm3", "CT tumour volume (change per day)", "mm^3/day"),
        ("CT.tumour.delta_per_day_cm_contrast", "CT tumour GLCM contrast (change per day)", "1/day"),
        ("CT.tumour.delta_own_measure", "CT tumour own measure (change)", ""),
    ],
)
def test_a_change_is_named_by_what_changes(column, label, unit):
    found = meaning(column)
    assert (found.label, found.unit, found.ibsi) == (label, unit, None)


def test_arbitrary_values_have_no_unit():
    assert meaning("CT.tumour.stat_mean", unit="1").unit == ""
    assert meaning("CT.tumour.stat_variance", unit="1").unit == ""


def test_a_feature_that_nobody_defines_keeps_its_name_as_words():
    found = meaning("PT.lesions.det_largest_radius_mm")
    assert found == ColumnMeaning(
        column="PT.lesions.det_largest_radius_mm", label="PT lesions det largest radius mm", is_feature=True
    )


def test_clinical_columns_follow_the_features():
    age = ColumnMeaning(column="age", label="age", unit="years")
    found = meanings(["CT.tumour.stat_mean"], DEFINITIONS, {"CT": "HU"}, [age])
    assert list(found) == ["CT.tumour.stat_mean", "age"]
    assert found["age"] is age
    assert not found["age"].is_feature


def test_every_feature_there_is_has_words_and_a_unit_without_a_placeholder():
    definitions = [one for planar in (False, True) for one in Recipe().definitions(planar=planar)]
    found = meanings([f"CT.t.{one.column}" for one in definitions], definitions, {"CT": "HU"})
    for one in found.values():
        assert one.label.startswith("CT t ")
        assert "_" not in one.label
        assert "image" not in one.unit


def test_patterns_choose_columns_in_the_columns_order():
    columns = ["CT.t.stat_mean", "CT.t.cm_contrast", "PT.t.stat_mean", "ct.t.stat_mean"]
    assert matching(columns, ("PT.*", "*.stat_*")) == ["CT.t.stat_mean", "PT.t.stat_mean", "ct.t.stat_mean"]
    assert matching(columns, ("*",)) == columns
    assert matching(columns, ()) == []
