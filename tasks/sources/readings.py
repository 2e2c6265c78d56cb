"""The table of readings: what several readers say of the same cases, and which rules are looked for in it."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from tasks.methods.rules import Discretiser
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.readings import READING_COLUMNS, ReadingMiner
from tasks.sources.tables import Part, Pattern


class ReadingTable(Part):
    """A table with one row a reading: the patient, the case, the reader, and the ratings given."""

    path: Path
    """CSV, TSV or Excel file; relative to the plan's folder."""
    sheet: str | None = None
    """Sheet of an Excel file; empty takes the first."""
    patient: str
    """Column that says which patient a row is of."""
    patient_pattern: Pattern = "{patient}"
    """How that column spells the patient."""
    case: str
    """Column that tells a patient's cases apart: a lesion, or an image. Its values are replaced by numbers."""
    reader: str
    """Column that says who read. Its values appear in the report: write codes, no names."""
    ratings: tuple[str, ...]
    """Columns with what was said of the case; none is called `patient`, `case` or `reader`."""
    labels: dict[str, str] = {}
    """Words for a column in the report; empty takes the column's name."""
    units: dict[str, str] = {}
    """Unit of a numeric column (`diameter_mm`: `mm`)."""

    @field_validator("ratings")
    @classmethod
    def _are_no_keys(cls, ratings: tuple[str, ...]) -> tuple[str, ...]:
        taken = sorted(set(ratings) & set(READING_COLUMNS))
        if taken:
            raise ValueError(
                f"A rating is called otherwise than {', '.join(READING_COLUMNS)}: {', '.join(taken)} is among them. "
                "Rename the column in the table."
            )
        return ratings


class ReadingSearch(Part):
    """Which rules are looked for in the readings, and how ratings become levels."""

    miner: ReadingMiner
    """Which rating the rules end in, and how they are tested."""
    discretiser: Discretiser = QuantileBins()
    """How numbers become levels; ratings that mean something from a value on are cut there (`fixed`)."""
