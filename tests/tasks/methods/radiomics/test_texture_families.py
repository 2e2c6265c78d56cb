"""What each family of textures counts, in pictures small enough to check by eye and against slow counting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from skimage.feature import graycomatrix, graycoprops

from tasks.methods.radiomics.binning import AsIs
from tasks.methods.radiomics.domain import DIRECTIONS, IN_SLICE, Domain, neighbours_apart, steps_in
from tasks.methods.radiomics.grey import grey_volume
from tasks.methods.radiomics.kernels.neighbourhoods import count_wide_neighbourhoods
from tasks.methods.radiomics.kernels.pairs import count_pairs
from tasks.methods.radiomics.kernels.runs import count_runs
from tasks.methods.radiomics.kernels.zones import depths
from tasks.methods.radiomics.texture import texture
from tests.tasks.methods.radiomics import texture_by_definition as definition

HARALICK = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [1, 3, 3, 3], [3, 3, 4, 4]])
"""The four grey levels of Haralick's paper of 1973, from 1."""


def domain_of(levels, *, planar=False, alpha=0, distance=1, mask=None):
    levels = np.asarray(levels)
    grey = grey_volume(levels.astype(float), levels > 0, AsIs())
    depth = depths(levels > 0 if mask is None else mask, planar)
    return Domain(grey.padded, grey.histogram, depth, planar, alpha, distance)


def pairs_along(levels, step):
    domain = domain_of(levels)
    steps = domain.steps[[DIRECTIONS.index(step)]]
    width = domain.histogram.size
    tables = np.zeros((2, width * width), dtype=np.int32)
    count_pairs(domain.flat, steps, tables)
    counts = tables.sum(axis=0).reshape(width, width)[1:, 1:]
    return counts + counts.T


def runs_along(levels, step):
    domain = domain_of(levels)
    steps = domain.steps[[DIRECTIONS.index(step)]]
    table = np.zeros((domain.histogram.size, max(*domain.padded.shape, 4) + 2), dtype=np.int64)
    count_runs(domain.flat, domain.marks_of(steps), steps, domain.histogram, table)
    return table


def cells(table):
    return {(int(i), int(j)): int(table[i, j]) for i, j in np.argwhere(table)}


def counted(elements):
    return {element: elements.count(element) for element in elements}


def random_levels(seed, shape=(4, 5, 9), number=3):
    rng = np.random.default_rng(seed)
    levels = rng.integers(1, number + 1, shape) * (rng.random(shape) < 0.85)
    levels[0, 0, 0] = number
    return levels


def test_there_are_thirteen_directions_and_no_two_opposite():
    assert len(DIRECTIONS) == 13
    assert not {tuple(-step for step in direction) for direction in DIRECTIONS} & set(DIRECTIONS)
    assert all(step[0] == 0 for step in DIRECTIONS[:IN_SLICE])
    assert all(step[0] == 1 for step in DIRECTIONS[IN_SLICE:])
    assert (np.diff(steps_in((5, 6), planar=False)) > 0).all()


def test_pairs_along_the_rows_are_those_of_haralicks_paper():
    expected = [[4, 2, 1, 0], [2, 4, 0, 0], [1, 0, 6, 1], [0, 0, 1, 2]]
    assert_array_equal(pairs_along(HARALICK[None], (0, 0, 1)), expected)


def test_pairs_along_the_columns_are_those_of_haralicks_paper():
    expected = [[6, 0, 2, 0], [0, 4, 2, 0], [2, 2, 2, 2], [0, 0, 2, 0]]
    assert_array_equal(pairs_along(HARALICK[None], (0, 1, 0)), expected)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(DIRECTIONS))
def test_pairs_agree_with_a_walk_over_all_voxels(seed, step):
    levels = random_levels(seed)
    assert_array_equal(pairs_along(levels, step), definition.pairs(levels, step, levels.max()))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_a_plane_agrees_with_scikit_image(seed):
    image = np.random.default_rng(seed).integers(1, 7, (9, 11)).astype(np.uint8)
    image[0, 0] = 6
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    counts = graycomatrix(image, [1], angles, levels=7, symmetric=True)[1:, 1:].astype(float)
    grey = grey_volume(image[None].astype(float), np.ones((1, 9, 11), dtype=bool), AsIs())
    found = texture(grey, np.ones((1, 9, 11), dtype=bool), ["cooccurrence"], ["2d_avg", "2d_mrg"])
    names = {
        "contrast": "contrast",
        "dissimilarity": "dissimilarity",
        "homogeneity": "inverse_difference_moment",
        "ASM": "angular_second_moment",
        "correlation": "correlation",
    }
    merged = counts.sum(axis=3, keepdims=True)
    for theirs, ours in names.items():
        assert found[f"cm_{ours}_2d_mrg"] == pytest.approx(graycoprops(merged / merged.sum(), theirs)[0, 0])
        each = [graycoprops(counts[..., [k]] / counts[..., k].sum(), theirs)[0, 0] for k in range(4)]
        assert found[f"cm_{ours}_2d_avg"] == pytest.approx(np.mean(each))


def test_runs_along_the_rows_of_haralicks_picture():
    assert cells(runs_along(HARALICK[None], (0, 0, 1))) == {
        (1, 1): 1,
        (1, 2): 2,
        (2, 2): 2,
        (3, 2): 1,
        (3, 3): 1,
        (4, 2): 1,
    }


def test_a_line_of_nine_has_a_run_of_two_one_of_five_and_one_of_one():
    line = np.array([[[1, 1, 2, 2, 2, 2, 2, 0, 1]]])
    assert cells(runs_along(line, (0, 0, 1))) == {(1, 1): 1, (1, 2): 1, (2, 5): 1}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(DIRECTIONS), st.integers(1, 3))
def test_runs_agree_with_a_walk_over_all_voxels(seed, step, number):
    levels = random_levels(seed, number=number)
    assert cells(runs_along(levels, step)) == counted(definition.runs(levels, step))


def test_runs_are_counted_in_a_region_of_more_voxels_than_a_sum_holds():
    levels = np.random.default_rng(0).integers(1, 3, (64, 64, 64))
    domain = domain_of(levels)
    table = np.zeros((3, 68), dtype=np.int64)
    count_runs(domain.flat, domain.marks, domain.steps, domain.histogram, table)
    each = sum(runs_along(levels, step) for step in DIRECTIONS)
    assert_array_equal(table, each)
    assert (table.sum(axis=0) * np.arange(68)).sum() == 13 * levels.size


def test_haralicks_picture_has_five_zones():
    level, size, depth = domain_of(HARALICK[None], planar=True).zones
    found = sorted(zip(level.tolist(), size.tolist(), depth.tolist(), strict=True))
    assert found == [(1, 5, 1), (2, 4, 1), (3, 5, 1), (4, 2, 1)]


def test_zones_that_meet_late_are_one():
    comb = np.array([[[1, 2, 1, 2, 1], [1, 2, 1, 2, 1], [1, 1, 1, 1, 1]]])
    level, size, _ = domain_of(comb).zones
    assert sorted(zip(level.tolist(), size.tolist(), strict=True)) == [(1, 11), (2, 2), (2, 2)]


def test_a_zone_in_the_middle_is_as_far_from_the_border_as_its_nearest_voxel():
    levels = np.ones((1, 5, 5), dtype=int)
    levels[0, 2, 2:4] = 2
    level, _, depth = domain_of(levels, planar=True).zones
    assert dict(zip(level.tolist(), depth.tolist(), strict=True)) == {1: 1, 2: 2}


def test_depth_is_counted_in_steps_over_faces():
    mask = np.ones((1, 5, 5), dtype=bool)
    mask[0, 0, 0] = False
    expected = [[0, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 2, 3, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]]
    assert_array_equal(depths(mask, True)[1, 1:-1, 1:-1], expected)
    assert_array_equal(depths(mask, False)[1, 1:-1, 1:-1], mask[0])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.booleans(), st.integers(1, 3))
def test_zones_agree_with_a_walk_over_all_voxels(seed, planar, number):
    levels = random_levels(seed, number=number)
    mask = (levels > 0) | (np.random.default_rng(seed).random(levels.shape) < 0.7)
    assert_array_equal(depths(mask, planar)[1:-1, 1:-1, 1:-1], definition.depths(mask, planar=planar))
    found = [part.tolist() for part in domain_of(levels, planar=planar, mask=mask).zones]
    assert sorted(zip(*found, strict=True)) == sorted(definition.zones(levels, mask, planar=planar))


def test_of_earlier_neighbours_that_touch_one_another_one_is_looked_at():
    apart = neighbours_apart()
    numbers = np.array([int(word).bit_count() for word in apart])
    assert numbers[0] == 0
    assert (numbers[1:] >= 1).all()
    above = 1 << DIRECTIONS.index((1, 0, 0))
    assert all(numbers[word | above] == 1 for word in range(1 << 13))
    assert numbers[1 << DIRECTIONS.index((0, 1, -1)) | 1 << DIRECTIONS.index((0, 1, 1))] == 2


def test_a_voxel_unlike_its_four_neighbours_differs_by_their_average():
    cross = np.array([[[0, 1, 0], [2, 5, 3], [0, 4, 0]]])
    differences, dependences = domain_of(cross).neighbourhoods
    assert differences[5, 4] == abs(4 * 5 - (1 + 2 + 3 + 4))
    assert_array_equal(dependences[1:, 1], [1, 1, 1, 1, 1])


def test_a_voxel_is_dependent_on_itself_and_on_those_like_it():
    row = np.array([[[1, 1, 1, 2]]])
    _, dependences = domain_of(row).neighbourhoods
    assert cells(dependences) == {(1, 2): 2, (1, 3): 1, (2, 1): 1}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.booleans(), st.sampled_from([(0, 1), (1, 1), (0, 2), (2, 3)]))
def test_neighbourhoods_agree_with_a_walk_over_all_voxels(seed, planar, alpha_distance):
    alpha, distance = alpha_distance
    levels = random_levels(seed)
    differences, dependences = domain_of(levels, planar=planar, alpha=alpha, distance=distance).neighbourhoods
    expected = definition.dependences(levels, planar=planar, alpha=alpha, distance=distance)
    assert cells(dependences) == counted(expected)
    tones = definition.tones(levels, planar=planar, distance=distance)
    for level in range(1, levels.max() + 1):
        of_level = [difference for one, difference in tones if one == level]
        number = np.arange(1, differences.shape[1])
        assert (differences[level, 1:] / number).sum() == pytest.approx(sum(of_level))
        assert differences[level, 0] == (levels == level).sum() - len(of_level)


@pytest.mark.parametrize("planar", [True, False])
def test_the_near_way_of_counting_is_the_wide_one(planar):
    domain = domain_of(random_levels(0, (9, 30, 40), 60), planar=planar)
    offsets = np.concatenate([-domain.steps[::-1], domain.steps])
    wide = [np.zeros_like(table) for table in domain.neighbourhoods]
    count_wide_neighbourhoods(domain.flat, offsets, 0, *wide)
    for one, other in zip(domain.neighbourhoods, wide, strict=True):
        assert_array_equal(one, other)
