"""The numbers of a column that others give, or where it holds none, in which row, without telling what is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from tasks.methods.rules.items import numbers

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def asked_numbers(column: str, series: pd.Series) -> NDArray[np.float64]:
    """Return a column of numbers as float64, NaN where missing.

    Raises
    ------
    BadData
        If the column holds something else; it names the first row.
    """
    try:
        return numbers(series)
    except BadData as bad:
        came = f"column {column!r}: {_no_numbers(series)}"
        remedy = "Write numbers as 12.5 in every cell, or leave the cell empty where none is known."
        raise BadData(bad.verdict, "A column with levels holds numbers", came, remedy) from None


def _no_numbers(series: pd.Series) -> str:
    """Return how many rows of a column hold no number, and which is the first, without what is in it."""
    import pandas as pd

    cells = [(row, str(cell).strip()) for row, cell in series.items() if not pd.isna(cell)]
    commas = [row for row, cell in cells if DECIMAL_COMMA.fullmatch(cell)]
    wrong = commas or [row for row, cell in cells if not _reads_as_number(cell)] or [row for row, _ in cells]
    kind = "a number with a decimal comma" if commas else f"no number (the column is of type {series.dtype})"
    counted = "" if series.index.name is not None else " (counted from 0)"
    rows = "1 row holds" if len(wrong) == 1 else f"{len(wrong)} rows hold"
    return f"{rows} {kind}, the first is row {wrong[0]}{counted}"


def _reads_as_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
