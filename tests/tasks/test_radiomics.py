"""Features of regions, and one table of all measurements."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_catalog.errors import BadData
from data_catalog.frames import FILE
from data_catalog.geometry import Geometry
from data_catalog.kinds import FEATURES, MASK, VOLUME, mask, volume
from tasks.methods.radiomics.measure import Measure
from tasks.methods.radiomics.perturbation.chain import PerturbationChain
from tasks.methods.radiomics.perturbation.noise_addition import NoiseAddition
from tasks.methods.radiomics.perturbation.rotation import Rotation
from tasks.methods.radiomics.perturbation.translation import Translation
from tasks.methods.radiomics.perturbation.volume_adaptation import VolumeAdaptation
from tasks.methods.radiomics.recipe import Recipe
from tasks.methods.radiomics.rows import CHANNEL, STEP
from tasks.radiomics import MOST_STEPS, count_lesions, measured_modality, radiomics, radiomics_perturbed
from tasks.stage import perform
from tests.tasks.conftest import GRID, ball, image, kept

ALL = (
    Measure(extractor=Recipe(families=("statistics", "morphology", "cooccurrence"))),
    Measure(name="averaged", extractor=Recipe(families=("cooccurrence",), aggregations=("3d_avg",))),
)
STATISTICS = (Measure(extractor=Recipe(families=("statistics",))),)


def labels(values=None, grid=GRID):
    return mask(ball() > 0 if values is None else values, grid, {1: "tumour", 2: "node"})


def features(seen=None, drawn=None, **changes):
    given = {"label": 1, "measures": ALL, **changes}
    return radiomics.function(image() if seen is None else seen, labels() if drawn is None else drawn, **given)


def test_one_region_is_one_row_of_all_extractors():
    voxels = ball() + np.arange(GRID.shape[2])
    row = features(image(voxels))
    FEATURES.check(row)
    inside = ball() > 0
    assert len(row) == 1
    assert row[CHANNEL].tolist() == [-1]
    assert row["stat_mean"][0] == pytest.approx(voxels[inside].mean())
    expected = ALL[0].extractor(voxels, inside, GRID.spacing_mm)
    averaged = ALL[1].extractor(voxels, inside, GRID.spacing_mm)
    expected |= {f"averaged__{column}": value for column, value in averaged.items()}
    assert row.drop(columns=[CHANNEL, STEP]).iloc[0].to_dict() == pytest.approx(expected)


def test_what_each_column_means_stands_beside_it_in_the_file(store):
    inputs = {
        "image": kept(store, VOLUME, image(ball() + np.arange(GRID.shape[2]))),
        "labels": kept(store, MASK, labels()),
    }
    outcome = perform(store.root, radiomics.job("P-1", inputs, {"label": 1, "measures": ALL}))
    told = pd.read_parquet(store.folder(outcome.ref.digest) / FILE).set_index("column").drop(columns="values")
    facts = told.to_dict(orient="index")
    assert set(facts) == {one.column for measure in ALL for one in measure.definitions()}
    assert facts["stat_mean"] == {
        "label": "Mean intensity",
        "ibsi": "Q4LE",
        "aggregation": "DHQ4",
        "unit": "image",
        "conformant": "true",
        "meaning": "The average intensity.",
        "undefined": "",
        "filter": "",
        "recipe": ALL[0].extractor.digest,
    }
    assert facts["averaged__cm_contrast_3d_avg"]["recipe"] == ALL[1].extractor.digest


def test_only_what_a_region_can_see_is_read():
    grid = Geometry((9, 200, 200), (3.0, 1.0, 1.0))
    drawn = np.zeros(grid.shape, dtype=int)
    drawn[3:6, 90:100, 90:100] = 1
    voxels = np.random.default_rng(0).normal(0, 1, grid.shape)
    whole = features(image(voxels, grid=grid), labels(drawn, grid))
    elsewhere = np.where(np.arange(200) < 50, 1e6, voxels)
    assert features(image(elsewhere, grid=grid), labels(drawn, grid)).equals(whole)


def test_a_channel_says_which_modality_it_measures():
    assert [measured_modality(name) for name in ("CT", "PT on CT", "MR[echo 2,5]")] == ["CT", "PT", "MR"]


def test_only_the_label_that_is_asked_for_counts():
    drawn = np.zeros(GRID.shape, dtype=int)
    drawn[:2], drawn[2:] = 1, 2
    voxels = np.where(drawn == 1, 5.0, 9.0)
    values = [
        features(image(voxels), labels(drawn), label=label, measures=STATISTICS)["stat_mean"][0] for label in (1, 2)
    ]
    assert values == [5.0, 9.0]


def test_each_channel_is_a_row_and_some_may_be_left_out():
    both = image(np.stack([ball(), ball(inside=7.0)]))
    table = features(both, measures=STATISTICS)
    assert table[[CHANNEL, "stat_mean"]].to_numpy().tolist() == [[0, 100.0], [1, 7.0]]
    assert features(both, left_out=(0,))[CHANNEL].tolist() == [1]


def test_each_image_of_a_series_is_told_apart_by_where_it_lies_along_its_axis():
    series = volume(
        np.stack([ball()] * 2), GRID, unit="1", modality="MR", leading=("echo",), coords={"echo": [2.5, 5.0]}
    )
    table = features(series, measures=STATISTICS)
    assert table[[CHANNEL, STEP]].to_numpy().tolist() == [[0, "echo 2,5"], [1, "echo 5"]]


def test_steps_of_one_value_are_told_apart_too_and_an_unknown_one_is_called_so():
    series = volume(
        np.stack([ball()] * 4), GRID, unit="1", modality="MR", leading=("b_value",),
        coords={"b_value": [np.nan, 1000.0, 1000.0, 1000.0]},
    )  # fmt: skip
    table = features(series, measures=STATISTICS)
    words = ["b_value unknown", "b_value 1000", "b_value 1000 no 2", "b_value 1000 no 3"]
    assert table[STEP].tolist() == words


def test_a_long_series_is_to_be_summed_up_first():
    film = volume(np.stack([ball()] * (MOST_STEPS + 1)), GRID, unit="1", modality="US", leading=("t",))
    with pytest.raises(BadData, match="`project`") as refusal:
        features(film)
    assert refusal.value.verdict == "too_many_steps"
    assert len(features(film, left_out=(0,), measures=STATISTICS)) == MOST_STEPS


def test_a_region_on_another_grid_is_refused():
    other = Geometry(GRID.shape, GRID.spacing_mm, (0.0, 0.0, 0.0))
    with pytest.raises(BadData, match="share a grid"):
        features(drawn=labels(grid=other))


@pytest.mark.parametrize(("label", "verdict"), [(2, "empty_region"), (1, "region_too_small")])
def test_a_region_without_voxels_or_with_too_few_is_refused(store, label, verdict):
    lone = np.zeros(GRID.shape, dtype=int)
    lone[0, 0, 0] = 1
    inputs = {"image": kept(store, VOLUME, image()), "labels": kept(store, MASK, labels(lone))}
    outcome = perform(store.root, radiomics.job("P-1", inputs, {"label": label, "measures": ALL}))
    assert outcome.refusal.verdict == verdict


def test_lesions_are_counted_with_the_largest_and_the_strongest():
    table = count_lesions.function(pd.DataFrame({"radius_mm": [2.0, 5.0], "strength": [0.9, 0.4]}))
    assert table.to_numpy().tolist() == [[-1, "", 2.0, 5.0, 0.9]]


def test_no_lesion_is_a_count_of_zero_and_no_gap():
    table = count_lesions.function(pd.DataFrame({"radius_mm": [], "strength": []}))
    assert table.to_numpy().tolist() == [[-1, "", 0.0, 0.0, 0.0]]


def perturbed(seen, drawn, chain, **changes):
    given = {"label": 1, "measures": STATISTICS, "chain": chain, **changes}
    return radiomics_perturbed.function(seen, drawn, **given)


def test_each_repetition_is_a_row_of_the_same_columns_measured_on_what_the_chain_gives():
    voxels = ball() + np.random.default_rng(0).normal(0, 3, GRID.shape)
    chain = PerturbationChain(perturbations=(NoiseAddition(), VolumeAdaptation()), repetitions=4)
    table = perturbed(image(voxels), labels(), chain)
    FEATURES.check(table)
    assert table["repetition"].tolist() == [0, 1, 2, 3]
    assert table.columns.drop("repetition").tolist() == features(image(voxels), measures=STATISTICS).columns.tolist()
    assert table["stat_mean"].nunique() == 4
    pd.testing.assert_frame_equal(table, perturbed(image(voxels), labels(), chain))


def test_what_changes_nothing_gives_what_was_measured():
    voxels = ball() + np.arange(GRID.shape[2])
    still = PerturbationChain(perturbations=(VolumeAdaptation(fractions=(0.0,)),), repetitions=2)
    measured_once = features(image(voxels), measures=STATISTICS)
    table = perturbed(image(voxels), labels(), still)
    for row in (0, 1):
        assert table.drop(columns="repetition").iloc[row].to_dict() == measured_once.iloc[0].to_dict()


def test_a_perturbed_region_is_read_with_its_surroundings_alone():
    grid = Geometry((9, 200, 200), (3.0, 1.0, 1.0))
    drawn = np.zeros(grid.shape, dtype=int)
    drawn[3:6, 120:140, 120:140] = 1
    voxels = np.random.default_rng(0).normal(0, 1, grid.shape)
    chain = PerturbationChain(perturbations=(Rotation(), Translation()), repetitions=2)
    whole = perturbed(image(voxels, grid=grid), labels(drawn, grid), chain)
    elsewhere = np.where(np.arange(200) < 50, 1e6, voxels)
    assert perturbed(image(elsewhere, grid=grid), labels(drawn, grid), chain).equals(whole)


def test_each_channel_is_perturbed_and_some_may_be_left_out():
    both = image(np.stack([ball(), ball(inside=7.0)]))
    chain = PerturbationChain(perturbations=(VolumeAdaptation(),), repetitions=2)
    table = perturbed(both, labels(), chain)
    assert table[[CHANNEL, "repetition"]].to_numpy().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert set(perturbed(both, labels(), chain, left_out=(0,))[CHANNEL]) == {1}


def test_a_region_that_perturbation_makes_too_small_is_refused():
    drawn = np.zeros(GRID.shape, dtype=int)
    drawn[1, 1:4, 1:4] = 1
    shrunk = PerturbationChain(perturbations=(VolumeAdaptation(fractions=(-0.5,)),))
    assert len(features(drawn=labels(drawn), measures=STATISTICS)) == 1
    with pytest.raises(BadData) as refused:
        perturbed(image(), labels(drawn), shrunk)
    assert refused.value.verdict == "region_too_small"
