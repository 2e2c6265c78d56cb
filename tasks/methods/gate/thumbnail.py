"""What may be shown of a scan that was refused: one small axial plane, and only where no one can be known by it.

Never shown are images that may carry names in their pixels (ultrasound, X-ray, secondary captures, burned-in
annotations), and planes on which a face has its profile. One axial slice of a head at 96 x 96 pixels is shown: a face
is known by its surface, which takes many slices, or by its profile, which no axial slice has, and at that size the
pixels of a head are 2 to 5 mm wide.
"""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry, Triple

SHOWN = frozenset({"CT", "MR", "PT", "NM"})
"""Modalities whose images come from the scanner without text in them."""
SIDE = 96
"""Pixels of the longer side, at the most."""
AXIAL = 0.8
"""A plane is axial when its normal has at least this part along the patient: it is tilted by at most 37 degrees."""
PERCENTILES = (1.0, 99.0)
"""Part of a plane's values that the greys span."""
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def may_be_shown(modality: str, sop_class: str, image_type: Collection[str], annotated: str) -> bool:
    """Say whether an image may be shown by what its header says of it.

    `annotated` is the value of Burned In Annotation, empty where that is not told. A secondary image (made after the
    examination) is shown only where its type says that it is an axial slice: the others may be screens or renderings.
    """
    is_screen = "SECONDARY" in image_type and "AXIAL" not in image_type
    is_capture = sop_class.startswith(SECONDARY_CAPTURE) or is_screen
    return modality in SHOWN and not is_capture and annotated.upper() != "YES"


def is_axial(normal: Triple) -> bool:
    """Say whether the plane of a normal (z, y, x) cuts across the patient."""
    return abs(normal[0]) / float(np.linalg.norm(normal)) >= AXIAL


def thumbnail(plane: NDArray[Any], spacing_mm: tuple[float, float]) -> NDArray[np.uint8]:
    """Return a plane (y, x) as greys of 8 bits in its true proportions, at most 96 pixels on a side.

    The greys span the middle 98 % of the values; missing ones are black, and so is a plane without any.
    """
    from PIL import Image

    values = np.asarray(plane, dtype=np.float64)
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(_size(plane.shape, spacing_mm)[::-1], dtype=np.uint8)
    low, high = np.percentile(values[known], PERCENTILES)
    grey = np.clip((np.where(known, values, low) - low) / (high - low if high > low else 1.0), 0, 1)
    small = Image.fromarray(grey.astype(np.float32)).resize(_size(plane.shape, spacing_mm), Image.Resampling.BOX)
    return np.asarray(np.rint(np.asarray(small) * 255), dtype=np.uint8)


def _size(shape: tuple[int, ...], spacing_mm: tuple[float, float]) -> tuple[int, int]:
    """Return width and height in pixels; a picture is not made larger than its plane has pixels."""
    height, width = shape[0] * spacing_mm[0], shape[1] * spacing_mm[1]
    scale = min(SIDE, max(shape)) / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def axial_plane(values: Any, geometry: Geometry, modality: str) -> NDArray[np.uint8] | None:  # noqa: ANN401
    """Return the middle axial plane of a volume (..., z, y, x) as a thumbnail; None where it may not be shown.

    For volumes whose file says nothing of captures and annotations; those never are of the modalities shown.
    """
    axis = _axial_axis(geometry)
    if modality not in SHOWN or axis is None:
        return None
    return _plane(values[(0,) * (values.ndim - 3)], geometry, axis, geometry.shape[axis] // 2)


def mask_plane(labels: NDArray[Any], geometry: Geometry) -> NDArray[np.uint8] | None:
    """Return the axial plane of a label map (z, y, x) in which most is inside, as a thumbnail; None without one."""
    axis = _axial_axis(geometry)
    if axis is None:
        return None
    inside = labels > 0
    counts = np.count_nonzero(inside, axis=tuple(other for other in range(3) if other != axis))
    return _plane(inside, geometry, axis, int(counts.argmax()))


def _plane(values: Any, geometry: Geometry, axis: int, index: int) -> NDArray[np.uint8]:  # noqa: ANN401
    first, second = (geometry.spacing_mm[other] for other in range(3) if other != axis)
    place = tuple(index if other == axis else slice(None) for other in range(3))
    return thumbnail(np.asarray(values[place]), (first, second))


def _axial_axis(geometry: Geometry) -> int | None:
    """Return the axis along the patient; a volume of one plane has only that across it."""
    along = np.abs(np.array(geometry.direction)[0])
    axes = [0] if geometry.is_planar else range(3)
    return next((axis for axis in axes if along[axis] >= AXIAL), None)


def encoded(picture: NDArray[np.uint8]) -> str:
    """Return a picture as PNG, without any text or time in it, in base64."""
    from PIL import Image

    held = BytesIO()
    Image.fromarray(np.asarray(picture, dtype=np.uint8)).save(held, format="PNG", optimize=True)
    return base64.b64encode(held.getvalue()).decode("ascii")
