import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import SCANNER, Columns
from tasks.methods.learning.harmonisation import NoHarmonisation, ScannerLocationScale

X = Columns(numeric=("x",))


def table(values, scanners):
    return pd.DataFrame({"x": np.asarray(values, dtype=float), SCANNER: scanners})


def test_two_scanners_meet_in_the_middle():
    rows = table([0, 1, 2, 10, 12, 14], list("AAABBB"))

    moved = ScannerLocationScale()(X).fit_transform(rows)["x"].to_numpy()

    spread = np.sqrt((2 / 3 + 8 / 3) / 2)
    one = spread * np.sqrt(1.5)
    np.testing.assert_allclose(moved, 6.5 + np.array([-one, 0, one, -one, 0, one]))


@settings(max_examples=25, deadline=None)
@given(arrays(np.float64, 12, elements=st.floats(-1e6, 1e6)))
def test_after_it_every_scanner_has_the_mean_of_all_and_the_spread_within(values):
    scanners = np.array(["A", "B", "C"] * 4)
    moved = ScannerLocationScale()(X).fit_transform(table(values, scanners))["x"].to_numpy()

    within = np.sqrt(np.mean([values[scanners == name].var() for name in "ABC"]))
    size = 1e-6 * (1 + np.abs(values).max())
    for name in "ABC":
        assert moved[scanners == name].mean() == pytest.approx(values.mean(), abs=size)
        if values[scanners == name].std() > 1e-6:
            assert moved[scanners == name].std() == pytest.approx(within, rel=1e-6, abs=size)


def test_what_is_learnt_from_training_rows_is_applied_to_others():
    step = ScannerLocationScale()(X).fit(table([0, 1, 2, 10, 11, 12], list("AAABBB")))
    assert step.transform(table([1, 11, 11], list("ABA")))["x"].tolist() == [6.0, 6.0, 16.0]


def test_an_unseen_scanner_keeps_its_values_or_is_refused():
    train, test = table([0, 1, 2], list("AAA")), table([5, 1], list("ZA"))

    assert ScannerLocationScale()(X).fit(train).transform(test)["x"].tolist() == [5.0, 1.0]
    with pytest.raises(BadData, match="1 of 2 rows come from 1") as caught:
        ScannerLocationScale(unseen="refuse")(X).fit(train).transform(test)
    assert caught.value.verdict == "unseen_scanner"


def test_a_scanner_without_a_name_is_an_unseen_one():
    step = ScannerLocationScale()(X).fit(table([0, 1, 2, 10, 11, 12], list("AAABBB")))
    assert step.transform(table([5, 5], [None, "A"]))["x"].tolist() == [5.0, 10.0]


def test_a_scanner_of_too_few_rows_counts_as_unseen():
    rows = table([0, 1, 2, 10, 12], list("AAABB"))
    assert ScannerLocationScale()(X).fit_transform(rows)["x"].tolist()[3:] == [10.0, 12.0]
    with pytest.raises(BadData, match="2 of 5 rows"):
        ScannerLocationScale(unseen="refuse")(X).fit_transform(rows)


def test_gaps_stay_gaps_and_a_feature_with_few_values_stays_as_it_is():
    rows = table([0, 1, 2, 10, np.nan, np.nan], list("AAABBB"))
    moved = ScannerLocationScale()(X).fit_transform(rows)["x"].to_numpy()
    assert moved[3] == 10.0
    assert np.isnan(moved[4:]).all()


def test_a_scanner_that_measures_a_constant_is_only_shifted():
    moved = ScannerLocationScale()(X).fit_transform(table([5, 5, 5, 0, 3, 6], list("AAABBB")))["x"]
    assert moved.tolist()[:3] == [4.0, 4.0, 4.0]


def test_categories_pass_through_and_the_scanner_is_left_behind():
    rows = table([0, 1, 2], list("AAA")).assign(sex=["f", None, "m"])
    moved = ScannerLocationScale()(Columns(("x",), ("sex",))).fit_transform(rows)
    assert list(moved.columns) == ["x", "sex"]
    assert moved["sex"].isna().tolist() == [False, True, False]


def test_no_harmonisation_is_no_step_and_asks_for_no_scanner():
    assert NoHarmonisation()(X) == "passthrough"
    assert not NoHarmonisation().needs_scanner
    assert ScannerLocationScale().needs_scanner
