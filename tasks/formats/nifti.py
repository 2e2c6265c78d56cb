"""NIfTI (.nii, .nii.gz): images and label maps, turned from (x, y, z) in RAS to (z, y, x) in LPS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, ImageDataError
from nibabel.wrapstruct import WrapStructError

from data_catalog.errors import BadData
from data_catalog.geometry import SAME_GRID_TOLERANCE_MM, Geometry, Triple
from tasks.formats.inflate import GZIP, inflate
from tasks.formats.quiet import unheard

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES = 4 << 30
"""An inflated file."""
SECOND_VERSION_SIZE = 540
"""What the first four bytes of a NIfTI-2 header say; those of NIfTI-1 say 348."""
HEADER_SIZES = (348, SECOND_VERSION_SIZE)
GZIP_MAGIC = b"\x1f\x8b"
MM_PER_UNIT = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
SPACE = 3
MAX_MAGNITUDE = 1e15
"""No position in mm is larger; NaN is not smaller either."""
_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])
_ERRORS = (
    HeaderDataError,
    ImageDataError,
    WrapStructError,
    ImageFileError,
    ValueError,
    TypeError,
    OSError,
    LookupError,
    ArithmeticError,
    EOFError,
)
"""What nibabel raises on broken files."""


def read_image(data: bytes) -> tuple[NDArray[Any], Geometry, dict[str, Any]]:
    """Return an image as (z, y, x) voxels, its grid, and attributes `dims` and `corrections`.

    Voxels are int16 where the file stores int16 without a scale, else float32.

    Raises `BadData`: `not_nifti`, `corrupt_file`, `unreasonable_header`, `not_three_dimensional`,
    `unknown_position` without sform and qform, `conflicting_geometry` where they differ, `infinite_values`.
    """
    values, geometry, attributes = _read(data)
    if values.dtype != np.int16:
        with np.errstate(over="ignore", invalid="ignore"):
            values = values.astype(np.float32)
        if np.isinf(values).any():
            raise BadData("infinite_values", "Voxels are finite, or missing", "some are infinite", "Write it again.")
    return values, geometry, attributes


def read_labels(data: bytes) -> tuple[NDArray[np.int32], Geometry, dict[str, Any]]:
    """Return a label map as (z, y, x) int32, 0 outside every region, its grid, and attributes.

    Raises `BadData` as `read_image` does, `not_labels` where values are no whole numbers from 0, and
    `empty_mask`.
    """
    values, geometry, attributes = _read(data)
    is_whole = values.dtype.kind in "iu" or bool((np.isfinite(values) & (values == np.rint(values))).all())
    if not is_whole or values.min() < 0 or values.max() > np.iinfo(np.int32).max:
        raise BadData(
            "not_labels",
            "A label map holds whole numbers from 0",
            "other values came",
            "Give the file as an image, or threshold it.",
        )
    if not values.any():
        raise BadData("empty_mask", "A label map has a voxel inside", "it has none", "Draw it again, or leave it out.")
    return values.astype(np.int32), geometry, attributes


def _read(data: bytes) -> tuple[NDArray[Any], Geometry, dict[str, Any]]:
    plain = inflate(data, GZIP, MAX_BYTES) if data[:2] == GZIP_MAGIC else data
    image = _image(plain)
    shape = image.shape[:SPACE] + tuple(n for n in image.shape[SPACE:] if n != 1)
    if len(shape) != SPACE or min(shape) < 1:
        raise BadData(
            "not_three_dimensional",
            "An image has three dimensions",
            f"{len(shape)} came, of shape {shape}",
            "Split it into volumes.",
        )
    if int(np.prod(shape, dtype=object)) * int(image.header["bitpix"]) // 8 > len(plain):
        raise BadData("corrupt_file", "A NIfTI file holds all its voxels", "it was cut", "Copy the file again.")
    try:
        with unheard("nibabel"):
            values = np.asanyarray(image.dataobj).reshape(shape)
    except _ERRORS:
        raise _corrupt() from None
    if values.dtype.kind not in "iuf":
        raise BadData("colour_not_supported", "Voxels are numbers", "another kind came", "Convert it to grey values.")
    geometry, corrections = _geometry(image, shape)
    out = np.ascontiguousarray(values.transpose(2, 1, 0))
    return out.astype(out.dtype.newbyteorder("=")), geometry, {"dims": ["z", "y", "x"], "corrections": corrections}


def _image(plain: bytes) -> Any:  # noqa: ANN401 - nibabel is not typed
    sizes = {int.from_bytes(plain[:4], "little"), int.from_bytes(plain[:4], "big")}
    if not sizes & set(HEADER_SIZES):
        raise BadData("not_nifti", "A NIfTI file begins with the size of its header", "another", "Leave it out.")
    kind = nibabel.Nifti2Image if SECOND_VERSION_SIZE in sizes else nibabel.Nifti1Image
    try:
        with unheard("nibabel"):
            return kind.from_bytes(plain)
    except _ERRORS:
        raise _corrupt() from None


def _corrupt() -> BadData:
    return BadData("corrupt_file", "A NIfTI file can be read", "its header or its voxels are broken", "Copy it again.")


def _geometry(image: Any, shape: tuple[int, int, int]) -> tuple[Geometry, list[str]]:  # noqa: ANN401
    try:
        with unheard("nibabel"):
            known = [form for form in (image.get_sform(coded=True), image.get_qform(coded=True)) if form[1] > 0]
            unit = str(image.header.get_xyzt_units()[0])
    except _ERRORS:
        raise _corrupt() from None
    if not known:
        raise BadData(
            "unknown_position",
            "A NIfTI file says where its voxels lie",
            "it has neither sform nor qform",
            "Convert it again from its source.",
        )
    grids = [_grid(matrix.astype(np.float64) * MM_PER_UNIT.get(unit, 1.0), shape) for matrix, _ in known]
    _require_agreement(grids)
    return grids[0], [] if unit == "mm" else [_unit_note(unit)]


def _unit_note(unit: str) -> str:
    return "the unit of length is not stated; mm were taken" if unit == "unknown" else f"{unit} were turned to mm"


def _require_agreement(grids: list[Geometry]) -> None:
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in grids[0].shape], indexing="ij")).reshape(SPACE, -1).T
    apart = float(np.abs(grids[0].to_mm(corners) - grids[-1].to_mm(corners)).max())
    if apart > SAME_GRID_TOLERANCE_MM:
        raise BadData(
            "conflicting_geometry",
            "sform and qform of a NIfTI file place its voxels alike",
            f"their corners lie up to {apart:.3f} mm apart",
            "Write the file with the right one only.",
        )


def _grid(matrix: NDArray[np.float64], shape: tuple[int, int, int]) -> Geometry:
    """Turn an affine from (i, j, k) to RAS millimetres into a grid in (z, y, x) and LPS."""
    if not (np.abs(matrix) < MAX_MAGNITUDE).all():
        raise _corrupt()
    turned = (_RAS_TO_LPS[:, None] * matrix[:SPACE, :])[::-1]
    steps = turned[:, :SPACE][:, ::-1]
    spacing = np.linalg.norm(steps, axis=0)
    rows = steps / np.where(spacing > 0, spacing, 1.0)
    z, y, x = (_triple(row) for row in rows)
    return Geometry(
        shape=(shape[2], shape[1], shape[0]),
        spacing_mm=_triple(spacing),
        origin_mm=_triple(turned[:, SPACE]),
        direction=(z, y, x),
    )


def _triple(vector: NDArray[np.float64]) -> Triple:
    z, y, x = vector
    return float(z), float(y), float(x)
