"""Sequences of dated events: what comes before what, more than by chance, and which patterns go with the outcome."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from tasks.methods.method import Method
from tasks.methods.rules.adjust import Adjust, adjusted_p_values
from tasks.methods.rules.events import History, histories
from tasks.methods.rules.itemsets import MinSupport, least_rows
from tasks.methods.rules.order import chance_of_at_least, order_chances
from tasks.methods.rules.pattern_outcome import Answers, Tested, tested_patterns, untested_patterns
from tasks.methods.rules.pattern_search import PatternLimits, closed_patterns, visits_of
from tasks.methods.rules.sequence_rule import SequencePattern, SequenceRule, SequenceSet, order_claim
from tasks.methods.rules.sequence_search import Limits, Order, happenings, orders, pairs_searched, spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray


class SequenceMiner(Method):
    """Find events that come before others in many patients, and patterns of events that go with the outcome.

    Rules: until some day every event of X has happened, and after that day every event of Y happens (Fournier-Viger
    et al., IDA 2014, p. 108). Of an event that happens several times any one counts, so that both X before Y and Y
    before X may hold in one patient; gap and window are asked of those that count. The order is tested against
    shuffles of each patient's events over the patient's own dates: which events a patient has, and when anything
    happened, stays. P-values are adjusted for every X and Y of which enough patients have all events, a count the
    shuffles do not change. Listed are rules that are less likely by chance than each with one event less.

    Patterns: steps on days one after the other, the events of a step on one day, closed: none can take an event more
    without losing a patient. With an outcome each is tested by Fisher's exact test, two-sided, and adjusted by
    shuffles of the outcome between patients over all of them (Westfall and Young 1993). Which patterns are frequent
    and closed does not depend on the outcome.
    """

    method: Literal["sequences"] = "sequences"
    min_support: MinSupport = 0.1
    """Smallest share of patients with any event in whom a rule holds or a pattern occurs; a whole number is a count."""
    min_confidence: float = Field(default=0.0, ge=0, le=1)
    """Smallest share of the patients with the first events of a rule in whom the others follow."""
    max_before: int | None = Field(default=1, ge=1)
    """Most events that come first in a rule; None for any number."""
    max_after: int | None = Field(default=1, ge=1)
    """Most events that follow in a rule; None for any number."""
    max_steps: int = Field(default=3, ge=1, le=10)
    """Most steps of a pattern."""
    max_events: int = Field(default=4, ge=1, le=10)
    """Most events of a pattern, in all its steps."""
    max_gap_days: float | None = Field(default=None, gt=0)
    """Most days from the last event before to the first after, and from one step to the next; None for any number."""
    window_days: float | None = Field(default=None, gt=0)
    """Most days from the first event of a rule or pattern to its last; None for any number."""
    adjust: Adjust = "holm"
    """Adjustment for the number of orders searched: bonferroni and holm bound the chance of any false
    discovery, by the share of false discoveries, bh that share if rules depend on each other positively."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """A rule or pattern is significant if its adjusted p-value is at most this."""
    productive_p: float = Field(default=0.05, gt=0, le=1)
    """Largest p-value, not adjusted, of what a claimed pattern gains on each that lacks one of its events."""
    permutations: int = Field(default=999, ge=99)
    """Shuffles: of the outcome, and of each patient's events where the chance of an order is not exact."""
    seed: int = Field(default=0, ge=0)
    """Seed of the shuffles."""
    max_candidates: int = Field(default=100_000, ge=1)
    """Most rules, and most patterns, to search; more are refused before memory runs out."""
    max_rules: int | None = Field(default=100, ge=1)
    """Most rules, and most patterns, to list; None for all."""

    def __call__(self, events: pd.DataFrame, outcome: pd.Series | None = None, words: str = "") -> SequenceSet:
        """Return the rules and patterns, those most convincing first.

        `events` has the columns patient (key), day (number) and event (name), one row per event. `outcome`, where
        there is one, is 1, 0 or missing by patient key, and `words` says what 1 means.

        Raises
        ------
        BadData
            If a column is missing, there is no event, a patient, day or event is not known, or too much is frequent.
        """
        names, patients = histories(events)
        rules, found, searched = self._rules(names, patients)
        patterns, patterns_found, answered = self._patterns(names, patients, outcome, words)
        return SequenceSet(
            rules=tuple(rules),
            found=found,
            searched=searched,
            patients=len(patients),
            adjust=self.adjust,
            alpha=self.alpha,
            patterns=tuple(patterns),
            patterns_found=patterns_found,
            patterns_tested=0 if outcome is None else patterns_found,
            answered=answered,
        )

    def search(self, patients: Sequence[History], events: int) -> tuple[list[Order], int]:
        """Return every rule, however likely by chance, and how many could have been found."""
        limits = self._limits(len(patients))
        held = happenings(patients, events, limits.least)
        return list(orders(held, limits)), pairs_searched(held, limits)

    def _limits(self, patients: int) -> Limits:
        return Limits(
            least=least_rows(self.min_support, patients),
            confidence=self.min_confidence,
            before=self.max_before,
            after=self.max_after,
            gap=_or_any(self.max_gap_days),
            window=_or_any(self.window_days),
            most=self.max_candidates,
        )

    def _rules(self, names: Sequence[str], patients: Sequence[History]) -> tuple[list[SequenceRule], int, int]:
        """Return the rules to list, in order, how many were found, and how many could have been."""
        limits = self._limits(len(patients))
        found, searched = self.search(patients, len(names))
        chances = order_chances(patients, found, limits, self.permutations, self.seed)
        p = np.array([chance_of_at_least(one.completed, own) for one, own in zip(found, chances, strict=True)])
        adjusted = adjusted_p_values(p, self.adjust, searched)

        def in_turn(place: int) -> tuple[float, float, int, str]:
            before, after = _named(found[place], names)
            return adjusted[place], p[place], len(before) + len(after), order_claim(before, after)

        order = sorted(_less_likely_than_shorter(found, p), key=in_turn)
        rules = [
            self._rule(found[place], (names, patients, limits), float(p[place]), float(adjusted[place]))
            for place in order[: self.max_rules]
        ]
        return rules, len(order), searched

    def _rule(
        self, order: Order, held: tuple[Sequence[str], Sequence[History], Limits], p: float, adjusted: float
    ) -> SequenceRule:
        names, patients, limits = held
        days = spans(patients, order, limits)
        done = {place: count for place, count in days.items() if not np.isnan(count)}
        before, after = _named(order, names)
        return SequenceRule(
            before=before,
            after=after,
            patients=len(patients),
            begun=len(days),
            completed=len(done),
            median_days=float(np.median([*done.values()])),
            p=p,
            adjusted_p=adjusted,
            alpha=self.alpha,
            supporting=tuple(patients[place].patient for place in done),
            contradicting=tuple(patients[place].patient for place in days if place not in done),
        )

    def _patterns(
        self, names: Sequence[str], patients: Sequence[History], outcome: pd.Series | None, words: str
    ) -> tuple[list[SequencePattern], int, int]:
        """Return the patterns to list, in order, how many were found, and on how many patients they were tested."""
        limits = PatternLimits(
            least=least_rows(self.min_support, len(patients)),
            steps=self.max_steps,
            events=self.max_events,
            gap=_or_any(self.max_gap_days),
            window=_or_any(self.window_days),
            most=self.max_candidates,
        )
        found = closed_patterns(visits_of(patients, len(names), limits.least), limits)
        keys = [one.patient for one in patients]
        if outcome is None:
            return *untested_patterns(found, names, keys, self.max_rules), 0
        answers = Answers.of(outcome, keys, words)
        tested = Tested(self.permutations, self.seed, self.alpha, self.productive_p)
        patterns = tested_patterns(found, names, keys, answers, tested, self.max_rules)
        return patterns, len(found.closed), int(answers.known.sum())


def _or_any(days: float | None) -> float:
    return inf if days is None else days


def _less_likely_than_shorter(found: Sequence[Order], p: NDArray[np.float64]) -> list[int]:
    """Return the places of the rules whose p-value is below that of each rule with one event less."""
    known = {(one.before, one.after): float(own) for one, own in zip(found, p, strict=True)}
    return [
        place
        for place, one in enumerate(found)
        if all(p[place] < known.get(shorter, np.inf) for shorter in _shorter(one))
    ]


def _shorter(one: Order) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    before = [tuple(e for e in one.before if e != event) for event in one.before] if len(one.before) > 1 else []
    after = [tuple(e for e in one.after if e != event) for event in one.after] if len(one.after) > 1 else []
    return [*((side, one.after) for side in before), *((one.before, side) for side in after)]


def _named(one: Order, names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(names[event] for event in one.before), tuple(names[event] for event in one.after)
