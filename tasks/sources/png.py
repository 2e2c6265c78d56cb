"""PNG and JPEG as a source: 2-D images and masks whose names say whose they are."""

from __future__ import annotations

from typing import Literal

from tasks.sources.named import UnplacedImageFiles


class PngSource(UnplacedImageFiles):
    """Take 2-D images and their masks in PNG or JPEG."""

    method: Literal["png"] = "png"
    modality: str = "US"
    """Modality of the images whose name does not say it."""
