"""A subgroup of patients that differs in a target, and the set of them that one search gives."""

from __future__ import annotations

from pydantic import Field

from tasks.methods.rules.items import Item, Refusal, Value, number_text


class Side(Value):
    """Sum up the target in some patients."""

    patients: int = Field(ge=0)
    """How many they are."""
    mean: float | None = None
    """Mean of a number; None for the time until an event."""
    events: int | None = Field(default=None, ge=0)
    """How many had the event; None for a number."""
    expected: float | None = Field(default=None, ge=0)
    """Events to be expected if they fared as all patients do (log-rank)."""
    median_time: float | None = Field(default=None, ge=0)
    """Time by which half of them have had the event (Kaplan and Meier); None where that is not reached."""


class Subgroup(Value):
    """State that patients with some items differ from all others in a target."""

    items: tuple[Item, ...] = Field(min_length=1)
    """The patients who have all of these,"""
    inside: Side
    """and what the target is in them,"""
    outside: Side
    """against all others of whom items and target are known."""
    z: float
    """Sum of the scores of those inside, less what shuffles give on average, in their standard deviations."""
    p: float = Field(ge=0, le=1)
    """Share of shuffles of the target between patients, the true one among them, in which it differs as much."""
    adjusted_p: float = Field(ge=0, le=1)
    """Share of shuffles in which any subgroup searched differs as much (Westfall and Young)."""
    alpha: float = Field(gt=0, lt=1)
    """Level of significance of the adjusted p-value."""
    explained_by: str | None = None
    """Claim of the better subgroup that this one only echoes; None where it says something of its own."""
    supporting: tuple[str, ...] = ()
    """Keys of the patients inside."""

    @property
    def significant(self) -> bool:
        """Return whether the adjusted p-value is at most alpha."""
        return self.adjusted_p <= self.alpha

    @property
    def claimed(self) -> bool:
        """Return whether the subgroup is a discovery: significant, and not the echo of a better one."""
        return self.significant and self.explained_by is None

    @property
    def claim(self) -> str:
        """Return who is inside, in words."""
        return " and ".join(item.clause for item in self.items)


class SubgroupSet(Value):
    """Give the subgroups that one search found, and what it searched."""

    target: str
    """What patients are compared in, in words."""
    unit: str = ""
    """Unit of means and times."""
    is_time: bool
    """Whether it is the time until an event."""
    subgroups: tuple[Subgroup, ...]
    """The subgroups, the most convincing first."""
    found: int = Field(ge=0)
    """Subgroups found, of which at most so many as asked for are listed."""
    searched: int = Field(ge=0)
    """Subgroups tested: what p-values are adjusted for."""
    rows: int = Field(ge=0)
    """Patients whose target is known."""
    left_out: int = Field(default=0, ge=0)
    """Patients left out because their target is not known."""
    permutations: int = Field(ge=1)
    """Shuffles of the target between patients."""
    alpha: float = Field(gt=0, lt=1)
    """Level of significance of adjusted p-values."""
    refused: tuple[Refusal, ...] = ()
    """Columns that gave no items, with the reason."""

    @property
    def claimed(self) -> tuple[Subgroup, ...]:
        """Return the subgroups that are significant and not the echo of a better one."""
        return tuple(subgroup for subgroup in self.subgroups if subgroup.claimed)

    def sentence(self, subgroup: Subgroup) -> str:
        """Return a subgroup in words with its numbers."""
        inside, outside = self._words(subgroup.inside), self._words(subgroup.outside)
        return f"If {subgroup.claim}: {self.target} {inside}, against {outside} otherwise."

    def _words(self, side: Side) -> str:
        if not self.is_time:
            unit = f" {self.unit}" if self.unit and self.unit != "1" else ""
            mean = "not known" if side.mean is None else number_text(float(f"{side.mean:.4g}"))
            return f"{mean}{unit} on average in {side.patients} patients"
        return f"in {side.events} of {side.patients} patients where {side.expected:.1f} were to be expected"
