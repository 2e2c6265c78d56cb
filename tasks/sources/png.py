"""PNG and JPEG as a source: 2-D images and masks whose names say whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tasks.methods.method import Method
from tasks.sources.tables import Pattern, PixelUnit, Positive


class PngSource(Method):
    """Take 2-D images and their masks in PNG or JPEG from a folder or zip files."""

    method: Literal["png"] = "png"
    path: Path
    """Folder (zip files in it are opened), or one zip file; relative to the plan's folder."""
    images: Pattern
    """Name of an image, with {patient} and, where there are several, {visit} and {modality}."""
    masks: Pattern | None = None
    """Name of a mask, with {patient} and, where they tell apart, {visit}, {modality}, {region}, {reader}."""
    modality: str = "US"
    """Modality of the images whose name does not say it."""
    pixel_size_mm: Positive | None = None
    """Edge of a pixel, the same for all images."""
    pixel_size_column: str | None = None
    """Column of the clinical table with the edge of a pixel of each patient's image."""
    pixel_size_unit: PixelUnit = "mm"
    """Unit of that column."""
