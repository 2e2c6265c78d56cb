"""Nested cross-validation: what a learner, tuning and all, does for patients it has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt

from tasks.methods.learning.cohort import Cohort
from tasks.methods.learning.discrimination import auc, bootstrap_interval
from tasks.methods.learning.evaluation import Evaluation, FoldRecord, RepeatRecord
from tasks.methods.learning.folds import Fold, derived_seed, folds
from tasks.methods.method import Method

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.learning.harmonisation import FoldHarmoniser
    from tasks.methods.learning.learner import Fitted, TunedLearner
    from tasks.methods.learning.repeated import Repeated
    from tasks.methods.learning.stable_features import StableFeatures

Parts = Annotated[int, Field(ge=2)]


def fit_on(
    fold: Fold,
    cohort: Cohort,
    learner: TunedLearner,
    harmoniser: FoldHarmoniser,
    *,
    inner_folds: int,
    seed: int,
    stability: StableFeatures | None = None,
) -> Fitted:
    """Return the learner fitted to the training rows of a fold: the test rows are not handed on."""
    return learner(fold.training(cohort), harmoniser, inner_folds, seed, stability)


class NestedCrossValidation(Method):
    """Judge a learner on patients held back from everything that was fitted.

    Outer folds judge; inner folds, among the training rows of an outer fold, tune. Both are stratified
    by outcome and grouped by patient. Every step that learns from data runs on training rows only.

    References
    ----------
    Varma, Simon. Bias in error estimation when using cross-validation for model selection. BMC
    Bioinformatics 7 (2006) 91. Ambroise, McLachlan. Selection bias in gene extraction on the basis of
    microarray gene-expression data. PNAS 99 (2002) 6562-6566.
    """

    method: Literal["nested_cross_validation"] = "nested_cross_validation"
    outer_folds: Parts = 5
    """Folds that judge."""
    repeats: PositiveInt = 3
    """Times the outer folds are drawn anew."""
    inner_folds: Parts = 3
    """Folds that tune, inside the training rows of an outer fold."""
    seed: NonNegativeInt = 0
    """Starts the drawing of folds, forests and bootstrap samples."""
    bootstrap: PositiveInt = 1000
    """Draws of patients behind the interval of the AUC."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence of the intervals."""

    def __call__(
        self,
        table: pd.DataFrame,
        outcome: NDArray[Any],
        groups: NDArray[Any],
        learner: TunedLearner,
        harmoniser: FoldHarmoniser,
        *,
        scanner: NDArray[Any] | None = None,
        repeated: Repeated | None = None,
        stability: StableFeatures | None = None,
    ) -> Evaluation:
        """Return the evaluation of a learner on a table (rows, features), rows matched by position.

        Parameters
        ----------
        table : DataFrame
            Features, numbers and categories; empty cells are allowed.
        outcome : array
            (rows,) of 0 and 1.
        groups : array
            (rows,) patient of each row; all rows of a patient stay on one side of every split.
        learner, harmoniser : method
            What is judged.
        scanner : array, optional
            (rows,) scanner of each row.
        repeated : Repeated, optional
            Repeated measurements of the rows.
        stability : StableFeatures, optional
            Which features are left out because these differ.

        Raises
        ------
        BadData
            The cohort cannot be split so that every fold has patients of both classes, or the table,
            the outcome, the patients or the scanners have gaps or values a learner cannot use.
        """
        cohort = Cohort.of(table, outcome, groups, scanner, repeated)
        runs = [self._repeat(cohort, learner, harmoniser, stability, number) for number in range(self.repeats)]
        probabilities = [np.array(repeat.probability) for repeat, _ in runs]
        return Evaluation(
            learner=learner.model_dump(mode="json"),
            harmoniser=harmoniser.model_dump(mode="json"),
            validation=self.model_dump(mode="json"),
            stable_features=None if stability is None else stability.model_dump(mode="json"),
            columns=cohort.columns.names,
            empty_columns=cohort.columns.empty,
            outcome=tuple(int(value) for value in cohort.outcome),
            patient=tuple(int(number) for number in cohort.patients),
            repeats=tuple(repeat for repeat, _ in runs),
            folds=tuple(record for _, records in runs for record in records),
            confidence=self.confidence,
            auc_interval=bootstrap_interval(
                cohort.outcome,
                probabilities,
                cohort.patients,
                draws=self.bootstrap,
                confidence=self.confidence,
                seed=self.seed,
            ),
        )

    def _repeat(
        self,
        cohort: Cohort,
        learner: TunedLearner,
        harmoniser: FoldHarmoniser,
        stability: StableFeatures | None,
        repeat: int,
    ) -> tuple[RepeatRecord, list[FoldRecord]]:
        """Return the out-of-fold predictions of one draw of folds, and what happened in each."""
        place = np.zeros(len(cohort), dtype=np.int64)
        probability = np.zeros(len(cohort))
        records = []
        outer = folds(cohort.outcome, cohort.groups, self.outer_folds, derived_seed(self.seed, repeat))
        for number, fold in enumerate(outer):
            seed = derived_seed(self.seed, repeat, number)
            fitted = fit_on(
                fold, cohort, learner, harmoniser, inner_folds=self.inner_folds, seed=seed, stability=stability
            )
            test = fold.testing(cohort)
            place[fold.test] = number
            probability[fold.test] = fitted.probability(test.table)
            records.append(_record(fitted, fold, test, probability[fold.test], (repeat, number)))
        return RepeatRecord(fold=tuple(place.tolist()), probability=tuple(probability.tolist())), records


def _record(
    fitted: Fitted, fold: Fold, test: Cohort, probability: NDArray[np.float64], numbers: tuple[int, int]
) -> FoldRecord:
    return FoldRecord(
        repeat=numbers[0],
        fold=numbers[1],
        n_train=len(fold.train),
        n_test=len(fold.test),
        test_events=int(test.outcome.sum()),
        setting=fitted.setting,
        selected=fitted.selected,
        unstable=len(fitted.unstable),
        inner_auc=fitted.inner_auc,
        threshold=fitted.threshold,
        auc=auc(test.outcome, probability),
    )
