"""The clinical table and the table of events of the invented cohort, as rows and as CSV files."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tasks.synthetic.design import Case

CLINICAL, EVENTS = "clinical.csv", "events.csv"
CLINICAL_COLUMNS = (
    "patient_id", "first_visit", "age_years", "sex", "marker", "grade", "smoking", "haemoglobin_g_dl",
    "creatinine_umol_l", "weight_kg", "blood_group", "progression",
)  # fmt: skip
EVENT_COLUMNS = ("patient_id", "date", "event")
MISSING = {"haemoglobin_g_dl": (11, 3), "smoking": (13, 5), "creatinine_umol_l": (17, 6)}
"""A cell is empty where the patient's number leaves the second on division by the first."""

SCAN_EVENT = "CT"
OTHER_EVENTS = ("biopsy", "surgery", "chemotherapy", "blood_test", "transfusion")
"""Events without an order; `diagnosis` and `follow_up` are not among them: they would be first and last."""
EVENT_SHARE = 0.7
"""Part of the patients that has each of the other events."""
WINDOW_DAYS = 100
"""Events happen so many days before or after the baseline CT."""
STEROIDS_TO_INFECTION_DAYS = (7, 30)
TIMELINES_TRIED = 30

Row = dict[str, Any]


def clinical_row(case: Case, patient_id: str) -> Row:
    """Return a patient's row of the clinical table; a missing value is an empty text."""
    row = {name: getattr(case, name) for name in CLINICAL_COLUMNS if name != "patient_id"}
    row |= {name: "" for name, (divisor, rest) in MISSING.items() if case.number % divisor == rest}
    return {"patient_id": patient_id} | row | {"first_visit": case.first_visit.isoformat()}


def timelines(cases: list[Case], seed: int) -> list[dict[str, date]]:
    """Return each patient's events with their dates, so that only steroids and infection have an order.

    Of several random timelines of a patient the one is taken that best evens out, over the patients
    so far, how often each event comes before each other one.
    """
    names = [SCAN_EVENT, *OTHER_EVENTS, "steroids", "infection"]
    lead = np.zeros((len(names), len(names)))
    planted = np.ones_like(lead)
    planted[-2:, -2:] = 0.0
    chosen = []
    for case in cases:
        rng = np.random.default_rng([seed, 4, case.number])
        tried = [_days(case, rng) for _ in range(TIMELINES_TRIED)]
        leads = [lead + planted * _before(days, names) for days in tried]
        best = int(np.argmin([np.square(after).sum() for after in leads]))
        lead = leads[best]
        chosen.append({name: case.first_visit + timedelta(days=day) for name, day in tried[best].items()})
    return chosen


def event_rows(timeline: dict[str, date], patient_id: str) -> list[Row]:
    """Return a patient's rows of the table of events, by date."""
    dated = sorted(timeline.items(), key=lambda event: event[1])
    return [{"patient_id": patient_id, "date": day.isoformat(), "event": name} for name, day in dated]


def write_rows(path: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    """Write a table as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def append_rows(path: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    """Add rows to a table that is there."""
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, columns, lineterminator="\n").writerows(rows)


def _days(case: Case, rng: np.random.Generator) -> dict[str, int]:
    """Return the days, from the baseline CT, of one patient's events; no two fall on one day."""
    days = {SCAN_EVENT: 0} | _planted_days(case, rng)
    others = [name for name in OTHER_EVENTS if rng.random() < EVENT_SHARE]
    free = np.setdiff1d(np.arange(-WINDOW_DAYS, WINDOW_DAYS + 1), list(days.values()))
    drawn = rng.choice(free, len(others), replace=False)
    return days | {name: int(day) for name, day in zip(others, drawn, strict=True)}


def _planted_days(case: Case, rng: np.random.Generator) -> dict[str, int]:
    shortest, longest = STEROIDS_TO_INFECTION_DAYS
    apart = int(rng.integers(shortest, longest + 1))
    first = int(rng.choice(np.setdiff1d(np.arange(-WINDOW_DAYS, WINDOW_DAYS - apart + 1), [0, -apart])))
    return {
        "steroids_first": {"steroids": first, "infection": first + apart},
        "infection_first": {"infection": first, "steroids": first + apart},
        "steroids_only": {"steroids": first},
        "infection_only": {"infection": first},
        "neither": {},
    }[case.order]


def _before(days: dict[str, int], names: list[str]) -> NDArray[np.float64]:
    """Return, for each pair of events, 1 where the row's comes first, -1 where the column's does, else 0."""
    at = np.array([days.get(name, np.nan) for name in names])
    first: NDArray[np.float64] = np.nan_to_num(np.sign(at[np.newaxis, :] - at[:, np.newaxis]))
    return first
