"""A sequence of events with its counts, and the set of sequences that one search gives."""

from __future__ import annotations

from pydantic import Field

from tasks.methods.rules.adjust import Adjust
from tasks.methods.rules.contingency import wilson_interval
from tasks.methods.rules.items import Value, number_text


class SequenceRule(Value):
    """State that patients have some events one after the other, on different days."""

    steps: tuple[str, ...] = Field(min_length=2)
    """The events in order."""
    patients: int = Field(ge=1)
    """Patients with any event: the denominator of the support."""
    begun: int = Field(ge=1)
    """Patients with all steps but the last, in order: the denominator of the confidence."""
    completed: int = Field(ge=1)
    """Patients with all steps in order."""
    median_days: float = Field(gt=0)
    """Median over these of the days from the first occurrence of the first step to the first end after it."""
    p: float | None = Field(default=None, ge=0, le=1)
    """One-sided p-value of the order of a pair; None for longer sequences."""
    adjusted_p: float | None = Field(default=None, ge=0, le=1)
    """The p-value adjusted for all pairs searched."""
    alpha: float = Field(gt=0, lt=1)
    """Level of significance of the adjusted p-value."""
    supporting: tuple[str, ...] = ()
    """Keys of the patients with all steps in order."""
    contradicting: tuple[str, ...] = ()
    """Keys of the patients who began and did not complete."""

    @property
    def support(self) -> float:
        """Return the share of patients with all steps in order."""
        return self.completed / self.patients

    @property
    def confidence(self) -> float:
        """Return the share of those who began in whom the last step follows."""
        return self.completed / self.begun

    @property
    def confidence_interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the confidence (Wilson)."""
        return wilson_interval(self.completed, self.begun)

    @property
    def significant(self) -> bool:
        """Return whether the adjusted p-value is at most alpha."""
        return self.adjusted_p is not None and self.adjusted_p <= self.alpha

    @property
    def claim(self) -> str:
        """Return the sequence in words, without its counts."""
        return f"{', then '.join(self.steps[:-1])} is followed by {self.steps[-1]}"

    @property
    def sentence(self) -> str:
        """Return the sequence in words with its counts."""
        rate = f"{self.completed} of {self.begun} patients ({100 * self.confidence:.0f} %)"
        return f"{self.claim}: {rate}, {number_text(round(self.median_days, 1))} days after {self.steps[0]} (median)."


class SequenceSet(Value):
    """Give the sequences one search found, and what it searched."""

    rules: tuple[SequenceRule, ...]
    """The sequences, the most convincing first."""
    found: int = Field(ge=0)
    """Sequences found, of which at most so many as asked for are listed."""
    searched: int = Field(ge=0)
    """Ordered pairs tested: what p-values are adjusted for."""
    patients: int = Field(ge=0)
    """Patients with any event."""
    adjust: Adjust
    """How p-values are adjusted."""
    alpha: float = Field(gt=0, lt=1)
    """Level of significance of adjusted p-values."""

    @property
    def significant(self) -> tuple[SequenceRule, ...]:
        """Return the sequences whose adjusted p-value is at most alpha."""
        return tuple(rule for rule in self.rules if rule.significant)
