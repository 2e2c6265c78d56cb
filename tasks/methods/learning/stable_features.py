"""Leave out, inside a training fold, the features that change when they are measured again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field
from sklearn.base import BaseEstimator, TransformerMixin

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import PERTURBED, READINGS, Columns
from tasks.methods.learning.intraclass import Form, agreements
from tasks.methods.method import Method

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Repeats = Literal["perturbations", "readers"]
HELD: dict[Repeats, tuple[str, Form]] = {
    "perturbations": (PERTURBED, "icc_11"),
    "readers": (READINGS, "icc_a1"),
}
"""Where the repeated measurements stand in a table, and the correlation that fits them."""


class StableFeatures(Method):
    """Keep the features that stay the same when they are measured again, as far as the training rows tell.

    Measured by the intraclass correlation, over perturbed images and regions ICC(1,1), over readers ICC(A,1).
    What was not measured again is kept: clinical columns, detections. Columns that go with the outcome are found
    afterwards, among those kept. (No stability selection in the sense of Meinshausen and Buehlmann.)

    References
    ----------
    Zwanenburg et al. Assessing robustness of radiomic features by image perturbation. Scientific Reports 9
    (2019) 614, which calls a feature robust from 0.90 on. Koo, Li. A guideline of selecting and reporting
    intraclass correlation coefficients for reliability research. Journal of Chiropractic Medicine 15 (2016)
    155-163.
    """

    method: Literal["stable_features"] = "stable_features"
    minimum_icc: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Least correlation of a feature that is kept; 0.75 is good, 0.9 excellent (Koo and Li)."""
    judged_by: Literal["icc", "low"] = "icc"
    """What must reach it: the correlation itself, or the low end of its interval, which asks for more in few rows."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence of the interval."""
    over: Annotated[tuple[Repeats, ...], Field(min_length=1)] = ("perturbations", "readers")
    """Measurements that a feature must agree over, where there are any."""

    def __call__(self, columns: Columns) -> KeepStable:
        """Return the unfitted step: a table with repeated measurements in, a table of the columns kept out."""
        return KeepStable(columns, self)


class KeepStable(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Learn from training rows which features are stable, and keep these and what was not measured again."""

    def __init__(self, columns: Columns, stability: StableFeatures) -> None:
        self.columns = columns
        self.stability = stability

    def fit(self, table: pd.DataFrame, outcome: object = None) -> KeepStable:  # noqa: ARG002 - the protocol
        """Measure the agreement of each numeric column over the rows; `dropped_` names those that are not stable."""
        stable = np.ones(len(self.columns.numeric), dtype=bool)
        measured = np.zeros(len(self.columns.numeric), dtype=bool)
        for held, form in (HELD[name] for name in self.stability.over):
            if held in table:
                found = agreements(np.stack(table[held].to_list()), form, self.stability.confidence)
                value: NDArray[np.float64] = getattr(found, self.stability.judged_by)
                stable &= np.isnan(value) | (value >= self.stability.minimum_icc)
                measured |= ~np.isnan(value)
        _require_measured(measured, self.stability.over)
        self.dropped_ = tuple(np.array(self.columns.numeric, dtype=object)[~stable])
        if len(self.dropped_) == len(self.columns.names):
            raise BadData(
                "no_stable_feature",
                f"At least one feature reaches the agreement of {self.stability.minimum_icc:g} in the training rows",
                f"none of {len(self.dropped_)} does",
                "Lower `learn.stability.minimum_icc`, judge by `icc`, or measure on more patients.",
            )
        return self

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the table without the features that are not stable, and without the repeated measurements."""
        return table.drop(columns=[*self.dropped_, PERTURBED, READINGS], errors="ignore")

    @property
    def dropped(self) -> tuple[str, ...]:
        """The features left out."""
        dropped: tuple[str, ...] = self.dropped_
        return dropped


def _require_measured(measured: NDArray[np.bool_], over: tuple[str, ...]) -> None:
    if not measured.any():
        raise BadData(
            "nothing_measured_again",
            "At least one feature varies and was measured again in two training rows or more",
            f"of {measured.size} features none was, over {' or '.join(over)}",
            "Let the plan perturb the regions (`perturb`), have several readers draw them, or leave `stability` out.",
        )


def unstable(pipeline: Any) -> tuple[str, ...]:  # noqa: ANN401 - scikit-learn has no types
    """Return the features that a fitted pipeline has left out because they are not stable."""
    step = pipeline.named_steps["stable"]
    return step.dropped if isinstance(step, KeepStable) else ()
