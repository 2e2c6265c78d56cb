"""The factor from activity to the standardised uptake value by body weight, where all it takes is stated.

The rules are those of the Quantitative Imaging Biomarkers Alliance (QIBA Profile FDG-PET/CT 1.14, appendix G).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tasks.formats.dicom.binary import private, private_decimals
from tasks.formats.dicom.clock import DAY_SECONDS, seconds_named, seconds_of, seconds_of_day

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet

GRAMS_PER_KG = 1000.0
PHILIPS = "Philips PET Private Group"
_HALF_DAY = DAY_SECONDS / 2
_CORRECTIONS = frozenset({"ATTN", "DECY"})


def suv_factor(dataset: DataSet) -> float | None:
    """Return by what a rescaled PET value is multiplied to give the SUV in g/ml; None where something is not stated.

    Activity in Bq/ml has to be corrected for attenuation and decay, to the start of the scan or the injection.
    Philips states the factor itself where it stores counts.
    """
    units = dataset.text("Units")
    if units == "CNTS":
        return _first_above_0(private_decimals(dataset, 0x7053, PHILIPS, 0x00))
    if units != "BQML" or not set(dataset.texts("CorrectedImage")) >= _CORRECTIONS:
        return None
    dose, weight = _dose(dataset), dataset.number("PatientWeight")
    if dose is None or weight is None or weight <= 0:
        return None
    return weight * GRAMS_PER_KG / dose


def activity_factor(dataset: DataSet) -> float | None:
    """Return by what counts of Philips are multiplied to give Bq/ml, None where it is not stated."""
    return _first_above_0(private_decimals(dataset, 0x7053, PHILIPS, 0x09)) if dataset.text("Units") == "CNTS" else None


def _first_above_0(numbers: tuple[float, ...]) -> float | None:
    return numbers[0] if numbers and numbers[0] > 0 else None


def _dose(dataset: DataSet) -> float | None:
    """Return the activity in Bq at the time to which the image is corrected, None where it cannot be known."""
    items = dataset.items("RadiopharmaceuticalInformationSequence")
    if len(items) != 1:
        return None
    dose, half_life = items[0].number("RadionuclideTotalDose"), items[0].number("RadionuclideHalfLife")
    if dose is None or dose <= 0:
        return None
    corrected_to = dataset.text("DecayCorrection")
    if corrected_to == "ADMIN":
        return dose
    waited = _seconds_since_injection(dataset, items[0])
    if corrected_to != "START" or half_life is None or half_life <= 0 or waited is None:
        return None
    left = dose * math.pow(2.0, -waited / half_life)
    return left if left > 0 else None


def _seconds_since_injection(dataset: DataSet, drug: DataSet) -> float | None:
    """Return the seconds from the injection to the start of the scan, None where a time is not stated or impossible."""
    start = _scan_start(dataset)
    if start is None:
        return None
    injected = seconds_of(drug.text("RadiopharmaceuticalStartDateTime"))
    if injected is not None:
        waited = start - injected
    else:
        injected = seconds_of_day(drug.text("RadiopharmaceuticalStartTime"))
        if injected is None:
            return None
        waited = start % DAY_SECONDS - injected
        # The injection's time has no date: it was on the day before where it would come after the scan.
        waited += DAY_SECONDS if waited < 0 else 0
    return waited if 0 <= waited <= _HALF_DAY else None


def _scan_start(dataset: DataSet) -> float | None:
    """Return the start of the scan: the series' time, unless the series was made after the slice was taken."""
    taken, series = seconds_named(dataset, "Acquisition"), seconds_named(dataset, "Series")
    if series is not None and (taken is None or _comparable(series, taken) <= _comparable(taken, series)):
        return series
    by_ge = private(dataset, 0x0009, "GEMS_PETD_01", 0x0D)
    return seconds_of(bytes(by_ge).decode("latin-1").strip(" \0")) if by_ge else None


def _comparable(time: float, other: float) -> float:
    """Return a time to be compared with another: without its date where the other has none."""
    return time if other >= DAY_SECONDS else time % DAY_SECONDS
