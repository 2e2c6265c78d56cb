"""How well probabilities tell events from non-events: AUC, its intervals, ROC curve, operating point."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Interval(NamedTuple):
    """Hold the ends of a confidence interval."""

    low: float
    high: float


class RocPoint(NamedTuple):
    """Hold one corner of a ROC curve."""

    false_positive_rate: float
    sensitivity: float


def auc(outcome: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Return how often an event scores above a non-event, ties counting half; in [0, 1].

    References
    ----------
    Hanley, McNeil. The meaning and use of the area under a ROC curve. Radiology 143 (1982) 29-36.
    """
    return float(weighted_aucs(outcome, scores, np.ones((1, len(outcome))))[0])


def weighted_aucs(
    outcome: NDArray[np.int64], scores: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return one AUC for each line of row weights (lines, rows); each needs both classes."""
    events, others, _ = _by_score(outcome, scores, weights)
    below = np.cumsum(others, axis=1) - others / 2
    pairs = events.sum(axis=1) * others.sum(axis=1)
    if not np.all(pairs > 0):
        raise BadData(
            "single_class",
            "An AUC needs rows with and without the event",
            f"{int(outcome.sum())} of {len(outcome)} rows have it",
            "Judge on rows of both classes.",
        )
    return np.asarray((events * below).sum(axis=1) / pairs, dtype=np.float64)


def _by_score(
    outcome: NDArray[np.int64], scores: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the weight of events and of others at each score (lines, scores), and the scores ascending."""
    levels, level = np.unique(scores, return_inverse=True)
    order = np.argsort(level, kind="stable")
    starts = np.searchsorted(level[order], np.arange(len(levels)))
    events = np.add.reduceat((weights * outcome)[:, order], starts, axis=1)
    others = np.add.reduceat((weights * (1 - outcome))[:, order], starts, axis=1)
    return events, others, levels


def patient_weights(
    outcome: NDArray[np.int64], patients: NDArray[np.int64], draws: int, seed: int
) -> NDArray[np.float64]:
    """Return how often each row is drawn (draws, rows) when patients are drawn with replacement.

    Patients are drawn among those with the same classes in their rows, so every draw has both
    classes in about the cohort's proportion, and a patient's rows come together.

    References
    ----------
    Robin et al. pROC: an open-source package for R and S+ to analyze and compare ROC curves.
    BMC Bioinformatics 12 (2011) 77 (stratified bootstrap).
    """
    count = int(patients.max()) + 1
    has = [np.bincount(patients, weights=outcome == value, minlength=count) > 0 for value in (0, 1)]
    stratum = has[0] + 2 * has[1]
    generator = np.random.default_rng(seed)
    drawn = np.zeros((draws, count))
    for value in np.unique(stratum):
        members = np.flatnonzero(stratum == value)
        drawn[:, members] = generator.multinomial(len(members), np.full(len(members), 1 / len(members)), size=draws)
    return drawn[:, patients]


def bootstrap_interval(
    outcome: NDArray[np.int64],
    repeats: Sequence[NDArray[np.float64]],
    patients: NDArray[np.int64],
    *,
    draws: int,
    confidence: float,
    seed: int,
) -> Interval:
    """Return the percentile interval, over draws of patients, of the AUC averaged over repeats.

    Drawn is the very number reported: the mean over repeats of the AUC of all out-of-fold
    probabilities. The models are not fitted anew, so what their fitting adds in spread is not in it.

    References
    ----------
    Efron, Tibshirani. An Introduction to the Bootstrap. Chapman & Hall (1993), chapter 13.
    """
    weights = patient_weights(outcome, patients, draws, seed)
    means = np.mean([weighted_aucs(outcome, scores, weights) for scores in repeats], axis=0)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def corrected_resampled_interval(values: Sequence[float], test_to_train: float, confidence: float) -> Interval:
    """Return the t interval of a mean over folds, corrected for the rows that training sets share.

    The variance of the mean is (1 / J + n_test / n_train) times that of the J values. Clipped to [0, 1].

    References
    ----------
    Nadeau, Bengio. Inference for the generalization error. Machine Learning 52 (2003) 239-281.
    Bouckaert, Frank. Evaluating the replicability of significance tests. PAKDD (2004) 3-12.
    """
    from scipy import stats

    mean = float(np.mean(values))
    error = float(np.sqrt((1 / len(values) + test_to_train) * np.var(values, ddof=1)))
    reach = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1)) * error
    return Interval(max(0.0, mean - reach), min(1.0, mean + reach))


def roc_curve(outcome: NDArray[np.int64], scores: NDArray[np.float64]) -> tuple[RocPoint, ...]:
    """Return the ROC curve from (0, 0) to (1, 1), one point for each score a row has."""
    events, others, _ = _by_score(outcome, scores, np.ones((1, len(outcome))))
    hit = np.cumsum(events[0][::-1]) / events.sum()
    alarm = np.cumsum(others[0][::-1]) / others.sum()
    return (RocPoint(0.0, 0.0), *(RocPoint(float(x), float(y)) for x, y in zip(alarm, hit, strict=True)))


def youden_threshold(outcome: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Return the score from which on a row counts as an event, where sensitivity + specificity is largest.

    Of equals the largest.

    References
    ----------
    Youden. Index for rating diagnostic tests. Cancer 3 (1950) 32-35.
    """
    events, others, levels = _by_score(outcome, scores, np.ones((1, len(outcome))))
    hits, alarms = np.cumsum(events[0][::-1]), np.cumsum(others[0][::-1])
    gain = hits * others.sum() - alarms * events.sum()  # whole numbers: equals are equal to the last bit
    return float(levels[::-1][int(np.argmax(gain))])
