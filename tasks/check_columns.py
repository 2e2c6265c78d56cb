"""Look at the columns known before the outcome: none tells who a patient is, and numbers are numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from tasks.formats.table import MISSING_WORDS, infer
from tasks.methods.cohort.identifying import FEWEST_NUMBERS, NUMBER_WITH_COMMA, is_number, what_it_tells

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd

    from tasks.methods.cohort.identifying import Tells
    from tasks.sources.tables import PatientTable

SHOWN = 10
"""Rows that a message names at the most."""
FACTS = "names facts that tell nobody who a patient is"
REMEDIES: dict[Tells, tuple[str, str, str]] = {
    "dates": (
        "names numbers and categories",
        "{column} holds dates",
        "Write days since a fixed event of the patient instead, or an age, or take the column out.",
    ),
    "record numbers": (
        FACTS,
        "{column} has another whole number in each row, as record numbers have",
        "Take the column out; if it is measured, name its unit in `clinical.units`.",
    ),
    "texts of one patient": (
        FACTS,
        "{column} has another text in nearly every row, as names, record numbers and remarks have",
        "Take the column out, or write a few categories instead.",
    ),
    "decimal commas": (
        "names numbers and categories",
        "{column} holds numbers with a comma ({rows})",
        "Write the decimals of numbers behind a point, and no sign between thousands.",
    ),
    "numbers with text": (
        "names numbers and categories",
        "{column} holds {counted}",
        "Correct these cells, or empty them; a word for what is not known may stand in `missing`, and a column whose"
        " numbers are codes in `categories`.",
    ),
}
"""What is expected of a column that is not fit, what came, and what to do."""


def shown_rows(rows: Sequence[str]) -> str:
    """Return the numbers of the first rows in words."""
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"row {', '.join(rows[:SHOWN])}{more}"


def require_fit_columns(table: PatientTable, written: pd.DataFrame, measured: Collection[str]) -> None:
    """Raise `PlanError` where a column known before holds dates, record numbers, or numbers among which is text.

    `written` is the table as text, and `measured` are the columns that have a unit. Messages name no value.
    """
    dates = _dates(table, written)
    for column in table.known_before:
        cells = _filled(written, column)
        is_code = column in table.categories
        tells = what_it_tells(column, cells.tolist(), is_code=is_code, has_unit=column in measured)
        if column in dates:
            tells = "dates"
        if tells is not None:
            expected, came, remedy = REMEDIES[tells]
            commas = [str(row) for row, cell in cells.items() if NUMBER_WITH_COMMA.fullmatch(cell)]
            raise PlanError(
                f"clinical.known_before ({table.path.name}) {expected}",
                came.format(column=repr(column), rows=shown_rows(commas), counted=_counted(cells)),
                remedy,
            )


def mixed_columns(table: PatientTable, written: pd.DataFrame) -> list[str]:
    """Return what a reader should know of columns of few numbers among which is text: they are read as categories."""
    findings = []
    for column in table.known_before:
        cells = _filled(written, column)
        numbers = [cell for cell in cells if is_number(cell)]
        is_mixed = len(cells) / 2 < len(numbers) < len(cells) and len(set(numbers)) <= FEWEST_NUMBERS
        if is_mixed and column not in table.categories:
            findings.append(
                f"{table.path.name}: {column!r} holds {_counted(cells)}, and is read as categories. If it is meant so,"
                " name it in `categories`; else correct these cells, or empty them."
            )
    return findings


def _dates(table: PatientTable, written: pd.DataFrame) -> set[str]:
    typed = infer(written[list(table.known_before)])
    return {str(column) for column in typed.columns if typed[column].dtype.kind == "M"}


def _filled(written: pd.DataFrame, column: str) -> pd.Series:
    cells = written[column]
    return cells[~cells.str.casefold().isin(["", *MISSING_WORDS])]


def _counted(cells: pd.Series) -> str:
    texts = [str(row) for row, cell in cells.items() if not is_number(cell)]
    noun = "text" if len(texts) == 1 else "texts"
    return f"{len(cells) - len(texts)} numbers and {len(texts)} {noun} ({shown_rows(texts)})"
