"""A number of the report leads to what it was drawn from."""

from __future__ import annotations

import pandas as pd
import pytest

from data_catalog.errors import StoreError
from data_catalog.kinds import COHORT, REPORT
from data_catalog.store import Store
from flows.find_number import find_number, is_number
from flows.results import CohortTables, Features, Results
from tests.data_catalog.conftest import recorded


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def tables(store):
    table = pd.DataFrame({"patient": ["P-1", "P-2"], "mean": [0.8412, -3.0], "count": [7, 12], "is_one": [True, False]})
    cohort = store.put(COHORT, table, recorded("cohort"))
    page = store.put(
        REPORT,
        '<section id="cohort"><p>Median 55.5 of 1,777, p &lt;0.001</p></section><table id="made-cohort"><code>'
        + cohort.short
        + "</code></table>",
        recorded("report"),
    )
    return cohort, Results(cohort=CohortTables(features=Features(study=page, table=cohort), cohort=cohort), report=page)


@pytest.mark.parametrize(
    ("number", "place"),
    [
        ("0.84", "column mean, patient P-1: 0.8412"),
        ("0.8412", "column mean, patient P-1: 0.8412"),
        ("84 %", "column mean, patient P-1"),
        ("-3.0", "column mean, patient P-2"),
        ("−3.00", "column mean, patient P-2"),
        ("12", "column count, patient P-2: 12"),
    ],
)
def test_a_number_as_the_report_shows_it_leads_to_the_artefact_and_the_place(store, number, place):
    cohort, results = tables(store)
    _, found = find_number(store, results, number)
    assert list(found) == [cohort]
    assert any(one.startswith(place) for one in found[cohort])


@pytest.mark.parametrize("number", ["55.5", "1777", "1,777", "<0.001", "< 0.001"])
def test_a_number_of_the_page_alone_leads_to_what_its_part_was_drawn_from(store, number):
    cohort, results = tables(store)
    (shown,), found = find_number(store, results, number)
    assert (shown.part, shown.made, found) == ("cohort", (cohort,), {})
    assert is_number(number)
    assert number.replace("1777", "1,777").replace(" ", "") in shown.words


def test_a_number_leads_first_to_what_the_part_of_the_report_that_shows_it_was_drawn_from(store):
    judged = store.put(COHORT, pd.DataFrame({"auc": [0.56, 0.561, 0.562]}), recorded("judged"))  # one among many
    chance = store.put(COHORT, pd.DataFrame({"limit": [0.5603]}), recorded("chance"))
    page = store.put(
        REPORT,
        '<section id="cohort"><p>40 patients</p></section><section id="models"><p>AUC 0.56</p></section>'
        f'<table id="made-cohort"><code>{chance.short}</code></table>'
        f'<table id="made-models"><code>{judged.short}</code></table>',
        recorded("report"),
    )
    tables = CohortTables(features=Features(study=page, table=chance), cohort=chance, readers=judged)
    (shown,), found = find_number(store, Results(cohort=tables, report=page), "0.56")
    assert (shown.part, shown.words) == ("models", "AUC 0.56")
    assert list(found) == [judged, chance], "though it stands at more places there"


@pytest.mark.parametrize("number", ["0.85", "0.8413", "13", "1", "5.5", "999"])
def test_a_number_that_stands_nowhere_is_not_found_nearby(store, number):
    _, results = tables(store)
    with pytest.raises(StoreError, match="no artefact of its results holds it"):
        find_number(store, results, number)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("0.84", True),
        ("12", True),
        ("1,803", True),
        ("84 %", True),
        ("-3", True),
        (".5", True),
        ("report", False),
        ("123456", False),
        ("volume-3f9a1c", False),
        ("", False),
        ("-", False),
        ("%", False),
        ("rule-1", False),
    ],
)
def test_what_is_a_number_and_what_a_name(text, is_one):
    assert is_number(text) is is_one
