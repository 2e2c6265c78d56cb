"""Which grey levels lie beside each other."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from skimage.feature import graycomatrix, graycoprops

from data_catalog.errors import BadData
from tasks.methods.radiomics.cooccurrence import DIRECTIONS, Cooccurrence, count_pairs
from tasks.methods.radiomics.cooccurrence_features import FEATURES, cooccurrence_features

SPACING_MM = (1.0, 1.0, 1.0)
HARALICK = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]])
"""The four grey levels of Haralick's paper of 1973."""
LEVELS = Cooccurrence(binning="fixed_size", bin_size=1, bin_start=0, minimum_voxels=2)


def of(image, method=LEVELS, mask=None):
    image = np.asarray(image, dtype=np.float64)
    return method(image, np.ones(image.shape, dtype=bool) if mask is None else mask, SPACING_MM)


def test_there_are_thirteen_directions_and_no_two_opposite():
    assert len(DIRECTIONS) == 13
    assert not {tuple(-step for step in direction) for direction in DIRECTIONS} & set(DIRECTIONS)


def test_pairs_along_the_rows_are_those_of_haralicks_paper():
    expected = [[4, 2, 1, 0], [2, 4, 0, 0], [1, 0, 6, 1], [0, 0, 1, 2]]
    assert_array_equal(count_pairs(HARALICK[None] + 1, (0, 0, 1)), expected)


def test_pairs_along_the_columns_are_those_of_haralicks_paper():
    expected = [[6, 0, 2, 0], [0, 4, 2, 0], [2, 2, 2, 2], [0, 0, 2, 0]]
    assert_array_equal(count_pairs(HARALICK[None] + 1, (0, 1, 0)), expected)


def test_a_checkerboard_has_the_greatest_contrast_along_its_rows():
    board = np.indices((4, 4)).sum(axis=0)[None] % 2
    pairs = count_pairs(board + 1, (0, 0, 1)).astype(float)
    found = cooccurrence_features(pairs, 2)
    assert found["contrast"] == found["dissimilarity"] == 1
    assert found["correlation"] == -1
    assert found["joint_entropy"] == 1
    assert found["information_correlation_1"] == -1
    assert found["information_correlation_2"] == pytest.approx(np.sqrt(1 - np.exp(-2)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(DIRECTIONS))
def test_counting_agrees_with_a_walk_over_all_voxels(seed, step):
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 5, (3, 4, 5))
    expected = np.zeros((4, 4), dtype=int)
    for place in product(*map(range, levels.shape)):
        there = tuple(np.add(place, step))
        if all(0 <= index < size for index, size in zip(there, levels.shape, strict=True)):
            pair = levels[place], levels[there]
            if min(pair) > 0:
                expected[pair[0] - 1, pair[1] - 1] += 1
                expected[pair[1] - 1, pair[0] - 1] += 1
    assert_array_equal(count_pairs(levels, step), expected[: levels.max(), : levels.max()])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_a_plane_agrees_with_scikit_image(seed):
    image = np.random.default_rng(seed).integers(0, 6, (9, 11)).astype(np.uint8)
    image[0, 0] = 5
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    counts = graycomatrix(image, [1], angles, levels=6, symmetric=True)
    merged = counts.sum(axis=3, keepdims=True)
    found, averaged = of(image[None]), of(image[None], LEVELS.model_copy(update={"aggregation": "averaged"}))
    names = {
        "contrast": "contrast",
        "dissimilarity": "dissimilarity",
        "homogeneity": "inverse_difference_moment",
        "ASM": "angular_second_moment",
        "correlation": "correlation",
    }
    for theirs, ours in names.items():
        normed = merged / merged.sum()
        assert found[f"cm_{ours}_2d_mrg"] == pytest.approx(graycoprops(normed, theirs)[0, 0])
        each = [graycoprops(counts[..., [k]] / counts[..., k].sum(), theirs)[0, 0] for k in range(4)]
        assert averaged[f"cm_{ours}_2d_avg"] == pytest.approx(np.mean(each))


def by_definition(p, level_count):
    """Compute the features that the code takes a shorter way to, word for word as IBSI defines them."""
    i, j = np.indices(p.shape) + 1.0
    margin = p.sum(axis=0)
    mu = (np.arange(1, len(p) + 1) * margin).sum()
    present = p > 0
    product_of_margins = np.outer(margin, margin)
    some = product_of_margins > 0
    hx = -(margin[margin > 0] * np.log2(margin[margin > 0])).sum()
    hxy = -(p[present] * np.log2(p[present])).sum()
    hxy1 = -(p[present] * np.log2(product_of_margins[present])).sum()
    hxy2 = -(product_of_margins[some] * np.log2(product_of_margins[some])).sum()
    upper = j > i
    return {
        "joint_average": (i * p).sum(),
        "joint_variance": ((i - mu) ** 2 * p).sum(),
        "contrast": ((i - j) ** 2 * p).sum(),
        "dissimilarity": (np.abs(i - j) * p).sum(),
        "inverse_difference": (p / (1 + np.abs(i - j))).sum(),
        "inverse_difference_normalised": (p / (1 + np.abs(i - j) / level_count)).sum(),
        "inverse_difference_moment": (p / (1 + (i - j) ** 2)).sum(),
        "inverse_difference_moment_normalised": (p / (1 + (i - j) ** 2 / level_count**2)).sum(),
        "inverse_variance": 2 * (p[upper] / (i - j)[upper] ** 2).sum(),
        "correlation": ((i * j * p).sum() - mu**2) / ((i - mu) ** 2 * p).sum(),
        "autocorrelation": (i * j * p).sum(),
        "cluster_tendency": ((i + j - 2 * mu) ** 2 * p).sum(),
        "cluster_shade": ((i + j - 2 * mu) ** 3 * p).sum(),
        "cluster_prominence": ((i + j - 2 * mu) ** 4 * p).sum(),
        "sum_average": ((i + j) * p).sum(),
        "information_correlation_1": (hxy - hxy1) / hx,
        "information_correlation_2": np.sqrt(1 - np.exp(-2 * (hxy2 - hxy))),
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 9))
def test_features_are_those_of_their_definitions(seed, size):
    counts = np.random.default_rng(seed).integers(0, 4, (size, size)).astype(float)
    counts += counts.T
    counts[0, 1] += 1
    counts[1, 0] += 1
    found = cooccurrence_features(counts, size + 2)
    expected = by_definition(counts / counts.sum(), size + 2)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert set(found) == {name for name, *_ in FEATURES}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-100, 100))
def test_with_a_fixed_number_of_bins_the_unit_does_not_matter(seed, gain, offset):
    image = np.random.default_rng(seed).integers(0, 64, (4, 5, 6)).astype(float)
    method = Cooccurrence(bin_number=8)
    assert of(np.rint(image * 16) / 16, method) == pytest.approx(of(image, method))
    turned = of(image[::-1, :, ::-1].transpose(2, 0, 1), method)
    assert turned == pytest.approx(of(image, method))
    assert of(2.0 * image - 32.0, method) == pytest.approx(of(image, method))


def test_directions_without_pairs_are_not_averaged():
    image = np.zeros((3, 4, 4))
    image[1] = HARALICK
    mask = np.zeros(image.shape, dtype=bool)
    mask[1] = True
    method = LEVELS.model_copy(update={"aggregation": "averaged"})
    flat, plane = of(image, method, mask), of(HARALICK[None], method)
    assert flat["cm_contrast_3d_avg"] == plane["cm_contrast_2d_avg"]
    assert flat["cm_joint_entropy_3d_avg"] == plane["cm_joint_entropy_2d_avg"]


@pytest.mark.parametrize("method", [Cooccurrence(), Cooccurrence(binning="fixed_size")])
def test_a_constant_region_is_of_one_grey_level(method):
    found = of(np.full((3, 3, 3), 0.1), method)
    assert found["cm_joint_maximum_3d_mrg"] == found["cm_angular_second_moment_3d_mrg"] == 1
    assert found["cm_contrast_3d_mrg"] == found["cm_joint_entropy_3d_mrg"] == found["cm_inverse_variance_3d_mrg"] == 0
    assert found["cm_correlation_3d_mrg"] == 1
    assert found["cm_information_correlation_1_3d_mrg"] == found["cm_information_correlation_2_3d_mrg"] == 0


def test_without_a_first_bin_levels_start_at_the_lowest_intensity():
    image = np.random.default_rng(0).integers(0, 9, (3, 4, 5)).astype(float)
    image[0, 0, 0] = 0
    assert of(image - 500, Cooccurrence(binning="fixed_size", bin_size=2)) == of(
        image, Cooccurrence(binning="fixed_size", bin_size=2, bin_start=0)
    )


def test_voxels_that_do_not_touch_have_no_texture():
    mask = np.zeros((7, 7, 7), dtype=bool)
    mask[::2, ::2, ::2] = True
    with pytest.raises(BadData) as refused:
        of(np.random.default_rng(0).normal(size=mask.shape), Cooccurrence(), mask)
    assert refused.value.verdict == "no_neighbours"
