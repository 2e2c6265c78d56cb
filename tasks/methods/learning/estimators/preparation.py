"""The pipeline steps between a table and a classifier: fill in, scale, encode, choose columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import Columns, numbers, texts

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FARTHEST = 1e30
"""Deviations from the mean beyond which values are alike: a forest counts in 32 bits, which end at 3e38."""
ROUNDING = 1e-9
"""Spread of a column, as a part of its largest value, up to which it holds rounding errors of a constant."""
CONSTANT = 1e-10
"""Least sum of squares of a column that varies: scaled and 0/1 columns have at least about one half."""


class Prepare(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn a table into a matrix without gaps.

    Numbers: gaps take the median, a column of 0 and 1 is added that says where they were, and each
    column is brought to mean 0 and deviation 1, or to 0 if it is constant. Categories: an empty cell
    is a category of its own, each category becomes a column of 0 and 1, and one that was not seen in
    fitting has 0 in all.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def fit(self, table: pd.DataFrame, outcome: object = None) -> Prepare:  # noqa: ARG002 - the protocol
        """Learn medians, means, deviations and categories."""
        self.sources_: list[str] = []
        self.columns_ = self.columns.within(table)
        if self.columns_.numeric:
            imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
            self.numeric_ = Pipeline([("impute", imputer), ("scale", StandardScaler())])
            self.numeric_.fit(numbers(table, self.columns_.numeric))
            filled = imputer.transform(numbers(table, self.columns_.numeric))
            self.varies_ = np.ptp(filled, axis=0) > ROUNDING * np.abs(filled).max(axis=0)
            gaps = [self.columns_.numeric[i] for i in imputer.indicator_.features_]
            self.sources_ += [*self.columns_.numeric, *gaps]
        if self.columns_.categorical:
            self.categorical_ = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            self.categorical_.fit(texts(table, self.columns_.categorical))
            named = zip(self.columns_.categorical, self.categorical_.categories_, strict=True)
            self.sources_ += [name for name, categories in named for _ in categories]
        return self

    def transform(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """Return the matrix (rows, encoded columns); `sources_` names the table's column behind each."""
        blocks = []
        if self.columns_.numeric:
            scaled = self.numeric_.transform(numbers(table, self.columns_.numeric))
            blocks.append(np.where(self.varies_, np.clip(scaled, -FARTHEST, FARTHEST), 0.0))
        if self.columns_.categorical:
            blocks.append(self.categorical_.transform(texts(table, self.columns_.categorical)))
        return np.hstack(blocks)


class TopByAnova(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Keep the k columns whose class means differ most for their spread; constant ones are never kept.

    With k larger than the number of columns that vary, all of these are kept.
    """

    def __init__(self, k: int = 10) -> None:
        self.k = k

    def fit(self, matrix: NDArray[np.float64], outcome: NDArray[np.int64]) -> TopByAnova:
        """Choose the columns; `chosen_` holds their positions, ascending."""
        explained, varies = explained_variance(matrix, outcome)
        order = np.argsort(-explained, kind="stable")
        self.chosen_ = np.sort(order[varies[order]][: self.k])
        if not len(self.chosen_):
            raise BadData(
                "no_column_varies",
                "At least one column varies among the training rows",
                f"all {matrix.shape[1]} encoded columns are constant in {matrix.shape[0]} rows",
                "Give columns that differ between patients, or ask for fewer folds.",
            )
        return self

    def transform(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the chosen columns."""
        return matrix[:, self.chosen_]


def explained_variance(
    matrix: NDArray[np.float64], outcome: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the part of each column's variance that lies between the classes, and which columns vary.

    The part, eta squared, grows with the F of a one-way analysis of variance, so it ranks columns
    alike, and stays a number (1) where F is infinite. It is 0 for a constant column.
    """
    total = ((matrix - matrix.mean(axis=0)) ** 2).sum(axis=0)
    events = matrix[outcome == 1]
    others = matrix[outcome == 0]
    weight = len(events) * len(others) / len(matrix)
    between = weight * (events.mean(axis=0) - others.mean(axis=0)) ** 2
    varies = total > CONSTANT
    return np.where(varies, between / np.where(varies, total, 1.0), 0.0), varies
