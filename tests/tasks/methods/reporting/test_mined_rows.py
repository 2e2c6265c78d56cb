"""Patterns, subgroups, rules over readings and rule lists as the report shows them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from tasks.methods.learning.rule_list_words import RuleInWords, RuleListInWords
from tasks.methods.reporting.methods_text import methods_paragraphs
from tasks.methods.reporting.mined_rows import (
    list_rows,
    pattern_rows,
    patterns_headline,
    reading_rows,
    readings_headline,
    subgroup_rows,
    subgroups_headline,
)
from tasks.methods.reporting.page import render
from tasks.methods.reporting.sentences import not_found
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.items import ColumnLabel, Item, ItemTable
from tasks.methods.rules.readings import ReadingMiner
from tasks.methods.rules.sequences import SequenceMiner
from tasks.methods.rules.subgroups import SubgroupMiner
from tasks.methods.rules.targets import number_target, survival_target

PATIENTS = 40
KEYS = [f"P-{number}" for number in range(PATIENTS)]
MARKER = np.arange(PATIENTS) % 2 == 0
RNG = np.random.default_rng(0)


def items():
    both = np.column_stack([MARKER, ~MARKER])
    levels = ("positive", "negative")
    named = tuple(Item(column="marker", label="marker", level=level) for level in levels)
    return ItemTable(named, both, np.ones_like(both))


@pytest.fixture(scope="module")
def weights():
    values = RNG.normal(70, 2, PATIENTS) + 20 * MARKER
    return SubgroupMiner()(items(), number_target("weight", "kg", values), KEYS)


@pytest.fixture(scope="module")
def deaths():
    times = np.where(MARKER, 10.0, 100.0) + np.arange(PATIENTS)
    target = survival_target("death", "days", times, np.arange(PATIENTS) % 5 > 0, np.ones(PATIENTS, bool))
    return SubgroupMiner()(items(), target, KEYS)


@pytest.fixture(scope="module")
def sequences():
    rows = [
        (key, day, event)
        for key, first in zip(KEYS, MARKER, strict=True)
        for day, event in ((0, "drug" if first else "scan"), (9, "scan" if first else "drug"))
    ]
    events = pd.DataFrame(rows, columns=["patient", "day", "event"])
    outcome = pd.Series(MARKER.astype(float), index=KEYS)
    return SequenceMiner()(events, outcome, "relapse is yes")


@pytest.fixture(scope="module")
def readings():
    rows = [
        (key, 1, reader, "blurred" if bad else "sharp", "bad" if bad else "good")
        for key, bad in zip(KEYS, MARKER, strict=True)
        for reader in ("R1", "R2")
    ]
    table = pd.DataFrame(rows, columns=["patient", "case", "reader", "margin", "verdict"])
    columns = {name: ColumnLabel(label=name) for name in ("margin", "verdict")}
    return ReadingMiner(ends_in="verdict")(table, columns, QuantileBins())


TOLD = RuleListInWords(
    rules=(
        RuleInWords(
            conditions=("age is above 60.5 years", "sex is f"),
            applies=30,
            applies_events=24,
            decides=20,
            decides_events=15,
            probability=0.74,
        ),
        RuleInWords(conditions=(), applies=22, applies_events=1, decides=22, decides_events=1, probability=0.06),
    )
)


def test_a_pattern_is_shown_with_what_goes_with_it(sequences):
    first = next(row for row in pattern_rows(sequences, 1) if row.claim == "Drug, then scan")
    assert first.is_claimed
    assert first.cells[:3] == ("20 of 40 (50\u00a0%)", "20 of 20 (100\u00a0%)", "0 of 20 (0\u00a0%)")
    assert first.cells[3] == "9 days"
    assert patterns_headline(sequences).startswith("4 closed patterns of events were found, and 2 go with the outcome")


def test_subgroups_are_shown_with_means_or_with_events_and_those_expected(weights, deaths):
    assert subgroups_headline(weights).startswith("1 subgroup is claimed to differ in weight among 2 searched")
    first = subgroup_rows(weights, 1)[0]
    assert first.cells[0] == "20"
    assert first.cells[1].endswith(" kg")
    inside = next(row for row in subgroup_rows(deaths, 1) if row.claim == "Marker is positive")
    assert re.fullmatch(r"16 \(\d+\.\d\) of 20", inside.cells[1])


def test_rules_over_readings_tell_who_bears_them_out(readings):
    row = reading_rows(readings, 1)[0]
    assert row.cells[0] == "20.0 of 20.0 (100\u00a0%)"
    assert row.cells[2:4] == ("20 of 20 (100\u00a0%)", "2 of 2 (R1, R2)")
    assert "1 of them holds in the readings of every one of 2 readers" in readings_headline(readings)


def test_a_rule_list_is_shown_in_its_order():
    first, rest = list_rows(TOLD, 1)
    assert first.claim == "If age is above 60.5 years and sex is f"
    assert first.cells == ("15 of 20 (75\u00a0%)", "24 of 30 (80\u00a0%)", "74\u00a0%")
    assert rest.claim == "Otherwise"


def test_counts_of_few_patients_are_hidden_with_what_would_give_them_away(weights, deaths, sequences, readings):
    _, rest = list_rows(TOLD, 5)
    assert rest.cells == ("– of 22", "– of 22", "–")
    assert list_rows(TOLD, 1)[1].cells[0].startswith("1 of 22")
    hidden = subgroup_rows(weights, 21)[0]
    assert hidden.cells[:3] == ("<21", "–", "–")
    assert hidden.cells[-1] == "<0.001"
    assert subgroup_rows(deaths, 17)[0].cells[1] == "– of 20"
    assert pattern_rows(sequences, 21)[0].cells[0].startswith("–")
    assert reading_rows(readings, 21)[0].cells[:2] == ("–", "–")


def test_the_page_shows_them_in_their_sections(filled, weights, deaths, sequences, readings):
    page = render(
        filled.model_copy(
            update={
                "subgroups": (weights, deaths),
                "sequences": sequences,
                "reading_rules": readings,
                "rule_list": TOLD,
                "hide_counts_below": 1,
            }
        )
    )
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for said in (
        "Patterns of several events",
        "claimed to differ in weight",
        "Rules over readings that are claimed",
        "The rule list, in words",
        "If age is above 60.5 years and sex is f",
        "log-rank scores",
    ):
        assert said in text, said


def test_what_was_not_looked_for_or_not_found_is_told(empty, weights, readings):
    page = render(empty)
    assert "No subgroups were looked for." in page
    assert "No rules over readings were looked for." in page
    nothing = weights.model_copy(update={"subgroups": ()})
    silent = readings.model_copy(update={"rules": ()})
    data = empty.model_copy(update={"subgroups": (nothing,), "reading_rules": silent})
    assert not_found(data) == [
        "No subgroup is claimed to differ in weight among 2 searched.",
        "No rule over readings is claimed among 4 searched in 80 readings of 40 cases.",
    ]
    assert len(methods_paragraphs(data)) == 2


def test_patterns_without_an_outcome_are_counted_only():
    rows = [(key, day, event) for key in KEYS for day, event in ((0, "a"), (5, "b"))]
    found = SequenceMiner()(pd.DataFrame(rows, columns=["patient", "day", "event"]))
    assert patterns_headline(found).endswith("without an outcome they are counted only.")
    assert pattern_rows(found, 5)[0].cells == ("40 of 40 (100\u00a0%)", "5 days")
