"""NIfTI as a source: images and label maps whose names say whose they are."""

from __future__ import annotations

from typing import Literal

from tasks.sources.named import ImageFiles


class NiftiSource(ImageFiles):
    """Take images and label maps in NIfTI (`.nii`, `.nii.gz`, pairs of `.hdr` and `.img`)."""

    method: Literal["nifti"] = "nifti"
