"""Sources whose files say by their names whose they are: what such a name tells, and the fields they share."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from tasks.methods.method import Method
from tasks.sources.tables import Part, Pattern, PixelUnit, Positive

Role = Literal["image", "mask", "sound", "text"]
"""What a file is by the pattern that its name follows."""


class Named(BaseModel):
    """What the name of a file tells, its patient replaced by the pseudonym."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    patient: str
    visit: str = ""
    modality: str = ""
    region: str = ""
    reader: str = ""
    series: str
    """Keyed name of the file."""
    voxels: str = ""
    """Keyed name of the file that holds the voxels of this header; empty where they follow it."""


def _as_text(labels: Any) -> Any:  # noqa: ANN401 - whatever the YAML held
    """Return label values as text: YAML writes `1: tumour` and means a number."""
    if not isinstance(labels, dict):
        return labels
    return {str(key) if isinstance(key, int) and not isinstance(key, bool) else key: labels[key] for key in labels}


def _of_one_kind(labels: dict[str, str]) -> dict[str, str]:
    values = [key.isdigit() and int(key) > 0 for key in labels]
    if any(values) and not all(values):
        message = "labels are whole numbers from 1, or names of segments, not both"
        raise ValueError(message)
    return labels


Labels = Annotated[dict[str, str], BeforeValidator(_as_text), AfterValidator(_of_one_kind)]
"""Regions by the value of a label, or by the name of a segment."""
Space = Literal["LPS", "RAS", "LAS"]


def are_segments(labels: dict[str, str]) -> bool:
    """Return whether labels are names of segments, which may overlap; else they are values of a label map."""
    return bool(labels) and not any(key.isdigit() for key in labels)


class FilesByName(Method):
    """Take files whose names say whose they are from a folder or zip files."""

    method: str
    path: Path
    """Folder (archives in it are opened), or one archive; relative to the plan's folder."""
    visits: tuple[str, ...] = ()
    """What {visit} may be, in the order of the visits (`baseline`, `followup`); empty takes the order of the names."""

    @property
    @abstractmethod
    def patterns(self) -> tuple[tuple[Role, str], ...]:
        """What a file can be, and the pattern of its name; the first that fits counts."""


class ImageFiles(FilesByName):
    """Take images and masks whose names say whose they are."""

    images: Pattern
    """Name of an image, with {patient} and, where there are several, {visit} and {modality}."""
    masks: Pattern | None = None
    """Name of a mask or label map, with {patient} and, where they tell apart, {visit}, {modality}, {region},
    {reader}; it may be in any of the formats."""
    modality: str = "MR"
    """Modality of the images whose name does not say it."""
    unit: str = "1"
    """Unit of the voxels (`HU`, `SUV`, `1` for arbitrary)."""
    labels: Labels = {}
    """Region of each value of a label map (`1: tumour`), or of each segment of a `.seg.nrrd` (`GTV: tumour`); empty
    takes a mask as one region."""

    @property
    def patterns(self) -> tuple[tuple[Role, str], ...]:
        """What a file can be, and the pattern of its name; the first that fits counts."""
        # Masks first: `{patient}.png` would take `7_tumour.png` for a patient.
        masks: tuple[tuple[Role, str], ...] = () if self.masks is None else (("mask", self.masks),)
        return (*masks, ("image", self.images))


class PixelSizeTable(Part):
    """A table with the edge of a pixel for each patient, or for each patient and visit."""

    path: Path
    """CSV, TSV or Excel file; relative to the plan's folder."""
    sheet: str | None = None
    """Sheet of an Excel file; empty takes the first."""
    patient: str
    """Column that says which patient a row is of."""
    patient_pattern: Pattern = "{patient}"
    """How that column spells the patient."""
    visit: str | None = None
    """Column with the visit, spelt as in the files' names; empty where a row holds for all visits of a patient."""
    pixel_size: str
    """Column with the edge of a pixel."""
    slice_distance: str | None = None
    """Column with the distance between slices."""
    unit: PixelUnit = "mm"
    """Unit of these columns."""


class UnplacedImageFiles(ImageFiles):
    """Take images whose files do not say how large a pixel is."""

    pixel_size_mm: Positive | None = None
    """Edge of a pixel, the same for all images."""
    pixel_size_column: str | None = None
    """Column of the clinical table with the edge of a pixel of each patient's image."""
    pixel_size_unit: PixelUnit = "mm"
    """Unit of that column."""
    pixel_sizes: PixelSizeTable | None = None
    """A table of its own with the edge of a pixel, of each visit where it says so; it comes first."""
