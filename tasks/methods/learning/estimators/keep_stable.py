"""Keep the columns of a table that agree with themselves when they are measured again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import PERTURBED, READINGS, Columns
from tasks.methods.learning.intraclass import Form, agreements

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.learning.stable_features import Repeats, StableFeatures

HELD: dict[Repeats, tuple[str, Form]] = {
    "perturbations": (PERTURBED, "icc_11"),
    "readers": (READINGS, "icc_a1"),
}
"""Where the repeated measurements stand in a table, and the correlation that fits them."""


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
