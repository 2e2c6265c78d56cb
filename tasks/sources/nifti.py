"""NIfTI as a source: images and label maps whose names say whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tasks.methods.method import Method
from tasks.sources.tables import Pattern


class NiftiSource(Method):
    """Take images and label maps in NIfTI (`.nii`, `.nii.gz`) from a folder or zip files."""

    method: Literal["nifti"] = "nifti"
    path: Path
    """Folder (zip files in it are opened), or one zip file; relative to the plan's folder."""
    images: Pattern
    """Name of an image, with {patient} and, where there are several, {visit} and {modality}."""
    masks: Pattern | None = None
    """Name of a label map, with {patient} and, where they tell apart, {visit}, {modality}, {region}, {reader}."""
    modality: str = "MR"
    """Modality of the images whose name does not say it."""
    unit: str = "1"
    """Unit of the voxels (`HU`, `SUV`, `1` for arbitrary)."""
    labels: dict[str, str] = {}
    """Region of each value of a label map (`1`: `tumour`); empty names them by the value, or by {region}."""
