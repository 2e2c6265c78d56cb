"""Sequences of dated events and whether their order is more than chance."""

from itertools import pairwise, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binom

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


def test_a_step_more_gives_longer_sequences_without_p_values():
    found = SequenceMiner(min_support=0.2, max_steps=3)(events(DRAWN))
    (long,) = [rule for rule in found.rules if len(rule.steps) == 3]
    assert long.steps == ("biopsy", "surgery", "relapse")
    assert (long.begun, long.completed, long.median_days) == (2, 1, 100)
    assert long.claim == "biopsy, then surgery is followed by relapse"
    assert long.p is None
    assert not long.significant
    assert found.rules[-1] == long


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
def test_sequences_equal_those_of_trying_every_one(histories, gap, min_support):
    miner = SequenceMiner(min_support=min_support, max_steps=3, max_gap_days=gap, permutations=99)
    found = {rule.steps: rule for rule in miner(events(histories)).rules}
    names = sorted({event for history in histories for _, event in history})
    expected = {}
    for length in (2, 3):
        for steps in permutations(names, length):
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
    found = SequenceMiner(max_steps=3)(events(histories))
    assert found.rules[0].steps == ("biopsy", "relapse")
    assert found.rules[0].significant
    assert found.rules[0] in found.significant
    assert not any(rule.steps[0] == "relapse" for rule in found.rules)
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


def test_p_values_are_adjusted_for_every_pair_that_enough_patients_have():
    found = SequenceMiner(min_support=0.4, adjust="bonferroni")(events(DRAWN))
    assert found.searched == 2  # biopsy and surgery, in both orders; only one of them is frequent
    assert found.rules[0].adjusted_p == pytest.approx(min(1, 2 * found.rules[0].p))


def test_the_order_of_rows_does_not_matter_nor_does_the_input_change():
    table = events(DRAWN)
    before = table.copy(deep=True)
    miner = SequenceMiner(min_support=0.2, max_steps=3)
    turned = table.sample(frac=1, random_state=3)
    assert miner(turned).model_dump_json() == miner(table).model_dump_json()
    pd.testing.assert_frame_equal(table, before)


def test_as_many_sequences_as_asked_for_are_listed():
    every = SequenceMiner(min_support=0.2)(events(DRAWN))
    few = SequenceMiner(min_support=0.2, max_rules=1)(events(DRAWN))
    assert few.rules == every.rules[:1]
    assert few.found == every.found > 1


def test_one_event_makes_no_sequence():
    found = SequenceMiner()(events([[(0, "scan")]]))
    assert (found.rules, found.searched, found.patients) == ((), 0, 1)


def test_sequences_come_back_from_json_as_they_were():
    found = SequenceMiner(min_support=0.2, max_steps=3)(events(DRAWN))
    assert SequenceSet.model_validate_json(found.model_dump_json()) == found
    with pytest.raises(ValidationError):
        SequenceRule(steps=("one",), patients=1, begun=1, completed=1, median_days=1, alpha=0.05)
