"""Sequences of dated events: what comes before what, and whether the order is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations as orders
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from tasks.methods.method import Method
from tasks.methods.rules.adjust import Adjust, adjusted_p_values
from tasks.methods.rules.events import History, histories
from tasks.methods.rules.itemsets import least_rows
from tasks.methods.rules.order import chance_of_at_least, order_chances
from tasks.methods.rules.sequence_rule import SequenceRule, SequenceSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

Occurrences = dict[int, set[tuple[float, float]]]
"""By position of the patient: first and last day of every way the steps happened in order."""
Steps = tuple[int, ...]
"""Positions of events, in order."""


@dataclass(frozen=True, eq=False)
class _Grown:
    """Be a sequence, where all its steps but the last occur, and where all of them do."""

    steps: Steps
    begun: Occurrences
    done: Occurrences


class SequenceMiner(Method):
    """Find events that come one after the other in many patients, on different days.

    Sequences grow step by step in the patients who have them so far, as in PrefixSpan (Pei et al., IEEE
    Trans Knowl Data Eng 2004;16:1424); each event is in a sequence once. The order of a pair is tested
    against shuffles of each patient's events over the patient's own dates: which events a patient has, and
    when anything happened, stays. P-values are adjusted for every ordered pair of which enough patients
    have both events, a count the shuffles do not change. Of a longer sequence no p-value is given.
    """

    method: Literal["sequences"] = "sequences"
    min_support: float = Field(default=0.1, gt=0, le=1)
    """Smallest share of patients with any event who have a sequence."""
    max_steps: int = Field(default=2, ge=2, le=5)
    """Most events in a sequence."""
    max_gap_days: float | None = Field(default=None, gt=0)
    """Most days from one step to the next; None for any number."""
    adjust: Adjust = "holm"
    """Adjustment for the number of pairs searched: bonferroni and holm bound the chance of any false
    discovery, by the share of false discoveries, bh that share if pairs depend on each other positively."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """A sequence is significant if its adjusted p-value is at most this."""
    permutations: int = Field(default=999, ge=99)
    """Shuffles of each patient in whom an event repeats; for the others the chance is exact."""
    seed: int = Field(default=0, ge=0)
    """Seed of the shuffles."""
    max_rules: int | None = Field(default=100, ge=1)
    """Most sequences to list; None for all."""

    def __call__(self, events: pd.DataFrame) -> SequenceSet:
        """Return the sequences by adjusted p-value, p-value, fewer steps and text; those without one last.

        `events` has the columns patient (key), day (number) and event (name), one row per event.

        Raises
        ------
        BadData
            If a column is missing, there is no event, or a patient, day or event is not known.
        """
        names, patients = histories(events)
        p, adjusted = self._p_values(patients, len(names))
        found = [
            self._rule(grown, names, patients, p.get(grown.steps), adjusted.get(grown.steps))
            for grown in self._grow(_Grown((), {}, {}), patients, len(names))
            if len(grown.steps) > 1
        ]
        found.sort(key=_place)
        return SequenceSet(
            rules=tuple(found[: self.max_rules]),
            found=len(found),
            searched=len(p),
            patients=len(patients),
            adjust=self.adjust,
            alpha=self.alpha,
        )

    def _grow(self, prefix: _Grown, patients: Sequence[History], events: int) -> Iterator[_Grown]:
        """Yield every frequent sequence that begins with the prefix."""
        least = least_rows(self.min_support, len(patients))
        for event in (event for event in range(events) if event not in prefix.steps):
            done = self._extended(prefix.done, event, patients) if prefix.steps else _first(event, patients)
            if len(done) >= least:
                longer = _Grown((*prefix.steps, event), prefix.done, done)
                yield longer
                if len(longer.steps) < self.max_steps:
                    yield from self._grow(longer, patients, events)

    def _extended(self, begun: Occurrences, event: int, patients: Sequence[History]) -> Occurrences:
        gap = np.inf if self.max_gap_days is None else self.max_gap_days
        done: Occurrences = {}
        for patient, spans in begun.items():
            history = patients[patient]
            days = history.days[history.codes == event].tolist()
            longer = {(start, day) for start, end in spans for day in days if 0 < day - end <= gap}
            if longer:
                done[patient] = longer
        return done

    def _p_values(self, patients: Sequence[History], events: int) -> tuple[dict[Steps, float], dict[Steps, float]]:
        """Return p-values, and adjusted ones, of all ordered pairs of which enough patients have both events."""
        has = np.zeros((len(patients), events), bool)
        for row, history in enumerate(patients):
            has[row, history.codes] = True
        least = least_rows(self.min_support, len(patients))
        searched = [pair for pair in orders(range(events), 2) if has[:, pair].all(axis=1).sum() >= least]
        chances = order_chances(patients, self.max_gap_days, self.permutations, self.seed)
        p = np.empty(len(searched))
        for place, (first, second) in enumerate(searched):
            observed = len(self._extended(_first(first, patients), second, patients))
            p[place] = chance_of_at_least(observed, chances.get((first, second), []))
        adjusted = adjusted_p_values(p, self.adjust)
        return dict(zip(searched, p.tolist(), strict=True)), dict(zip(searched, adjusted.tolist(), strict=True))

    def _rule(
        self,
        grown: _Grown,
        names: Sequence[str],
        patients: Sequence[History],
        p: float | None,
        adjusted: float | None,
    ) -> SequenceRule:
        first = [min(spans) for spans in grown.done.values()]
        return SequenceRule(
            steps=tuple(names[step] for step in grown.steps),
            patients=len(patients),
            begun=len(grown.begun),
            completed=len(grown.done),
            median_days=float(np.median([end - start for start, end in first])),
            p=p,
            adjusted_p=adjusted,
            alpha=self.alpha,
            supporting=tuple(patients[patient].patient for patient in sorted(grown.done)),
            contradicting=tuple(patients[patient].patient for patient in sorted(set(grown.begun) - set(grown.done))),
        )


def _first(event: int, patients: Sequence[History]) -> Occurrences:
    """Return the days of an event, as sequences of one step."""
    days = {row: history.days[history.codes == event].tolist() for row, history in enumerate(patients)}
    return {row: {(day, day) for day in found} for row, found in days.items() if found}


def _place(rule: SequenceRule) -> tuple[float, float, int, str]:
    unclaimed = 2.0  # after every p-value
    adjusted = unclaimed if rule.adjusted_p is None else rule.adjusted_p
    return adjusted, unclaimed if rule.p is None else rule.p, len(rule.steps), rule.claim
