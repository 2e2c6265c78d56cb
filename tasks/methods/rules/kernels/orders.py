"""Events in order: what comes after some events in each patient, and which items rows go on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


@kernel
def delivered(
    starts: NDArray[np.int64],
    codes: NDArray[np.int64],
    near: NDArray[np.bool_],
    patients: NDArray[np.int64],
    rows: NDArray[np.int64],
    places: NDArray[np.int64],
    nears: NDArray[np.bool_],
    number: int,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.bool_],
]:
    """Deliver rows to every item that stands after a place in them.

    Parameters
    ----------
    starts : NDArray[np.int64]
        (rows + 1,): where each row's items begin in `codes`, rising within a row.
    codes, near : NDArray
        The items of all rows, and whether each is near.
    patients : NDArray[np.int64]
        (rows,): the patient of each row; rows of a patient stand together.
    rows, places, nears : NDArray
        The rows that are looked at, the place after which items count, and whether an item before it was near.
    number : int
        Number of items.

    Returns
    -------
    counts, near_counts : NDArray[np.int64]
        (number,): patients with the item, and those with it and an item that is near in one row.
    offsets : NDArray[np.int64]
        (number + 1,): where the rows of each item begin in the following.
    to_rows, to_places, to_nears : NDArray
        The rows of each item, the item's place, and whether an item up to it is near.
    """
    counts = np.zeros(number, np.int64)
    near_counts = np.zeros(number, np.int64)
    latest = np.full(number, -1, np.int64)
    latest_near = np.full(number, -1, np.int64)
    offsets = np.zeros(number + 1, np.int64)
    for i in range(rows.size):
        patient = patients[rows[i]]
        for place in range(places[i] + 1, starts[rows[i] + 1]):
            code = codes[place]
            offsets[code + 1] += 1
            if latest[code] != patient:
                latest[code] = patient
                counts[code] += 1
            if (nears[i] or near[place]) and latest_near[code] != patient:
                latest_near[code] = patient
                near_counts[code] += 1
    for code in range(number):
        offsets[code + 1] += offsets[code]
    free = offsets[:-1].copy()
    to_rows = np.empty(offsets[number], np.int64)
    to_places = np.empty(offsets[number], np.int64)
    to_nears = np.empty(offsets[number], np.bool_)
    for i in range(rows.size):
        for place in range(places[i] + 1, starts[rows[i] + 1]):
            at = free[codes[place]]
            free[codes[place]] += 1
            to_rows[at] = rows[i]
            to_places[at] = place
            to_nears[at] = nears[i] or near[place]
    return counts, near_counts, offsets, to_rows, to_places, to_nears


@kernel
def _first_after(days: NDArray[np.float64], begin: int, end: int, day: float) -> int:
    """Return the place of the first of rising days that is after a day; `end` where none is."""
    while begin < end:
        middle = (begin + end) // 2
        if days[middle] > day:
            end = middle
        else:
            begin = middle + 1
    return begin


@kernel
def _find_places(
    codes: NDArray[np.int64], begin: int, end: int, events: NDArray[np.int64], own: NDArray[np.int64]
) -> None:
    """Write into `own` where each of some rising events stands among a patient's."""
    found = 0
    for place in range(begin, end):
        if found < events.size and codes[place] == events[found]:
            own[found] = place
            found += 1


@kernel
def _latest_before(
    days: NDArray[np.float64], day_starts: NDArray[np.int64], own: NDArray[np.int64], anchor: float
) -> float:
    """Return the earliest of the last days, up to an anchor, of some events; minus infinity where one has none."""
    earliest = anchor
    for place in own:
        last = _first_after(days, day_starts[place], day_starts[place + 1], anchor) - 1
        if last < day_starts[place]:
            return -np.inf
        earliest = min(earliest, days[last])
    return earliest


@kernel
def _first_anchor(days: NDArray[np.float64], day_starts: NDArray[np.int64], own: NDArray[np.int64]) -> float:
    """Return the first day on which all events of a patient have happened."""
    first = -np.inf
    for place in own:
        first = max(first, days[day_starts[place]])
    return first


@kernel
def _every_anchor(
    days: NDArray[np.float64], day_starts: NDArray[np.int64], own: NDArray[np.int64], window: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the anchors of a patient, rising, and the day from which the window of each counts."""
    number = 0
    for place in own:
        number += day_starts[place + 1] - day_starts[place]
    every = np.empty(number, np.float64)
    earliest = np.empty(number, np.float64)
    number = 0
    for place in own:
        for at in range(day_starts[place], day_starts[place + 1]):
            every[number] = days[at]
            number += 1
    every.sort()
    kept = 0
    for i in range(number):
        begin = _latest_before(days, day_starts, own, every[i])
        is_new = i == 0 or every[i] != every[i - 1]
        if is_new and np.isfinite(begin) and every[i] - begin <= window:
            every[kept] = every[i]
            earliest[kept] = begin
            kept += 1
    return every[:kept], earliest[:kept]


@kernel
def what_follows(  # noqa: C901 - one walk over the patients
    starts: NDArray[np.int64],
    codes: NDArray[np.int64],
    day_starts: NDArray[np.int64],
    days: NDArray[np.float64],
    patients: NDArray[np.int64],
    before: NDArray[np.int64],
    gap: float,
    window: float,
) -> tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Return what follows some events in patients who have all of them.

    A day on which one of these events happens and all others have happened within the window is an anchor. It gives
    a row: the events that happen after it, at most `window` days after the earliest of the latest times of the events
    before; an event is near that follows the anchor within the gap. Without gap and window the first anchor tells all.

    Parameters
    ----------
    starts : NDArray[np.int64]
        (patients + 1,): where each patient's events begin in `codes`, rising and each once.
    codes, day_starts : NDArray[np.int64]
        The events of all patients, and where the days of each begin in `days`, rising.
    patients : NDArray[np.int64]
        The patients who have all of `before`.
    before : NDArray[np.int64]
        Events, rising.

    Returns
    -------
    begun : int
        Patients with an anchor.
    row_starts, row_codes, row_near, row_patients : NDArray
        What follows, one row an anchor with anything after it, as `delivered` takes them.
    """
    once = np.isinf(gap) and np.isinf(window)
    begun = rows = entries = 0
    row_starts = np.zeros(patients.size + 1, np.int64)
    row_patients = np.empty(patients.size, np.int64)
    row_codes = np.empty(patients.size, np.int64)
    row_near = np.empty(patients.size, np.bool_)
    own = np.empty(before.size, np.int64)
    anchors, earliest = np.empty(1, np.float64), np.full(1, -np.inf)
    for patient in patients:
        begin, end = starts[patient], starts[patient + 1]
        _find_places(codes, begin, end, before, own)
        if once:
            anchors[0] = _first_anchor(days, day_starts, own)
        else:
            anchors, earliest = _every_anchor(days, day_starts, own, window)
        begun += anchors.size > 0
        if rows + anchors.size > row_patients.size:
            row_starts = _with_room(row_starts, anchors.size)
            row_patients = _with_room(row_patients, anchors.size)
        if entries + anchors.size * (end - begin) > row_codes.size:
            row_codes = _with_room(row_codes, anchors.size * (end - begin))
            row_near = _with_room(row_near, anchors.size * (end - begin))
        for i in range(anchors.size):
            first = entries
            skipped = 0
            for place in range(begin, end):
                if skipped < own.size and place == own[skipped]:
                    skipped += 1
                    continue
                after = _first_after(days, day_starts[place], day_starts[place + 1], anchors[i])
                if after < day_starts[place + 1] and days[after] - earliest[i] <= window:
                    row_codes[entries] = codes[place]
                    row_near[entries] = days[after] - anchors[i] <= gap
                    entries += 1
            if entries > first:
                row_patients[rows] = patient
                row_starts[rows + 1] = entries
                rows += 1
    return begun, row_starts[: rows + 1], row_codes[:entries], row_near[:entries], row_patients[:rows]


@kernel
def _with_room(values: NDArray[T], more: int) -> NDArray[T]:
    """Return an array of twice the size, and some places more, that begins with the values."""
    larger = np.zeros(2 * values.size + more + 1, values.dtype)
    larger[: values.size] = values
    return larger


@kernel
def _last_until(days: NDArray[np.float64], codes: NDArray[np.int64], event: int, anchor: float) -> float:
    """Return the last day of an event up to an anchor; minus infinity where there is none."""
    last = -np.inf
    for at in range(days.size):
        if codes[at] == event and days[at] <= anchor:
            last = days[at]
    return last


@kernel
def _next_after(days: NDArray[np.float64], codes: NDArray[np.int64], event: int, anchor: float) -> float:
    """Return the first day of an event after an anchor; infinity where there is none."""
    for at in range(days.size):
        if codes[at] == event and days[at] > anchor:
            return float(days[at])
    return np.inf


@kernel
def days_between(
    days: NDArray[np.float64],
    codes: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    gap: float,
    window: float,
) -> tuple[bool, float]:
    """Return whether all of `before` happen within the window, and after how many days all of `after` have followed.

    The days are those of one patient's events, rising. They are counted from the first day on which all of `before`
    have happened and `after` follows: the first of these at most `gap` days later, and all events at most `window`
    days from the first to the last. NaN where they do not follow.
    """
    begun = False
    for anchor in days:
        earliest, latest = np.inf, -np.inf
        for event in before:
            last = _last_until(days, codes, event, anchor)
            earliest, latest = min(earliest, last), max(latest, last)
        if latest < anchor or np.isinf(earliest) or anchor - earliest > window:
            continue
        begun = True
        first, last = np.inf, -np.inf
        for event in after:
            follows = _next_after(days, codes, event, anchor)
            first, last = min(first, follows), max(last, follows)
        if np.isfinite(last) and first - anchor <= gap and last - earliest <= window:
            return True, last - anchor
    return begun, np.nan


@kernel
def shuffles_in_order(
    days: NDArray[np.float64],
    shuffled: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    gap: float,
    window: float,
) -> int:
    """Return in how many of (shuffles, events) orders of a patient's events `after` follows `before`."""
    hits = 0
    for row in range(shuffled.shape[0]):
        hits += not np.isnan(days_between(days, shuffled[row], before, after, gap, window)[1])
    return hits
