"""All frames of a DICOM file at once, as the tests like them."""

from __future__ import annotations

import numpy as np

from tasks.formats.dicom.pixels import pixels_of


def stored_values(file):
    """Return the stored values of all frames as (frames, y, x), or (frames, y, x, 3) in RGB; palettes stay indices."""
    pixels = pixels_of(file)
    opened = pixels.opened()
    return np.stack([pixels.stored(frame, opened) for frame in range(pixels.layout.frames)])
