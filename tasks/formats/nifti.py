"""NIfTI (.nii, .nii.gz, pairs of .hdr and .img): images and label maps, turned from RAS (x, y, z) to LPS (z, y, x)."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from data_catalog.geometry import SAME_GRID_TOLERANCE_MM, Geometry
from data_catalog.verdicts import Correction
from tasks.formats.inflate import GZIP, GZIP_MAGIC, allowed, beginning, inflate
from tasks.formats.quiet import unheard
from tasks.formats.voxels import (
    MAX_BYTES,
    Read,
    Samples,
    as_image,
    as_labels,
    grid,
    opacity_note,
    ordered,
    require_size,
    required,
    samples_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_SIZE, SECOND_SIZE = 348, 540
"""What the first four bytes of a NIfTI-1 and of a NIfTI-2 header say."""
PAIR_MAGIC = (b"ni1\0", b"ni2\0")
"""Of a header whose voxels are in a file of their own."""
MM_PER_UNIT = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
SECONDS_PER_UNIT = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}
AXES = ("x", "y", "z", "t", "c")
"""The file's axes: the fifth holds the parts of a vector."""
COLOUR_CODES = {128: 3, 2304: 4}
"""Data types of red, green and blue in one sample, without and with opacity."""
ROUNDING = 4 * float(np.finfo(np.float32).eps)
"""Of the square of a quaternion's first part, which is computed from the other three."""
_FLIP = np.array([-1.0, -1.0, 1.0])
_SPACE = 3


def read_image(data: bytes, voxels: bytes | None = None) -> Read:
    """Return an image as (..., z, y, x) voxels, its grid, and attributes `dims`, `coords` and `corrections`.

    A fourth axis of the file becomes `t`, the parts of a vector or of a colour `c`. `voxels` is the content of the
    `.img` file where `data` is that of a `.hdr`.

    Raises `BadData`: `not_nifti`, `corrupt_file`, `unreasonable_header`, `missing_voxels`,
    `not_three_dimensional`, `unknown_position` without sform and qform, `conflicting_geometry` where they
    differ, and those of `as_image`.
    """
    return as_image(samples_in(data, voxels))


def read_labels(data: bytes, voxels: bytes | None = None) -> Read:
    """Return a label map as (z, y, x) int32, 0 outside every region, its grid, and attributes.

    Raises `BadData` as `read_image` does, and those of `as_labels`.
    """
    return as_labels(samples_in(data, voxels))


def is_nifti(head: bytes) -> bool:
    """Say whether bytes begin as a NIfTI file does, whole or compressed by gzip."""
    plain = beginning(head, SECOND_SIZE) if head[:2] == GZIP_MAGIC else head
    return _size(plain) is not None


def is_detached(head: bytes) -> bool:
    """Say whether bytes begin as the header of a pair does."""
    return {FIRST_SIZE: head[344:348], SECOND_SIZE: head[4:8]}.get(_size(head) or 0) in PAIR_MAGIC


def samples_in(data: bytes, voxels: bytes | None = None) -> Samples:
    """Return what a NIfTI file stores, as `read_image` says."""
    plain = _plain(data)
    header = _header(plain)
    body = _plain(required(voxels)) if is_detached(plain) else plain
    values, axes, seen = _values(header, body)
    turned, leading = ordered(values, axes)
    geometry, corrections = _geometry(header, turned.shape[-_SPACE:])
    times, told = _times(header, turned.shape[0]) if "t" in leading else ([], [])
    slope, intercept = _scale(header)
    return Samples(
        values=turned,
        geometry=geometry,
        leading=leading,
        coords={"t": times} if times else {},
        corrections=(*corrections, *told, *seen),
        slope=slope,
        intercept=intercept,
    )


def _plain(data: bytes) -> bytes:
    return inflate(data, GZIP, allowed(len(data), MAX_BYTES)) if data[:2] == GZIP_MAGIC else data


def _size(head: bytes) -> int | None:
    sizes = {int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")} & {FIRST_SIZE, SECOND_SIZE}
    return next(iter(sizes), None)


def _header(plain: bytes) -> Any:  # noqa: ANN401 - nibabel is not typed
    import nibabel

    size = _size(plain)
    if size is None:
        raise BadData("not_nifti", "A NIfTI file begins with the size of its header", "another", "Leave it out.")
    kind = nibabel.Nifti2Header if size == SECOND_SIZE else nibabel.Nifti1Header
    try:
        with unheard("nibabel"):
            header = kind.from_fileobj(BytesIO(plain[:size]))
            written = kind(plain[:size], check=False)  # nibabel turns a length of 0 into 1
    except _errors():
        raise _corrupt() from None
    is_long = written["dim"][1 : 1 + _SPACE] > 1
    if header["sform_code"] == 0 and (is_long & (written["pixdim"][1 : 1 + _SPACE] == 0)).any():
        raise BadData(
            "bad_spacing", "Voxel spacing is positive, in mm", "the length of a step is 0", "Convert the file again."
        )
    return header


def _corrupt() -> BadData:
    return BadData("corrupt_file", "A NIfTI file can be read", "its header or its voxels are broken", "Copy it again.")


def _values(header: Any, body: bytes) -> tuple[NDArray[Any], tuple[str, ...], list[Correction]]:  # noqa: ANN401
    """Return the samples as they are stored, the fastest axis last, the names of the axes, and what was left out."""
    try:
        shape, code = [int(n) for n in header.get_data_shape()], int(header["datatype"])
        kind, start = header.get_data_dtype(), int(header["vox_offset"])
    except _errors():
        raise _corrupt() from None
    while len(shape) > len(AXES) and shape[-1] == 1:
        shape.pop()
    if not 2 <= len(shape) <= len(AXES):  # noqa: PLR2004 - a plane
        raise BadData(
            "not_three_dimensional",
            "An image has three dimensions, and one for time and one for channels at the most",
            f"{len(shape)} came",
            "Split it into volumes.",
        )
    names = AXES[: len(shape)]
    stored, axes = shape[::-1], names[::-1]
    if code in COLOUR_CODES:
        kind, stored, axes = np.dtype(np.uint8), [*stored, COLOUR_CODES[code]], (*axes, "c")
    require_size(stored, kind.itemsize, len(body))
    values = samples_of(body, kind, stored, start)
    told = []
    if code in COLOUR_CODES:
        told = opacity_note(values[..., 3:])
        values = values[..., :3]
    return (values, axes, told) if "z" in axes else (values[None], ("z", *axes), told)


def _scale(header: Any) -> tuple[float, float]:  # noqa: ANN401
    if int(header["datatype"]) in COLOUR_CODES:
        return 1.0, 0.0
    try:
        slope, intercept = header.get_slope_inter()
    except _errors():
        raise _corrupt() from None
    return (1.0, 0.0) if slope is None else (float(slope), float(intercept))


def _geometry(header: Any, shape: tuple[int, ...]) -> tuple[Geometry, list[Correction]]:  # noqa: ANN401
    try:
        with unheard("nibabel"):
            known = [form for form in (header.get_sform(coded=True), header.get_qform(coded=True)) if form[1] > 0]
            unit = str(header.get_xyzt_units()[0])
    except _errors():
        raise _corrupt() from None
    if not known:
        raise BadData(
            "unknown_position",
            "A NIfTI file says where its voxels lie",
            "it has neither sform nor qform",
            "Convert it again from its source.",
        )
    factor = MM_PER_UNIT.get(unit, 1.0)
    grids = [_grid(matrix.astype(np.float64) * factor, shape) for matrix, _ in known]
    _require_agreement(grids, _rounding(header))
    return grids[0], _unit_note(unit)


def _unit_note(unit: str) -> list[Correction]:
    if unit == "mm":
        return []
    if unit == "unknown":
        return [Correction(name="length_unit_assumed", text="the unit of length is not stated; mm were taken")]
    return [Correction(name="length_unit_changed", text=f"{unit} were turned to mm")]


def _rounding(header: Any) -> float:  # noqa: ANN401
    """Return the angle in radians by which rounding may turn the qform: largest where it turns by 180 degrees."""
    turns = np.array([float(header[f"quatern_{part}"]) for part in "bcd"])
    first = float(np.sqrt(max(0.0, 1.0 - float(turns @ turns))))
    return 2.0 * min(float(np.sqrt(ROUNDING)), ROUNDING / max(2.0 * first, ROUNDING))


def _require_agreement(grids: list[Geometry], rounding: float) -> None:
    first = grids[0]
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in first.shape], indexing="ij")).reshape(_SPACE, -1).T
    apart = float(np.abs(first.to_mm(corners) - grids[-1].to_mm(corners)).max())
    extent = float(np.linalg.norm(np.array(first.shape) * np.array(first.spacing_mm)))
    if apart > SAME_GRID_TOLERANCE_MM + rounding * extent:
        raise BadData(
            "conflicting_geometry",
            "sform and qform of a NIfTI file place its voxels alike",
            f"their corners lie up to {apart:.3f} mm apart",
            "Write the file with the right one only.",
        )


def _grid(matrix: NDArray[np.float64], shape: tuple[int, ...]) -> Geometry:
    """Turn an affine from (i, j, k) to RAS millimetres into a grid in LPS."""
    turned = _FLIP[:, None] * matrix[:_SPACE]
    return grid(turned[:, :_SPACE], turned[:, _SPACE], (shape[0], shape[1], shape[2]))


def _times(header: Any, count: int) -> tuple[list[float], list[Correction]]:  # noqa: ANN401
    """Return the time of each volume in s, none where the file does not tell it."""
    try:
        unit = str(header.get_xyzt_units()[1])
    except _errors():
        raise _corrupt() from None
    step, start = float(header["pixdim"][4]), float(header["toffset"])
    factor = SECONDS_PER_UNIT.get(unit)
    if factor is None or not (np.isfinite(step) and np.isfinite(start) and step > 0):
        return [], [
            Correction(name="time_step_unknown", text="the time between volumes is not stated; they are counted")
        ]
    return [(start + step * number) * factor for number in range(count)], []


def _errors() -> tuple[type[Exception], ...]:
    """Return what nibabel raises on broken headers."""
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    return (
        HeaderDataError,
        WrapStructError,
        ImageFileError,
        ValueError,
        TypeError,
        OSError,
        LookupError,
        ArithmeticError,
        EOFError,
    )
