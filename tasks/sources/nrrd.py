"""NRRD as a source: images and label maps whose names say whose they are."""

from __future__ import annotations

from typing import Literal

from tasks.sources.named import ImageFiles, Space


class NrrdSource(ImageFiles):
    """Take images and label maps in NRRD (`.nrrd`, `.seg.nrrd`, `.nhdr` with its data file)."""

    method: Literal["nrrd"] = "nrrd"
    space: Space | None = None
    """Space of files that name none of the patient's; empty refuses them."""
