"""Support vector machine with probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from tasks.methods.learning.calibration import platt_line
from tasks.methods.learning.discrimination import auc
from tasks.methods.learning.learner import TunedLearner

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from tasks.methods.learning.tuning import Setting

Kernel = Literal["rbf", "linear"]
Costs = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]


class SupportVectorLearner(TunedLearner):
    """Learn a support vector machine, its decision values made probabilities by Platt's line.

    The line is learnt like any other parameter: from decision values of inner models on patients they
    did not see, selection and all. It keeps the order of the decision values.

    References
    ----------
    Cortes, Vapnik. Support-vector networks. Machine Learning 20 (1995) 273-297. Platt. Probabilistic
    outputs for support vector machines. Advances in Large Margin Classifiers (1999) 61-74.
    """

    method: Literal["support_vectors"] = "support_vectors"
    kernel: Kernel = "rbf"
    """Shape of the boundary: `linear`, or `rbf` (Gaussian, of width sqrt(columns times variance / 2))."""
    inverse_penalty: Costs = (0.1, 1.0, 10.0)
    """Costs C of a row on the wrong side to try; 1 is scikit-learn's default."""

    def classifier(self, seed: int) -> Any:  # noqa: ANN401, ARG002 - scikit-learn has no types; nothing is drawn
        """Return the unfitted machine."""
        from tasks.methods.learning.estimators.platt_machine import PlattMachine

        return PlattMachine(self.kernel)

    def grid(self) -> dict[str, tuple[float, ...]]:
        """Return the numbers of columns and the costs to try."""
        return {"select__k": self.k, "classify__C": self.inverse_penalty}

    def scores(self, pipeline: Pipeline, table: Any) -> NDArray[np.float64]:  # noqa: ANN401 - a table or its matrix
        """Return the decision values."""
        return np.asarray(pipeline.decision_function(table), dtype=np.float64)

    def merit(self, outcome: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
        """Return the AUC: decision values have no level of their own before Platt's line."""
        return auc(outcome, scores)

    def calibrated(
        self, scores: NDArray[np.float64], outcome: NDArray[np.int64]
    ) -> tuple[Setting, NDArray[np.float64]]:
        """Return Platt's line as parameters, and the scores as probabilities."""
        from scipy import special

        line = platt_line(scores, outcome)
        learnt: Setting = {"classify__slope": line.slope, "classify__intercept": line.intercept}
        return learnt, np.asarray(special.expit(line.intercept + line.slope * scores), dtype=np.float64)
