"""Dated events, patient by patient."""

import numpy as np
import pandas as pd
import pytest

from data_catalog.errors import BadData
from tasks.methods.rules.events import histories


def events(*rows):
    return pd.DataFrame(rows, columns=["patient", "day", "event"])


def test_histories_are_sorted_by_patient_day_and_event():
    names, (one, two) = histories(
        events(("p2", 5, "scan"), ("p1", 9, "surgery"), ("p1", 3, "scan"), ("p1", 3, "biopsy"))
    )
    assert names == ("biopsy", "scan", "surgery")
    assert (one.patient, one.days.tolist(), one.codes.tolist()) == ("p1", [3, 3, 9], [0, 1, 2])
    assert (two.patient, two.days.tolist(), two.codes.tolist()) == ("p2", [5], [1])


def test_the_same_event_of_a_day_counts_once():
    _, (one,) = histories(events(("p", 1, "scan"), ("p", 1, "scan"), ("p", 2, "scan")))
    assert one.days.tolist() == [1, 2]


def test_events_of_a_day_are_concurrent_and_far_ones_are_not_in_order():
    _, (one,) = histories(events(("p", 0, "a"), ("p", 0, "b"), ("p", 10, "c"), ("p", 100, "d")))
    assert one.in_order(np.inf).astype(int).tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert one.in_order(10).astype(int).tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_it_is_told_which_events_happen_once():
    _, (one,) = histories(events(("p", 0, "a"), ("p", 0, "b"), ("p", 10, "a")))
    assert not one.happen_once([0, 1])
    assert one.happen_once([1])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (events(), "empty table"),
        (events(("p", np.nan, "a")), "1 lack the day"),
        (events(("p", np.inf, "a")), "1 lack the day"),
        (events((None, 1.0, "a"), ("p", 1.0, None)), "1 lack the patient, 1 lack the event"),
        (events(("p", "1 May", "a")), "number of days"),
        (pd.DataFrame({"patient": ["p"], "event": ["a"]}), "lacks day"),
    ],
)
def test_events_that_cannot_be_placed_are_refused(table, message):
    with pytest.raises(BadData, match=message):
        histories(table)
