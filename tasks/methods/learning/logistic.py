"""Logistic regression."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tasks.methods.learning.learner import TunedLearner

WEAKEST = 100.0
"""Largest C: with next to no penalty, classes that columns separate have no minimum to reach."""
Penalties = Annotated[tuple[Annotated[float, Field(gt=0, le=WEAKEST)], ...], Field(min_length=1)]


class LogisticLearner(TunedLearner):
    """Learn a logistic regression with an L2 penalty.

    Newton's method with a Cholesky factor reaches the one minimum in a few steps whatever the columns,
    as the penalty keeps the Hessian definite.

    References
    ----------
    Le Cessie, Van Houwelingen. Ridge estimators in logistic regression. Applied Statistics 41 (1992) 191-201.
    """

    method: Literal["logistic"] = "logistic"
    inverse_penalty: Penalties = (0.01, 0.1, 1.0)
    """Inverses C of the penalty to try; 1 is scikit-learn's default, smaller shrinks more, 100 is the largest."""

    def classifier(self, seed: int) -> Any:  # noqa: ANN401, ARG002 - scikit-learn has no types; nothing is drawn
        """Return the unfitted regression."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(solver="newton-cholesky")

    def grid(self) -> dict[str, tuple[float, ...]]:
        """Return the numbers of columns and the penalties to try."""
        return {"select__k": self.k, "classify__C": self.inverse_penalty}
