"""Items, one attribute and its value each, and the table of which row has which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from data_catalog.errors import BadData
from tasks.methods.cell_text import cell_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

MAX_OUTCOME_VALUES = 10
"""An outcome with more values than this is a measurement: it has to be binned before rules can end in it."""
POSITIONAL_FROM, POSITIONAL_TO = 1e-4, 1e7
"""Between these, a number is written without an exponent."""


class Value(BaseModel):
    """Be a small frozen record: unknown fields are errors, and JSON gives back an equal one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class ColumnLabel(Value):
    """Say a column's name as a person would."""

    label: str
    """Name in a sentence, for example `GLCM contrast`."""
    unit: str = ""
    """Unit of the values, empty where there is none."""


class Item(Value):
    """Name one attribute and its value: a level of a number (low < x <= high), or a category."""

    column: str
    """Column of the table it was made from."""
    label: str
    """The column's name in a sentence."""
    level: str
    """Name of the level (`high`), or the category itself (`positive`)."""
    unit: str = ""
    """Unit of `low` and `high`."""
    low: float | None = None
    """The number is above this; None where the level has no lower end."""
    high: float | None = None
    """The number is at most this; None where the level has no upper end."""

    @property
    def is_range(self) -> bool:
        """Return whether the item is a level of a number."""
        return self.low is not None or self.high is not None

    @property
    def key(self) -> tuple[str, str]:
        """Return what stays the same when the cut-offs are learnt again: column and level."""
        return self.column, self.level

    @property
    def sentence(self) -> str:
        """Return the item as a person would say it, such as `age low (<= 54 years)`."""
        return f"{self.label} {self.level} ({self._range})" if self.is_range else f"{self.label} is {self.level}"

    @property
    def clause(self) -> str:
        """Return the item as part of a sentence, such as `age is low (<= 54 years)`."""
        return f"{self.label} is {self.level} ({self._range})" if self.is_range else self.sentence

    @property
    def _range(self) -> str:
        below = [] if self.low is None else [f"> {number_text(self.low)}"]
        to = "to" if below else "<="
        above = [] if self.high is None else [f"{to} {number_text(self.high)}"]
        return " ".join([*below, *above, *([self.unit] if self.unit else [])])


class Refusal(Value):
    """Name a column that gives no items, and why."""

    column: str
    """Column of the table."""
    label: str
    """The column's name in a sentence."""
    reason: str
    """What was found, against what is needed."""


@dataclass(frozen=True, eq=False)
class ItemTable:
    """Tell of each row and item whether it is present, absent or not known.

    Parameters
    ----------
    items
        The columns of both matrices.
    present
        (rows, items): the row has the item. False where it is not known.
    known
        (rows, items): it is known whether the row has the item.
    """

    items: tuple[Item, ...]
    present: NDArray[np.bool_]
    known: NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.present.shape[0])

    def select(self, rows: NDArray[np.intp]) -> ItemTable:
        """Return the table of some rows, given by their positions."""
        return ItemTable(self.items, self.present[rows], self.known[rows])

    def beside(self, other: ItemTable) -> ItemTable:
        """Return the items of both tables for the same rows, those of `other` last.

        Raises
        ------
        BadData
            If the tables differ in their number of rows.
        """
        require_same_rows(len(self), len(other))
        both = np.hstack([self.present, other.present]), np.hstack([self.known, other.known])
        return ItemTable(self.items + other.items, *both)


def item_table(items: Sequence[Item], table: pd.DataFrame) -> ItemTable:
    """Return which row of the table has which item; a missing value is neither present nor absent.

    Raises
    ------
    BadData
        If the table lacks a column, or a column of numbers holds text.
    """
    require_columns(table, [item.column for item in items])
    shape = len(table), len(items)
    present, known = np.zeros(shape, bool), np.zeros(shape, bool)
    for position, item in enumerate(items):
        present[:, position], known[:, position] = _has(item, table[item.column])
    return ItemTable(tuple(items), present, known)


def outcome_items(outcome: pd.Series, label: ColumnLabel) -> ItemTable:
    """Return one item per value of an outcome, in the order of their text.

    Raises
    ------
    BadData
        If the outcome has one value only, or so many that it is a measurement.
    """
    import pandas as pd

    texts = category_texts(outcome)
    values = sorted({text for text in texts if text is not None})
    if not 1 < len(values) <= MAX_OUTCOME_VALUES:
        raise BadData(
            "outcome_values",
            f"An outcome has 2 to {MAX_OUTCOME_VALUES} different values",
            f"{len(values)} came",
            "Choose another outcome, or give a measured one as levels (text).",
        )
    items = [Item(column=str(outcome.name), label=label.label, level=value) for value in values]
    return item_table(items, pd.DataFrame({str(outcome.name): pd.Series(texts, dtype=object)}))


def outcome_apart(outcome: pd.Series, columns: Mapping[str, ColumnLabel]) -> tuple[ItemTable, dict[str, ColumnLabel]]:
    """Return a named outcome's items, under its label where `columns` has it, and the other columns."""
    name = str(outcome.name)
    others = {column: label for column, label in columns.items() if column != name}
    return outcome_items(outcome, columns.get(name, ColumnLabel(label=name))), others


def category_texts(series: pd.Series) -> list[str | None]:
    """Return the text of each category as `cell_text` says it, None where missing or blank."""
    missing = series.isna().to_numpy(dtype=bool)
    return [None if gone else cell_text(value) for value, gone in zip(series.tolist(), missing, strict=True)]


def strata_of(table: pd.DataFrame, column: str | None) -> list[str | None] | None:
    """Return the group within which each row is compared, None where its value is missing; None without a column.

    Raises
    ------
    BadData
        If the table lacks the column.
    """
    if column is None:
        return None
    require_columns(table, [column])
    return category_texts(table[column])


def numbers(series: pd.Series) -> NDArray[np.float64]:
    """Return a column of numbers as float64, NaN where missing.

    Raises
    ------
    BadData
        If the column holds something else.
    """
    if not (is_number(series) or series.isna().all()):
        raise BadData(
            "not_numbers",
            "A column with levels holds numbers",
            f"a column of type {series.dtype} came",
            "Give the column as numbers, or learn its items anew.",
        )
    return np.asarray(series.to_numpy(dtype=float, na_value=np.nan), dtype=float)


def is_number(series: pd.Series) -> bool:
    """Return whether a column holds numbers; truth values are categories."""
    import pandas as pd

    return pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype)


def number_text(number: float) -> str:
    """Return the shortest text that reads back as the same number."""
    if number == 0 or POSITIONAL_FROM <= abs(number) < POSITIONAL_TO:
        return np.format_float_positional(number, trim="-")
    return np.format_float_scientific(number, trim="-")


def readable_cut(below: float, above: float) -> float:
    """Return the cut near the middle of below <= cut < above that has the fewest digits.

    Every row falls on the side where any other cut of the interval would put it, so that the
    sentence made of the cut is exact and short.
    """
    middle = below / 2 + above / 2
    tried = (float(f"{middle:.{digits}g}") for digits in range(1, 18))
    return next((cut for cut in tried if below <= cut < above), below)


def require_columns(table: pd.DataFrame, names: Sequence[str] | Mapping[str, ColumnLabel]) -> None:
    """Refuse a table that lacks some columns.

    Raises
    ------
    BadData
        If one is missing.
    """
    lacking = sorted({name for name in names if name not in table.columns})
    if lacking:
        raise BadData(
            "missing_column",
            "The table holds every column it is asked for",
            f"it lacks {', '.join(lacking)}",
            "Add the column, or take it from the list.",
        )


def require_same_rows(rows: int, others: int) -> None:
    """Refuse two tables that do not describe the same rows.

    Raises
    ------
    BadData
        If their numbers of rows differ.
    """
    if rows != others:
        raise BadData(
            "rows_differ",
            "Tables used together describe the same rows",
            f"{rows} and {others} rows came",
            "Take them from one table.",
        )


def require_one_row_each(groups: Sequence[str], rows: int) -> None:
    """Refuse several rows of one patient: a test of counts takes each row for an independent patient.

    Raises
    ------
    BadData
        If a key repeats, or the keys are not as many as the rows.
    """
    require_same_rows(rows, len(groups))
    patients = len(set(groups))
    if patients != rows:
        raise BadData(
            "several_rows_per_patient",
            "Rules are counted in patients, one row each",
            f"{rows} rows of {patients} patients came",
            "Choose one row per patient (the first visit, say) or summarise the rows of each patient first.",
        )


def _has(item: Item, series: pd.Series) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    if item.is_range:
        values = numbers(series)
        known = ~np.isnan(values)
        above = values > (-np.inf if item.low is None else item.low)
        return known & above & (values <= (np.inf if item.high is None else item.high)), known
    texts = category_texts(series)
    return np.array([text == item.level for text in texts], bool), np.array([text is not None for text in texts], bool)
