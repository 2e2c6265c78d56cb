"""Repeated measurements joined to the rows of a cohort."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import PERTURBED, READINGS, Cohort
from tasks.methods.learning.repeated import Repeated

ROWS = pd.DataFrame({"patient": ["P-1", "P-2", "P-2"], "visit": [0, 0, 1]})
PERTURBED_TABLE = pd.DataFrame(
    [("P-2", 1, 0, 5.0), ("P-1", 0, 1, 2.0), ("P-1", 0, 0, 1.0), ("P-9", 0, 0, 9.0)],
    columns=["patient", "visit", "repetition", "CT.tumour.a"],
)
READ = pd.DataFrame(
    [("P-1", 0, "ann", 1.0, 3.0), ("P-1", 0, "ben", 1.5, None)],
    columns=["patient", "visit", "reader", "CT.tumour.a", "CT.tumour.b"],
)


def test_each_measurement_stands_at_its_row_repetition_and_column():
    repeated = Repeated.of(ROWS, ["CT.tumour.a", "age"], perturbed=PERTURBED_TABLE, readings=READ)
    gap = np.nan
    assert np.array_equal(repeated.perturbed[:, :, 0], [[1, 2], [gap, gap], [5, gap]], equal_nan=True)
    assert np.isnan(repeated.perturbed[:, :, 1]).all()
    assert np.array_equal(repeated.readings[:, :, 0], [[1, 1.5], [gap, gap], [gap, gap]], equal_nan=True)


def test_columns_can_be_had_in_another_order_and_beside_others():
    repeated = Repeated.of(ROWS, ["CT.tumour.a", "CT.tumour.b"], readings=READ).named(["new", "CT.tumour.b"])
    assert repeated.columns == ("new", "CT.tumour.b")
    assert np.isnan(repeated.readings[:, :, 0]).all()
    assert repeated.readings[0, 0, 1] == 3
    assert repeated.perturbed.shape == (3, 0, 2)


def test_nothing_repeated_is_no_repetition():
    for table in (None, PERTURBED_TABLE.iloc[:0]):
        assert Repeated.of(ROWS, ["a"], perturbed=table).perturbed.shape == (3, 0, 1)


def test_a_repetition_given_twice_is_refused():
    with pytest.raises(BadData, match="1 of 5 rows repeat one"):
        Repeated.of(ROWS, ["CT.tumour.a"], perturbed=pd.concat([PERTURBED_TABLE, PERTURBED_TABLE.iloc[:1]]))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_repeated_measurements_go_where_their_row_goes(seed):
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(generator.normal(size=(8, 2)), columns=["a", "b"])
    cube = table.to_numpy()[:, None] + np.zeros((8, 3, 2))  # every measurement is the row's own value
    cohort = Cohort.of(
        table, np.arange(8) % 2, np.arange(8).astype(str), repeated=Repeated(("a", "b"), cube, cube[:, :2])
    )
    taken = cohort.take(generator.permutation(8)[:5])
    for name, count in ((PERTURBED, 3), (READINGS, 2)):
        held = np.stack(taken.table[name].to_list())
        assert held.shape == (5, count, 2)
        assert (held == taken.table[["a", "b"]].to_numpy()[:, None]).all()


def test_measurements_of_other_rows_and_columns_of_their_names_are_refused():
    table = pd.DataFrame({"a": [1.0, 2.0]})
    repeated = Repeated(("a",), np.zeros((3, 2, 1)), np.zeros((3, 0, 1)))
    with pytest.raises(BadData, match="3 repeated measurements"):
        Cohort.of(table, np.array([0, 1]), np.array(["x", "y"]), repeated=repeated)
    with pytest.raises(BadData, match="have names"):
        Cohort.of(table.rename(columns={"a": PERTURBED}), np.array([0, 1]), np.array(["x", "y"]))
