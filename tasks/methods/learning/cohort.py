"""The rows a learner may see: the features of a table, an outcome of 0 and 1, and the patient of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.learning.repeated import Repeated

SCANNER = "(scanner)"
"""Column beside the features that names the scanner of each row."""
PERTURBED = "(perturbed)"
"""Column beside the features whose cells are arrays (repetitions, numeric features), of perturbed regions."""
READINGS = "(readings)"
"""Column beside the features whose cells are arrays (readers, numeric features)."""
BESIDE = (SCANNER, PERTURBED, READINGS)
MISSING = "(missing)"
"""Category of an empty cell of a categorical column."""
LARGEST_VALUE = 1e100
"""Beyond this the square of a value is no longer a number a computer can hold."""
NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal", "boolean"})
DATES = frozenset({"datetime", "datetime64", "date", "time", "timedelta", "timedelta64", "period", "interval"})


@dataclass(frozen=True)
class Columns:
    """Name the feature columns of a table, told apart by what they hold.

    Parameters
    ----------
    numeric : tuple of str
        Columns of numbers or booleans.
    categorical : tuple of str
        Columns of anything else but dates.
    empty : tuple of str
        Columns without a single value in any row: no learner sees them.
    """

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns a learner sees: the numeric ones, then the categorical ones."""
        return self.numeric + self.categorical

    def within(self, table: pd.DataFrame) -> Columns:
        """Return those of the columns that a table has: steps before may have left some out."""
        numeric, categorical = (
            tuple(name for name in names if name in table) for names in (self.numeric, self.categorical)
        )
        return Columns(numeric, categorical, self.empty)

    @classmethod
    def of(cls, table: pd.DataFrame) -> Columns:
        """Tell the columns of a table apart; dates, doubled names and a table without a value are `BadData`."""
        _require_names(table)
        kinds = {str(name): _kind(table[name]) for name in table.columns}
        if "date" in kinds.values():
            raise BadData(
                "date_column",
                "A feature is a number or a category",
                f"{sum(kind == 'date' for kind in kinds.values())} columns hold dates",
                "Turn them into days since a fixed event of the patient.",
            )
        held = {kind: tuple(name for name, other in kinds.items() if other == kind) for kind in set(kinds.values())}
        columns = cls(held.get("numeric", ()), held.get("categorical", ()), held.get("empty", ()))
        if not columns.names:
            raise BadData(
                "no_features",
                "A table has at least one column with a value in it",
                f"all {len(columns.empty)} columns are empty",
                "Check that the features were computed and joined to the right rows.",
            )
        return columns


def _require_names(table: pd.DataFrame) -> None:
    names = list(table.columns)
    if len(set(names)) < len(names) or {*BESIDE} & {*names} or not all(isinstance(name, str) for name in names):
        raise BadData(
            "bad_column_names",
            f"Columns have names that are text, each once, and none of {', '.join(BESIDE)}",
            f"{len(names)} columns with {len(set(names))} different names",
            "Rename the columns.",
        )


def _kind(column: pd.Series[Any]) -> str:
    """Return `empty`, `categorical`, `date` or `numeric`."""
    import pandas as pd

    if column.isna().all():
        return "empty"
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "categorical"
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred in DATES:
        return "date"
    return "numeric" if inferred in NUMBERS else "categorical"


def numbers(table: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    """Return the values (rows, columns) of numeric columns as floats, NaN where a cell is empty."""
    _require_columns(table, names)
    values: NDArray[np.float64] = table[list(names)].to_numpy(dtype=np.float64, na_value=np.nan)
    too_large = int(np.count_nonzero(np.abs(values) > LARGEST_VALUE))
    if too_large:
        raise BadData(
            "not_a_finite_number",
            f"A feature is at most {LARGEST_VALUE:g} in size",
            f"{too_large} of {values.size} cells are larger or infinite",
            "Correct the feature, or leave the cell empty.",
        )
    return values


def texts(table: pd.DataFrame, names: Sequence[str]) -> NDArray[np.object_]:
    """Return the values (rows, columns) of categorical columns as text, `MISSING` where a cell is empty."""
    _require_columns(table, names)
    block = table[list(names)]
    missing = block.isna().to_numpy()
    return np.where(missing, MISSING, block.astype(str).to_numpy(dtype=object)).astype(object)


def _require_columns(table: pd.DataFrame, names: Sequence[str]) -> None:
    absent = set(names) - set(table.columns)
    if absent:
        raise BadData(
            "missing_column",
            f"The table has the {len(names)} columns the model was made for",
            f"{len(absent)} of them are absent: {', '.join(sorted(absent)[:5])}",
            "Compute the same features, under the same names.",
        )


@dataclass(frozen=True, eq=False)
class Cohort:
    """Hold the rows of a study, matched by position.

    Parameters
    ----------
    table : DataFrame
        Features, the column `SCANNER` where scanners are known, and the columns `PERTURBED` and `READINGS` where
        features were measured again.
    outcome : array
        (rows,) of 0 and 1.
    groups : array
        (rows,) of text, the patient of each row.
    columns : Columns
        Names of the features.
    """

    table: pd.DataFrame
    outcome: NDArray[np.int64]
    groups: NDArray[np.str_]
    columns: Columns

    @classmethod
    def of(
        cls,
        table: pd.DataFrame,
        outcome: NDArray[Any],
        groups: NDArray[Any],
        scanner: NDArray[Any] | None = None,
        repeated: Repeated | None = None,
    ) -> Cohort:
        """Check a table, its outcome, patients, scanners and repeated measurements once; nothing is fitted to them."""
        columns = Columns.of(table)
        numbers(table, columns.numeric)
        frame = table[list(columns.names)].reset_index(drop=True)
        _require_length(len(frame), {"outcome": outcome, "patients": groups, "scanners": scanner})
        if scanner is not None:
            frame = frame.assign(**{SCANNER: keys(scanner, "scanner")})
        if repeated is not None:
            frame = _with_repeated(frame, repeated.named(columns.numeric))
        return cls(frame, _outcome(outcome), keys(groups, "patient"), columns)

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def patients(self) -> NDArray[np.int64]:
        """Number of the patient of each row, counted by first appearance: opaque, and enough to resample by."""
        import pandas as pd

        return np.asarray(pd.factorize(self.groups)[0], dtype=np.int64)

    def take(self, rows: NDArray[np.int64]) -> Cohort:
        """Return the rows at some positions, as a copy that shares nothing with the others."""
        return Cohort(self.table.iloc[rows].reset_index(drop=True), self.outcome[rows], self.groups[rows], self.columns)


def _with_repeated(frame: pd.DataFrame, repeated: Repeated) -> pd.DataFrame:
    """Return the rows with their repeated measurements in a cell each, so that these go wherever the row goes."""
    for name, cube in ((PERTURBED, repeated.perturbed), (READINGS, repeated.readings)):
        _require_length(len(frame), {"repeated measurements": cube})
        if cube.shape[1]:
            cube.setflags(write=False)
            cells = np.empty(len(cube), dtype=object)
            for row, measurements in enumerate(cube):
                cells[row] = measurements
            frame = frame.assign(**{name: cells})
    return frame


def _require_length(rows: int, given: dict[str, Any]) -> None:
    lengths = {name: len(values) for name, values in given.items() if values is not None}
    if any(length != rows for length in lengths.values()):
        raise BadData(
            "rows_do_not_match",
            "Table, outcome, patients, scanners and repeated measurements have one entry per row",
            f"{rows} rows of the table, and " + ", ".join(f"{length} {name}" for name, length in lengths.items()),
            "Join them on the same rows first.",
        )


def _outcome(outcome: NDArray[Any]) -> NDArray[np.int64]:
    import pandas as pd

    values = pd.Series(np.asarray(outcome))
    known = values.isin([0, 1])
    if not known.all():
        raise BadData(
            "outcome_not_binary",
            "The outcome is 0 or 1 in every row",
            f"{int(values.isna().sum())} rows have none, {int((~known & values.notna()).sum())} have another value",
            "Leave out the rows without an outcome, and name the value that counts as an event.",
        )
    return values.to_numpy().astype(np.int64)


def keys(values: NDArray[Any], what: str) -> NDArray[np.str_]:
    """Return one text per row; a row without any is `BadData` that says what it lacks."""
    import pandas as pd

    series = pd.Series(np.asarray(values))
    empty = series.isna() | (series.astype(str).str.strip() == "")
    if empty.any():
        raise BadData(
            f"no_{what}",
            f"Every row has a {what}",
            f"{int(empty.sum())} of {len(series)} rows have none",
            f"Name the {what} of these rows, or leave them out.",
        )
    return series.astype(str).to_numpy(dtype=np.str_)
