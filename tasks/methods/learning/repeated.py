"""Features measured several times in the same rows: under perturbation, and by several readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

ROW = ["patient", "visit"]
"""What a row of a cohort is of."""


@dataclass(frozen=True, eq=False)
class Repeated:
    """Hold repeated measurements of rows, matched by position; NaN where one is absent.

    Parameters
    ----------
    columns : tuple of str
        Names of the features.
    perturbed : array
        (rows, repetitions, columns), of perturbed images and regions; no repetitions where nothing was perturbed.
    readings : array
        (rows, readers, columns), each reader at one place; no readers where there is one.
    """

    columns: tuple[str, ...]
    perturbed: NDArray[np.float64]
    readings: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        columns: Sequence[str],
        *,
        perturbed: pd.DataFrame | None = None,
        readings: pd.DataFrame | None = None,
    ) -> Repeated:
        """Join repeated measurements to the rows of a cohort.

        Parameters
        ----------
        rows : DataFrame
            Patient and visit of each row.
        columns : sequence of str
            Features wanted; those that were not repeated have no values.
        perturbed, readings : DataFrame, optional
            One row a patient, visit and `repetition` or `reader`, and the features.

        Raises
        ------
        BadData
            `doubled_repetition` when a row has a repetition or a reader twice.
        """
        names = tuple(columns)
        return cls(names, _cube(rows, names, perturbed, "repetition"), _cube(rows, names, readings, "reader"))

    def named(self, columns: Sequence[str]) -> Repeated:
        """Return the measurements of some features in an order; those that were not repeated have no values."""
        place = {name: number for number, name in enumerate(self.columns)}
        wanted = np.array([place.get(name, -1) for name in columns], dtype=np.int64)

        def of(cube: NDArray[np.float64]) -> NDArray[np.float64]:
            absent = np.full((*cube.shape[:2], 1), np.nan)
            return np.concatenate([cube, absent], axis=2)[:, :, wanted]

        return Repeated(tuple(columns), of(self.perturbed), of(self.readings))


def _cube(rows: pd.DataFrame, columns: tuple[str, ...], table: pd.DataFrame | None, which: str) -> NDArray[np.float64]:
    """Return (rows, repetitions, columns)."""
    import pandas as pd

    if table is None or table.empty:
        return np.full((len(rows), 0, len(columns)), np.nan)
    doubled = int(table[[*ROW, which]].duplicated().sum())
    if doubled:
        raise BadData(
            "doubled_repetition",
            f"A patient and visit has each {which} once",
            f"{doubled} of {len(table)} rows repeat one",
            "Keep one of them.",
        )
    places, names = pd.factorize(table[which], sort=True)
    row = pd.MultiIndex.from_frame(rows[ROW]).get_indexer(pd.MultiIndex.from_frame(table[ROW]))
    held = [name for name in columns if name in table]
    cube = np.full((len(rows), len(names), len(columns)), np.nan)
    place = {name: number for number, name in enumerate(columns)}
    values = np.full((len(table), len(columns)), np.nan)
    values[:, [place[name] for name in held]] = table[held].to_numpy(dtype=np.float64, na_value=np.nan)
    known = row >= 0
    cube[row[known], places[known]] = values[known]
    return cube
