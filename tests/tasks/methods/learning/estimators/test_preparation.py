import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import Columns
from tasks.methods.learning.estimators.preparation import Prepare, TopByAnova, explained_variance


def test_a_gap_takes_the_median_and_a_column_says_where_it_was():
    table = pd.DataFrame({"x": [0.0, 2.0, np.nan, 4.0], "sex": ["f", "m", None, "f"]})

    step = Prepare(Columns(("x",), ("sex",))).fit(table)

    deviation = np.sqrt(2.0)
    expected_x = np.array([-2, 0, 0, 2]) / deviation
    expected_gap = np.array([-1, -1, 3, -1]) / np.sqrt(3)
    np.testing.assert_allclose(step.transform(table)[:, :2], np.column_stack([expected_x, expected_gap]))
    assert step.transform(table)[:, 2:].tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert step.sources_ == ["x", "x", "sex", "sex", "sex"]


def test_it_agrees_with_scikit_learns_column_transformer(study):
    table = study.table.assign(sex=study.table["sex"].fillna("none"))
    columns = Columns.of(table)
    numeric = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    oracle = ColumnTransformer(
        [
            ("numeric", numeric, list(columns.numeric)),
            ("text", OneHotEncoder(sparse_output=False), list(columns.categorical)),
        ]
    )
    np.testing.assert_allclose(Prepare(columns).fit_transform(table), oracle.fit_transform(table))


@pytest.mark.parametrize("constant", [0.1, -3e-7, 2.61539187e16, 1e80])
def test_the_rounding_errors_of_a_constant_are_no_signal(constant):
    values = np.full(8, constant)
    values[4:] = np.nextafter(constant, np.inf)
    matrix = Prepare(Columns(("x", "y"))).fit_transform(pd.DataFrame({"x": values, "y": np.arange(8.0)}))
    assert matrix[:, 0].tolist() == [0.0] * 8
    assert matrix[:, 1].std() == pytest.approx(1.0)


def test_an_unseen_category_is_none_of_those_seen():
    step = Prepare(Columns((), ("site",))).fit(pd.DataFrame({"site": ["lung", "liver"]}))
    assert step.transform(pd.DataFrame({"site": ["bone", None, "lung"]})).tolist() == [[0, 0], [0, 0], [0, 1]]


def test_a_column_that_training_rows_do_not_have_is_constant():
    step = Prepare(Columns(("x",))).fit(pd.DataFrame({"x": [np.nan, np.nan]}))
    assert np.ptp(step.transform(pd.DataFrame({"x": [np.nan, np.nan]})), axis=0).tolist() == [0, 0]


@settings(max_examples=25, deadline=None)
@given(arrays(np.float64, (9, 2), elements=st.floats(-1e90, 1e90) | st.just(np.nan)))
def test_a_prepared_matrix_has_no_gap_and_scaled_training_columns(values):
    matrix = Prepare(Columns(("a", "b"))).fit_transform(pd.DataFrame(values, columns=["a", "b"]))
    assert np.isfinite(matrix).all()
    assert np.abs(matrix[:, :2]).max() <= np.sqrt(len(matrix)) * 1.001


def test_a_value_beyond_all_measure_stays_a_number_that_fits_32_bits():
    step = Prepare(Columns(("x",))).fit(pd.DataFrame({"x": [0.0, 1e-9]}))
    far = step.transform(pd.DataFrame({"x": [1e100, -1e100]}))
    assert far.tolist() == [[1e30], [-1e30]]


def test_the_column_that_tells_the_classes_apart_is_kept():
    matrix = np.array([[0.0, 1.0, 7.0], [1.0, 1.0, 7.0], [0.0, 2.0, 7.0], [1.0, 2.0, 7.0]])
    assert TopByAnova(1).fit(matrix, np.array([0, 0, 1, 1])).chosen_.tolist() == [1]
    assert TopByAnova(5).fit(matrix, np.array([0, 0, 1, 1])).chosen_.tolist() == [0, 1]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_it_chooses_what_scikit_learns_f_test_chooses(seed, k):
    generator = np.random.default_rng(seed)
    matrix, outcome = generator.normal(size=(15, 6)), np.arange(15) % 3 // 2

    explained, _ = explained_variance(matrix, outcome)

    np.testing.assert_allclose(explained / (1 - explained) * 13, f_classif(matrix, outcome)[0])
    oracle = SelectKBest(f_classif, k=k).fit(matrix, outcome).get_support(indices=True)
    assert TopByAnova(k).fit(matrix, outcome).chosen_.tolist() == oracle.tolist()


def test_of_equal_columns_the_first_is_kept():
    matrix = np.tile(np.arange(4.0)[:, None], 3)
    assert TopByAnova(2).fit(matrix, np.array([0, 0, 1, 1])).chosen_.tolist() == [0, 1]


def test_columns_that_are_all_constant_are_refused():
    with pytest.raises(BadData, match="all 2 encoded columns are constant in 4 rows"):
        TopByAnova(1).fit(np.ones((4, 2)), np.array([0, 0, 1, 1]))
