"""Whether two models' AUCs on the same rows differ by more than chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.learning.discrimination import Interval
from tasks.methods.learning.evaluation import Evaluation, Record

if TYPE_CHECKING:
    from numpy.typing import NDArray


class DeLong(Record):
    """Hold two AUCs and how far their difference is from chance.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson. Comparing the areas under two or more correlated receiver operating
    characteristic curves. Biometrics 44 (1988) 837-845.
    """

    first_auc: float
    """AUC of the first model."""
    second_auc: float
    """AUC of the second model."""
    standard_error: float
    """Standard error of their difference; 0 if both order every pair of rows alike."""

    @property
    def difference(self) -> float:
        """First less second AUC."""
        return self.first_auc - self.second_auc

    @property
    def p_value(self) -> float:
        """Two-sided probability of a difference this large if the AUCs were equal."""
        from scipy import stats

        if self.standard_error == 0:
            return 1.0 if self.difference == 0 else 0.0
        return float(2 * stats.norm.sf(abs(self.difference) / self.standard_error))

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return the normal interval of the difference."""
        from scipy import stats

        reach = float(stats.norm.ppf((1 + confidence) / 2)) * self.standard_error
        return Interval(self.difference - reach, self.difference + reach)


def delong(outcome: NDArray[np.int64], first: NDArray[np.float64], second: NDArray[np.float64]) -> DeLong:
    """Return the test of two scores (rows,) for an outcome of 0 and 1; rows are independent patients.

    References
    ----------
    Sun, Xu. Fast implementation of DeLong's algorithm. IEEE Signal Processing Letters 21 (2014) 1389-1393.
    """
    if min(np.count_nonzero(outcome == 1), np.count_nonzero(outcome == 0)) < 2:  # noqa: PLR2004 - a variance takes two
        raise BadData(
            "too_few_patients",
            "DeLong's test needs two rows of each class",
            f"{int(outcome.sum())} of {len(outcome)} rows have the event",
            "Compare on a larger cohort.",
        )
    (first_auc, *first_parts), (second_auc, *second_parts) = (_placements(outcome, s) for s in (first, second))
    variance = sum(float(np.var(a - b, ddof=1)) / len(a) for a, b in zip(first_parts, second_parts, strict=True))
    return DeLong(first_auc=first_auc, second_auc=second_auc, standard_error=float(np.sqrt(variance)))


def _placements(
    outcome: NDArray[np.int64], scores: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return the AUC, the part of others each event is above, and the part of events above each other."""
    from scipy import stats

    events, others = scores[outcome == 1], scores[outcome == 0]
    ranks = stats.rankdata(np.concatenate([events, others]))
    above = (ranks[: len(events)] - stats.rankdata(events)) / len(others)
    below = 1 - (ranks[len(events) :] - stats.rankdata(others)) / len(events)
    return float(above.mean()), above, below


def compare_models(first: Evaluation, second: Evaluation) -> DeLong:
    """Return DeLong's test on the probabilities, averaged over repeats, of two evaluations of the same rows.

    Raises
    ------
    BadData
        The rows are not the same, or a patient has several: the test takes rows for independent.
    """
    if (first.outcome, first.patient) != (second.outcome, second.patient):
        raise BadData(
            "other_rows",
            "Two models are compared on the same rows",
            f"{first.n_rows} and {second.n_rows} rows that do not match",
            "Evaluate both on one cohort.",
        )
    if first.n_patients < first.n_rows:
        raise BadData(
            "repeated_patients",
            "DeLong's test takes one row per patient",
            f"{first.n_rows} rows of {first.n_patients} patients",
            "Compare on one row per patient, or compare the bootstrap intervals.",
        )
    return delong(np.array(first.outcome), np.array(first.mean_probability), np.array(second.mean_probability))
