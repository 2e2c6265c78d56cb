"""From stored values to physical ones: the line of each slice, and the unit it leads to."""

from __future__ import annotations

import re
from math import isclose
from typing import TYPE_CHECKING, NamedTuple

from data_catalog.verdicts import Correction
from tasks.formats.dicom.binary import number, private_floats
from tasks.formats.dicom.elements import bad_element
from tasks.formats.dicom.labels import identity_tokens, is_anonymous
from tasks.formats.dicom.moments import PHILIPS_MR
from tasks.formats.dicom.planes import group_of
from tasks.formats.dicom.suv import activity_factor, suv_factor

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet
    from tasks.formats.dicom.planes import Plane

ARBITRARY = "1"
"""The unit of values that have none."""
HOUNSFIELD = "HU"
SUV, ACTIVITY = "SUV", "Bq/ml"
RESCALED = {
    "HU": HOUNSFIELD,
    "HU_MOD": "modified HU",
    "OD": "10^-3 optical density",
    "MGML": "mg/ml",
    "PCT": "%",
    "Z_EFF": "effective atomic number",
    "ED": "10^23 electrons/ml",
    "EDW": "electron density relative to water",
}
"""Units by Rescale Type; any other says nothing."""
UCUM = {"[hnsf'U]": HOUNSFIELD, "{SUVbw}g/ml": SUV, "Bq/mL": ACTIVITY, "g/ml{SUVbw}": SUV, "1": ARBITRARY}
"""Units of UCUM that have a name here."""
_UNIT = re.compile(r"[A-Za-z0-9./*%{}'\[\]_+-]{1,16}", re.ASCII)
SAME = 1e-6
"""Part by which the numbers of a mapping and of the rescaling may differ: these are decimals, those are binary."""
_PARAMETRIC = "1.2.840.10008.5.1.4.1.1.30"
_PHILIPS_FRAME = 0x2005140F
_WITHOUT_SUV = Correction(
    name="suv_not_computed",
    text="values stay in Bq/ml: what SUV takes (dose, times, weight, corrections) is missing or impossible",
)


class Scale(NamedTuple):
    """Physical value = slope * stored value + intercept, in a unit."""

    slope: float
    intercept: float
    unit: str = ARBITRARY
    how: Correction | None = None
    is_stated: bool = True
    """Whether the file states it, as CT has to; else values are taken as they are stored."""

    def times(self, factor: float, unit: str, how: Correction) -> Scale:
        """Return the scale to what a factor turns values into."""
        return Scale(self.slope * factor, self.intercept * factor, unit, how)


def scale_of(dataset: DataSet, group: DataSet | None, plane: Plane) -> Scale:
    """Return the scale of a slice; `group` holds its functional groups, where the file has some.

    PET in Bq/ml becomes SUV where everything it takes is stated; magnetic resonance of Philips becomes what its
    private slope leads to, which is comparable between scans (Chenevert et al. 2014, Transl Oncol 7:65); the values
    of a parametric map are those of the real world.

    Raises `BadData` `bad_element`.
    """
    group = dataset if group is None else group
    stated = group_of(dataset, group, "PixelValueTransformationSequence").text("RescaleIntercept")
    plain = Scale(plane.slope, plane.intercept, _unit(dataset, group, plane), is_stated=bool(stated))
    if dataset.text("SOPClassUID") == _PARAMETRIC:
        return _real_world(dataset, group, plain)
    modality = dataset.text("Modality")
    if modality == "PT":
        return _uptake(dataset, plain)
    return _philips(dataset, group, plain) if modality == "MR" else plain


def _unit(dataset: DataSet, group: DataSet, plane: Plane) -> str:
    kind = group_of(dataset, group, "PixelValueTransformationSequence").text("RescaleType")
    modality = dataset.text("Modality")
    if modality == "CT":
        return HOUNSFIELD if not kind else RESCALED.get(kind, ARBITRARY)
    if modality == "PT" and dataset.text("Units"):
        return _pet_unit(dataset)
    if modality in {"MR", "PT"}:
        # A mapping to the real world that only repeats the rescaling tells the unit; of another one nothing is taken.
        mapping = _mapping(dataset, group)
        return (_measured(dataset, mapping) if _repeats(mapping, plane) else "") or ARBITRARY
    return RESCALED.get(kind, ARBITRARY)


def _repeats(mapping: DataSet, plane: Plane) -> bool:
    slope, intercept = number(mapping, "RealWorldValueSlope"), number(mapping, "RealWorldValueIntercept")
    same = slope is not None and isclose(slope, plane.slope, rel_tol=SAME)
    return same and isclose(intercept or 0.0, plane.intercept, rel_tol=SAME, abs_tol=SAME * abs(plane.slope))


def _pet_unit(dataset: DataSet) -> str:
    units = dataset.text("Units")
    if units == "GML":
        return SUV if dataset.text("SUVType") in {"", "BW"} else "SUV by lean mass or area"
    return ACTIVITY if units == "BQML" else ARBITRARY


def _uptake(dataset: DataSet, plain: Scale) -> Scale:
    factor = suv_factor(dataset)
    if factor is not None:
        by = "the decay-corrected dose per body weight" if plain.unit == ACTIVITY else "Philips' factor"
        return plain.times(factor, SUV, Correction(name="suv_computed", text=f"values were turned to SUV by {by}"))
    factor = activity_factor(dataset)
    if factor is not None:
        how = Correction(name="activity_computed", text="counts were turned to Bq/ml by Philips' factor")
        return plain.times(factor, ACTIVITY, how)
    return plain if plain.unit != ACTIVITY else plain._replace(how=_WITHOUT_SUV)


def _philips(dataset: DataSet, group: DataSet, plain: Scale) -> Scale:
    holders = [*group.items_of(_PHILIPS_FRAME), dataset]
    found = [private_floats(holder, 0x2005, PHILIPS_MR, 0x0E, "f") for holder in holders]
    private_slope = next((numbers[0] for numbers in found if numbers), 0.0)
    if private_slope <= 0:
        return plain
    how = Correction(
        name="philips_scale", text="values were scaled by Philips' private slope, to compare between scans"
    )
    return plain.times(1 / (plain.slope * private_slope), plain.unit, how)


def _real_world(dataset: DataSet, group: DataSet, plain: Scale) -> Scale:
    mapping = _mapping(dataset, group)
    slope, intercept = number(mapping, "RealWorldValueSlope"), number(mapping, "RealWorldValueIntercept")
    if slope is None:
        return plain
    if slope == 0:
        raise bad_element("RealWorldValueSlope", "is not 0", "it is 0")
    return Scale(slope, intercept or 0.0, _measured(dataset, mapping) or ARBITRARY)


def _mapping(dataset: DataSet, group: DataSet) -> DataSet:
    return group_of(dataset, group, "RealWorldValueMappingSequence")


def _measured(dataset: DataSet, mapping: DataSet) -> str:
    """Return the unit by its code of UCUM; '' where none is stated, it says that there is none, or names a person."""
    items = mapping.items("MeasurementUnitsCodeSequence")
    unit = items[0].text("CodeValue") if items else ""
    if not _UNIT.fullmatch(unit) or not is_anonymous(unit, identity_tokens(dataset)):
        return ""
    return UCUM.get(unit, unit)
