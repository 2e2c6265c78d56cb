"""MetaImage as a source: images and label maps whose names say whose they are."""

from __future__ import annotations

from typing import Literal

from tasks.sources.named import ImageFiles


class MetaImageSource(ImageFiles):
    """Take images and label maps in MetaImage (`.mha`, `.mhd` with its data file)."""

    method: Literal["metaimage"] = "metaimage"
