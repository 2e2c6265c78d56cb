"""A rule with its counts, and the set of rules that one search gives."""

from __future__ import annotations

import math

from pydantic import Field

from tasks.methods.rules.adjust import ClassAdjust
from tasks.methods.rules.contingency import lift_interval, odds_ratio, odds_ratio_interval, wilson_interval
from tasks.methods.rules.items import Item, Refusal, Value

RuleKey = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]
"""Column and level of every item, those of the antecedent and those of the consequent."""


def rule_key(antecedent: tuple[Item, ...], consequent: tuple[Item, ...]) -> RuleKey:
    """Return what stays the same of a rule when its cut-offs are learnt again."""
    return tuple(sorted(item.key for item in antecedent)), tuple(sorted(item.key for item in consequent))


def claim(antecedent: tuple[Item, ...], consequent: tuple[Item, ...]) -> str:
    """Return a rule in words, without its counts."""
    return f"If {_clauses(antecedent)}, then {_clauses(consequent)}"


class Counts(Value):
    """Count the patients of whom all that a rule asks is known, and derive its measures.

    A measure is None where it would divide by no patients.
    """

    a: int = Field(ge=0)
    """Patients with the antecedent and the consequent."""
    b: int = Field(ge=0)
    """Patients with the antecedent only."""
    c: int = Field(ge=0)
    """Patients with the consequent only."""
    d: int = Field(ge=0)
    """Patients with neither."""

    @property
    def known(self) -> int:
        """Return how many patients are counted: the denominator of the support."""
        return self.a + self.b + self.c + self.d

    @property
    def applies(self) -> int:
        """Return how many patients have the antecedent."""
        return self.a + self.b

    @property
    def support(self) -> float | None:
        """Return the share of patients with antecedent and consequent."""
        return _share(self.a, self.known)

    @property
    def coverage(self) -> float | None:
        """Return the share of patients with the antecedent."""
        return _share(self.applies, self.known)

    @property
    def base_rate(self) -> float | None:
        """Return the share of patients with the consequent."""
        return _share(self.a + self.c, self.known)

    @property
    def confidence(self) -> float | None:
        """Return the share of patients with the consequent among those with the antecedent."""
        return _share(self.a, self.applies)

    @property
    def confidence_interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the confidence (Wilson)."""
        return wilson_interval(self.a, self.applies)

    @property
    def confidence_otherwise(self) -> float | None:
        """Return the share of patients with the consequent among those without the antecedent."""
        return _share(self.c, self.c + self.d)

    @property
    def lift(self) -> float | None:
        """Return the confidence over the base rate: 1 if independent (Brin et al., SIGMOD 1997, p. 255)."""
        return _share(self.a * self.known, self.applies * (self.a + self.c))

    @property
    def lift_interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the lift; 0 to infinity where it cannot be estimated."""
        return lift_interval(self.a, self.b, self.c, self.d)

    @property
    def leverage(self) -> float | None:
        """Return the support less what independence would give (Piatetsky-Shapiro 1991)."""
        return None if not self.known else self.a / self.known - self.applies * (self.a + self.c) / self.known**2

    @property
    def conviction(self) -> float | None:
        """Return (1 - base rate) / (1 - confidence): 1 if independent, infinite if the rule always holds."""
        if not self.applies:
            return None
        return (self.b + self.d) * self.applies / (self.known * self.b) if self.b else math.inf

    @property
    def zhang(self) -> float | None:
        """Return the dependence, 0 if independent, from -1 to 1 (Yan et al., Appl Artif Intell 2009;23:713)."""
        if not self.known:
            return None
        together = self.a * self.known - self.applies * (self.a + self.c)
        return together / max(self.a * (self.c + self.d), self.applies * self.c, 1)

    @property
    def jaccard(self) -> float | None:
        """Return the share of patients with both among those with either (Jaccard, New Phytol 1912;11:37)."""
        return _share(self.a, self.a + self.b + self.c)

    @property
    def odds_ratio(self) -> float:
        """Return the odds ratio, with Haldane's half in each cell."""
        return odds_ratio(self.a, self.b, self.c, self.d)

    @property
    def odds_ratio_interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the odds ratio."""
        return odds_ratio_interval(self.a, self.b, self.c, self.d)


class HeldOut(Counts):
    """Count a rule in the held-out patients of those folds whose training patients gave it."""

    found_in_folds: int = Field(ge=0)
    """Folds in which it was found again among the training patients, with cut-offs learnt from them."""
    folds: int = Field(ge=2)
    """Number of folds."""

    @property
    def sentence(self) -> str:
        """Return the part of the rule's sentence on held-out patients."""
        if not self.found_in_folds:
            return f"not found again in any of {self.folds} folds"
        if not self.applies:
            return "in held-out folds it applied to nobody"
        return f"in held-out folds {self.a} of {self.applies}"


class Rule(Counts):
    """State that patients with some items tend to have others, with counts, p-values and witnesses."""

    antecedent: tuple[Item, ...] = Field(min_length=1)
    """If a patient has all of these,"""
    consequent: tuple[Item, ...] = Field(min_length=1)
    """then these."""
    p: float | None = Field(default=None, ge=0, le=1)
    """Exact one-sided p-value, Fisher's or within strata; None where it was not tested."""
    adjusted_p: float | None = Field(default=None, ge=0, le=1)
    """The p-value adjusted for everything searched."""
    alpha: float | None = Field(default=None, gt=0, lt=1)
    """Level of significance of the adjusted p-value."""
    explained_by: str | None = None
    """Claim of the better rule that this one only echoes; None where it says something of its own."""
    supporting: tuple[str, ...] = ()
    """Keys of the patients with antecedent and consequent."""
    contradicting: tuple[str, ...] = ()
    """Keys of the patients with the antecedent only."""
    held_out: HeldOut | None = None
    """The same counts in held-out patients; None where none were held out."""

    @property
    def key(self) -> RuleKey:
        """Return what stays the same when the cut-offs are learnt again."""
        return rule_key(self.antecedent, self.consequent)

    @property
    def significant(self) -> bool:
        """Return whether the adjusted p-value is at most alpha."""
        return self.adjusted_p is not None and self.alpha is not None and self.adjusted_p <= self.alpha

    @property
    def claimed(self) -> bool:
        """Return whether the rule is a discovery: significant, and not the echo of a better one."""
        return self.significant and self.explained_by is None

    @property
    def claim(self) -> str:
        """Return the rule in words, without its counts."""
        return claim(self.antecedent, self.consequent)

    @property
    def sentence(self) -> str:
        """Return the rule in words with its counts."""
        held_out = f"; {self.held_out.sentence}" if self.held_out else ""
        rate = "" if self.confidence is None else f" ({100 * self.confidence:.0f} %)"
        counts = f"{self.a} of {self.applies} patients{rate}, against {self.c} of {self.c + self.d} otherwise"
        return f"{self.claim}: {counts}{held_out}."


class FoldCheck(Value):
    """Compare the rules found among a fold's training patients with the same rules in its held-out ones."""

    found: int = Field(ge=0)
    """Rules found among the training patients."""
    training: Counts
    """Sum of these rules' counts in the training patients."""
    held_out: Counts
    """Sum of these rules' counts in the held-out patients."""


class RuleSet(Value):
    """Give what one search found, and what it searched."""

    rules: tuple[Rule, ...]
    """The rules, the most convincing first."""
    found: int = Field(ge=0)
    """Rules found, of which at most so many as asked for are listed."""
    searched: int = Field(ge=0)
    """Rules that could have been found, whatever goes with what: the number p-values are adjusted for."""
    rows: int = Field(ge=0)
    """Rows mined, one per patient."""
    left_out: int = Field(default=0, ge=0)
    """Rows left out because their outcome is not known."""
    tested: int | None = Field(default=None, ge=0)
    """Tests p-values are adjusted for where these are not all searched: those of different patients that could be
    significant at all (`lamp`), or of different patients (`westfall_young`)."""
    delta: float | None = Field(default=None, ge=0)
    """Largest p-value that is significant; None where it depends on the other p-values."""
    strata: str | None = None
    """Column within whose values rules were tested; None where patients were taken as one group."""
    adjust: ClassAdjust | None = None
    """How p-values are adjusted; None where there are none."""
    alpha: float | None = Field(default=None, gt=0, lt=1)
    """Level of significance of adjusted p-values."""
    refused: tuple[Refusal, ...] = ()
    """Columns that gave no items, with the reason."""
    folds: tuple[FoldCheck, ...] = ()
    """What held in held-out patients, fold by fold; empty where none were held out."""

    @property
    def significant(self) -> tuple[Rule, ...]:
        """Return the rules whose adjusted p-value is at most alpha."""
        return tuple(rule for rule in self.rules if rule.significant)

    @property
    def claimed(self) -> tuple[Rule, ...]:
        """Return the significant rules that are not the echo of a better one."""
        return tuple(rule for rule in self.rules if rule.claimed)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _clauses(items: tuple[Item, ...]) -> str:
    return " and ".join(item.clause for item in items)
