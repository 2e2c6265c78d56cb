"""How features measured on different scanners are brought together, inside a training fold."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import PositiveInt
from sklearn.base import BaseEstimator, TransformerMixin

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import SCANNER, Columns, numbers, texts
from tasks.methods.method import Method

Unseen = Literal["pooled", "refuse"]


class FoldHarmoniser(Method):
    """Make the pipeline step that learns the scanners of a training fold."""

    needs_scanner: ClassVar[bool] = True

    @abstractmethod
    def __call__(self, columns: Columns) -> Any:  # noqa: ANN401 - scikit-learn has no types
        """Return the unfitted step: a table of features and scanner in, a table of features out."""


class NoHarmonisation(FoldHarmoniser):
    """Leave the features as they were measured."""

    needs_scanner: ClassVar[bool] = False
    method: Literal["no_harmonisation"] = "no_harmonisation"

    def __call__(self, columns: Columns) -> Any:  # noqa: ANN401, ARG002 - scikit-learn has no types
        """Return the step that changes nothing."""
        return "passthrough"


class ScannerLocationScale(FoldHarmoniser):
    """Give every scanner the location and scale of all, as learnt from training rows.

    A value x of scanner s becomes (x - mean_s) / sd_s * sd + mean, where mean is that of all training
    rows and sd the pooled deviation within scanners: ComBat's model without covariates and without
    empirical Bayes. The outcome is never used. Where scanners and outcome go together, what tells the
    scanners apart is taken away with what tells the outcomes apart.

    References
    ----------
    Johnson, Li, Rabinovic. Adjusting batch effects in microarray expression data using empirical Bayes
    methods. Biostatistics 8 (2007) 118-127. Fortin et al. Harmonization of cortical thickness
    measurements across scanners and sites. NeuroImage 167 (2018) 104-120.
    """

    method: Literal["scanner_location_scale"] = "scanner_location_scale"
    unseen: Unseen = "pooled"
    """What to do with a scanner that the training rows do not tell about: leave its values as they are
    (`pooled`), or stop (`refuse`)."""
    fewest_rows: PositiveInt = 3
    """A scanner with fewer training rows counts as unseen; so does one feature with fewer values."""

    def __call__(self, columns: Columns) -> LocationScale:
        """Return the unfitted step."""
        return LocationScale(columns=columns, unseen=self.unseen, fewest_rows=self.fewest_rows)


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
