"""DICOM as a source: files that say themselves whose they are and what they show."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tasks.methods.method import Method
from tasks.sources.tables import Positive


class DicomSource(Method):
    """Take every DICOM series, and the regions of every RTSTRUCT and SEG, from a folder or archives."""

    method: Literal["dicom"] = "dicom"
    path: Path
    """Folder (zip and tar files in it are opened), or one archive; relative to the plan's folder."""
    modalities: tuple[str, ...] = ()
    """Modalities to take (`CT`, `PT`); empty takes all."""
    kernels: tuple[str, ...] = ()
    """Patterns of the reconstruction kernels of CT to take (`B30*`); empty takes all."""
    pixel_size_mm: Positive | None = None
    """Edge of a pixel of images that do not state it (photographs, screenshots); empty refuses them."""
