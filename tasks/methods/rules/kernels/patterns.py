"""Sequential patterns, one event longer: where they end in each patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def _latest_begin(
    days: NDArray[np.float64], ends: NDArray[np.int64], begins: NDArray[np.float64], day: float, gap: float
) -> float:
    """Return the latest beginning among rising ends at most `gap` days before a day; minus infinity without one."""
    latest = -np.inf
    for place in range(ends.size - 1, -1, -1):
        if day - days[ends[place]] > gap:
            break
        latest = max(latest, begins[place])
    return latest


@kernel
def _places_after(
    days: NDArray[np.float64],
    patients: NDArray[np.int64],
    ends: NDArray[np.int64],
    begins: NDArray[np.float64],
    gap: float,
    window: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return the visits where the next event may be, the latest day to begin, and 0 if later, 1 if the same visit.

    They stand patient by patient.
    """
    most = 2 * days.size
    visits = np.empty(most, np.int64)
    begun = np.empty(most, np.float64)
    to = np.empty(most, np.int64)
    number = 0
    first = 0
    while first < ends.size:
        patient = patients[ends[first]]
        passed, running = first, -np.inf
        visit = ends[first]
        while visit < days.size and patients[visit] == patient:
            begin = (
                running
                if np.isinf(gap)
                else _latest_begin(days, ends[first:passed], begins[first:passed], days[visit], gap)
            )
            if np.isfinite(begin) and days[visit] - begin <= window:
                visits[number], begun[number], to[number] = visit, begin, 0
                number += 1
            if passed < ends.size and ends[passed] == visit:
                visits[number], begun[number], to[number] = visit, begins[passed], 1
                number += 1
                running = max(running, begins[passed])
                passed += 1
            visit += 1
        first = passed
    return visits[:number], begun[:number], to[:number]


@kernel
def one_event_longer(
    starts: NDArray[np.int64],
    codes: NDArray[np.int64],
    days: NDArray[np.float64],
    patients: NDArray[np.int64],
    ends: NDArray[np.int64],
    begins: NDArray[np.float64],
    last_code: int,
    number: int,
    gap: float,
    window: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Deliver the places where a pattern ends to every event that may come next.

    Parameters
    ----------
    starts : NDArray[np.int64]
        (visits + 1,): where each visit's events begin in `codes`, rising and each once; a patient's visits stand
        together, by day.
    codes, days, patients : NDArray
        The events of all visits; the day and the patient of each visit.
    ends, begins : NDArray
        The visits where the pattern can end, rising, and the latest day on which it can begin to end there.
    last_code : int
        Its last event: an event more of the same visit comes after it in order.
    number : int
        Number of events: an event of a later visit is delivered to its own number, one of the same visit to that
        and `number`.
    gap, window : float
        Most days from one visit to the next, and from the first to the last.

    Returns
    -------
    counts : NDArray[np.int64]
        (2 number,): patients in whom the longer pattern occurs.
    offsets : NDArray[np.int64]
        (2 number + 1,): where the ends of each begin in the following.
    to_ends, to_begins : NDArray
        Ends of the longer patterns, and the latest day on which each can begin.
    """
    visits, begun, to = _places_after(days, patients, ends, begins, gap, window)
    counts = np.zeros(2 * number, np.int64)
    latest = np.full(2 * number, -1, np.int64)
    offsets = np.zeros(2 * number + 1, np.int64)
    for i in range(visits.size):
        patient = patients[visits[i]]
        for place in range(starts[visits[i]], starts[visits[i] + 1]):
            code = codes[place] + number * to[i]
            if to[i] == 0 or codes[place] > last_code:
                offsets[code + 1] += 1
                if latest[code] != patient:
                    latest[code] = patient
                    counts[code] += 1
    offsets = np.cumsum(offsets)
    free = offsets[:-1].copy()
    to_ends = np.empty(offsets[-1], np.int64)
    to_begins = np.empty(offsets[-1], np.float64)
    for i in range(visits.size):
        for place in range(starts[visits[i]], starts[visits[i] + 1]):
            code = codes[place] + number * to[i]
            if to[i] == 0 or codes[place] > last_code:
                to_ends[free[code]] = visits[i]
                to_begins[free[code]] = begun[i]
                free[code] += 1
    return counts, offsets, to_ends, to_begins
