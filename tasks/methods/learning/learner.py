"""What every learner is: a pipeline, the settings to try, and a fit that sees training rows only."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field, PositiveInt

from data_catalog.errors import BadData
from tasks.methods.learning.calibration import log_likelihood
from tasks.methods.learning.cohort import SCANNER, Cohort, Columns
from tasks.methods.learning.discrimination import youden_threshold
from tasks.methods.learning.folds import derived_seed, folds
from tasks.methods.learning.harmonisation import FoldHarmoniser, NoHarmonisation
from tasks.methods.learning.stable_features import StableFeatures, unstable
from tasks.methods.learning.tuning import Setting, tune
from tasks.methods.method import Method

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

Counts = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


@dataclass(frozen=True, eq=False)
class Fitted:
    """Hold a pipeline that was fitted, and how it came to its setting.

    Parameters
    ----------
    pipeline : Pipeline
        From a table of features to probabilities.
    setting : dict
        The value chosen for each tuned parameter.
    inner_auc : float
        Mean AUC of that setting over the inner folds; optimistic, since it was chosen for it.
    threshold : float
        Probability from which on a row counts as an event: Youden's, on inner out-of-fold probabilities.
    """

    pipeline: Pipeline
    setting: Setting
    inner_auc: float
    threshold: float

    @property
    def selected(self) -> tuple[str, ...]:
        """Columns of the table that the classifier sees, sorted by name."""
        sources = self.pipeline.named_steps["prepare"].sources_
        return tuple(sorted({sources[i] for i in self.pipeline.named_steps["select"].chosen_}))

    @property
    def unstable(self) -> tuple[str, ...]:
        """Columns left out because they change when they are measured again."""
        return unstable(self.pipeline)

    def probability(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """Return the probability of the event for each row."""
        return np.asarray(self.pipeline.predict_proba(table)[:, 1], dtype=np.float64)


class TunedLearner(Method):
    """Learn a classifier from training rows, its settings tuned on patients held back among them."""

    k: Counts = (5, 10, 20)
    """Numbers of columns to try; in each training fold the k best by analysis of variance are kept."""

    @abstractmethod
    def classifier(self, seed: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
        """Return the unfitted classifier, of one thread."""

    @abstractmethod
    def grid(self) -> dict[str, tuple[float, ...]]:
        """Return the values to try for each parameter of the pipeline, the simplest model first."""

    def scores(self, pipeline: Pipeline, table: Any) -> NDArray[np.float64]:  # noqa: ANN401 - a table or its matrix
        """Return what inner folds are judged by: the probability of the event."""
        return np.asarray(pipeline.predict_proba(table)[:, 1], dtype=np.float64)

    def merit(self, outcome: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
        """Return how good scores are: the likelihood of the outcome, which wants order and level right.

        AUC alone would take the strongest penalty that keeps the order, and give every row about the
        same probability.
        """
        return log_likelihood(outcome, scores)

    def calibrated(
        self,
        scores: NDArray[np.float64],
        outcome: NDArray[np.int64],  # noqa: ARG002 - for learners whose scores are no probabilities
    ) -> tuple[Setting, NDArray[np.float64]]:
        """Return parameters learnt from inner out-of-fold scores, and those scores as probabilities."""
        return {}, scores

    def pipeline(
        self,
        columns: Columns,
        seed: int,
        harmoniser: FoldHarmoniser | None = None,
        stability: StableFeatures | None = None,
    ) -> Pipeline:
        """Return the unfitted steps: leave out the unstable, harmonise, fill in and encode, select, classify."""
        from sklearn.pipeline import Pipeline

        from tasks.methods.learning.estimators.preparation import Prepare, TopByAnova

        return Pipeline(
            [
                ("stable", "passthrough" if stability is None else stability(columns)),
                ("harmonise", (harmoniser or NoHarmonisation())(columns)),
                ("prepare", Prepare(columns)),
                ("select", TopByAnova(self.k[0])),
                ("classify", self.classifier(seed)),
            ]
        )

    def __call__(
        self,
        cohort: Cohort,
        harmoniser: FoldHarmoniser,
        inner_folds: int,
        seed: int,
        stability: StableFeatures | None = None,
    ) -> Fitted:
        """Return the pipeline fitted to all rows given, tuned by folds of their patients.

        Every number in it, from medians to the threshold, comes from these rows alone.
        """
        _require_scanner(cohort, harmoniser)
        pipeline = self.pipeline(cohort.columns, derived_seed(seed, 0), harmoniser, stability)
        inner = folds(cohort.outcome, cohort.groups, inner_folds, derived_seed(seed, 1))
        tuned = tune(pipeline, self.grid(), cohort, inner, score=self.scores, merit=self.merit)
        learnt, probability = self.calibrated(tuned.scores, cohort.outcome)
        setting = {**tuned.setting, **learnt}
        pipeline.set_params(**setting).fit(cohort.table, cohort.outcome)
        return Fitted(pipeline, setting, tuned.inner_auc, youden_threshold(cohort.outcome, probability))


def _require_scanner(cohort: Cohort, harmoniser: FoldHarmoniser) -> None:
    if harmoniser.needs_scanner and SCANNER not in cohort.table:
        raise BadData(
            "no_scanner",
            "Harmonisation needs the scanner of each row",
            "no scanners were given",
            "Give them, or choose no_harmonisation.",
        )
