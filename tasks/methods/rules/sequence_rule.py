"""Events before others and patterns in time, with their counts, and the set of them that one search gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tasks.methods.rules.adjust import Adjust
from tasks.methods.rules.contingency import wilson_interval
from tasks.methods.rules.items import Value, number_text
from tasks.methods.rules.rule import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence


class SequenceRule(Value):
    """State that patients have some events and, after these, others: once each, whatever else comes before or after."""

    before: tuple[str, ...] = Field(min_length=1)
    """The events that come first, in any order among themselves."""
    after: tuple[str, ...] = Field(min_length=1)
    """The events that follow all of these, in any order among themselves."""
    patients: int = Field(ge=1)
    """Patients with any event: the denominator of the support."""
    begun: int = Field(ge=1)
    """Patients with all events that come first: the denominator of the confidence."""
    completed: int = Field(ge=1)
    """Patients in whom all others follow them, at least once each."""
    median_days: float = Field(gt=0)
    """Median over these of the days from the first day on which all of the first had happened and the others follow."""
    p: float = Field(ge=0, le=1)
    """One-sided p-value of the order."""
    adjusted_p: float = Field(ge=0, le=1)
    """The p-value adjusted for everything searched."""
    alpha: float = Field(gt=0, lt=1)
    """Level of significance of the adjusted p-value."""
    supporting: tuple[str, ...] = ()
    """Keys of the patients in whom the others follow."""
    contradicting: tuple[str, ...] = ()
    """Keys of the patients with the first events in whom they do not."""

    @property
    def steps(self) -> tuple[str, str]:
        """Return what comes first and what follows, in words."""
        return _together(self.before), _together(self.after)

    @property
    def support(self) -> float:
        """Return the share of patients in whom the events come in this order."""
        return self.completed / self.patients

    @property
    def confidence(self) -> float:
        """Return the share of those with the first events in whom the others follow."""
        return self.completed / self.begun

    @property
    def confidence_interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the confidence (Wilson)."""
        return wilson_interval(self.completed, self.begun)

    @property
    def significant(self) -> bool:
        """Return whether the adjusted p-value is at most alpha."""
        return self.adjusted_p <= self.alpha

    @property
    def claim(self) -> str:
        """Return the rule in words, without its counts."""
        return order_claim(self.before, self.after)

    @property
    def sentence(self) -> str:
        """Return the rule in words with its counts."""
        rate = f"{self.completed} of {self.begun} patients ({100 * self.confidence:.0f} %)"
        return f"{self.claim}: {rate}, {number_text(round(self.median_days, 1))} days after {self.steps[0]} (median)."


class OutcomeTest(Counts):
    """Count a pattern against the outcome, among the patients whose outcome is known."""

    outcome: str
    """The positive outcome in words (`progression is yes`)."""
    p: float = Field(ge=0, le=1)
    """Fisher's exact two-sided p-value."""
    adjusted_p: float = Field(ge=0, le=1)
    """The p-value adjusted for all patterns searched (Westfall and Young)."""
    alpha: float = Field(gt=0, lt=1)
    """Level of significance of the adjusted p-value."""
    gains: bool
    """Whether the pattern tells more, beyond chance, than each that lacks one of its events."""
    supporting: tuple[str, ...] = ()
    """Keys of the patients with the pattern and the outcome."""
    contradicting: tuple[str, ...] = ()
    """Keys of the patients with the pattern who are known to be without the outcome."""

    @property
    def significant(self) -> bool:
        """Return whether the adjusted p-value is at most alpha."""
        return self.adjusted_p <= self.alpha

    @property
    def claimed(self) -> bool:
        """Return whether this is a discovery: significant, and not the echo of a shorter pattern."""
        return self.significant and self.gains

    @property
    def words(self) -> str:
        """Return the counts in words."""
        return f"{self.outcome} in {self.a} of {self.applies} patients with it, against {self.c} of {self.c + self.d}"


class SequencePattern(Value):
    """State that patients have events on days one after the other, those of a step on one day."""

    steps: tuple[tuple[str, ...], ...] = Field(min_length=1)
    """The events of each step."""
    patients: int = Field(ge=1)
    """Patients with any event: the denominator of the support."""
    completed: int = Field(ge=1)
    """Patients with all steps in order."""
    median_days: float = Field(ge=0)
    """Median over these of the fewest days from the first step to the last; 0 for a single step."""
    with_outcome: OutcomeTest | None = None
    """Counts against the outcome; None without one."""
    supporting: tuple[str, ...] = ()
    """Keys of the patients with all steps in order."""

    @property
    def support(self) -> float:
        """Return the share of patients with all steps in order."""
        return self.completed / self.patients

    @property
    def claimed(self) -> bool:
        """Return whether the pattern goes with the outcome and no shorter one says as much."""
        return self.with_outcome is not None and self.with_outcome.claimed

    @property
    def claim(self) -> str:
        """Return the pattern in words, without its counts."""
        return pattern_claim(self.steps)

    @property
    def sentence(self) -> str:
        """Return the pattern in words with its counts."""
        took = f", in {number_text(round(self.median_days, 1))} days (median)" if len(self.steps) > 1 else ""
        tested = "" if self.with_outcome is None else f"; {self.with_outcome.words} without"
        return f"{self.claim}: {self.completed} of {self.patients} patients{took}{tested}."


class PatternRule(OutcomeTest):
    """State how often the outcome comes true in patients with a pattern, and in those without."""

    steps: tuple[tuple[str, ...], ...] = Field(min_length=1)
    """The events of each step."""

    @property
    def claim(self) -> str:
        """Return the pattern in words, without its counts."""
        return pattern_claim(self.steps)


class SequenceSet(Value):
    """Give the rules and patterns in time that one search found, and what it searched."""

    rules: tuple[SequenceRule, ...]
    """The rules, the most convincing first."""
    found: int = Field(ge=0)
    """Rules found, of which at most so many as asked for are listed."""
    searched: int = Field(ge=0)
    """Orders of events that could have been found: what p-values of rules are adjusted for."""
    patients: int = Field(ge=0)
    """Patients with any event."""
    adjust: Adjust
    """How p-values of rules are adjusted."""
    alpha: float = Field(gt=0, lt=1)
    """Level of significance of adjusted p-values."""
    patterns: tuple[SequencePattern, ...] = ()
    """Closed patterns: those that go with the outcome first, then the most frequent."""
    patterns_found: int = Field(default=0, ge=0)
    """Patterns found, of which at most so many as asked for are listed."""
    patterns_tested: int = Field(default=0, ge=0)
    """Patterns tested against the outcome; 0 without one."""
    answered: int = Field(default=0, ge=0)
    """Patients with any event and a known outcome."""

    @property
    def significant(self) -> tuple[SequenceRule, ...]:
        """Return the rules whose adjusted p-value is at most alpha."""
        return tuple(rule for rule in self.rules if rule.significant)

    @property
    def claimed_patterns(self) -> tuple[SequencePattern, ...]:
        """Return the patterns that go with the outcome and of which no shorter one says as much."""
        return tuple(pattern for pattern in self.patterns if pattern.claimed)


def order_claim(before: Sequence[str], after: Sequence[str]) -> str:
    """Return in words that some events come before others."""
    return f"{_together(before)} {'is' if len(before) == 1 else 'are'} followed by {_together(after)}"


def pattern_claim(steps: Sequence[Sequence[str]]) -> str:
    """Return in words that events happen step after step."""
    return ", then ".join(step_words(steps))


def step_words(steps: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return each step in words."""
    return tuple(" with ".join(step) for step in steps)


def _together(events: Sequence[str]) -> str:
    return " and ".join(events)
