"""Patterns, subgroups, rules over readings and rule lists as the report shows them."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from tasks.methods.rules.card import pattern_cards
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.items import ColumnLabel, Item, ItemTable
from tasks.methods.rules.readings import ReadingMiner
from tasks.methods.rules.sequence_rule import OutcomeTest, SequencePattern, SequenceSet
from tasks.methods.rules.sequences import SequenceMiner
from tasks.methods.rules.shown import shown
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
    numbers = [card.number for card in pattern_cards(sequences) if card.pattern.claim == "drug, then scan"]
    assert [first.note] == numbers
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
    first, rest = list_rows(TOLD, 5)
    assert first.cells == ("–", "–", "about 70\u00a0%"), "42 rows less those it decides are those of the other"
    assert rest.cells == ("–", "–", "–")
    assert list_rows(TOLD, 1)[1].cells == ("1 of 22 (5\u00a0%)", "1 of 22 (5\u00a0%)", "6\u00a0%")
    hidden = subgroup_rows(weights, 21)[0]
    assert hidden.cells[:3] == ("<21", "–", "–")
    assert hidden.cells[-1] == "<0.001"
    assert subgroup_rows(deaths, 17)[0].cells[:3] == ("–", "–", "–")
    for row in pattern_rows(sequences, 21):
        assert row.cells[1:4] == ("–", "–", "–")
        assert row.cells[4] in {"<0.001", "0.05 to 1"}
    assert reading_rows(readings, 21)[0].cells[:2] == ("–", "–")


PATTERN_PATIENTS = 14


def pattern_found(a, b, c, d, unknown, patients=PATTERN_PATIENTS):
    test = OutcomeTest(
        a=a, b=b, c=c, d=d, outcome="relapse is yes", p=0.004, adjusted_p=0.02, alpha=0.05, gains=True
    )  # fmt: skip
    pattern = SequencePattern(
        steps=(("drug",), ("scan",)), patients=patients, completed=a + b + unknown, median_days=9,
        with_outcome=test,
    )  # fmt: skip
    return SequenceSet.model_construct(patterns=(pattern,), patterns_tested=1, patients=patients)


def pattern_row(*counts):
    (row,) = pattern_rows(pattern_found(*counts), 5)
    return row.cells


def test_a_pattern_of_three_patients_is_not_told_by_those_without_it():
    hidden = pattern_row(1, 2, 5, 6, 0)
    assert pattern_row(6, 2, 5, 1, 0)[0] == "– of 14", "8 less the 6 on its card are the 2 against it"
    assert hidden == ("– of 14", "–", "–", "–", "0.01 to 0.05")
    enough = ("5 of 14 (36\u00a0%)", "5 of 5 (100\u00a0%)", "0 of 9 (0\u00a0%)", "9 days")
    assert pattern_row(5, 0, 0, 9, 0)[:4] == enough


def test_no_hidden_count_of_a_pattern_can_be_worked_out_from_its_row():
    worlds = [
        counts
        for counts in product(range(PATTERN_PATIENTS + 1), repeat=4)
        if sum(counts[:2]) > 0 and sum(counts) <= PATTERN_PATIENTS
    ]
    told = defaultdict(list)
    for a, b, c, d in worlds:
        left = PATTERN_PATIENTS - a - b - c - d
        for unknown in {0, left}:
            told[pattern_row(a, b, c, d, unknown)].append((a, b, c, d, a + b, a + b + unknown))
    assert len(told) > 1
    assert not [cells for cells, alike in told.items() if worked_out(alike, 5)]


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(0, 9)] * 4), st.integers(0, 9), st.integers(0, 3), st.integers(2, 5))
def test_patterns_that_differ_in_a_hidden_count_only_are_told_alike_by_row_and_card(counts, unknown, place, smallest):
    told = []
    for other in range(1, smallest):
        changed = (*counts[:place], other, *counts[place + 1 :])
        if changed[0] + changed[1]:  # somebody has completed it
            found = pattern_found(*changed, unknown, patients=90)
            told.append((pattern_rows(found, smallest), [shown(card, smallest) for card in pattern_cards(found)]))
    assert all(one == told[0] for one in told)


def test_no_hidden_count_of_a_rule_list_can_be_worked_out_from_its_table():
    rows = 24
    told = defaultdict(list)
    for counts in product(range(rows), repeat=3):
        a, b, c, d = *counts, rows - sum(counts)
        if d < 0 or not a + b or not c + d:
            continue
        rules = tuple(
            RuleInWords(
                conditions=(), applies=yes + no, applies_events=yes, decides=yes + no, decides_events=yes,
                probability=(yes + 2 * (a + c) / rows) / (yes + no + 2),
            )
            for yes, no in ((a, b), (c, d))
        )  # fmt: skip
        table = tuple(row.cells for row in list_rows(RuleListInWords(rules=rules), 5))
        told[table].append((a, b, c, d, a + b, c + d))
    assert len(told) > 1
    assert not [table for table, alike in told.items() if worked_out(alike, 5)]


def worked_out(alike, smallest):
    """Return whether all that look alike have one and the same count of few patients."""
    return any(len(set(several)) == 1 and 0 < several[0] < smallest for several in zip(*alike, strict=True))


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
        "Drug, then scan: relapse is yes in 20 of 20 patients (100 %) with it, against 0 of 20 without.",
        "With the outcome (20): P-0, P-10,",
        "Without it (0): none.",
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
