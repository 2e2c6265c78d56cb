"""A rule over several readers' ratings, with what each of them says of it."""

from __future__ import annotations

from pydantic import Field

from tasks.methods.rules.items import Item, Refusal, Value
from tasks.methods.rules.rule import Counts, claim


class ReaderCounts(Counts):
    """Count a rule in one reader's own readings."""

    reader: str
    """Who read."""
    z: float
    """How far antecedent and consequent go together in these readings, in standard errors over patients."""
    adjusted_p: float = Field(ge=0, le=1)
    """One-sided p-value, adjusted for every rule and every reader."""


class ReadingRule(Value):
    """State that who gives some ratings tends to give another, weighted by how many readers of a case agree.

    Every case counts once: a reading of a case of four readers is a quarter of a case.
    """

    antecedent: tuple[Item, ...] = Field(min_length=1)
    """If a reader gives all of these,"""
    consequent: Item
    """then this."""
    both: float = Field(ge=0)
    """Cases with antecedent and consequent: of each the share of its readers who give both."""
    applies: float = Field(ge=0)
    """Cases with the antecedent, counted so."""
    otherwise_both: float = Field(ge=0)
    """Cases with the consequent, but without the antecedent."""
    otherwise: float = Field(ge=0)
    """Cases without the antecedent."""
    agreed: int = Field(ge=0)
    """Cases of two readers or more all of whom give the antecedent."""
    agreed_both: int = Field(ge=0)
    """Those among them all of whose readers give the consequent too."""
    z: float
    """How far antecedent and consequent go together, in standard errors over patients."""
    p: float = Field(ge=0, le=1)
    """One-sided p-value; patients, not readings or cases, are taken for independent."""
    adjusted_p: float = Field(ge=0, le=1)
    """The p-value adjusted for every rule searched."""
    alpha: float = Field(gt=0, lt=1)
    """Level of significance of adjusted p-values."""
    readers: tuple[ReaderCounts, ...] = ()
    """The rule in each reader's own readings."""
    explained_by: str | None = None
    """Claim of the better rule that this one only echoes; None where it says something of its own."""

    @property
    def support(self) -> float:
        """Return the share of cases with antecedent and consequent, weighted by agreement."""
        return self.both / (self.applies + self.otherwise)

    @property
    def confidence(self) -> float | None:
        """Return the share of the consequent among the cases with the antecedent."""
        return self.both / self.applies if self.applies else None

    @property
    def confidence_otherwise(self) -> float | None:
        """Return the share of the consequent among the cases without the antecedent."""
        return self.otherwise_both / self.otherwise if self.otherwise else None

    @property
    def significant(self) -> bool:
        """Return whether the adjusted p-value is at most alpha."""
        return self.adjusted_p <= self.alpha

    @property
    def claimed(self) -> bool:
        """Return whether the rule is a discovery: significant, and not the echo of a better one."""
        return self.significant and self.explained_by is None

    @property
    def holds_for_all(self) -> bool:
        """Return whether it is significant in the readings of every one of at least two readers."""
        return len(self.readers) > 1 and all(one.adjusted_p <= self.alpha for one in self.readers)

    @property
    def claim(self) -> str:
        """Return the rule in words, without its counts."""
        return claim(self.antecedent, (self.consequent,))

    @property
    def sentence(self) -> str:
        """Return the rule in words with its counts."""
        rate = "" if self.confidence is None else f" ({100 * self.confidence:.0f} %)"
        counts = f"{self.both:.1f} of {self.applies:.1f} cases{rate}, against {self.otherwise_both:.1f} of "
        agreed = f"where all readers agree on the former, in {self.agreed_both} of {self.agreed}"
        return f"{self.claim}: {counts}{self.otherwise:.1f} otherwise; {agreed}."


class ReadingRuleSet(Value):
    """Give the rules over readings that one search found, and what it searched."""

    rules: tuple[ReadingRule, ...]
    """The rules, the most convincing first."""
    found: int = Field(ge=0)
    """Rules found, of which at most so many as asked for are listed."""
    searched: int = Field(ge=0)
    """Rules tested: what p-values are adjusted for."""
    patients: int = Field(ge=0)
    """Patients with readings."""
    cases: int = Field(ge=0)
    """Cases that were read."""
    readings: int = Field(ge=0)
    """Readings of them."""
    readers: tuple[str, ...] = ()
    """Readers with patients enough to be looked at by themselves."""
    alpha: float = Field(gt=0, lt=1)
    """Level of significance of adjusted p-values."""
    permutations: int = Field(ge=1)
    """Turns of the patients' signs that p-values come from."""
    refused: tuple[Refusal, ...] = ()
    """Columns that gave no items, with the reason."""

    @property
    def claimed(self) -> tuple[ReadingRule, ...]:
        """Return the rules that are significant and not the echo of a better one."""
        return tuple(rule for rule in self.rules if rule.claimed)

    @property
    def hold_for_all(self) -> tuple[ReadingRule, ...]:
        """Return the claimed rules that every reader bears out."""
        return tuple(rule for rule in self.claimed if rule.holds_for_all)
