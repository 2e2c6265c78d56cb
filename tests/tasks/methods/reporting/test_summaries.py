import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.cohort.columns import ColumnMeaning
from tasks.methods.reporting.parts import LevelCount, Spread
from tasks.methods.reporting.summaries import (
    MOST_LEVELS,
    against_controls,
    agreement_rows,
    cohort_summary,
    feature_summaries,
    perturbation_rows,
    reader_pairs,
    scanner_rows,
    spread_of,
    standardised_difference,
)

AGE = {"age": ColumnMeaning(column="age", label="age", unit="years")}
MARKER = {"marker": ColumnMeaning(column="marker", label="marker")}


def series(*values):
    return pd.Series(values, dtype=float)


def test_a_drawn_cohort_is_counted_by_hand():
    table = pd.DataFrame({"age": [50, 60, np.nan, 40, 44, 90], "marker": ["yes", "no", "no", None, "no", "yes"]})
    found = cohort_summary(table, series(1, 1, 1, 0, 0, np.nan), list("aabcde"), {**AGE, **MARKER})
    assert (found.rows, found.patients, found.events, found.others, found.unknown) == (6, 5, 3, 2, 1)
    age, marker = found.columns
    assert (age.label, age.unit, age.n, age.missing) == ("age", "years", 4, 1)
    assert age.event == Spread(n=2, median=55, low=52.5, high=57.5)
    assert age.other == Spread(n=2, median=42, low=41, high=43)
    assert (marker.n, marker.missing) == (4, 1)
    assert marker.levels == (LevelCount(level="no", event=2, other=1), LevelCount(level="yes", event=1, other=0))


def test_rows_of_unknown_outcome_are_in_no_column():
    table = pd.DataFrame({"age": [1.0, 2.0, 99.0]})
    (age,) = cohort_summary(table, series(1, 0, np.nan), list("abc"), AGE).columns
    assert (age.n, age.missing, age.event.high, age.other.high) == (2, 0, 1, 2)


def test_truth_values_are_categories():
    table = pd.DataFrame({"marker": [True, False, True]})
    (marker,) = cohort_summary(table, series(1, 0, 0), list("abc"), MARKER).columns
    assert [level.level for level in marker.levels] == ["no", "yes"]


def test_rare_categories_are_put_together():
    values = [f"v{number:02d}" for number in range(20)] + ["common"] * 5
    table = pd.DataFrame({"marker": values})
    (marker,) = cohort_summary(table, series(*[1] * 20, *[0] * 5), [str(n) for n in range(25)], MARKER).columns
    assert len(marker.levels) == MOST_LEVELS
    assert marker.levels[-1] == LevelCount(level="10 other values", event=10, other=0)
    assert sum(level.event + level.other for level in marker.levels) == 25


def test_the_standardised_difference_of_a_drawn_example():
    event, other = np.array([4.0, 6.0]), np.array([0.0, 2.0])
    assert standardised_difference(event, other) == pytest.approx(4 / np.sqrt(2))


def test_the_standardised_difference_agrees_with_cohens_d_of_equal_groups():
    rng = np.random.default_rng(0)
    event, other = rng.normal(1, 2, 30), rng.normal(0, 1, 30)
    pooled = np.sqrt(((event - event.mean()) ** 2).sum() / 58 + ((other - other.mean()) ** 2).sum() / 58)
    assert standardised_difference(event, other) == pytest.approx((event.mean() - other.mean()) / pooled)


@given(st.lists(st.integers(-100, 100), min_size=4, max_size=12), st.floats(0.1, 10), st.floats(-50, 50))
@settings(max_examples=25, deadline=None)
def test_the_standardised_difference_does_not_depend_on_the_unit_and_turns_with_the_classes(values, factor, shift):
    event, other = np.array(values[::2], dtype=float), np.array(values[1::2], dtype=float)
    difference = standardised_difference(event, other)
    if difference is None:
        assert np.ptp(event) == np.ptp(other) == 0
    else:
        scaled = standardised_difference(event * factor + shift, other * factor + shift)
        assert scaled == pytest.approx(difference, abs=1e-6)
        assert standardised_difference(other, event) == pytest.approx(-difference)


@pytest.mark.parametrize(
    ("event", "other"), [([1.0], [1.0, 2.0]), ([], []), ([0.1] * 5, [0.1] * 7), ([3.0, 3.0], [1.0, 1.0])]
)
def test_a_standardised_difference_that_does_not_exist_is_none(event, other):
    assert standardised_difference(np.array(event), np.array(other)) is None


def test_a_spread_agrees_with_pandas():
    values = np.random.default_rng(3).normal(size=41)
    found, expected = spread_of(values), pd.Series(values).describe()
    assert (found.low, found.median, found.high) == pytest.approx(tuple(expected[["25%", "50%", "75%"]]))


def test_a_spread_of_nothing_has_no_median():
    assert spread_of(np.array([np.nan, np.nan])) == Spread(n=0)


def test_features_stand_by_the_size_of_their_difference_and_undefined_ones_last():
    table = pd.DataFrame({"flat": [1.0] * 4, "weak": [1, 2, 1, 3.0], "strong": [9, 8, 1, 2.0], "down": [1, 2, 7, 8.0]})
    words = {name: ColumnMeaning(column=name, label=name, unit="mm", ibsi="ABCD") for name in table}
    found = feature_summaries(table, series(1, 1, 0, 0), words)
    assert [one.label for one in found] == ["strong", "down", "weak", "flat"]
    assert found[1].difference == -found[0].difference * 6 / 7
    assert found[-1].difference is None
    assert (found[0].unit, found[0].ibsi) == ("mm", "ABCD")


@pytest.mark.parametrize(
    ("table", "outcome", "verdict"),
    [
        ({"age": [1.0, 2.0]}, (1, 2), "outcome_not_binary"),
        ({"age": [1.0, np.inf]}, (1, 0), "not_a_finite_number"),
        ({"size": [1.0, 2.0]}, (1, 0), "missing_column"),
        ({"age": [1.0, 2.0]}, (1, 0, 1), "rows_differ"),
    ],
)
def test_tables_that_do_not_fit_are_refused(table, outcome, verdict):
    with pytest.raises(BadData) as refused:
        cohort_summary(pd.DataFrame(table), series(*outcome), list("ab"), AGE)
    assert refused.value.verdict == verdict


def test_scanner_effects_keep_their_order_and_empty_cells_are_none():
    effects = pd.DataFrame(
        {
            "feature": ["a", "b"],
            "rows": [40, 40],
            "scanners": [2, 1],
            "h": [20.0, np.nan],
            "p_value": [0.001, np.nan],
            "adjusted_p_value": [0.002, np.nan],
            "epsilon_squared": [0.5, np.nan],
        }
    )
    first, second = scanner_rows(effects, {"a": "CT mean"})
    assert (first.label, first.epsilon_squared, first.p, first.adjusted_p) == ("CT mean", 0.5, 0.001, 0.002)
    assert (second.label, second.p, second.epsilon_squared, second.scanners) == ("b", None, None, 1)


def test_features_on_which_readers_agree_least_come_first():
    agreement = pd.DataFrame(
        {
            "modality": "CT",
            "region": "tumour",
            "feature": ["mean", "flat", "shape"],
            "icc": [0.9, np.nan, 0.2],
            "low": [0.8, np.nan, 0.1],
            "high": [0.95, np.nan, 0.4],
            "subjects": 10,
            "readers": 2,
        }
    )
    rows = agreement_rows(agreement, {"CT.tumour.mean": "CT tumour mean"})
    assert [row.label for row in rows] == ["CT.tumour.shape", "CT tumour mean", "CT.tumour.flat"]
    assert rows[-1].icc is None
    bare = agreement_rows(agreement.drop(columns=["modality", "region"]), {"mean": "the mean"})
    assert bare[1].label == "the mean"


def test_readers_are_paired_for_each_region_and_modality():
    overlaps = pd.DataFrame(
        [
            ("CT", "tumour", "A", "B", 0.9),
            ("CT", "tumour", "A", "B", 0.7),
            ("MR", "tumour", "A", "B", 0.5),
            ("CT", "tumour", "A", "C", 1.0),
        ],
        columns=["modality", "region", "first_reader", "second_reader", "dice"],
    )
    found = reader_pairs(overlaps)
    assert [(pair.modality, pair.second, pair.dice.n) for pair in found] == [
        ("CT", "B", 2),
        ("CT", "C", 1),
        ("MR", "B", 1),
    ]
    assert (found[0].dice.median, found[0].lowest) == (pytest.approx(0.8), 0.7)
    assert reader_pairs(overlaps.iloc[:0]) == ()


def test_every_model_meets_every_control(models):
    found = against_controls(models)
    assert len(found) == 3 * 2
    assert all(compared.test is not None for compared in found)
    assert found[0].test.first_auc == pytest.approx(models[0].evaluation.auc, abs=0.05)


def test_several_rows_of_a_patient_are_not_compared_and_the_reason_is_said(models):
    doubled = [
        one.model_copy(
            update={"evaluation": one.evaluation.model_copy(update={"patient": tuple(n // 2 for n in range(40))})}
        )
        for one in (models[0], models[3])
    ]
    (compared,) = against_controls(doubled)
    assert compared.test is None
    assert compared.reason == "DeLong's test takes one row per patient."


def test_tables_are_left_as_they_were(cohort):
    before = cohort.copy()
    cohort_summary(cohort, cohort["progression"], list(cohort.index), AGE)
    pd.testing.assert_frame_equal(cohort, before)


def test_the_least_stable_feature_comes_first_and_what_was_not_perturbed_not_at_all():
    stability = pd.DataFrame(
        [("CT.a.x", 0.9, 0.8, 0.95, 7, 5), ("CT.a.y", 0.2, 0.0, 0.4, 6, 5), ("CT.a.z", np.nan, np.nan, np.nan, 0, 0)],
        columns=["feature", *(f"perturbed_{name}" for name in ("icc", "low", "high", "subjects", "repetitions"))],
    )
    rows = perturbation_rows(stability, {"CT.a.x": "CT a x in words"})
    assert [(row.label, row.icc, row.subjects, row.readers) for row in rows] == [
        ("CT.a.y", 0.2, 6, 5),
        ("CT a x in words", 0.9, 7, 5),
    ]
