"""Read the tables beside the scans: the named columns only, patients under their pseudonyms."""

from __future__ import annotations

from datetime import date
from math import isfinite
from typing import TYPE_CHECKING, Literal

import numpy as np

from data_catalog.errors import BadData
from data_catalog.kinds import TABLE
from tasks.formats.table import infer, read_table
from tasks.methods.cell_text import cell_text
from tasks.sources.pattern import NamePattern
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from tasks.formats.content import Content
    from tasks.formats.identities import Identities

Case = Literal["as_written", "upper", "lower"]
PATIENT = "patient"
SLASH = "\N{DIVISION SLASH}"
EVENTS = ("patient", "day", "event")


def patient_ids(table: pd.DataFrame, column: str, pattern: str) -> list[str | None]:
    """Return the patient's id of each row as the scans spell it, or None where the cell does not fit."""
    # A pattern looks at the end of a path; a cell is no path, and `A/7` is not the patient `7`.
    match = NamePattern(pattern.replace("/", SLASH)).match
    found = [match(str(cell).strip().replace("/", SLASH)) for cell in table[column]]
    return [None if fields is None else fields["patient"].replace(SLASH, "/") for fields in found]


def spelled(ids: Iterable[str | None], case: Case, spellings: pd.DataFrame | None) -> list[str | None]:
    """Return patients' ids as the scans spell them.

    `spellings` has the columns `written` and `patient`, as text; it is asked for an id as it is written, before its
    letters are changed.

    Raises
    ------
    BadData
        If `spellings` lacks a column, or spells one id in two ways.
    """
    known: dict[str, str] = {}
    if spellings is not None:
        _require(spellings, ("written", "patient"))
        known = dict(zip(spellings["written"], spellings["patient"], strict=True))
        if len(known) < len(spellings):
            raise BadData(
                "spelt_twice", "A spelling stands once in the table of spellings", "one stands twice", "Keep one row."
            )
    return [None if one is None else known.get(one, _in_case(one, case)) for one in ids]


def _in_case(text: str, case: Case) -> str:
    if case == "upper":
        return text.upper()
    return text.lower() if case == "lower" else text


def without(table: pd.DataFrame, missing: Sequence[str]) -> pd.DataFrame:
    """Return a table of text with nothing in the cells that hold one of some words for what is not known."""
    return table.mask(table.isin(list(missing)), "") if missing else table


def _require(table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise BadData(
            "no_such_column",
            f"The table has the columns {', '.join(columns)}",
            f"it lacks {', '.join(missing)}",
            "Correct the plan, or the table's head.",
        )


@stage(TABLE, keeps_parameters=False)
def read_clinical(
    files: list[Content],
    *,
    sheet: str | None,
    patient: str,
    pattern: str,
    columns: tuple[str, ...],
    texts: tuple[str, ...],
    identities: Identities,
    numbered: bool = False,
    case: Case = "as_written",
    missing: tuple[str, ...] = (),
    spellings: Sequence[Content] = (),
) -> pd.DataFrame:
    """Return one row a patient: the pseudonym and the columns asked for; `texts` stay text, as `cell_text` says it."""
    written = without(read_table(files[0].read(), sheet, numbered=numbered), missing)
    _require(written, (patient, *columns))
    others = read_table(spellings[0].read()) if spellings else None
    ids = spelled(patient_ids(written, patient, pattern), case, others)
    known = np.array([one is not None for one in ids])
    typed = infer(written[list(columns)])
    for column in texts:
        typed[column] = written[column].where(written[column] != "")
    for column in typed.columns.difference(typed.select_dtypes(["number", "datetime"]).columns):
        typed[column] = typed[column].map(cell_text, na_action="ignore")
    typed.insert(0, PATIENT, [None if one is None else identities.pseudonym(one) for one in ids])
    return typed[known].reset_index(drop=True)


@stage(TABLE)
def join_clinical(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of the first table with the columns of the others; what these do not know stays missing.

    Raises
    ------
    BadData
        If a patient has several rows in one of the others.
    """
    joined = tables[0]
    for table in tables[1:]:
        if table[PATIENT].duplicated().any():
            raise BadData(
                "patient_twice",
                "A further table has one row a patient",
                "a patient has several",
                "Keep one row for each patient.",
            )
        joined = joined.merge(table, on=PATIENT, how="left", validate="many_to_one")
    return joined


@stage(TABLE, keeps_parameters=False)
def read_event_rows(
    files: list[Content],
    *,
    sheet: str | None,
    patient: str,
    pattern: str,
    when: str,
    event: str,
    identities: Identities,
) -> pd.DataFrame:
    """Return one row an event: the pseudonym, the day since the patient's first event, and what happened."""
    import pandas as pd

    written = read_table(files[0].read(), sheet)
    _require(written, (patient, when, event))
    rows = []
    for one, day, what in zip(patient_ids(written, patient, pattern), written[when], written[event], strict=True):
        if one is not None and day and what:
            rows.append((identities.pseudonym(one), _day(day), what))
    return _from_first(pd.DataFrame(rows, columns=list(EVENTS)))


@stage(TABLE)
def read_event_columns(clinical: pd.DataFrame, *, days: dict[str, str]) -> pd.DataFrame:
    """Return one row an event from the columns of the clinical table that hold days."""
    import pandas as pd

    for column in days.values():
        if clinical[column].notna().any() and clinical[column].dtype.kind not in "iuf":
            raise BadData(
                "not_a_day",
                "A column of days holds numbers",
                f"{column!r} holds dates or text",
                "Count the days from any day of the patient, or give the events as rows (`method: rows`).",
            )
    parts = [
        pd.DataFrame({PATIENT: clinical[PATIENT], "day": pd.to_numeric(clinical[column]), "event": event})
        for event, column in days.items()
    ]
    return _from_first(pd.concat(parts).dropna(subset="day"))


def _from_first(events: pd.DataFrame) -> pd.DataFrame:
    days = events["day"].astype(float)
    first = days.groupby(events[PATIENT]).transform("min")
    return events.assign(day=days - first).sort_values([PATIENT, "day", "event"], ignore_index=True)


def _day(text: str) -> float:
    """Return the day of an ISO date, `20240331` among them, or the number that a cell holds."""
    for read in (_ordinal, float):
        try:
            day = read(text)
        except ValueError:
            continue
        if isfinite(day):
            return day
    raise BadData(
        "not_a_day",
        "The day of an event is a number, or a date in ISO 8601",
        "a cell holds something else",
        "Write dates as 2024-03-31.",
    )


def _ordinal(text: str) -> float:
    return float(date.fromisoformat(text[:10]).toordinal())
