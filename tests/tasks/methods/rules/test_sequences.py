"""Sequences of dated events and whether their order is more than chance."""

from itertools import pairwise, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binom

from tasks.methods.rules import sequences
from tasks.methods.rules.sequence_rule import SequenceRule, SequenceSet
from tasks.methods.rules.sequences import SequenceMiner


def events(histories):
    rows = [(f"p{i}", day, event) for i, history in enumerate(histories) for day, event in history]
    return pd.DataFrame(rows, columns=["patient", "day", "event"])


DRAWN = [
    [(0, "biopsy"), (10, "surgery"), (100, "relapse")],
    [(0, "biopsy"), (20, "surgery")],
    [(0, "surgery"), (5, "biopsy")],
    [(0, "biopsy"), (0, "surgery")],
    [(0, "scan")],
]


def test_a_drawn_case_is_counted_as_by_eye():
    found = SequenceMiner(min_support=0.4)(events(DRAWN))
    (rule,) = found.rules
    assert rule.steps == ("biopsy", "surgery")
    assert (rule.patients, rule.begun, rule.completed, rule.median_days) == (5, 4, 2, 15)
    assert (rule.support, rule.confidence) == (0.4, 0.5)
    assert rule.supporting == ("p0", "p1")
    assert rule.contradicting == ("p2", "p3")
    assert rule.sentence == "biopsy is followed by surgery: 2 of 4 patients (50 %), 15 days after biopsy (median)."
    assert rule.p == pytest.approx(chance(rule.completed))
    assert 0 < rule.confidence_interval[0] < 0.5


def chance(completed):
    """Return the p-value of the drawn case: chances 1/2, 1/2, 1/2 and 0 of biopsy before surgery."""
    return binom.sf(completed - 1, 3, 0.5)


def test_longer_sequences_are_patterns_without_p_values():
    found = SequenceMiner(min_support=0.2)(events(DRAWN))
    assert [(pattern.claim, pattern.completed) for pattern in found.patterns] == [
        ("biopsy, then surgery", 2),
        ("surgery, then biopsy", 1),
        ("biopsy, then surgery, then relapse", 1),
    ]
    long = found.patterns[2]
    assert long.steps == (("biopsy",), ("surgery",), ("relapse",))
    assert (long.patients, long.median_days, long.supporting) == (5, 100, ("p0",))
    assert long.sentence == "biopsy, then surgery, then relapse: 1 of 5 patients, in 100 days (median)."
    assert long.with_outcome is None
    assert not long.claimed
    assert (found.patterns_found, found.patterns_tested, found.answered) == (3, 0, 0)


def test_several_events_before_one_are_listed_if_they_are_less_likely_than_each_by_itself():
    rng = np.random.default_rng(2)
    histories = []
    for _ in range(60):
        days = np.sort(rng.choice(400, 6, replace=False)).tolist()
        first = rng.permutation(["drug", "dose"]).tolist()
        histories.append(list(zip(days, [*first, "scan", "relapse", "visit", "visit"], strict=True)))
    histories += [[(0, "relapse"), (5, "dose")], [(0, "relapse"), (5, "drug")]] * 5
    miner = SequenceMiner(min_support=0.3, max_before=2, permutations=499)
    found = {(rule.before, rule.after): rule for rule in miner(events(histories)).rules}
    both = found[("dose", "drug"), ("relapse",)]
    assert both.significant
    assert both.claim == "dose and drug are followed by relapse"
    assert both.p < min(found[("dose",), ("relapse",)].p, found[("drug",), ("relapse",)].p)
    assert all(
        rule.p < found[(one,), rule.after].p
        for rule in found.values()
        if len(rule.before) > 1
        for one in rule.before
        if ((one,), rule.after) in found
    )
    assert (("relapse",), ("drug",)) not in found, "it is frequent in too few"


def test_of_an_event_that_happens_several_times_any_one_counts():
    """Not that every scan comes before every test: test, scan, test, scan has both orders."""
    histories = [[(0, "test"), (1, "scan"), (2, "test"), (3, "scan")]] * 3 + [[(0, "scan"), (1, "test")]]
    found = {(rule.before, rule.after): rule for rule in SequenceMiner(min_support=0.1)(events(histories)).rules}
    both = [found[pair] for pair in ((("scan",), ("test",)), (("test",), ("scan",)))]
    assert [(rule.completed, rule.begun) for rule in both] == [(4, 4), (3, 4)]


def test_the_gap_is_between_steps_and_later_starts_count():
    histories = [[(0, "a"), (50, "a"), (60, "b")], [(0, "a"), (60, "b")]]
    (rule,) = SequenceMiner(min_support=0.5, max_gap_days=10)(events(histories)).rules
    assert (rule.begun, rule.completed, rule.median_days) == (2, 1, 10)


def occurrences(history, steps, gap):
    """Return the days of every way the steps happen in order, by trying each choice of events."""
    return [
        [day for day, _ in chosen]
        for chosen in permutations(set(history), len(steps))
        if all(event == step for (_, event), step in zip(chosen, steps, strict=True))
        and all(0 < later[0] - earlier[0] <= gap for earlier, later in pairwise(chosen))
    ]


one_history = st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc")), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given(st.lists(one_history, min_size=1, max_size=6), st.sampled_from([None, 2]), st.sampled_from([0.2, 0.5]))
def test_pairs_equal_those_of_trying_every_one(histories, gap, min_support):
    miner = SequenceMiner(min_support=min_support, max_gap_days=gap, permutations=99)
    found = {rule.steps: rule for rule in miner(events(histories)).rules}
    names = sorted({event for history in histories for _, event in history})
    expected = {}
    for steps in permutations(names, 2):
        ways = [occurrences(history, steps, gap or np.inf) for history in histories]
        if sum(map(bool, ways)) >= max(1, min_support * len(histories)):
            begun = sum(bool(occurrences(history, steps[:-1], gap or np.inf)) for history in histories)
            first = [min((way[0], way[-1]) for way in one) for one in ways if one]
            expected[steps] = (begun, len(first), np.median([end - start for start, end in first]))
    assert {steps: (r.begun, r.completed, r.median_days) for steps, r in found.items()} == expected


def test_a_planted_order_is_significant_and_the_reverse_is_not():
    rng = np.random.default_rng(0)
    histories = []
    for _ in range(40):
        days = np.sort(rng.choice(300, 5, replace=False)).tolist()
        middle = rng.permutation(["scan", "visit", "visit"]).tolist()
        histories.append(list(zip(days, ["biopsy", *middle, "relapse"], strict=True)))
    found = SequenceMiner()(events(histories))
    assert found.rules[0].steps == ("biopsy", "relapse")
    assert found.rules[0].significant
    assert found.rules[0] in found.significant
    assert not any("relapse" in rule.before for rule in found.rules)
    assert not any({*rule.steps} == {"scan", "visit"} and rule.significant for rule in found.rules)


def test_shuffled_histories_seldom_have_a_significant_order():
    rng = np.random.default_rng(1)
    false, tables = 0, 60
    for _ in range(tables):
        histories = [
            [(int(day), event) for day, event in zip(rng.choice(60, 5), rng.permutation(list("aabcd")), strict=True)]
            for _ in range(15)
        ]
        false += bool(SequenceMiner(permutations=99)(events(histories)).significant)
    assert false <= binom.ppf(0.999, tables, 0.05)


def with_outcome(rng, planted, patients=60):
    """Return histories in which patients with a drug before a scan have the outcome more often, and outcomes."""
    histories, outcome = [], {}
    for number in range(patients):
        exposed = number % 2
        order = ["drug", "scan"] if exposed else ["scan", "drug"]
        others = rng.permutation(["visit", "test"]).tolist()[: rng.integers(3)]
        days = np.sort(rng.choice(200, 2 + len(others), replace=False)).tolist()
        histories.append(list(zip(days, [*order, *others], strict=True)))
        outcome[f"p{number}"] = float(rng.random() < (0.15 + 0.7 * exposed * planted))
    return events(histories), pd.Series(outcome)


def test_an_order_that_goes_with_the_outcome_is_claimed_and_its_echoes_are_not():
    table, outcome = with_outcome(np.random.default_rng(0), planted=True)
    found = SequenceMiner()(table, outcome, "relapse is yes")
    by_steps = {one.steps: one for one in found.patterns}
    planted, mirror = by_steps[("drug",), ("scan",)], by_steps[("scan",), ("drug",)]
    assert planted.claimed
    assert mirror.claimed, "the other order goes with the other outcome"
    test = planted.with_outcome
    assert (test.known, test.applies) == (60, 30)
    assert test.confidence > 0.5 > mirror.with_outcome.confidence
    assert "; relapse is yes in" in planted.sentence
    significant = [one for one in found.patterns if one.with_outcome.significant]
    assert len(significant) > len(found.claimed_patterns)
    assert not by_steps[("drug",),].with_outcome.significant
    assert found.patterns_tested == found.patterns_found
    assert found.answered == 60


def test_patients_of_unknown_outcome_are_counted_in_the_support_only():
    table, outcome = with_outcome(np.random.default_rng(0), planted=True)
    outcome["p0"] = np.nan
    found = SequenceMiner()(table, outcome.drop("p1"), "relapse is yes")
    assert found.answered == 58
    assert {one.with_outcome.known for one in found.patterns} == {58}
    assert {one.patients for one in found.patterns} == {60}


def test_outcomes_that_nothing_explains_seldom_give_a_pattern():
    rng, families = np.random.default_rng(5), 60
    false = 0
    for seed in range(families):
        table, outcome = with_outcome(rng, planted=False, patients=24)
        found = SequenceMiner(permutations=99, seed=seed)(table, outcome, "relapse is yes")
        false += any(one.with_outcome.significant for one in found.patterns)
    assert false <= binom.ppf(0.999, families, 0.05)


def test_a_whole_number_as_support_counts_patients():
    table = events(DRAWN)
    count, share = SequenceMiner(min_support=2)(table), SequenceMiner(min_support=0.4)(table)
    assert count == share
    assert SequenceMiner(min_support=1)(table).found > count.found
    with pytest.raises(ValidationError):
        SequenceMiner(min_support=1.5)


def test_p_values_are_adjusted_for_every_pair_that_enough_patients_have():
    found = SequenceMiner(min_support=0.4, adjust="bonferroni")(events(DRAWN))
    assert found.searched == 2  # biopsy and surgery, in both orders; only one of them is frequent
    assert found.rules[0].adjusted_p == pytest.approx(min(1, 2 * found.rules[0].p))


def test_the_order_of_rows_does_not_matter_nor_does_the_input_change():
    table = events(DRAWN)
    before = table.copy(deep=True)
    miner = SequenceMiner(min_support=0.2, max_before=2)
    turned = table.sample(frac=1, random_state=3)
    assert miner(turned).model_dump_json() == miner(table).model_dump_json()
    pd.testing.assert_frame_equal(table, before)


def test_as_many_sequences_as_asked_for_are_listed():
    every = SequenceMiner(min_support=0.2)(events(DRAWN))
    few = SequenceMiner(min_support=0.2, max_rules=1)(events(DRAWN))
    assert few.rules == every.rules[:1]
    assert few.found == every.found > 1
    assert few.patterns == every.patterns[:1]
    assert few.patterns_found == every.patterns_found > 1


def test_rules_are_by_p_value_size_and_words_and_only_the_listed_ones_are_written_out(monkeypatch):
    rng = np.random.default_rng(3)
    drawn = [list(zip(rng.choice(60, 7), rng.choice(list("aabcde"), 7), strict=True)) for _ in range(25)]
    miner = SequenceMiner(max_before=2, max_after=2, permutations=99)
    table = events(drawn)
    every = miner.model_copy(update={"max_rules": None})(table)
    places = [(rule.adjusted_p, rule.p, len(rule.before) + len(rule.after), rule.claim) for rule in every.rules]
    assert places == sorted(places)
    assert every.found == len(every.rules) > 10
    looked_at = []
    spans = sequences.spans
    monkeypatch.setattr(sequences, "spans", lambda *given: looked_at.append(given) or spans(*given))
    few = miner.model_copy(update={"max_rules": 10})(table)
    assert few.rules == every.rules[:10]
    assert few.found == every.found
    assert len(looked_at) == 10


def test_one_event_makes_no_sequence():
    found = SequenceMiner()(events([[(0, "scan")]]))
    assert (found.rules, found.patterns, found.searched, found.patients) == ((), (), 0, 1)


def test_sequences_come_back_from_json_as_they_were():
    table, outcome = with_outcome(np.random.default_rng(1), planted=True, patients=20)
    found = SequenceMiner(min_support=0.2, max_before=None, max_after=None)(table, outcome, "relapse is yes")
    assert SequenceSet.model_validate_json(found.model_dump_json()) == found
    with pytest.raises(ValidationError):
        SequenceRule(
            before=(), after=("b",), patients=1, begun=1, completed=1, median_days=1, p=1, adjusted_p=1, alpha=0.05
        )
