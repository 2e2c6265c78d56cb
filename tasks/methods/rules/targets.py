"""What subgroups of patients may differ in: a number, or the time until an event that not everybody reaches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF = 0.5 + 1e-9
"""Half of the rows, and what rounding may add to it."""
FEWEST_DISTINCT = 2
"""Different values without which nobody can differ."""


@dataclass(frozen=True, eq=False)
class Target:
    """Hold what patients are compared in, as scores whose sum over a group says how it differs from all.

    Parameters
    ----------
    label, unit
        Words for it, and the unit of `values`.
    values
        (rows,): the number, or the time until the event or the last day seen; NaN where it is not known.
    happened
        (rows,): whether the event happened at that time; None for a number.
    scores
        (rows,): the number itself, or the event (1 or 0) less what was to be expected by that time.
    """

    label: str
    unit: str
    values: NDArray[np.float64]
    happened: NDArray[np.bool_] | None
    scores: NDArray[np.float64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Return the rows of which the target is known."""
        return ~np.isnan(self.scores)

    def select(self, rows: NDArray[np.intp]) -> Target:
        """Return the target of some rows, given by their positions; the scores stay as they are."""
        happened = None if self.happened is None else self.happened[rows]
        return replace(self, values=self.values[rows], happened=happened, scores=self.scores[rows])


def number_target(label: str, unit: str, values: NDArray[np.float64]) -> Target:
    """Return a number as a target: subgroups differ in their mean.

    Raises
    ------
    BadData
        If a value is infinite, or fewer than two different ones are known.
    """
    known = values[~np.isnan(values)]
    if np.isinf(known).any() or np.unique(known).size < FEWEST_DISTINCT:
        raise _unfit("at least two different finite numbers", f"{np.unique(known).size} different")
    return Target(label, unit, values, None, values)


def survival_target(
    label: str, unit: str, times: NDArray[np.float64], happened: NDArray[np.bool_], known: NDArray[np.bool_]
) -> Target:
    """Return the time until an event as a target: subgroups differ in events against those to be expected.

    The score of a row is its event less the cumulative hazard of all rows (Nelson and Aalen) at its time, so that the
    sum over a group is the numerator of the log-rank test: events observed less events expected. `times` are those
    of the event where it `happened`, else the last ones seen; rows that are not `known` take no part.

    Mantel, Cancer Chemother Rep 1966;50:163. Peto and Peto, J R Stat Soc A 1972;135:185.

    Raises
    ------
    BadData
        If a known time is negative or not finite, or no event happened.
    """
    own = times[known]
    if not (np.isfinite(own) & (own >= 0)).all() or not happened[known].any():
        raise _unfit("times of 0 or later, and at least one event", f"{int(happened[known].sum())} events")
    scores = np.full(times.size, np.nan)
    scores[known] = happened[known] - cumulative_hazard(own, happened[known])
    return Target(label, unit, np.where(known, times, np.nan), happened & known, scores)


def cumulative_hazard(times: NDArray[np.float64], happened: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (rows,) the cumulative hazard of all rows at each one's time.

    Nelson, Technometrics 1972;14:945. Aalen, Ann Stat 1978;6:701.
    """
    moments, place = np.unique(times, return_inverse=True)
    events = np.bincount(place, weights=happened, minlength=moments.size)
    at_risk = times.size - np.searchsorted(np.sort(times), moments, side="left")
    hazard: NDArray[np.float64] = np.cumsum(events / at_risk)[place]
    return hazard


def median_time(times: NDArray[np.float64], happened: NDArray[np.bool_]) -> float | None:
    """Return the first time by which half of the rows have had the event; None where that is not reached.

    Kaplan and Meier, J Am Stat Assoc 1958;53:457.
    """
    moments, place = np.unique(times, return_inverse=True)
    events = np.bincount(place, weights=happened, minlength=moments.size)
    at_risk = times.size - np.searchsorted(np.sort(times), moments, side="left")
    reached = np.flatnonzero(np.cumprod(1 - events / at_risk) <= HALF)
    return float(moments[reached[0]]) if reached.size else None


def _unfit(expected: str, came: str) -> BadData:
    return BadData(
        "unfit_target",
        f"Subgroups are compared in {expected}",
        f"{came} came",
        "Choose another target, or correct its columns.",
    )
