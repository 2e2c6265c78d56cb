"""Move what a scanner measured onto what all scanners measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import SCANNER, Columns, numbers, texts

if TYPE_CHECKING:
    from tasks.methods.learning.harmonisation import Unseen


class LocationScale(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Shift and stretch the numeric features of each scanner onto those of all training rows."""

    def __init__(self, columns: Columns, unseen: Unseen, fewest_rows: int) -> None:
        self.columns = columns
        self.unseen = unseen
        self.fewest_rows = fewest_rows

    def fit(self, table: pd.DataFrame, outcome: object = None) -> LocationScale:  # noqa: ARG002 - the protocol
        """Learn the slope and the shift of each scanner from the training rows."""
        self.columns_ = self.columns.within(table)
        values, scanners = numbers(table, self.columns_.numeric), _scanners(table)
        names = [name for name in np.unique(scanners) if np.count_nonzero(scanners == name) >= self.fewest_rows]
        moments = {name: _moments(values[scanners == name]) for name in names}
        variance, rows = np.zeros(values.shape[1]), np.zeros(values.shape[1])
        for count, _, deviation in moments.values():
            variance += np.where(count >= self.fewest_rows, count * deviation**2, 0.0)
            rows += np.where(count >= self.fewest_rows, count, 0.0)
        pooled = np.sqrt(variance / np.maximum(rows, 1.0))
        self.lines_ = {name: self._line(moments[name], _moments(values)[1], pooled) for name in names}
        return self

    def _line(
        self,
        moments: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
        mean: NDArray[np.float64],
        pooled: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return slope and shift per feature: the identity where the scanner has too few values."""
        count, own_mean, deviation = moments
        known = count >= self.fewest_rows
        slope = np.where(known & (deviation > 0), pooled / np.where(deviation > 0, deviation, 1.0), 1.0)
        return slope, np.where(known, mean - slope * own_mean, 0.0)

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the features, those of a known scanner moved."""
        values, scanners = numbers(table, self.columns_.numeric).copy(), _scanners(table)
        unseen = ~np.isin(scanners, list(self.lines_))
        if self.unseen == "refuse" and unseen.any():
            raise BadData(
                "unseen_scanner",
                f"Every scanner has at least {self.fewest_rows} training rows",
                f"{int(unseen.sum())} of {len(unseen)} rows come from {len(np.unique(scanners[unseen]))} that do not",
                "Gather more rows of these scanners, leave them out, or choose unseen='pooled'.",
            )
        for name, (slope, shift) in self.lines_.items():
            rows = scanners == name
            values[rows] = values[rows] * slope + shift
        moved = pd.DataFrame(values, columns=list(self.columns_.numeric), index=table.index)
        return pd.concat([moved, table[list(self.columns_.categorical)]], axis=1)


def _scanners(table: pd.DataFrame) -> NDArray[np.str_]:
    return texts(table, (SCANNER,))[:, 0].astype(np.str_)


def _moments(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return count, mean and deviation of the values there are in each column."""
    there = ~np.isnan(values)
    count = there.sum(axis=0).astype(np.float64)
    mean = np.where(there, values, 0.0).sum(axis=0) / np.maximum(count, 1.0)
    squares = np.where(there, (values - mean) ** 2, 0.0).sum(axis=0)
    return count, mean, np.sqrt(squares / np.maximum(count, 1.0))
