"""What was planted in the invented cohort: the answers that a study of it is marked against."""

from __future__ import annotations

import re
from datetime import date
from statistics import fmean
from typing import Literal

from pydantic import BaseModel, ConfigDict

Level = Literal["low", "middle", "high"]
Marker = Literal["positive", "negative"]
Answer = Literal["yes", "no"]
ScannerName = Literal["A", "B"]
Order = Literal["steroids_first", "infection_first", "steroids_only", "infection_only", "neither"]


class Planted(BaseModel):
    """A frozen record; unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PatientTruth(Planted):
    """What is true of one patient of the invented cohort."""

    patient_id: str
    """The identifier in the headers and tables; the file of truths lies beside them, on the sources' side."""
    texture: Level
    """Heterogeneity of the tumour on CT; `high` is the cohort's upper third, `middle` still its upper half."""
    texture_hu: float
    """Standard deviation of the texture inside reader A's contour, in HU, the scanner's noise not counted."""
    marker: Marker
    progression: Answer
    scanner: ScannerName
    tumour_volume_mm3: float
    """Volume of reader A's rasterised contour on the baseline CT."""
    dice: float
    """Dice coefficient of the two readers' rasterised contours on the baseline CT."""
    first_visit: date
    days_between_visits: int
    order: Order
    """Whether steroids and infection happened, and which came first."""

    @property
    def meets_rule(self) -> bool:
        """Whether the patient has everything that the planted rule asks for."""
        return self.marker == "positive" and self.texture == "high"


class PlantedRule(Planted):
    """If the marker is positive and the tumour's CT texture is heterogeneous, the disease progresses.

    Each half alone goes with progression too, as it must, but much less (`Truths.fisher_table`).
    """

    clinical_column: str = "marker"
    clinical_value: str = "positive"
    imaging: str = "heterogeneity of the tumour on the baseline CT: high"
    outcome_column: str = "progression"
    outcome_value: str = "yes"


class ScannerEffect(Planted):
    """Scanner B reads every voxel of the body higher than scanner A, on CT only."""

    manufacturer_a: str
    manufacturer_b: str
    offset_hu: float
    """Mean intensity inside the body, scanner B minus scanner A."""


class MissingSlice(Planted):
    """One follow-up CT lacks an interior slice; its contour is there."""

    patient_id: str
    slice_index: int
    """Position of the missing slice, counted from the feet, from 0."""
    slices_expected: int


class CorruptFile(Planted):
    """One file of a follow-up CT ends inside its pixel data; its header is whole."""

    patient_id: str
    file: str
    """Path of the file, relative to the cohort's folder."""


class Duplicate(Planted):
    """One patient is there twice, under two names; voxels, geometry and clinical values are equal."""

    patient_id: str
    copy_id: str
    """The identifier of the second registration."""


class Truths(Planted):
    """Everything that was planted in one invented cohort.

    The outcome is carried by texture and marker and not by the tumour's volume; steroids before
    infection is the only order of events; all other columns are noise, assigned so as to go with
    nothing. These promises are made for the standard cohort of 40; smaller ones have the same parts.
    """

    seed: int
    patients: tuple[PatientTruth, ...]
    """The true patients, the second registration not among them."""
    rule: PlantedRule = PlantedRule()
    scanners: ScannerEffect
    missing_slice: MissingSlice
    corrupt_file: CorruptFile
    duplicate: Duplicate
    readers: tuple[str, str] = ("reader-A", "reader-B")
    """Structure set labels of the readers; the second drew the baseline CT only."""
    sequence: tuple[str, str] = ("steroids", "infection")
    """The one pair of events of which the first comes before the second."""
    identities: tuple[str, ...]
    """Every invented name, identifier, birth date, address, phone, physician, institution and accession number."""

    @property
    def fisher_table(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Patients that ((meet the rule and progress, meet and do not), (fail it and progress, neither))."""
        met = [p.progression == "yes" for p in self.patients if p.meets_rule]
        failed = [p.progression == "yes" for p in self.patients if not p.meets_rule]
        return (sum(met), len(met) - sum(met)), (sum(failed), len(failed) - sum(failed))

    @property
    def mean_dice(self) -> float:
        """Mean Dice coefficient of the two readers on the baseline CT."""
        return fmean(p.dice for p in self.patients)

    @property
    def sequence_counts(self) -> tuple[int, int]:
        """Patients with the planted order, and patients with the reverse one."""
        orders = [p.order for p in self.patients]
        return orders.count("steroids_first"), orders.count("infection_first")

    def identities_in(self, content: bytes) -> list[str]:
        """Return the invented identities that stand in some bytes, in UTF-8.

        A birth date is eight digits, which any long number may hold by chance: it counts only when
        no letter, digit or decimal point touches it.
        """
        return [identity for identity in self.identities if _stands_in(identity.encode(), content)]


def _stands_in(identity: bytes, content: bytes) -> bool:
    if identity not in content:
        return False
    alone = rb"(?<![0-9A-Za-z.])" + re.escape(identity) + rb"(?![0-9A-Za-z])"
    return not identity.isdigit() or re.search(alone, content) is not None
