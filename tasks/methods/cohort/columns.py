"""What a column of the cohort means, in words."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from tasks.methods.cohort.deltas import WORDS, changed_feature, unit_of_change
from tasks.methods.cohort.visits import KEYS
from tasks.methods.cohort.wide import OUTCOME
from tasks.methods.text.item import FINDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tasks.methods.radiomics.definition import FeatureDefinition

VOLUMES = ("morph_volume_mm3", "morph2d_area_mm2")
"""Features that say how big a region is; what they alone predict is a control."""
IMAGE_UNIT = "image"


class ColumnMeaning(BaseModel):
    """What a column holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    label: str
    unit: str = ""
    ibsi: str | None = None
    is_feature: bool = False
    """Whether it was measured in an image; else it is a clinical fact."""


def feature_columns(columns: Iterable[str], clinical: Iterable[str]) -> list[str]:
    """Return the columns that were measured: `<modality>.<region>.<feature>`; findings of reports are facts."""
    others = {*KEYS, OUTCOME, *clinical}
    return [column for column in columns if column not in others and not column.startswith(FINDING)]


def finding_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns of what reports say: `text.<finding>`."""
    return [column for column in columns if column.startswith(FINDING)]


def size_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns that say how big a region is."""
    return [column for column in columns if column.rsplit(".", 1)[-1] in VOLUMES]


def meanings(
    features: Sequence[str],
    definitions: Iterable[FeatureDefinition],
    units: Mapping[str, str],
    clinical: Iterable[ColumnMeaning] = (),
) -> dict[str, ColumnMeaning]:
    """Return what each column of a cohort means, in words.

    Parameters
    ----------
    features : sequence of str
        The columns, `<modality>.<region>.<feature>`.
    definitions : iterable of FeatureDefinition
        What the features mean.
    units : mapping of str to str
        Unit of the voxels of each modality.
    clinical : iterable of ColumnMeaning
        The clinical columns; they come after the features.
    """
    known = {definition.column: definition for definition in definitions}
    measured = {column: _feature(column, known, units) for column in features}
    return {**measured, **{meaning.column: meaning for meaning in clinical}}


def _feature(column: str, known: Mapping[str, FeatureDefinition], units: Mapping[str, str]) -> ColumnMeaning:
    place, _, name = column.rpartition(".")
    modality, _, region = place.partition(".")
    feature, form = changed_feature(name)
    definition = known.get(feature)
    words = feature.replace("_", " ") if definition is None else definition.label
    words = words if words[:2].isupper() else words[:1].lower() + words[1:]
    unit = "" if definition is None else definition.unit
    own = units.get(modality, IMAGE_UNIT)
    unit = unit.replace(IMAGE_UNIT, own) if own != "1" else unit.partition(IMAGE_UNIT)[0]
    unit = "" if unit == "1" else unit
    return ColumnMeaning(
        column=column,
        label=" ".join(filter(None, (modality, region, words, "" if form is None else f"({WORDS[form]})"))),
        unit=unit if form is None else unit_of_change(unit, form),
        ibsi=None if definition is None or form is not None else definition.ibsi,
        is_feature=True,
    )


def matching(columns: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the columns that a pattern names, in the order of the columns."""
    return [column for column in columns if any(fnmatchcase(column, pattern) for pattern in patterns)]
