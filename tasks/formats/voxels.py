"""From the samples of a file to voxels or labels on a grid: what NIfTI, NRRD, MetaImage and TIFF share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry, Triple
from data_catalog.kinds import LEADING, SPACE
from data_catalog.verdicts import Correction
from tasks.formats.inflate import allowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_BYTES = 4 << 30
"""The samples of one file, inflated."""
MAX_MAGNITUDE = 1e15
"""No position in mm is larger; NaN is not smaller either."""
EXACT_SINGLE = 1 << 24
"""Whole numbers up to this are exact as float32."""
EXACT_DOUBLE = 1 << 53
"""Whole numbers up to this are exact as float64."""
_SPACE = len(SPACE)


@dataclass(frozen=True)
class Samples:
    """Hold what a file stores, in its own type and byte order, and where it lies.

    Parameters
    ----------
    values : array
        Samples, axes in the order of `leading`, then z, y, x; a view of the file's bytes.
    geometry : Geometry
        Where they lie.
    leading : tuple of str
        Axes before z, y, x.
    coords : dict
        Where the steps along these lie, as far as the file says so.
    corrections : tuple of Correction
        What was changed or assumed.
    slope, intercept : float
        A voxel is slope * sample + intercept.
    """

    values: NDArray[Any] = field(repr=False)
    geometry: Geometry
    leading: tuple[str, ...] = ()
    coords: dict[str, list[float]] = field(default_factory=dict)
    corrections: tuple[Correction, ...] = ()
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def attributes(self) -> dict[str, Any]:
        """What is told beside the voxels: `dims`, `coords` of the leading ones, and `corrections`."""
        return {
            "dims": [*self.leading, *SPACE],
            "coords": self.coords,
            "corrections": [correction.model_dump() for correction in self.corrections],
        }


Read = tuple["NDArray[Any]", Geometry, dict[str, Any]]
"""Voxels or labels, their grid, and the attributes."""


def as_image(samples: Samples) -> Read:
    """Return voxels, their grid and attributes; the samples are turned plane by plane.

    Voxels are int16 where the samples are whole, fit, and have no scale; else float32; and float64 where
    whole numbers are too large for it.

    Raises `BadData`: `infinite_values`, `colour_not_supported` for samples that are no numbers.
    """
    _require_numbers(samples.values)
    out = np.empty(samples.values.shape, dtype=_voxel_type(samples))
    for place in np.ndindex(*out.shape[:-2]):
        with np.errstate(over="ignore", invalid="ignore"):
            out[place] = _scaled(samples, place)
        if out.dtype.kind == "f" and np.isinf(out[place]).any():
            raise BadData("infinite_values", "Voxels are finite, or missing", "some are infinite", "Write it again.")
    return out, samples.geometry, samples.attributes


SCALED = 1e-6
"""Part by which a label may be off a whole number: the rounding of a scale."""


def as_labels(samples: Samples) -> Read:
    """Return labels (z, y, x) as int32, 0 outside every region, their grid, and attributes.

    Raises `BadData`: `not_three_dimensional`, `not_labels` where values are no whole numbers from 0,
    `empty_mask`.
    """
    _require_numbers(samples.values)
    if samples.leading:
        raise not_three_dimensional(f"axes {', '.join(samples.leading)} came before z, y, x")
    out = np.empty(samples.values.shape, dtype=np.int32)
    for place in np.ndindex(*out.shape[:-2]):
        plane = _scaled(samples, place)
        whole = plane if plane.dtype.kind in "iu" else np.rint(plane)
        # What a scale as float32 makes of whole numbers is off by its rounding: 255 * 1/255.
        is_whole = whole is plane or bool((np.abs(plane - whole) <= SCALED * np.maximum(np.abs(whole), 1)).all())
        if not is_whole or whole.min() < 0 or whole.max() > np.iinfo(np.int32).max:
            raise _not_labels()
        out[place] = whole
    require_inside(out)
    return out, samples.geometry, samples.attributes


def require_inside(labels: NDArray[Any]) -> None:
    """Raise `BadData` `empty_mask` where no voxel is inside."""
    if not labels.any():
        raise BadData("empty_mask", "A label map has a voxel inside", "it has none", "Draw it again, or leave it out.")


def _scaled(samples: Samples, place: tuple[int, ...]) -> NDArray[Any]:
    """Return one plane (y, x), scaled in double precision where there is a scale."""
    plane: NDArray[Any] = samples.values[place]
    if (samples.slope, samples.intercept) == (1.0, 0.0):
        return plane
    return plane * np.float64(samples.slope) + np.float64(samples.intercept)


def _voxel_type(samples: Samples) -> type[np.generic]:
    kind = samples.values.dtype
    if kind.kind == "f" or (samples.slope, samples.intercept) != (1.0, 0.0):
        return np.float32
    if np.can_cast(kind, np.int16):
        return np.int16
    if np.can_cast(kind, np.float32):
        return np.float32
    largest = max(abs(int(samples.values.min())), abs(int(samples.values.max())))
    if largest > EXACT_DOUBLE:
        raise BadData(
            "implausible_values",
            f"Whole voxels are at most {EXACT_DOUBLE} in size",
            "some are larger",
            "Check where the file comes from.",
        )
    return np.float32 if largest <= EXACT_SINGLE else np.float64


def _require_numbers(values: NDArray[Any]) -> None:
    if values.dtype.kind not in "iuf":
        raise BadData("colour_not_supported", "Voxels are numbers", "another kind came", "Convert it to grey values.")


def _not_labels() -> BadData:
    return BadData(
        "not_labels",
        "A label map holds whole numbers from 0",
        "other values came",
        "Give the file as an image, or threshold it.",
    )


def not_three_dimensional(came: str) -> BadData:
    """Return the refusal of a file with other axes."""
    return BadData("not_three_dimensional", "A volume has three dimensions", came, "Split it into volumes.")


def ordered(values: NDArray[Any], axes: Sequence[str]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return the samples with their axes in our order, those of one step other than z, y, x left out, and the leading.

    Raises `BadData` `not_three_dimensional` where two axes are the same.
    """
    kept = [name for name, count in zip(axes, values.shape, strict=True) if name in SPACE or count > 1]
    if len(set(kept)) < len(kept) or not set(SPACE) <= set(kept) or not set(kept) <= {*SPACE, *LEADING}:
        raise not_three_dimensional(f"{values.ndim} axes came that are not z, y, x, and one for time and channel each")
    squeezed = values.reshape([n for name, n in zip(axes, values.shape, strict=True) if name in SPACE or n > 1])
    leading = tuple(name for name in LEADING if name in kept)
    return squeezed.transpose([kept.index(name) for name in (*leading, *SPACE)]), leading


def samples_of(data: bytes | memoryview, kind: np.dtype[Any], shape: Sequence[int], start: int = 0) -> NDArray[Any]:
    """Return the samples that stand in the bytes from `start`, as a view; the last axis runs fastest.

    Raises `BadData` `corrupt_file` where the bytes end before.
    """
    count = int(np.prod([int(n) for n in shape], dtype=object))
    if start < 0 or start + count * kind.itemsize > len(data):
        raise BadData("corrupt_file", "A file holds all the voxels it announces", "it was cut", "Copy the file again.")
    return np.frombuffer(data, dtype=kind, count=count, offset=start).reshape(list(shape))


def require_size(shape: Sequence[int], itemsize: int, encoded: int) -> int:
    """Return how many bytes samples take; raise `BadData` where these are too many for so many encoded bytes."""
    if min(shape, default=0) < 1:
        raise BadData("empty_grid", "A grid has at least one voxel along each axis", "it has none", "Check the file.")
    size = int(np.prod([int(n) for n in shape], dtype=object)) * itemsize
    if size > allowed(encoded, MAX_BYTES):
        raise BadData(
            "unreasonable_header",
            "A file announces as many voxels as it can hold",
            f"{size} bytes of voxels are announced in a file of {encoded}",
            "Check where the file comes from.",
        )
    return size


def required(voxels: bytes | None) -> bytes:
    """Return the content of a header's data file; raise `BadData` `missing_voxels` where it is not there."""
    if voxels is None:
        raise BadData(
            "missing_voxels",
            "A header without voxels has the file it names beside it",
            "that file is not there",
            "Put it into the same folder.",
        )
    return voxels


def grid(steps: NDArray[np.float64], origin: NDArray[np.float64], shape: tuple[int, int, int]) -> Geometry:
    """Return the grid of an image.

    Parameters
    ----------
    steps : array
        (3, 3): the columns are the steps along the file's axes i, j, k, each in LPS (x, y, z), in mm.
    origin : array
        LPS position (x, y, z) of the first voxel, in mm.
    shape : tuple of int
        Voxels along (k, j, i).

    Raises `BadData`: `corrupt_file` where a number is none, and those of `Geometry`.
    """
    if not ((np.abs(steps) < MAX_MAGNITUDE).all() and (np.abs(origin) < MAX_MAGNITUDE).all()):
        raise BadData("corrupt_file", "A file places its voxels by numbers", "some are none", "Write it again.")
    turned = steps[::-1, ::-1]
    spacing = np.linalg.norm(turned, axis=0)
    z, y, x = (_triple(row) for row in turned / np.where(spacing > 0, spacing, 1.0))
    return Geometry(shape=shape, spacing_mm=_triple(spacing), origin_mm=_triple(origin[::-1]), direction=(z, y, x))


def in_space(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return three steps in space from the two of a plane: (3, 2) or (2, 2) becomes (3, 3), the third 1 mm long."""
    flat = np.zeros((_SPACE, 2))
    flat[: len(steps)] = steps
    normal = np.cross(flat[:, 0], flat[:, 1])
    length = float(np.linalg.norm(normal))
    return np.column_stack([flat, normal / length if length > 0 else normal])


def opacity_note(opacity: NDArray[Any]) -> list[Correction]:
    """Return the correction that tells that opacity was left out, none where all is opaque."""
    if not opacity.size or (opacity == np.iinfo(opacity.dtype).max).all():
        return []
    return [Correction(name="opacity_left_out", text="the opacity beside the colours was left out")]


def _triple(vector: NDArray[np.float64]) -> Triple:
    z, y, x = vector
    return float(z), float(y), float(x)
