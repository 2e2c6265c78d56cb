"""The record of an evaluation: what was predicted for whom by models that had not seen them, and what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, JsonValue

from tasks.methods.learning.calibration import Calibration, calibration
from tasks.methods.learning.discrimination import Interval, RocPoint, auc, corrected_resampled_interval, roc_curve
from tasks.methods.learning.stability import selection_stability

if TYPE_CHECKING:
    import pandas as pd


class Record(BaseModel):
    """Be frozen, strict about fields and free of infinities, so that it is the same after JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class FoldRecord(Record):
    """Hold what happened in one outer fold."""

    repeat: int
    """Number of the repeat, from 0."""
    fold: int
    """Number of the fold in its repeat, from 0."""
    n_train: int
    """Training rows."""
    n_test: int
    """Test rows."""
    test_events: int
    """Test rows with the event."""
    setting: dict[str, float | int | str]
    """Parameters chosen inside the training rows, named as in the pipeline."""
    selected: tuple[str, ...]
    """Columns chosen inside the training rows."""
    unstable: int = 0
    """Number of columns left out before, because they change when they are measured again."""
    inner_auc: float
    """AUC the chosen setting had on the inner folds; optimistic, shown beside `auc` for that reason."""
    threshold: float
    """Probability from which on a row counts as an event, chosen inside the training rows."""
    auc: float
    """AUC on the test rows."""


class RepeatRecord(Record):
    """Hold the out-of-fold predictions of one repeat, each row once."""

    fold: tuple[int, ...]
    """Fold in which each row was a test row."""
    probability: tuple[float, ...]
    """Probability of the event that each row was given in it."""


class OperatingPoint(Record):
    """Hold how often a rule is right on rows with and without the event."""

    sensitivity: float
    """Part of the events called events."""
    specificity: float
    """Part of the others called others."""


class Evaluation(Record):
    """Hold a nested, patient-grouped, stratified, repeated cross-validation of one learner.

    Rows are named by position; patients by number in order of appearance.
    """

    learner: dict[str, JsonValue]
    """Parameters of the learner."""
    harmoniser: dict[str, JsonValue]
    """Parameters of the harmonisation."""
    validation: dict[str, JsonValue]
    """Parameters of the cross-validation."""
    stable_features: dict[str, JsonValue] | None = None
    """How unstable features were left out; None where none were."""
    columns: tuple[str, ...]
    """Columns the learner could choose from."""
    empty_columns: tuple[str, ...]
    """Columns left out because no row has a value."""
    outcome: tuple[int, ...]
    """Outcome of each row, 0 or 1."""
    patient: tuple[int, ...]
    """Number of the patient of each row."""
    repeats: tuple[RepeatRecord, ...]
    """Out-of-fold predictions of each repeat."""
    folds: tuple[FoldRecord, ...]
    """Outer folds, repeat by repeat."""
    confidence: float
    """Confidence of the intervals."""
    auc_interval: Interval
    """Percentile interval of `auc` over draws of patients; it does not hold the spread of fitting anew."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.outcome)

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len(set(self.patient))

    @property
    def n_events(self) -> int:
        """Number of rows with the event."""
        return sum(self.outcome)

    @property
    def auc(self) -> float:
        """Mean over repeats of the AUC of all out-of-fold probabilities of a repeat, pooled over its folds.

        Pooling asks that probabilities of different folds' models mean the same, so in small cohorts it
        is often below `fold_auc`, which compares rows within a fold alone.
        """
        return float(np.mean(self.repeat_aucs))

    @property
    def repeat_aucs(self) -> tuple[float, ...]:
        """Pooled out-of-fold AUC of each repeat: their spread is that of drawing the folds."""
        return tuple(auc(self._outcome, np.array(repeat.probability)) for repeat in self.repeats)

    @property
    def fold_auc(self) -> float:
        """Mean over outer folds of the AUC within a fold."""
        return float(np.mean([fold.auc for fold in self.folds]))

    @property
    def fold_auc_interval(self) -> Interval:
        """Corrected resampled t interval of `fold_auc` (Nadeau and Bengio)."""
        ratio = float(np.mean([fold.n_test / fold.n_train for fold in self.folds]))
        return corrected_resampled_interval([fold.auc for fold in self.folds], ratio, self.confidence)

    @property
    def mean_probability(self) -> tuple[float, ...]:
        """Probability of each row, averaged over repeats: what curve, calibration and DeLong's test are of."""
        return tuple(float(p) for p in self._mean)

    @property
    def roc(self) -> tuple[RocPoint, ...]:
        """ROC curve of the averaged probability."""
        return roc_curve(self._outcome, self._mean)

    @property
    def calibration(self) -> Calibration:
        """Calibration of the averaged probability."""
        return calibration(self._outcome, self._mean)

    @property
    def operating_point(self) -> OperatingPoint:
        """Sensitivity and specificity, over repeats, of the thresholds chosen inside the training rows."""
        called = np.concatenate([self._called(number) for number in range(len(self.repeats))])
        outcome = np.tile(self._outcome, len(self.repeats))
        return OperatingPoint(
            sensitivity=float(called[outcome == 1].mean()), specificity=float(1 - called[outcome == 0].mean())
        )

    @property
    def selection_frequency(self) -> dict[str, float]:
        """Part of the outer folds that chose each column, the most frequent first, unchosen ones left out."""
        counts = {name: sum(name in fold.selected for fold in self.folds) for name in self.columns}
        ranked = sorted((name for name in counts if counts[name]), key=lambda name: -counts[name])
        return {name: counts[name] / len(self.folds) for name in ranked}

    @property
    def stability(self) -> float | None:
        """Nogueira's stability of the columns chosen by the outer folds."""
        return selection_stability([fold.selected for fold in self.folds], self.columns)

    def predictions(self) -> pd.DataFrame:
        """Return the out-of-fold predictions: row, repeat, fold, probability, outcome."""
        import pandas as pd

        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "row": np.arange(self.n_rows),
                        "repeat": number,
                        "fold": repeat.fold,
                        "probability": repeat.probability,
                        "outcome": self.outcome,
                    }
                )
                for number, repeat in enumerate(self.repeats)
            ],
            ignore_index=True,
        )

    @property
    def _outcome(self) -> NDArray[np.int64]:
        return np.array(self.outcome, dtype=np.int64)

    @property
    def _mean(self) -> NDArray[np.float64]:
        return np.asarray(np.mean([repeat.probability for repeat in self.repeats], axis=0), dtype=np.float64)

    def _called(self, number: int) -> NDArray[np.bool_]:
        """Return which rows of one repeat are called events by the threshold of their fold."""
        thresholds = np.array([fold.threshold for fold in self.folds if fold.repeat == number])
        repeat = self.repeats[number]
        return np.asarray(np.array(repeat.probability) >= thresholds[np.array(repeat.fold)])
