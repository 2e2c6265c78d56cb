"""Patterns, subgroups, rules over readings and rule lists as rows of tables, and what is said of them in sentences.

A count of few patients is hidden, and with it every number of its row that would give it away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tasks.methods.reporting.small_parts import hidden_rows, reading_parts, subgroup_parts
from tasks.methods.reporting.words import (
    NOTHING,
    count,
    days,
    fixed,
    number,
    percentage,
    plural,
    signs,
    span_p,
    unit_words,
)
from tasks.methods.rules.small_cells import shown_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.methods.learning.rule_list_words import RuleListInWords
    from tasks.methods.reporting.data import ReportData
    from tasks.methods.rules.reading_rule import ReadingRuleSet
    from tasks.methods.rules.sequence_rule import SequenceSet
    from tasks.methods.rules.subgroup import Side, SubgroupSet


class Row(NamedTuple):
    """Be one row of a table: what is claimed, a note below it, and the other cells."""

    claim: str
    note: str
    cells: tuple[str, ...]
    is_claimed: bool = False


def patterns_headline(found: SequenceSet) -> str:
    """Return how many patterns of events there are, and how many go with the outcome."""
    verb = "was" if found.patterns_found == 1 else "were"
    there = f"{plural(found.patterns_found, 'closed pattern')} of events {verb}"
    if not found.patterns_tested:
        return f"{there} found; without an outcome they are counted only."
    claimed = len(found.claimed_patterns)
    said = f"{claimed:,} {'goes' if claimed == 1 else 'go'}" if claimed else "none is shown to go"
    how = f"p ≤ {found.alpha} after shuffles of the outcome over all of them"
    return f"{there} found, and {said} with the outcome ({how})."


def pattern_headings(found: SequenceSet) -> tuple[str, ...]:
    """Return the headings of the table of patterns."""
    if found.patterns_tested:
        return "Pattern", "Patients", "Outcome with it", "Outcome without", "Median time", "Adjusted p"
    return "Pattern", "Patients", "Median time"


def pattern_rows(found: SequenceSet, smallest: int) -> tuple[Row, ...]:
    """Return one row a pattern; where it was held against the outcome, with the number of its card."""
    rows = []
    for rank, pattern in enumerate(found.patterns, 1):
        test = pattern.with_outcome
        counts = (pattern.completed,) if test is None else (test.a, test.b, test.c, test.d)
        hidden = _is_hidden((pattern.completed, pattern.patients - pattern.completed, *counts), smallest)
        took = days(pattern.median_days) if len(pattern.steps) > 1 and not hidden else NOTHING
        patients = _of(pattern.completed, pattern.patients, smallest)
        if test is None:
            rows.append(Row(signs(pattern.claim), "", (patients, took)))
            continue
        # all with it, less those in whom the card tells that the outcome came true, are those in whom it did not
        patients = f"{NOTHING} of {count(pattern.patients, smallest)}" if hidden else patients
        # the patients with it and those without add up to all, which the first cell tells
        shares = (_share(test.a, test.applies, hidden=hidden), _share(test.c, test.c + test.d, hidden=hidden))
        said = "A shorter pattern says as much. " if test.significant and not test.gains else ""
        p = span_p(shown_p(test.adjusted_p, hidden=hidden))
        rows.append(Row(signs(pattern.claim), f"{said}pattern-{rank}", (patients, *shares, took, p), pattern.claimed))
    return tuple(rows)


def subgroups_headline(found: SubgroupSet) -> str:
    """Return how many subgroups differ among how many searched."""
    among = f"among {found.searched:,} searched"
    claimed = len(found.claimed)
    if not claimed:
        return f"No subgroup is claimed to differ in {found.target} {among}."
    return (
        f"{plural(claimed, 'subgroup')} {'is' if claimed == 1 else 'are'} claimed to differ in {found.target} {among} "
        f"(p ≤ {found.alpha} after {found.permutations:,} shuffles of {found.target} over all of them)."
    )


def subgroup_headings(found: SubgroupSet) -> tuple[str, ...]:
    """Return the headings of the table of subgroups."""
    if found.is_time:
        return "Subgroup", "Patients", "Events (expected)", "Otherwise", "Median time", "Otherwise", "Adjusted p"
    return "Subgroup", "Patients", "Mean", "Otherwise", "Adjusted p"


def subgroup_rows(found: SubgroupSet, smallest: int, before: int = 0) -> tuple[Row, ...]:
    """Return one row a subgroup, with the number of its card; so many of other targets come before."""
    rows = []
    few = hidden_rows(subgroup_parts(found), smallest)
    for place, one in enumerate(found.subgroups):
        sides = (one.inside, one.outside)
        hidden = place in few
        if found.is_time:
            told = [*(_events(side, hidden=hidden) for side in sides)]
            told += [NOTHING if hidden else number(side.median_time) for side in sides]
        else:
            unit = unit_words(found.unit)
            told = [NOTHING if hidden else f"{number(side.mean)} {unit}".strip() for side in sides]
        p = span_p(shown_p(one.adjusted_p, hidden=hidden))
        said_by = f"Said by: {signs(one.explained_by)}. " if one.significant and one.explained_by else ""
        note = f"{said_by}subgroup-{before + place + 1}"
        patients = count(one.inside.patients, smallest)
        patients = NOTHING if hidden and one.inside.patients >= smallest else patients
        cells = (patients, *told, p)
        rows.append(Row(signs(one.claim), note, cells, one.claimed))
    return tuple(rows)


def readings_headline(found: ReadingRuleSet) -> str:
    """Return how many rules over readings are claimed, and how many of them every reader bears out."""
    among = f"among {found.searched:,} searched in {plural(found.readings, 'reading')} of {plural(found.cases, 'case')}"
    claimed, by_all = len(found.claimed), len(found.hold_for_all)
    if not claimed:
        return f"No rule over readings is claimed {among}."
    verb = "is" if claimed == 1 else "are"
    return (
        f"{plural(claimed, 'rule')} over readings {verb} claimed {among} (p ≤ {found.alpha}, "
        f"adjusted over all of them, patients taken for independent); {by_all:,} of them "
        f"{'holds' if by_all == 1 else 'hold'} in the readings of every one of {plural(len(found.readers), 'reader')}."
    )


READING_HEADINGS = ("Rule", "Holds (cases)", "Otherwise", "Where all agree", "Readers who bear it out", "Adjusted p")


def reading_rows(found: ReadingRuleSet, smallest: int) -> tuple[Row, ...]:
    """Return one row a rule over readings."""
    rows = []
    few = hidden_rows(reading_parts(found), smallest)
    for place, rule in enumerate(found.rules):
        hidden = place in few
        bearing = [one.reader for one in rule.readers if one.adjusted_p <= rule.alpha]
        held = [_cases(rule.both, rule.applies, hidden=hidden)]
        held += [_cases(rule.otherwise_both, rule.otherwise, hidden=hidden)]
        by = f"{len(bearing)} of {len(rule.readers)}" + (f" ({', '.join(bearing)})" if bearing else "")
        p = span_p(shown_p(rule.adjusted_p, hidden=hidden))
        agreed = _of(rule.agreed_both, rule.agreed, smallest)
        note = f"Said by: {signs(rule.explained_by)}" if rule.significant and rule.explained_by else ""
        rows.append(Row(signs(rule.claim), note, (*held, agreed, by, p), rule.claimed))
    return tuple(rows)


ROUGHLY = 10
"""Steps from 0 to 1 of a risk beside hidden counts: in per cent it would tell them where patients are few."""
LIST_HEADINGS = ("Rule, the first that applies counts", "Decides", "Of those it applies to", "Risk given")


def list_rows(told: RuleListInWords, smallest: int) -> tuple[Row, ...]:
    """Return one row a rule of a list, in its order.

    What the rules decide adds up to all patients, and the first and the last decide all that they apply to. So
    where a count of one rule is hidden those of all are, and risks, which are made of them, are told roughly.
    """
    few = [_is_hidden((rule.decides_events, rule.decides - rule.decides_events), smallest) for rule in told.rules]
    hidden = any(few)
    rows = []
    for rule, is_few in zip(told.rules, few, strict=True):
        decides = _share(rule.decides_events, rule.decides, hidden=hidden)
        applies = NOTHING if hidden else _of(rule.applies_events, rule.applies, smallest)
        risk = NOTHING if is_few else _risk(rule.probability, roughly=hidden)
        rows.append(Row(signs(rule.claim), "", (decides, applies, risk)))
    return tuple(rows)


def subgroup_methods(data: ReportData) -> str:
    """Return how subgroups were searched and tested, as a paper would tell it; empty without any."""
    if not data.subgroups:
        return ""
    targets = ", ".join(f"{one.target} ({'log-rank scores' if one.is_time else 'mean'})" for one in data.subgroups)
    first = data.subgroups[0]
    return (
        f"Subgroups were searched exhaustively for differences in {targets}. A subgroup's difference is the sum of its "
        "patients' scores, standardised over draws without replacement; p-values were adjusted by the largest "
        f"difference of any subgroup in each of {first.permutations:,} shuffles of the target between patients "
        "(Westfall and Young). Kept were subgroups that differ from each with one item less; one that does not differ "
        "among the patients to whom a better one does not apply is not claimed."
    )


def reading_methods(data: ReportData) -> str:
    """Return how rules over readings were counted and tested, as a paper would tell it; empty without any."""
    found = data.reading_rules
    if found is None:
        return ""
    return (
        f"Rules over the ratings of several readers were counted in {plural(found.cases, 'case')} of "
        f"{plural(found.patients, 'patient')}, each reading weighing its share of the case. They were tested by the "
        "sum, over the readings of each patient, of the products of antecedent and consequent less their means; "
        f"p-values come from {found.permutations:,} random turns of the patients' signs and were adjusted by the "
        "largest sum of any rule. A rule holds for all readers if it is significant in the readings of each, adjusted "
        "over every rule and every reader."
    )


def _is_hidden(counts: Sequence[int], smallest: int) -> bool:
    return any(0 < one < smallest for one in counts)


def _of(part: int, whole: int, smallest: int) -> str:
    """Return a part of a whole, each hidden where it, or the rest, is of few patients."""
    if _is_hidden((part, whole - part), smallest):
        return f"{NOTHING} of {count(whole, smallest)}"
    return _share(part, whole, hidden=False)


def _share(part: int, whole: int, *, hidden: bool) -> str:
    """Return a part of a whole, or nothing of both."""
    if hidden:
        return NOTHING
    return f"{part:,} of {whole:,}" + (f" ({percentage(part / whole)})" if whole else "")


def _risk(probability: float, *, roughly: bool) -> str:
    return f"about {percentage(round(probability * ROUGHLY) / ROUGHLY)}" if roughly else percentage(probability)


def _cases(part: float, whole: float, *, hidden: bool) -> str:
    if hidden or not whole:
        return NOTHING
    return f"{fixed(part, 1)} of {fixed(whole, 1)} ({percentage(part / whole)})"


def _events(side: Side, *, hidden: bool) -> str:
    if hidden:
        return NOTHING
    return f"{side.events:,} ({fixed(side.expected, 1)}) of {side.patients:,}"
