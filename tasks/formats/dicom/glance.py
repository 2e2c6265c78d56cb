"""One small picture of a DICOM series that was refused, where it may be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.formats.dicom.parse import parse_header
from tasks.formats.dicom.pixels import pixels_of
from tasks.formats.dicom.planes import plane_of
from tasks.methods.gate.thumbnail import is_axial, may_be_shown, thumbnail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.formats.content import Content
    from tasks.formats.dicom.elements import DataSet

GREYS = 2
"""Axes of a frame without colours."""


def glance(files: Sequence[Content]) -> NDArray[np.uint8] | None:
    """Return the middle frame of the middle file as a thumbnail, None where it may not be shown or cannot be read.

    Files come in the order of their slices. A picture is never worth a second refusal: whatever is wrong with the
    file is told by that of the series.
    """
    if not files:
        return None
    try:
        return _middle(files[len(files) // 2])
    except BadData:
        return None


def _middle(content: Content) -> NDArray[np.uint8] | None:
    file = parse_header(content)
    header = file.dataset
    shown = may_be_shown(
        header.text("Modality"),
        header.text("SOPClassUID"),
        header.texts("ImageType"),
        header.text("BurnedInAnnotation"),
    )
    if not shown or header.text("RecognizableVisualFeatures") == "YES":
        return None
    pixels = pixels_of(file, content)
    frame = pixels.layout.frames // 2
    plane = plane_of(header, _group(header, frame))
    if plane.down is None or not is_axial(plane.normal):
        return None
    values = pixels.stored(frame)
    if values.ndim != GREYS:
        return None
    is_negative = header.text("PhotometricInterpretation") == "MONOCHROME1"
    return thumbnail(-values.astype(np.float64) if is_negative else values, plane.spacing_mm or (1.0, 1.0))


def _group(header: DataSet, frame: int) -> DataSet:
    groups = header.items("PerFrameFunctionalGroupsSequence")
    return groups[frame] if frame < len(groups) else header
