"""The search for rules X before Y: on some day all events of X have happened, and after it all of Y happen."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, comb, inf
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.events import frequent_events
from tasks.methods.rules.itemsets import ROUNDING, require_few
from tasks.methods.rules.kernels.orders import days_between, delivered, what_follows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tasks.methods.rules.events import History

Events = tuple[int, ...]
"""Positions of events, rising."""
REMEDY = "Raise min_support, or allow fewer events before and after."


@dataclass(frozen=True)
class Limits:
    """Say which rules are looked for.

    Parameters
    ----------
    least
        Fewest patients in whom a rule holds.
    confidence
        Smallest share of the patients in whom it begins.
    before, after
        Most events on each side; None for any number.
    gap
        Most days from the last event before to the first after.
    window
        Most days from the first event to the last.
    most
        Most rules; more are refused before memory runs out.
    """

    least: int
    confidence: float = 0.0
    before: int | None = None
    after: int | None = None
    gap: float = inf
    window: float = inf
    most: int = 1_000_000


@dataclass(frozen=True)
class Order:
    """Be a rule that was found: its events and how many patients begin and complete it."""

    before: Events
    after: Events
    begun: int
    completed: int


@dataclass(frozen=True, eq=False)
class Rows:
    """Hold rows of items, rising in each; rows of a patient stand together."""

    starts: NDArray[np.int64]
    codes: NDArray[np.int64]
    near: NDArray[np.bool_]
    patients: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reached:
    """Hold the rows that have some items: which, the place of the last item, and whether one is near."""

    rows: NDArray[np.int64]
    places: NDArray[np.int64]
    nears: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Happenings:
    """Hold the days of every event of every patient.

    Parameters
    ----------
    rows
        One row a patient: the different events.
    day_starts
        (entries + 1,): where the days of each entry of the rows begin in `days`, rising.
    number
        Number of events.
    """

    rows: Rows
    day_starts: NDArray[np.int64]
    days: NDArray[np.float64]
    number: int


def happenings(histories: Sequence[History], number: int, least: int) -> Happenings:
    """Return the days of the events that at least so many patients have."""
    patients, codes, days = frequent_events(histories, number, least)
    order = np.lexsort((days, codes, patients))
    patients, codes, days = patients[order], codes[order], days[order]
    new = np.ones(codes.size, bool)
    new[1:] = (np.diff(patients) != 0) | (np.diff(codes) != 0)
    places = np.flatnonzero(new)
    owners = patients[places]
    everyone = np.arange(len(histories))
    starts = np.searchsorted(owners, np.append(everyone, everyone.size)).astype(np.int64)
    rows = Rows(starts, codes[places], np.ones(places.size, bool), everyone)
    return Happenings(rows, np.append(places, codes.size).astype(np.int64), days, number)


def orders(held: Happenings, limits: Limits) -> Iterator[Order]:
    """Yield every rule within the limits: all X and Y without an event in common, X before Y.

    It holds in a patient if there is a day until which each event of X has happened, and after which each of Y
    happens: of an event that happens several times any one counts. Without gap and window that is the last of the
    first times of X before the first of the last times of Y.

    X grows by the events its patients have, and Y by what follows X in them: by occurrence delivery, on one row a
    patient, or, with a gap or a window, on one a day from which they count. Without the gap a part of X or Y is in
    at least the patients of the whole: growth goes by those, and the gap decides what is yielded. Of X nothing more
    is asked than that something follows it; of Y that it is in enough of the patients of X, as each event more lets
    the confidence fall.

    Fournier-Viger et al., IDA 2014, p. 108 (ERMiner) and 2015 (windows: IEEE Trans Knowl Data Eng 27:2203), for the
    rules; Uno et al., FIMI 2004, for occurrence delivery.

    Raises
    ------
    BadData
        If there are more rules than `limits.most`.
    """
    for found, order in enumerate(_that_begin(held, _all_rows(held.rows), limits, ())):
        require_few(found + 1, limits.most, "rules", REMEDY)
        yield order


def pairs_searched(held: Happenings, limits: Limits) -> int:
    """Return how many pairs of X and Y there are of whose events enough patients have all, in whatever order.

    A shuffle of the events of each patient does not change it: it is what p-values of the order are adjusted for.

    Raises
    ------
    BadData
        If there are more than `limits.most`.
    """
    most = None if limits.before is None or limits.after is None else limits.before + limits.after
    number = 0
    for grown in _itemsets(held.rows, _all_rows(held.rows), held.number, limits.least, most, ()):
        number += _splits(len(grown.items), limits)
        require_few(number, limits.most, "rules", REMEDY)
    return number


def spans(histories: Sequence[History], order: Order, limits: Limits) -> dict[int, float]:
    """Return, by position of the patients in whom a rule begins, after how many days it is completed; NaN where not.

    They are counted from the first day on which all events before have happened, and those after follow as asked for.
    """
    before, after = (np.array(side, np.int64) for side in (order.before, order.after))
    found = {}
    for place, one in enumerate(histories):
        begun, days = days_between(one.days, one.codes, before, after, limits.gap, limits.window)
        if begun:
            found[place] = float(days)
    return found


@dataclass(frozen=True, eq=False)
class _Grown:
    """Be some items and the rows that have them, with how many patients these are of, and of how many near ones."""

    items: Events
    count: int
    near_count: int
    reached: Reached


def _all_rows(rows: Rows) -> Reached:
    return Reached(np.arange(rows.patients.size), rows.starts[:-1] - 1, np.zeros(rows.patients.size, bool))


def _longer(rows: Rows, reached: Reached, number: int, least: int, items: Events) -> list[_Grown]:
    """Return the items with one more, for each that comes after them in the rows of enough patients."""
    counts, near_counts, offsets, to_rows, places, nears = delivered(
        rows.starts, rows.codes, rows.near, rows.patients, reached.rows, reached.places, reached.nears, number
    )
    return [
        _Grown(
            items=(*items, item),
            count=int(counts[item]),
            near_count=int(near_counts[item]),
            reached=Reached(to_rows[first:last], places[first:last], nears[first:last]),
        )
        for item in np.flatnonzero(counts >= least).tolist()
        for first, last in (offsets[item : item + 2],)
    ]


def _itemsets(
    rows: Rows, reached: Reached, number: int, least: int, most: int | None, items: Events
) -> Iterator[_Grown]:
    """Yield every longer set of items that enough patients have in a row, of at most so many items."""
    for grown in _longer(rows, reached, number, least, items):
        yield grown
        if most is None or len(grown.items) < most:
            yield from _itemsets(rows, grown.reached, number, least, most, grown.items)


def _that_begin(held: Happenings, reached: Reached, limits: Limits, items: Events) -> Iterator[Order]:
    """Yield the rules whose X are these items and more."""
    for grown in _longer(held.rows, reached, held.number, limits.least, items):
        begun, starts, codes, near, patients = what_follows(
            held.rows.starts,
            held.rows.codes,
            held.day_starts,
            held.days,
            grown.reached.rows,
            np.array(grown.items, np.int64),
            limits.gap,
            limits.window,
        )
        following = Rows(starts, codes, near, patients)
        completions = _longer(following, _all_rows(following), held.number, limits.least, ())
        yield from _that_complete(following, completions, held.number, limits, (grown.items, begun))
        if completions and (limits.before is None or len(grown.items) < limits.before):
            yield from _that_begin(held, grown.reached, limits, grown.items)


def _that_complete(
    following: Rows, completions: Sequence[_Grown], number: int, limits: Limits, beginning: tuple[Events, int]
) -> Iterator[Order]:
    """Yield the rules that begin so, and end in these items and more."""
    before, begun = beginning
    needed = max(limits.least, ceil(limits.confidence * begun - ROUNDING))
    for grown in (grown for grown in completions if grown.count >= needed):
        if grown.near_count >= needed:
            yield Order(before, grown.items, begun, grown.near_count)
        if limits.after is None or len(grown.items) < limits.after:
            longer = _longer(following, grown.reached, number, needed, grown.items)
            yield from _that_complete(following, longer, number, limits, beginning)


def _splits(size: int, limits: Limits) -> int:
    """Return in how many ways a set of events is cut into X and Y of allowed sizes."""
    before = size - 1 if limits.before is None else min(limits.before, size - 1)
    after = size - 1 if limits.after is None else min(limits.after, size - 1)
    return sum(comb(size, first) for first in range(max(1, size - after), before + 1))
