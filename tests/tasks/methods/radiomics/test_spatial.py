"""Whether near voxels are alike, over all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from tasks.methods.radiomics import spatial as module
from tasks.methods.radiomics.spatial import UNDEFINED, spatial
from tests.tasks.methods.radiomics.boxes import ball, boxed, row, speckled

UNEVEN = (3.0, 1.7, 1.0)
seeds = st.integers(0, 10_000)


@pytest.fixture(params=["pair by pair", "in waves"])
def way(request, monkeypatch):
    """Sum in the one way and in the other, whatever the size of the region."""
    monkeypatch.setattr(module, "TRANSFORM_COST", np.inf if request.param == "pair by pair" else -np.inf)


def by_definition(image, mask, spacing_mm):
    values, places = image[mask], np.argwhere(mask) * spacing_mm
    distance = squareform(pdist(places))
    np.fill_diagonal(distance, np.inf)
    weight, away, count = 1 / distance, values - values.mean(), len(values)
    moran = count / weight.sum() * (weight * np.outer(away, away)).sum() / (away**2).sum()
    unlike = (weight * (values[:, None] - values) ** 2).sum()
    return {
        "morph_moran_i": moran,
        "morph_geary_c": (count - 1) / (2 * weight.sum()) * unlike / (away**2).sum(),
    }


@pytest.mark.usefixtures("way")
def test_three_voxels_in_a_row():
    # deviations -1, 0, 1 and weights 1, 1, 1/2
    found = spatial(row([1.0, 2.0, 3.0]))
    assert found["morph_moran_i"] == pytest.approx(3 / 5 * (2 * -1 / 2) / 2)
    assert found["morph_geary_c"] == pytest.approx(2 / 10 * (2 * (1 + 1 + 4 / 2)) / 2)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("seed", range(25))
def test_every_pair_counts(seed):
    shape = tuple(np.random.default_rng(seed).integers(1, 12, 3))
    mask = speckled(seed, shape, 0.6)
    image = np.random.default_rng(seed).normal(100, 5, shape)
    if mask.sum() > 1:
        assert spatial(boxed(image, mask, UNEVEN)) == pytest.approx(by_definition(image, mask, UNEVEN), rel=1e-9)


def test_a_large_region_is_summed_in_blocks_as_well_as_at_once(monkeypatch):
    mask = ball(9, (20, 20, 20))
    region = boxed(np.random.default_rng(0).normal(size=mask.shape), mask, UNEVEN)
    at_once = spatial(region)
    monkeypatch.setattr(module, "BLOCK_BYTES", 100_000)
    monkeypatch.setattr(module, "BATCH_BYTES", 20_000)
    assert spatial(region) == pytest.approx(at_once, rel=1e-12)
    assert at_once == pytest.approx(by_definition(region.around, mask, UNEVEN), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(0.01, 100), st.floats(-1e4, 1e4))
def test_neither_unit_nor_offset_of_the_intensities_matters(seed, unit, offset):
    mask = speckled(seed)
    image = np.random.default_rng(seed).normal(size=mask.shape)
    if mask.sum() > 2:
        there = spatial(boxed(unit * image + offset, mask, UNEVEN))
        assert there == pytest.approx(spatial(boxed(image, mask, UNEVEN)), rel=1e-6, abs=1e-9)


def test_a_slope_is_alike_and_a_chessboard_is_not():
    places = np.indices((8, 8, 8))
    everywhere = np.ones((8, 8, 8))
    slope = spatial(boxed(places.sum(axis=0), everywhere))
    chessboard = spatial(boxed(places.sum(axis=0) % 2, everywhere))
    assert slope["morph_moran_i"] > 0.1
    assert chessboard["morph_moran_i"] < 0
    assert slope["morph_geary_c"] < 0.9
    assert chessboard["morph_geary_c"] > 1


def test_voxels_left_out_are_not_in_a_pair():
    image = np.array([[[1.0, np.nan, 4.0, 2.0, 900.0]]])
    kept = np.array([[[True, False, True, True, False]]])
    found = spatial(boxed(image, np.ones(image.shape), kept=kept))
    assert found == pytest.approx(by_definition(np.nan_to_num(image), kept, (1, 1, 1)))


@pytest.mark.parametrize("values", [[5.0], [0.1, 0.1, 0.1]])
def test_of_one_voxel_or_one_intensity_nothing_is_defined(values):
    found = spatial(row(values))
    assert np.isnan(list(found.values())).all()
    assert {f"morph_{word}" for word in UNDEFINED} == set(found)
