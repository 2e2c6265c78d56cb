"""Columns that would tell who a patient is are told from those that are measured."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.cohort.identifying import is_spelt_date, what_it_tells

SPELLINGS = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%Y/%m/%d",
    "%d-%m-%Y",
    "%Y%m%d",
    "%d%m%Y",
    "%m%d%Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%d-%b-%y",
    "%A, %d %B %Y",
    "%B %Y",
    "%m/%Y",
    "%Y-%m",
    "%d.%m.%Y %H:%M",
    "%Y-%m-%dT%H:%M:%SZ",
    "%m/%d/%Y %I:%M %p",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(st.lists(st.dates(date(1900, 1, 1), date(2100, 12, 31)), min_size=1, max_size=20))
@settings(max_examples=30, deadline=None)
def test_dates_are_known_in_every_usual_spelling(spelling, days):
    assert what_it_tells("dob", [f"{day:{spelling}}" for day in days]) == "dates"


@pytest.mark.parametrize(
    "cell",
    ["1. März 1950", "le 14 juillet 1989", "3rd of May 1960", "12 dic 1971", "7.2.1950", "19500101.0"],
)
def test_dates_of_other_tongues_and_programs_are_known(cell):
    assert what_it_tells("born", [cell] * 3) == "dates"


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "61",
        "61.5",
        "12.10",
        "1/2",
        "T2 N0",
        "30-39",
        "may be",
        "mar 40 50 60",
        "32.13.1950",
        "1.2.3",
        "10:22",
        "A1",
    ],
)
def test_other_cells_are_no_spelt_dates(cell):
    assert not is_spelt_date(cell)


def test_a_few_dates_among_other_text_are_dates():
    assert what_it_tells("relapse", ["none"] * 17 + ["01.02.2003"] * 3) == "dates"
    assert what_it_tells("relapse", ["none"] * 97 + ["01.02.2003"] * 3) is None


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("mrn2", [str(10000 + n) for n in range(20)]),
        ("recordNo", [str(n) for n in range(1, 21)]),
        ("case_number", [f"{n}.0" for n in range(1, 21)]),
        ("x", [str(3141592 + 7 * n) for n in range(20)]),
    ],
)
def test_whole_numbers_that_are_all_different_and_named_or_long_are_those_of_records(name, cells):
    assert what_it_tells(name, cells) == "record numbers"
    assert what_it_tells(name, cells, has_unit=True) is None
    assert what_it_tells(name, [*cells, cells[0]]) is None


@pytest.mark.parametrize("name", ["age", "weight_kg", "number_of_voxels", "platelets", "residual"])
def test_measured_numbers_may_all_be_different(name):
    rng = np.random.default_rng(0)
    assert what_it_tells(name, [str(20 + n) for n in range(60)]) is None
    assert what_it_tells(name, [str(n) for n in rng.permutation(400_000)[:60].tolist()]) is None
    assert what_it_tells(name, [f"{n:.3f}" for n in rng.normal(size=60).tolist()]) is None
    assert what_it_tells(name, [f"{n:.1f}" for n in (rng.normal(5, 1, 60) * 1e9).round().tolist()]) is None


def test_eight_digits_that_are_no_dates_are_measured():
    assert what_it_tells("volume", [str(19_507_700 + 1000 * n) for n in (0, 3, 5)] * 5) is None


def test_text_that_is_another_in_each_row_is_of_one_patient():
    texts = [f"R{n:05d}" for n in range(20)]
    assert what_it_tells("record", texts) == "texts of one patient"
    assert what_it_tells("record", [*texts, "R00001"]) == "texts of one patient"
    assert what_it_tells("stage", ["I", "II", "III"]) is None
    assert what_it_tells("stage", ["I", "II", "III"] * 9) is None
    assert what_it_tells("code", [str(n) for n in range(20)], is_code=True) == "texts of one patient"


def test_numbers_among_which_is_text_are_told():
    numbers = [f"{n}.5" for n in range(20)]
    assert what_it_tells("contrast", [*numbers, "<5"]) == "numbers with text"
    assert what_it_tells("contrast", [*numbers, "12,5"]) == "decimal commas"
    assert what_it_tells("contrast", [*["1", "2", "3"] * 9, "x"]) is None


def test_an_empty_column_tells_nothing():
    assert what_it_tells("empty", []) is None


@given(st.integers(0, 40_000), st.integers(1, 400))
@settings(max_examples=25, deadline=None)
def test_a_column_of_days_since_an_event_is_fit(first, step):
    days = [str((timedelta(days=first + step * n)).days) for n in range(30)]
    assert what_it_tells("days_to_surgery", days) is None
