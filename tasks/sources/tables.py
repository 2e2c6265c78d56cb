"""The tables beside the scans: the clinical table, the dated events, and which column is the outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tasks.methods.cell_text import CellText
from tasks.methods.method import Choice, Method
from tasks.sources.pattern import checked_pattern


def _with_patient(pattern: str) -> str:
    if "{patient}" not in pattern:
        message = f"a pattern says where the patient stands: {{patient}} is not in {pattern!r}"
        raise ValueError(message)
    return checked_pattern(pattern)


Pattern = Annotated[str, AfterValidator(_with_patient)]
"""How names spell the patient and what else they tell."""


class Part(BaseModel):
    """A part of a plan: frozen, unknown fields are errors, docstrings are the form's help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PatientTable(Part):
    """A table with one row a patient. Only the columns named here are read; all others stay in the file."""

    path: Path
    """CSV, TSV or Excel file; relative to the plan's folder."""
    sheet: str | None = None
    """Sheet of an Excel file; empty takes the first."""
    numbered: bool = False
    """Whether columns may lack a name of their own: one without any then goes by its number in the file (`column 1`),
    and a further one of a name by that and its number (`grade 18`)."""
    patient: str
    """Column that says which patient a row is of."""
    patient_pattern: Pattern = "{patient}"
    """How that column spells the patient (`{patient}.png`), so that it equals what the scans say."""
    patient_case: Literal["as_written", "upper", "lower"] = "as_written"
    """Letters in which the scans, or the first table, spell the patients, where this table mixes them."""
    spellings: Path | None = None
    """CSV file with the columns `written` and `patient`: ids that this table spells otherwise, and how the scans, or
    the first table, do. Relative to the plan's folder."""
    missing: tuple[str, ...] = ()
    """What stands in cells whose value is not known (`NA`, `?`), beside nothing; in columns of text too."""
    known_before: tuple[str, ...] = ()
    """Columns known before the outcome: only these are used to predict and to explain."""
    categories: tuple[str, ...] = ()
    """Columns among these whose numbers are codes of categories (1 frontal, 2 temporal), and not amounts."""

    @model_validator(mode="after")
    def _codes_what_it_reads(self) -> PatientTable:
        others = sorted(set(self.categories) - set(self.known_before))
        if others:
            raise ValueError(
                f"Categories are columns known before: {', '.join(others)} is not in known_before. Add it."
            )
        return self


class ClinicalTable(PatientTable):
    """The clinical table, and further tables of the same patients."""

    further: tuple[PatientTable, ...] = ()
    """Tables beside it, such as another department's: their columns known before are joined to its rows."""
    labels: dict[str, str] = {}
    """Words for a column in the report (`age_years`: `age`); empty takes the column's name."""
    units: dict[str, str] = {}
    """Unit of a numeric column (`age_years`: `years`)."""

    @property
    def tables(self) -> tuple[PatientTable, ...]:
        """All tables, the clinical one first."""
        return (self, *self.further)

    @property
    def all_known_before(self) -> tuple[str, ...]:
        """The columns known before, of all tables."""
        return tuple(column for table in self.tables for column in table.known_before)


class EventRows(Method):
    """A table with one row an event: the patient, the date or the day, and what happened."""

    method: Literal["rows"] = "rows"
    path: Path
    """CSV, TSV or Excel file; relative to the plan's folder."""
    sheet: str | None = None
    """Sheet of an Excel file; empty takes the first."""
    patient: str
    """Column that says which patient a row is of."""
    patient_pattern: Pattern = "{patient}"
    """How that column spells the patient."""
    when: str
    """Column with the date (ISO 8601) or the number of the day."""
    event: str
    """Column that says what happened."""


class EventColumns(Method):
    """Columns of the clinical table that hold the day of an event, counted from any day of the patient."""

    method: Literal["columns"] = "columns"
    days: dict[str, str]
    """Event and the column with its day (`surgery`: `days_to_surgery`); an empty cell is no event."""


EventTable = Annotated[EventRows | EventColumns, Choice()]


class Outcome(Part):
    """The column to predict and to explain, and its two values."""

    column: str
    """Column of the clinical table."""
    positive: CellText
    """The value that is the event (`1`, `yes`, `malignant`)."""
    negative: CellText | None = None
    """The value that is not; empty takes every other value. Rows with neither have no outcome."""
    label: str | None = None
    """Words for the positive outcome in the report; empty takes the column and the value."""

    @property
    def sentence(self) -> str:
        """The positive outcome in words."""
        return self.label or f"{self.column} is {self.positive}"


PixelUnit = Literal["mm", "cm"]
Positive = Annotated[float, Field(gt=0)]
