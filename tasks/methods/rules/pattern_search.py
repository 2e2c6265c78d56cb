"""The search for closed sequential patterns: events in order, some of them on one day."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.events import frequent_events
from tasks.methods.rules.itemsets import require_few
from tasks.methods.rules.kernels.patterns import one_event_longer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tasks.methods.rules.events import History

Steps = tuple[tuple[int, ...], ...]
"""The events of each step, rising; a step happens on one day, and each later than the one before."""


@dataclass(frozen=True)
class PatternLimits:
    """Say which patterns are looked for.

    Parameters
    ----------
    least
        Fewest patients in whom a pattern occurs.
    steps, events
        Most steps, and most events in all of them; None for any number.
    gap
        Most days from one step to the next.
    window
        Most days from the first step to the last.
    most
        Most patterns; more are refused before memory runs out.
    """

    least: int
    steps: int | None = None
    events: int | None = None
    gap: float = inf
    window: float = inf
    most: int = 1_000_000


@dataclass(frozen=True, eq=False)
class Visits:
    """Hold the events of all patients, visit by visit.

    Parameters
    ----------
    starts
        (visits + 1,): where each visit's events begin in `codes`, rising and each once.
    days, patients
        (visits,): the day and the patient's position of each visit, both rising.
    number
        Number of events.
    """

    starts: NDArray[np.int64]
    codes: NDArray[np.int64]
    days: NDArray[np.float64]
    patients: NDArray[np.int64]
    number: int


@dataclass(frozen=True, eq=False)
class Pattern:
    """Be a pattern, the patients in whom it occurs, rising, and the days that it takes.

    The days are the median over them of the fewest from the first step to the last.
    """

    steps: Steps
    patients: NDArray[np.int32]
    median_days: float


def visits_of(histories: Sequence[History], number: int, least: int) -> Visits:
    """Return the visits with the events that at least so many patients have."""
    patients, codes, days = frequent_events(histories, number, least)
    order = np.lexsort((codes, days, patients))
    patients, codes, days = patients[order], codes[order], days[order]
    new = np.ones(codes.size, bool)
    new[1:] = (np.diff(patients) != 0) | (np.diff(days) != 0)
    places = np.flatnonzero(new)
    return Visits(np.append(places, codes.size).astype(np.int64), codes, days[places], patients[places], number)


@dataclass(frozen=True, eq=False)
class Patterns:
    """Hold the patterns that occur in enough patients, and those among them that are closed, in order of growth."""

    frequent: dict[Steps, Pattern]
    closed: tuple[Pattern, ...]


def closed_patterns(visits: Visits, limits: PatternLimits) -> Patterns:
    """Return every pattern within the limits; closed are those that no event more leaves with the same patients.

    An event may occur in several steps. Patterns grow by an event of the last step's day, or of a later one, in the
    patients who have them so far. One that can take an event more, anywhere and within the limits, without losing a
    patient says less than the longer one: it is not closed.

    Pei et al., IEEE Trans Knowl Data Eng 2004;16:1424 (PrefixSpan); Yan, Han and Afshar, SDM 2003, p. 166 (CloSpan),
    for what is closed.

    Raises
    ------
    BadData
        If there are more patterns than `limits.most`.
    """
    found: dict[Steps, Pattern] = {}
    for pattern in _all_patterns(visits, limits):
        found[pattern.steps] = pattern
        require_few(len(found), limits.most, "sequences", "Raise min_support, or allow fewer steps or events.")
    held = {steps: hashlib.sha256(pattern.patients.tobytes()).digest() for steps, pattern in found.items()}
    absorbed = {
        shorter
        for steps, patients in held.items()
        for shorter in without_one_event(steps)
        if held.get(shorter) == patients
    }
    return Patterns(found, tuple(pattern for steps, pattern in found.items() if steps not in absorbed))


def without_one_event(steps: Steps) -> Iterator[Steps]:
    """Yield the pattern without each of its events; a step that loses its only one is gone."""
    for place, step in enumerate(steps):
        for event in step:
            rest = tuple(other for other in step if other != event)
            yield (*steps[:place], *((rest,) if rest else ()), *steps[place + 1 :])


@dataclass(frozen=True, eq=False)
class _Ends:
    """Hold the visits where a pattern can end, rising, and the latest day on which it can begin to end there."""

    visits: NDArray[np.int64]
    begins: NDArray[np.float64]


def _all_patterns(visits: Visits, limits: PatternLimits) -> Iterator[Pattern]:
    """Yield every pattern within the limits, closed or not."""
    visit_of = np.repeat(np.arange(visits.days.size), np.diff(visits.starts))
    for code in np.unique(visits.codes).tolist():
        own = visit_of[visits.codes == code]
        yield from _and_longer(visits, limits, ((code,),), _Ends(own, visits.days[own]))


def _and_longer(visits: Visits, limits: PatternLimits, steps: Steps, ends: _Ends) -> Iterator[Pattern]:
    """Yield a pattern that occurs in enough patients, and every one that begins with it."""
    yield _pattern(visits, steps, ends)
    if limits.events is not None and sum(map(len, steps)) >= limits.events:
        return
    counts, offsets, to_ends, to_begins = one_event_longer(
        visits.starts,
        visits.codes,
        visits.days,
        visits.patients,
        ends.visits,
        ends.begins,
        steps[-1][-1],
        visits.number,
        limits.gap,
        limits.window,
    )
    for place in np.flatnonzero(counts >= limits.least).tolist():
        code, is_same_day = place % visits.number, place >= visits.number
        part = slice(offsets[place], offsets[place + 1])
        longer = (*steps[:-1], (*steps[-1], code)) if is_same_day else (*steps, (code,))
        if limits.steps is None or len(longer) <= limits.steps:
            yield from _and_longer(visits, limits, longer, _Ends(to_ends[part], to_begins[part]))


def _pattern(visits: Visits, steps: Steps, ends: _Ends) -> Pattern:
    owners = visits.patients[ends.visits]
    patients, first = np.unique(owners, return_index=True)
    fewest = np.minimum.reduceat(visits.days[ends.visits] - ends.begins, first)
    return Pattern(steps, patients.astype(np.int32), float(np.median(fewest)))
