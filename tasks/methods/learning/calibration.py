"""Whether a probability of 0.3 means three in ten: calibration curve, slope, intercept, Brier score, Platt's line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 5
"""Bins of the calibration curve; the small cohorts of imaging give ten rows or fewer to each."""
CLIP = 0.001
"""Probabilities are kept this far from 0 and 1 before their log odds are taken: a forest gives both."""
LEAST_SLOPE = 0.01
"""Platt's slope where held-back rows were ordered no better than by chance: the order stays, certainty goes."""
FARTHEST_LOG_ODDS = 50.0
"""Where the search for a shift of log odds ends; no probability of a cohort is that near 0 or 1."""
GRADIENT = 1e-10
"""Size of the likelihood's gradient, per row, at which its largest value counts as found."""


class Line(NamedTuple):
    """Hold log odds = intercept + slope * x."""

    intercept: float
    slope: float


class CalibrationBin(BaseModel):
    """Hold one point of a calibration curve."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    predicted: float
    """Mean probability of the bin's rows."""
    observed: float
    """Part of the bin's rows that have the event."""
    rows: int
    """Number of rows in the bin."""


class Calibration(BaseModel):
    """Hold how probabilities and events agree.

    References
    ----------
    Van Calster et al. Calibration: the Achilles heel of predictive analytics. BMC Medicine 17 (2019) 230.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    curve: tuple[CalibrationBin, ...]
    """Up to five bins of about equally many rows; rows of equal probability share a bin."""
    slope: float | None
    """Slope of the outcome's log odds over the probability's; 1 is ideal, less is overconfident. None
    where it does not exist: all probabilities are alike, or they separate the classes."""
    intercept: float
    """Calibration in the large: the shift of all log odds that makes the mean right; 0 is ideal."""
    brier: float
    """Mean squared difference of probability and outcome; 0 is ideal."""


def calibration(outcome: NDArray[np.int64], probability: NDArray[np.float64]) -> Calibration:
    """Return curve, slope, intercept and Brier score of probabilities (rows,) for an outcome of 0 and 1."""
    from scipy import special

    log_odds = special.logit(np.clip(probability, CLIP, 1 - CLIP))
    return Calibration(
        curve=_curve(outcome, probability),
        slope=None if _has_no_slope(outcome, log_odds) else logistic_line(log_odds, outcome.astype(np.float64)).slope,
        intercept=intercept_given(log_odds, float(outcome.mean())),
        brier=float(np.mean((probability - outcome) ** 2)),
    )


def log_likelihood(outcome: NDArray[np.int64], probability: NDArray[np.float64]) -> float:
    """Return the mean log likelihood of an outcome, at most 0; probabilities are kept `CLIP` from 0 and 1."""
    of_what_came = np.where(outcome == 1, probability, 1 - probability)
    return float(np.mean(np.log(np.clip(of_what_came, CLIP, 1 - CLIP))))


def _curve(outcome: NDArray[np.int64], probability: NDArray[np.float64]) -> tuple[CalibrationBin, ...]:
    edges = np.unique(np.quantile(probability, np.arange(1, BINS) / BINS))
    place = np.searchsorted(edges, probability, side="left")
    return tuple(
        CalibrationBin(
            predicted=float(probability[place == i].mean()),
            observed=float(outcome[place == i].mean()),
            rows=int(np.count_nonzero(place == i)),
        )
        for i in np.unique(place)
    )


def _has_no_slope(outcome: NDArray[np.int64], x: NDArray[np.float64]) -> bool:
    """Whether the likelihood has no largest value: x is constant, or a threshold separates the classes."""
    events, others = x[outcome == 1], x[outcome == 0]
    return bool(np.ptp(x) == 0 or others.max() <= events.min() or events.max() <= others.min())


def logistic_line(x: NDArray[np.float64], target: NDArray[np.float64]) -> Line:
    """Return the line of largest likelihood for targets in [0, 1]; x must vary and not separate them."""
    from scipy import optimize, special

    centre, spread = x.mean(), x.std()
    design = np.column_stack([np.ones_like(x), (x - centre) / spread])

    def loss(line: NDArray[np.float64]) -> float:
        eta = design @ line
        return float(np.mean(np.logaddexp(0.0, eta) - target * eta))

    def gradient(line: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(design.T @ (special.expit(design @ line) - target) / len(x))

    def hessian(line: NDArray[np.float64]) -> NDArray[np.float64]:
        p = special.expit(design @ line)
        return np.asarray((design.T * (p * (1 - p))) @ design / len(x))

    found = optimize.minimize(loss, np.zeros(2), jac=gradient, hess=hessian, method="trust-exact", tol=GRADIENT)
    slope = float(found.x[1] / spread)
    return Line(float(found.x[0] - slope * centre), slope)


def intercept_given(offset: NDArray[np.float64], mean: float) -> float:
    """Return the shift of log odds after which their mean probability is `mean`, in (0, 1)."""
    from scipy import optimize, special

    def excess(shift: float) -> float:
        return float(special.expit(offset + shift).mean() - mean)

    reach = FARTHEST_LOG_ODDS + float(np.abs(offset).max())
    return float(optimize.brentq(excess, -reach, reach))


def platt_line(scores: NDArray[np.float64], outcome: NDArray[np.int64]) -> Line:
    """Return the line from scores to log odds, by Platt's smoothed targets; its slope is never negative.

    References
    ----------
    Platt. Probabilistic outputs for support vector machines. Advances in Large Margin Classifiers (1999) 61-74.
    """
    events, others = int(outcome.sum()), int((1 - outcome).sum())
    target = np.where(outcome == 1, (events + 1) / (events + 2), 1 / (others + 2))
    slope = logistic_line(scores, target).slope if np.ptp(scores) > 0 else 0.0
    slope = max(slope, LEAST_SLOPE)
    return Line(intercept_given(slope * scores, float(target.mean())), slope)
