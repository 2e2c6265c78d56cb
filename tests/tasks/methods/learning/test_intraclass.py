"""Intraclass correlations of many features at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from data_catalog.errors import BadData
from tasks.methods.learning import intraclass
from tasks.methods.learning.intraclass import agreements

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)


def cube_of(*features):
    return np.stack([np.asarray(feature, dtype=float) for feature in features], axis=2)


@pytest.mark.parametrize(
    ("form", "icc", "low", "high"), [("icc_11", 0.1657, -0.1329, 0.7226), ("icc_a1", 0.2898, 0.0188, 0.7611)]
)
def test_the_example_of_shrout_and_fleiss(form, icc, low, high):
    found = agreements(cube_of(SHROUT_FLEISS), form)
    assert [found.icc[0], found.low[0], found.high[0]] == pytest.approx([icc, low, high], abs=5e-5)
    assert (found.subjects[0], found.repetitions[0]) == (6, 4)


def test_a_feature_is_repeated_wholly_or_not_at_all():
    once = np.array([1.0, 2.0, 3.0])
    same, opposite = np.column_stack([once, once]), np.column_stack([once, once[::-1]])
    noise = [[1, 3], [1, 3], [1, 3]]
    found = agreements(cube_of(same, opposite, noise), "icc_11")
    assert found.icc == pytest.approx([1, -1, -1])
    assert (found.low[0], found.high[0]) == (1, 1)


def by_hand(ratings):
    """ICC(1,1) by an analysis of variance of SciPy, subjects of any number of measurements."""
    groups = [row[~np.isnan(row)] for row in ratings]
    groups = [group for group in groups if len(group) > 1]
    f = stats.f_oneway(*groups).statistic
    sizes = np.array([len(group) for group in groups])
    k = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(groups) - 1)
    return (f - 1) / (f + k - 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 12), st.integers(2, 6), st.floats(0, 0.5))
def test_gaps_are_as_in_an_analysis_of_variance(seed, subjects, repetitions, gaps):
    generator = np.random.default_rng(seed)
    cube = generator.normal(size=(subjects, 1, 4)) * [0.1, 1, 2, 5] + generator.normal(size=(subjects, repetitions, 4))
    cube[generator.random(cube.shape) < gaps] = np.nan
    found = agreements(cube, "icc_11")
    for number in range(4):
        measured = np.count_nonzero((~np.isnan(cube[:, :, number])).sum(axis=1) > 1)
        assert found.subjects[number] == measured
        if measured < 2:
            assert np.isnan(found.icc[number])
        else:
            assert found.icc[number] == pytest.approx(by_hand(cube[:, :, number]), rel=1e-9, abs=1e-12)
            assert found.low[number] <= found.icc[number] <= found.high[number]


def test_the_interval_of_the_one_way_form_is_that_of_the_textbook():
    generator = np.random.default_rng(1)
    ratings = generator.normal(size=(9, 1)) + 0.5 * generator.normal(size=(9, 3))
    f = stats.f_oneway(*ratings).statistic
    low, high = f / stats.f.ppf(0.975, 8, 18), f * stats.f.ppf(0.975, 18, 8)
    found = agreements(cube_of(ratings), "icc_11")
    assert found.low[0] == pytest.approx((low - 1) / (low + 2))
    assert found.high[0] == pytest.approx((high - 1) / (high + 2))


@pytest.mark.parametrize("form", ["icc_11", "icc_a1"])
def test_the_interval_holds_the_truth_as_often_as_it_says(form):
    generator = np.random.default_rng(0)
    truth = 0.8
    cube = np.sqrt(truth) * generator.normal(size=(20, 1, 3000))
    cube = cube + np.sqrt(1 - truth) * generator.normal(size=(20, 4, 3000))
    found = agreements(cube, form, confidence=0.9)
    assert np.mean((found.low <= truth) & (truth <= found.high)) == pytest.approx(0.9, abs=0.025)
    assert found.icc.mean() == pytest.approx(truth, abs=0.02)


@pytest.mark.parametrize("form", ["icc_11", "icc_a1"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-150, 1e-9, 1.0, 1e9, 1e99]), shift=st.floats(-5, 5))
def test_zero_point_and_unit_do_not_matter_nor_the_other_features(form, seed, scale, shift):
    generator = np.random.default_rng(seed)
    cube = generator.normal(size=(7, 1, 3)) + generator.normal(size=(7, 4, 3))
    cube[generator.random(cube.shape) < 0.1] = np.nan
    found = agreements(cube, form)
    other = agreements(scale * (cube[:, :, [2, 0]] + shift), form)
    for name in ("icc", "low", "high"):
        expected = getattr(found, name)[[2, 0]]
        assert getattr(other, name) == pytest.approx(expected, rel=1e-6, abs=1e-8, nan_ok=True)


def test_the_order_of_repetitions_matters_for_readers_alone():
    generator = np.random.default_rng(3)
    biased = generator.normal(size=(8, 1)) + np.array([0.0, 1.0, 2.0]) + 0.1 * generator.normal(size=(8, 3))
    mixed = np.array([generator.permutation(row) for row in biased])
    before, after = (agreements(cube_of(ratings), "icc_11").icc for ratings in (biased, mixed))
    assert before == pytest.approx(after)
    before, after = (agreements(cube_of(ratings), "icc_a1").icc for ratings in (biased, mixed))
    assert abs(before - after) > 0.01


def test_readers_count_who_have_measured_the_feature_and_subjects_that_all_of_them_have_read():
    gappy = SHROUT_FLEISS.copy()
    gappy[:, 3] = np.nan
    gappy[2, 1] = np.nan
    found = agreements(cube_of(SHROUT_FLEISS, gappy), "icc_a1")
    alone = agreements(cube_of(np.delete(SHROUT_FLEISS[:, :3], 2, axis=0)), "icc_a1")
    assert found.icc[1] == pytest.approx(alone.icc[0])
    assert found.subjects.tolist() == [6, 5]
    assert found.repetitions.tolist() == [4, 3]


@pytest.mark.parametrize("form", ["icc_11", "icc_a1"])
def test_what_cannot_be_told_is_missing(form):
    constant, absent = np.full((3, 2), 0.1), np.full((3, 2), np.nan)
    one_subject, one_reader = absent.copy(), absent.copy()
    one_subject[0] = [1, 2]
    one_reader[:, 0] = [1, 2, 3]
    rounding = constant * (1 + 1e-16 * np.arange(6).reshape(3, 2))
    found = agreements(cube_of(constant, absent, one_subject, one_reader, rounding), form)
    assert np.isnan(found.icc).all()
    assert np.isnan(found.low).all()
    for shape in ((0, 2, 1), (3, 0, 1), (3, 2, 0), (1, 1, 1)):
        assert np.isnan(agreements(np.zeros(shape), form).icc).all()


def test_a_table_is_no_cube():
    with pytest.raises(BadData, match=r"\(6, 4\)"):
        agreements(SHROUT_FLEISS, "icc_11")


@pytest.mark.parametrize("form", ["icc_11", "icc_a1"])
def test_many_features_are_worked_on_in_parts_with_the_same_result(form, monkeypatch):
    cube = np.random.default_rng(0).normal(size=(9, 4, 7))
    cube[2, 1], cube[:, :, 3] = np.nan, 1.0
    whole = agreements(cube, form)
    monkeypatch.setattr(intraclass, "PART", 80)
    parts = agreements(cube, form)
    for name in ("icc", "low", "high", "subjects", "repetitions"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12)
    assert agreements(cube[:, :, :0], form).icc.shape == (0,)
