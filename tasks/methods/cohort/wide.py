"""From one row a measurement to one row a patient, or a patient and visit; missing stays missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.cell_text import cell_text, same_cell
from tasks.methods.cohort.deltas import is_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.cohort.deltas import Deltas

KEYS = ("patient", "visit", "day", "scanner")
"""Columns that say what a row is of."""
MEASURED = ("modality", "region", "reader")
REPETITION = "repetition"
"""Column of the number of a measurement under perturbation."""
OUTCOME = "outcome"
"""Column of the outcome: 1 where it came true, 0 where not, missing where nobody knows."""


def rows_of(
    scans: pd.DataFrame, rows: Literal["patient", "patient_visit"], visit: Literal["first", "last"]
) -> pd.DataFrame:
    """Return the rows of the cohort: patient, visit, day and scanner.

    Parameters
    ----------
    scans : DataFrame
        One row a scan: patient, visit, day, modality, scanner.
    rows : str
        One row a patient, or one a patient and visit.
    visit : str
        With one row a patient, which visit it is.

    Of several scanners at a visit the one of the first modality by name counts.
    """
    visits = (
        scans.sort_values(["patient", "visit", "modality"])
        .groupby(["patient", "visit"], as_index=False, sort=True)
        .agg(day=("day", "first"), scanner=("scanner", "first"))
    )
    if rows == "patient_visit":
        return visits[list(KEYS)]
    chosen = visits.drop_duplicates("patient", keep=visit)[list(KEYS)].reset_index(drop=True)
    if visit == "first":
        # Where every scan of the first visit was refused, a later one does not stand in for it.
        lost = chosen["visit"] != 0
        chosen.loc[lost, "visit"] = 0
        chosen["day"] = chosen["day"].mask(lost)
        chosen["scanner"] = chosen["scanner"].mask(lost)
    return chosen


def wide_features(features: pd.DataFrame, readers: Literal["mean", "first"]) -> pd.DataFrame:
    """Return one row a patient and visit; a column is `<modality>.<region>.<feature>`.

    Parameters
    ----------
    features : DataFrame
        One row a measurement: patient, visit, modality, region, reader, and the features.
    readers : str
        Several readers of one region: the mean of their features, or the first by name.
    """
    import pandas as pd

    if features.empty:
        return features[["patient", "visit"]]
    names = [name for name in features.columns if name not in {*KEYS, *MEASURED}]
    place = ["patient", "visit", "modality", "region"]
    ordered = features.sort_values([*place, "reader"])
    grouped = ordered.groupby(place, as_index=False, sort=True)[names]
    single = grouped.mean() if readers == "mean" else ordered.drop_duplicates(place)[[*place, *names]]
    parts = []
    for (modality, region), of_place in single.groupby(["modality", "region"], sort=True):
        held = of_place.set_index(["patient", "visit"])[names].astype(np.float64).dropna(axis=1, how="all")
        parts.append(held.dropna(how="all").add_prefix(f"{modality}.{region}."))
    return pd.concat(parts, axis=1, sort=True).sort_index().reset_index()


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

    parts = [
        with_deltas(wide_features(part.drop(columns=REPETITION, errors="ignore"), readers), deltas, days).assign(
            **{by: name}
        )
        for name, part in features.groupby(by, sort=True)
    ]
    if not parts:
        return pd.DataFrame(columns=["patient", "visit", by])
    return without_empty_changes(pd.concat(parts, ignore_index=True))


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
