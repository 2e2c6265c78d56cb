"""From one row a measurement to one row a patient, or a patient and visit; missing stays missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.cell_text import cell_text, same_cell
from tasks.methods.cohort.deltas import is_change
from tasks.methods.cohort.visits import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.cohort.deltas import Deltas

MEASURED = ("modality", "region", "reader")
OUTCOME = "outcome"
"""Column of the outcome: 1 where it came true, 0 where not, missing where nobody knows."""


def wide_features(features: pd.DataFrame, readers: Literal["mean", "first"], by: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return one row a patient and visit; a column is `<modality>.<region>.<feature>`.

    Parameters
    ----------
    features : DataFrame
        One row a measurement: patient, visit, modality, region, reader, and the features.
    readers : str
        Several readers of one region: the mean of their features, or the first by name.
    by : tuple of str
        Further columns that tell rows apart.
    """
    import pandas as pd

    rows = ["patient", "visit", *by]
    if features.empty:
        return features[rows]
    names = [name for name in features.columns if name not in {*KEYS, *MEASURED, *by}]
    # A column lies in one piece: a table of thousands of them is worked on column by column.
    columns = features[names].astype(np.float64).to_numpy().T
    place = ["modality", "region"]
    keys = features[[*dict.fromkeys([*place, *rows, "reader"])]].reset_index(drop=True)
    ordered = keys.sort_values([*place, *rows, *({"reader"} - {*rows})])
    parts, labels = [], []
    for (modality, region), of_region in ordered.groupby(place, sort=True):
        who, held = _single(of_region, columns, rows, readers)
        is_there = ~np.isnan(held)
        wanted, there = (np.flatnonzero(is_there.any(axis=axis)) for axis in (1, 0))
        parts.append((who.iloc[there], held[np.ix_(wanted, there)]))
        labels += [f"{modality}.{region}.{names[one]}" for one in wanted]
    index = pd.concat([who for who, _ in parts]).drop_duplicates().sort_values(rows, ignore_index=True)
    found = pd.MultiIndex.from_frame(index)
    cells = np.full((len(labels), len(index)), np.nan)
    first = 0
    for who, held in parts:
        cells[first : first + len(held), found.get_indexer(pd.MultiIndex.from_frame(who))] = held
        first += len(held)
    return pd.concat([index, pd.DataFrame(cells.T, columns=labels, copy=False)], axis=1)


def _single(
    region: pd.DataFrame, columns: NDArray[np.float64], rows: list[str], readers: Literal["mean", "first"]
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Return the rows that one region has, sorted, and its columns there: the mean over its readers, or the first.

    `region` says of which row and reader each place in the columns is, sorted by both.
    """
    import pandas as pd

    is_first = ~region.duplicated(rows)
    held = columns[:, region.index[is_first]]
    if readers == "mean" and not is_first.all():
        several = region.duplicated(rows, keep=False)
        number = (is_first.cumsum() - 1)[several].to_numpy()
        read = pd.DataFrame(columns[:, region.index[several]].T, copy=False)
        means = read.groupby(number, sort=True).mean()
        held[:, means.index] = means.to_numpy().T
    return region.loc[is_first, rows], held


def with_deltas(wide: pd.DataFrame, deltas: Deltas | None, days: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `wide_features` with what has changed since an earlier visit beside what was measured."""
    if deltas is None:
        return wide
    return wide.merge(deltas(wide, days), on=["patient", "visit"], how="left", validate="one_to_one")


def without_empty_changes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table without the changes that no row has: those of features never measured at both visits."""
    return table.drop(columns=[name for name in table.columns if is_change(name) and table[name].isna().all()])


def read_by_several(features: pd.DataFrame) -> pd.DataFrame:
    """Return the measurements of those regions that several readers have drawn in one scan."""
    several = features.groupby(["patient", "visit", "modality", "region"])["reader"].transform("nunique") > 1
    return features[several]


def wide_repeats(
    features: pd.DataFrame,
    by: Literal["repetition", "reader"],
    readers: Literal["mean", "first"],
    deltas: Deltas | None,
    days: pd.DataFrame,
) -> pd.DataFrame:
    """Return one row a patient, visit and repetition (or reader); columns are those of `wide_features`.

    Parameters
    ----------
    features : DataFrame
        One row a measurement, with the column `by`.
    by : str
        What tells measurements of one region apart that should be alike.
    readers : str
        As for `wide_features`; what each reader has drawn is its own where readers are told apart.
    deltas : Deltas, optional
        Changes, of each repetition between its visits.
    days : DataFrame
        Patient, visit, day.
    """
    import pandas as pd

    if features.empty:
        return pd.DataFrame(columns=["patient", "visit", by])
    wide = wide_features(features, readers, (by,))
    if deltas is None:
        return wide
    parts = [
        with_deltas(part.drop(columns=by).reset_index(drop=True), deltas, days).assign(**{by: name})
        for name, part in wide.groupby(by, sort=True)
    ]
    both = pd.concat(parts, ignore_index=True)
    first = ["patient", "visit", by]
    return without_empty_changes(both[[*first, *(name for name in both.columns if name not in first)]])


def wide_facts(facts: Mapping[str, Mapping[str, str]], columns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return what the columns `<modality>.<region>.<feature>` mean, from what the features do.

    Of the digests of recipes (`CT=0f3a PT=77b1`) that of the column's own modality is told.
    """
    told = {}
    for column in columns:
        place, _, feature = column.rpartition(".")
        if feature in facts:
            digests = dict(one.split("=", 1) for one in facts[feature]["recipe"].split() if "=" in one)
            modality = place.partition(".")[0].partition(" on ")[0].partition("[")[0]
            told[column] = {**facts[feature], "recipe": digests.get(modality, "")}
    return told


def outcome_of(column: pd.Series[str], positive: str, negative: str | None) -> NDArray[np.float64]:
    """Return 1 where a column holds the positive value, 0 where the negative one, NaN elsewhere.

    Without a negative value every other value is negative; an empty cell is never. A cell says what `cell_text` gives.

    Raises
    ------
    BadData
        `outcome_not_there` when no row holds the positive value.
    """
    told = column.map(cell_text, na_action="ignore")
    is_positive = (told == same_cell(positive)).to_numpy(dtype=bool, na_value=False)
    if not is_positive.any():
        raise BadData(
            "outcome_not_there",
            "The outcome's positive value is in its column",
            f"none of {len(column)} rows holds it",
            "Correct `outcome.positive` in the plan; blanks around it do not count, and 1.0 is 1.",
        )
    is_negative = (
        told.notna().to_numpy() & ~is_positive
        if negative is None
        else (told == same_cell(negative)).to_numpy(dtype=bool, na_value=False)
    )
    values = np.full(len(column), np.nan)
    values[is_positive], values[is_negative] = 1.0, 0.0
    return values


def join(
    rows: pd.DataFrame, features: pd.DataFrame, clinical: pd.DataFrame | None, further: Sequence[pd.DataFrame] = ()
) -> pd.DataFrame:
    """Return the rows with their features, further tables and clinical columns; what is not there stays missing.

    Changes that are missing in all of these rows are left out.
    """
    joined = without_empty_changes(rows.merge(features, on=["patient", "visit"], how="left", validate="one_to_one"))
    for table in further:
        joined = joined.merge(table, on=["patient", "visit"], how="left", validate="one_to_one")
    if clinical is None:
        return joined
    return joined.merge(clinical, on="patient", how="left", validate="many_to_one")
