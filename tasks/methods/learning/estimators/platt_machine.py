"""A support vector machine whose decision values become probabilities by a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import SVC

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.methods.learning.support_vectors import Kernel


class PlattMachine(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Give probabilities by a fixed line from a machine's decision values to log odds."""

    def __init__(self, kernel: Kernel = "rbf", C: float = 1.0, slope: float = 1.0, intercept: float = 0.0) -> None:  # noqa: N803 - scikit-learn's name
        self.kernel = kernel
        self.C = C
        self.slope = slope
        self.intercept = intercept

    def fit(self, matrix: NDArray[np.float64], outcome: NDArray[np.int64]) -> PlattMachine:
        """Fit the machine; the line is a parameter, learnt elsewhere."""
        self.machine_ = SVC(kernel=self.kernel, C=self.C, gamma="scale").fit(matrix, outcome)
        self.classes_ = self.machine_.classes_
        return self

    def decision_function(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the signed distance from the boundary, in margins; positive on the events' side."""
        return np.asarray(self.machine_.decision_function(matrix), dtype=np.float64)

    def predict_proba(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (rows, 2) probabilities of no event and of the event."""
        event = special.expit(self.intercept + self.slope * self.decision_function(matrix))
        return np.column_stack([1 - event, event])

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return 1 where the event is the more probable."""
        return (self.predict_proba(matrix)[:, 1] > 0.5).astype(np.int64)  # noqa: PLR2004 - even odds
