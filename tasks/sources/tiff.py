"""TIFF as a source: stacks and single planes, and masks, whose names say whose they are."""

from __future__ import annotations

from typing import Literal

from tasks.sources.named import UnplacedImageFiles
from tasks.sources.tables import Positive


class TiffSource(UnplacedImageFiles):
    """Take stacks and planes in TIFF; what ImageJ or OME states of a voxel's size counts, else the plan or a table."""

    method: Literal["tiff"] = "tiff"
    slice_distance_mm: Positive | None = None
    """Distance between slices, the same for all stacks."""
