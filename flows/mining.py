"""Which rules are looked for and what is told of them: the part of a plan that mines."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.methods.cohort.representatives import Representatives
from tasks.methods.rules import Discretiser
from tasks.methods.rules.association import AssociationMiner
from tasks.methods.rules.class_rules import ClassRuleMiner
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.sequences import SequenceMiner
from tasks.methods.rules.shown import SMALLEST
from tasks.methods.rules.stability import PatientResampling
from tasks.sources.readings import ReadingSearch
from tasks.sources.tables import Part
from tasks.sources.targets import SubgroupSearch


class Cards(Part):
    """What the card of a rule tells beside its counts, and what of it is shown."""

    smallest: Annotated[int, Field(ge=1, le=10)] = SMALLEST
    """Counts and lists of fewer patients than this, but more than none, are hidden in the report, in its files and in
    Prefect; `voxmine why` still tells them. 1 hides nothing. At most 10: the ranges of what
    is made of hidden counts are taken over all tables that they allow, which are 6,561 at 10 and 130,321 at 20."""
    resampling: PatientResampling | None = PatientResampling()
    """How patients are drawn anew to tell how stable rules are; empty does not try. It takes as long as mining so many
    times."""
    centre: str = "scanner"
    """Column of the cohort that tells centres apart: `scanner`, or a clinical column known before."""


class Mining(Part):
    """Which rules are looked for and how they are judged."""

    features: tuple[str, ...] = ("*",)
    """Patterns of the feature columns that may become items (`CT.*.stat_*`)."""
    representatives: Representatives = Representatives()
    """Of the features that say the same, one becomes items."""
    clinical: bool = True
    """Whether the clinical columns known before the outcome become items."""
    discretiser: Discretiser = QuantileBins()
    """How numbers become levels."""
    rules: ClassRuleMiner = ClassRuleMiner()
    """Rules that explain the outcome."""
    strata: str | None = None
    """Column of the cohort within whose values patients are compared when rules that explain the outcome are tested,
    so that a difference between them makes no rule: `scanner`, or a clinical column known before. Empty compares all
    patients."""
    associations: AssociationMiner | None = AssociationMiner()
    """Rules among all items; empty looks for none."""
    sequences: SequenceMiner | None = SequenceMiner()
    """Patterns in the dated events; empty looks for none."""
    subgroups: tuple[SubgroupSearch, ...] = ()
    """Subgroups of patients who differ in a number or in survival; empty looks for none."""
    readings: ReadingSearch | None = None
    """Rules over the ratings of several readers (`readings` of the plan); empty looks for none."""
    cards: Cards = Cards()
    """What the card of a rule tells."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Folds by patient in which every rule is measured on patients it was not found in."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Starts the drawing of the folds."""
