"""How columns become items: levels of numbers and values of categories, learnt without the outcome."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from data_catalog.errors import BadData
from tasks.methods.method import Method
from tasks.methods.rules.items import (
    ColumnLabel,
    Item,
    ItemTable,
    Refusal,
    Value,
    category_texts,
    is_number,
    item_table,
    numbers,
    readable_cut,
    require_columns,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

LEVEL_NAMES = {
    2: ("low", "high"),
    3: ("low", "medium", "high"),
    4: ("low", "lower middle", "upper middle", "high"),
    5: ("very low", "low", "medium", "high", "very high"),
}
"""What the levels of a number are called, by how many there are."""


class Binning(Value):
    """Be the items learnt from some rows; they can be looked up in any rows."""

    learnt: tuple[Item, ...]
    """The items, in the order of the columns and of their values."""
    refused: tuple[Refusal, ...] = ()
    """The columns that give no items, with the reason."""

    def items(self, table: pd.DataFrame) -> ItemTable:
        """Return which row of `table` has which item.

        Raises
        ------
        BadData
            If the table lacks a column, or a column of numbers holds text.
        """
        return item_table(self.learnt, table)


class Levels(Value):
    """Cut a column's numbers into named levels; a number equal to a cut-off belongs to the level below it."""

    cuts: tuple[float, ...] = Field(min_length=1)
    """Rising cut-offs, in the column's unit."""
    names: tuple[str, ...] = ()
    """Names of the levels, one more than cut-offs, from low to high; empty: the usual ones."""

    @model_validator(mode="after")
    def _check(self) -> Levels:
        if any(low >= high for low, high in zip(self.cuts, self.cuts[1:], strict=False)):
            raise ValueError(f"Cut-offs rise: {self.cuts} came. Sort them and leave out the repeated.")
        levels = len(self.cuts) + 1
        if not self.names and levels not in LEVEL_NAMES:
            raise ValueError(f"Up to {max(LEVEL_NAMES)} levels have usual names: {levels} came. Give `names`.")
        if self.names and len(set(self.names)) != levels:
            raise ValueError(f"{levels} levels have {levels} different names: {self.names} came. Give one for each.")
        return self

    def items(self, column: str, label: ColumnLabel) -> tuple[Item, ...]:
        """Return the levels as items of a column, from low to high."""
        lows: tuple[float | None, ...] = (None, *self.cuts)
        highs: tuple[float | None, ...] = (*self.cuts, None)
        names = self.names or LEVEL_NAMES[len(self.cuts) + 1]
        return tuple(
            Item(column=column, label=label.label, unit=label.unit, level=name, low=low, high=high)
            for name, low, high in zip(names, lows, highs, strict=True)
        )


class _Discretiser(Method):
    """Learn the items of a table without its outcome; text, categories and truth values give an item per value."""

    max_missing: float = Field(default=0.3, ge=0, le=1)
    """Largest share of missing values; a column with more gives no items."""
    min_distinct: int = Field(default=3, ge=2)
    """Fewest different numbers; a column of numbers with fewer gives no items: give it as categories."""
    min_rows: int = Field(default=5, ge=1)
    """Fewest rows a category needs to become an item."""

    def __call__(self, table: pd.DataFrame, columns: Mapping[str, ColumnLabel]) -> Binning:
        """Return the items learnt from the rows given; see `fit`."""
        return self.fit(table, columns)

    def fit(self, table: pd.DataFrame, columns: Mapping[str, ColumnLabel]) -> Binning:
        """Return the items of some columns, learnt from the rows given.

        Raises
        ------
        BadData
            If the table lacks one of the columns.
        """
        require_columns(table, columns)
        items: list[Item] = []
        refused: list[Refusal] = []
        for column, label in columns.items():
            found, reason = self._learn(table[column], column, label)
            items += found
            if not found:
                refused.append(Refusal(column=column, label=label.label, reason=reason))
        return Binning(learnt=tuple(items), refused=tuple(refused))

    def _learn(self, series: pd.Series, column: str, label: ColumnLabel) -> tuple[Sequence[Item], str]:
        import pandas as pd

        if is_number(series):
            values = numbers(series)
            values = values[~np.isnan(values)]
            reason = self._missing(values.size, len(series)) or self._number_reason(values)
            return ((), reason) if reason else self._levels(values, column, label)
        if pd.api.types.is_datetime64_any_dtype(series.dtype) or pd.api.types.is_timedelta64_dtype(series.dtype):
            return (), "it holds dates: give the days since a chosen day as numbers"
        texts = [text for text in category_texts(series) if text is not None]
        reason = self._missing(len(texts), len(series))
        return ((), reason) if reason else self._categories(texts, column, label)

    def _missing(self, known: int, rows: int) -> str:
        if known == 0:
            return "no value is known"
        missing = 1 - known / rows
        if missing <= self.max_missing:
            return ""
        return f"{missing:.0%} of the values are missing, at most {self.max_missing:.0%} may be"

    def _number_reason(self, values: NDArray[np.float64]) -> str:
        if np.isinf(values).any():
            return "it holds infinite values"
        distinct = np.unique(values).size
        if distinct == 1:
            return "every value is the same"
        needed = f"{distinct} different numbers, at least {self.min_distinct} are needed: give it as categories"
        return needed if distinct < self.min_distinct else ""

    def _levels(self, values: NDArray[np.float64], column: str, label: ColumnLabel) -> tuple[Sequence[Item], str]:
        levels = self._cut(values, column)
        if levels is None:
            return (), "no cut-offs are given for it"
        used = np.unique(np.searchsorted(levels.cuts, values, side="left")).size
        return (levels.items(column, label), "") if used > 1 else ((), "every value is in the same level")

    def _categories(self, texts: Sequence[str], column: str, label: ColumnLabel) -> tuple[Sequence[Item], str]:
        counts = Counter(texts)
        if len(counts) == 1:
            return (), "every value is the same"
        seen = sorted(value for value, rows in counts.items() if rows >= self.min_rows)
        items = [Item(column=column, label=label.label, level=value) for value in seen]
        return items, f"none of its {len(counts)} values is seen in {self.min_rows} rows"

    @abstractmethod
    def _cut(self, values: NDArray[np.float64], column: str) -> Levels | None:
        """Return the levels of a column's known numbers, None where it has no cut-offs."""


class QuantileBins(_Discretiser):
    """Cut each column of numbers into levels of as equal numbers of rows as its ties allow.

    The outcome is not looked at, so that the tests of rules stay valid (Garcia et al., IEEE Trans Knowl
    Data Eng 2013;25:734, on unsupervised discretisers). Ties can leave fewer levels than asked for.
    """

    method: Literal["quantile"] = "quantile"
    bins: int = Field(default=3, ge=2, le=5)
    """Number of levels: 2 low and high, 3 low, medium and high."""

    def _cut(self, values: NDArray[np.float64], column: str) -> Levels | None:  # noqa: ARG002
        distinct, counts = np.unique(values, return_counts=True)
        shares = np.cumsum(counts)[:-1] / values.size
        wanted = np.arange(1, self.bins) / self.bins
        nearest = np.unique(np.abs(shares[:, None] - wanted).argmin(axis=0))
        return Levels(cuts=tuple(readable_cut(float(distinct[i]), float(distinct[i + 1])) for i in nearest))


class ColumnCuts(Levels):
    """Give one column's cut-offs."""

    column: str
    """Name of the column in the table."""
    unit: str | None = None
    """Unit of the cut-offs, which is then compared with that of the column; empty takes them to be of one unit."""


class FixedBins(_Discretiser):
    """Cut columns of numbers at given cut-offs, such as clinical ones.

    `cuts` may also be written as a mapping of column to cut-offs, `{"age": [54, 65]}`, or with their unit,
    `{"age": {"cuts": [54, 65], "unit": "years"}}`.
    """

    method: Literal["fixed"] = "fixed"
    cuts: tuple[ColumnCuts, ...]
    """Cut-offs, column by column."""
    otherwise: QuantileBins | None = None
    """How columns of numbers without cut-offs are cut; None: they give no items."""

    @field_validator("cuts", mode="before")
    @classmethod
    def _of_mapping(cls, cuts: Any) -> Any:  # noqa: ANN401
        if not isinstance(cuts, dict):
            return cuts
        return [
            {"column": name, **(values if isinstance(values, dict) else {"cuts": values})}
            for name, values in cuts.items()
        ]

    @model_validator(mode="after")
    def _check(self) -> FixedBins:
        names = [levels.column for levels in self.cuts]
        if len(set(names)) != len(names):
            raise ValueError(f"A column has one list of cut-offs: {names} came. Join those of the same column.")
        return self

    def fit(self, table: pd.DataFrame, columns: Mapping[str, ColumnLabel]) -> Binning:
        """Return the items of some columns, learnt from the rows given.

        Raises
        ------
        BadData
            If the table lacks one of the columns, or a column has another unit than its cut-offs.
        """
        for levels in self.cuts:
            label = columns.get(levels.column)
            if label is not None and levels.unit is not None and levels.unit != label.unit:
                raise BadData(
                    "unit_of_cut_offs",
                    f"Cut-offs of {levels.column!r} are in the column's unit",
                    f"{levels.unit!r} and {label.unit or 'no unit'!r} came",
                    "Give the cut-offs in the unit of the column, or correct the unit of either.",
                )
        return super().fit(table, columns)

    def _cut(self, values: NDArray[np.float64], column: str) -> Levels | None:
        given = {levels.column: levels for levels in self.cuts}
        if column in given or self.otherwise is None:
            return given.get(column)
        return self.otherwise._cut(values, column)  # noqa: SLF001 - a sibling of the same family
