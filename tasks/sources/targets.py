"""What subgroups of patients are compared in."""

from __future__ import annotations

from typing import Annotated, Literal

from tasks.methods.cell_text import CellText
from tasks.methods.method import Choice, Method
from tasks.methods.rules.subgroups import SubgroupMiner
from tasks.sources.tables import Part


class NumberTarget(Method):
    """A number: subgroups differ in its mean."""

    method: Literal["number"] = "number"
    column: str
    """Column with the number."""
    of: Literal["clinical", "features"] = "clinical"
    """Whether it is a column of the clinical table, or a feature (`CT.tumour.morph_volume_mm3`)."""
    label: str = ""
    """Words for it in the report; empty takes the column's name."""
    unit: str = ""
    """Its unit."""

    @property
    def clinical_columns(self) -> tuple[str, ...]:
        """Return the columns of the clinical table that it is made of."""
        return (self.column,) if self.of == "clinical" else ()


class SurvivalTarget(Method):
    """The time until an event that not everybody reaches: subgroups differ by the log-rank test."""

    method: Literal["survival"] = "survival"
    time: str
    """Column of the clinical table with the time until the event, or until the patient was last seen without it."""
    event: str
    """Column of the clinical table that says whether the event happened at that time."""
    happened: CellText = "1"
    """Value of it that says so; every other value says that it had not happened by then."""
    label: str = ""
    """Words for the event in the report; empty takes the column's name."""
    unit: str = "days"
    """Unit of the time."""

    @property
    def clinical_columns(self) -> tuple[str, ...]:
        """Return the columns of the clinical table that it is made of."""
        return self.time, self.event


SubgroupTarget = Annotated[NumberTarget | SurvivalTarget, Choice()]


class SubgroupSearch(Part):
    """Which target subgroups are compared in, and how they are looked for."""

    target: SubgroupTarget
    """What is compared; its columns become no items."""
    miner: SubgroupMiner = SubgroupMiner()
    """How subgroups are searched and tested."""
