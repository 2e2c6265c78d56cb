"""DICOM as a source: files that say themselves whose they are and what they show."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tasks.methods.method import Method


class DicomSource(Method):
    """Take every DICOM series, and the regions of every RTSTRUCT, from a folder or zip files."""

    method: Literal["dicom"] = "dicom"
    path: Path
    """Folder (zip files in it are opened), or one zip file; relative to the plan's folder."""
    modalities: tuple[str, ...] = ()
    """Modalities to take (`CT`, `PT`); empty takes all."""
