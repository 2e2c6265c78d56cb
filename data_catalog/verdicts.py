"""The verdicts of the gate: what may be said of a scan or a region that is read, and what to do about it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from data_catalog.corrected import CORRECTED
from data_catalog.refused import REFUSED

Outcome = Literal["accepted with a recorded correction", "quarantined"]


class Correction(BaseModel):
    """One thing that was changed, or has to be known, of what was accepted: its name and what was done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Name of the verdict, as the catalogue has it (`gantry_tilt`)."""
    text: str
    """What was done to this one, with its numbers: `a gantry tilt of 14.0 degrees is kept as a shear`."""


class Verdict(BaseModel):
    """A named verdict: whether the item is kept, what that means, and what to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    about: str
    """What it is said of (`Slices and their place`)."""
    outcome: Outcome
    meaning: str
    remedy: str


def catalogue() -> dict[str, Verdict]:
    """Return every named verdict the gate can give, by its name; what gets none is accepted as it is."""
    tables: tuple[tuple[Outcome, dict[str, dict[str, tuple[str, str]]]], ...] = (
        ("accepted with a recorded correction", CORRECTED),
        ("quarantined", REFUSED),
    )
    return {
        name: Verdict(name=name, about=about, outcome=outcome, meaning=meaning, remedy=remedy)
        for outcome, groups in tables
        for about, verdicts in groups.items()
        for name, (meaning, remedy) in verdicts.items()
    }
