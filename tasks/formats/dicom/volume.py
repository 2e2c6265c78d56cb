"""A DICOM series as a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from data_catalog.kinds import SPACE, UNIT_OF_CHANNELS
from data_catalog.verdicts import Correction
from tasks.formats.dicom.arrange import arrange
from tasks.formats.dicom.blocks import Blocks, surveyed
from tasks.formats.dicom.images import read_layers
from tasks.formats.dicom.labels import code
from tasks.formats.dicom.reconstruction import may_be_one
from tasks.formats.dicom.stack import grid_of, require_one_size, require_parallel
from tasks.formats.dicom.steps import coordinates
from tasks.formats.dicom.values import Values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import dask.array as da
    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry
    from tasks.formats.content import Content
    from tasks.formats.dicom.arrange import Arrangement
    from tasks.formats.dicom.images import Layer, Meaning
    from tasks.formats.dicom.pixel_size import Pair
    from tasks.formats.dicom.slices import Slice


_CONTRASTS = {
    "echo": "echo times",
    "b_value": "b-values",
    "part": "parts of a complex value",
    "phase": "phases of the heart",
}
"""What slices of one stack share, and what it is called."""
_SETTINGS = {"inversion_time": "inversion times", "flip_angle": "flip angles"}
_SAME_CONTRAST = 0.2
"""Echo times of one stack, or phases, may differ by this part of the largest."""


def read_series(
    files: Sequence[Content], *, pixel_size_mm: Pair | None = None
) -> tuple[NDArray[Any] | da.Array, Geometry, dict[str, Any]]:
    """Return a series as voxels, the grid they lie on, and attributes.

    Voxels are (..., z, y, x): int16 where they are whole numbers that fit, else float32, or float64 where only that
    holds them exactly; NaN for padding. Small volumes are held; of others each slab is read when it is asked for.
    The files may come in any order; `pixel_size_mm` (y, x) is taken where they state none.

    Attributes: `modality`; `unit` (HU, SUV, Bq/ml, ... or 1; several are separated by commas); `dims`, names of the
    axes; `coords`, where the steps before z, y, x lie; `corrections`, by name and as sentences; `intercept`, the
    highest that was added to the stored values of a slice; and, where stated, `reconstruction_kernel`,
    `gradient_direction` and `stated_of_steps` (see `coordinates`).

    Raises `BadData`: those of `read_layers`, `arrange` and `grid_of`; `mixed_series`, `mixed_orientation`,
    `mixed_pixel_size`, `unknown_pixel_size`, `empty_series`; when slabs are read, those of `Pixels.stored` and of
    `Values.put`.
    """
    layers = [layer for content in files for layer in read_layers(content, pixel_size_mm)]
    meaning = _require_alike(layers)
    slices = [layer.slice for layer in layers]
    planes = [one.plane for one in slices]
    require_parallel(planes)
    require_one_size(planes)
    _require_one_reconstruction(slices)
    found = arrange(slices, lambda index: layers[index].values())
    found.corrections += _contrasts(found, slices)
    first_stack = found.order[(0,) * (found.order.ndim - 1)]
    shape = (meaning.shape[0], meaning.shape[1])
    geometry, notes = grid_of([planes[int(index)] for index in first_stack], shape, meaning.modality)
    coords, attrs = coordinates(found, slices)
    taken = found.order.ravel()
    kept = [layers[int(index)] for index in taken]
    values = Values(kept)
    held = surveyed(kept, values)
    order = np.arange(found.order.size).reshape(found.order.shape)
    corrections = [*found.corrections, *notes, *values.notes()]
    channels = ("c",) * (len(meaning.shape) - 2)
    kernel = next((one.reconstruction.kernel for one in slices if one.reconstruction.kernel), "")
    attrs |= {"reconstruction_kernel": kernel} if kernel else {}
    return (
        Blocks(kept, order, values, held).array(),
        geometry,
        {
            "modality": code(meaning.modality),
            "unit": _unit(values, order),
            "dims": [*found.leading, *channels, *SPACE],
            "coords": coords,
            "corrections": [correction.model_dump() for correction in corrections],
            "intercept": max(layer.slice.scale.intercept for layer in kept),
            **attrs,
        },
    )


def _require_one_reconstruction(slices: Sequence[Slice]) -> None:
    if not may_be_one(one.reconstruction for one in slices):
        raise mixed("its slices have several reconstruction kernels or tube voltages")


def _contrasts(found: Arrangement, slices: Sequence[Slice]) -> list[Correction]:
    """Refuse slices of one stack that differ in what they share: echoes that take turns from position to position.

    What a sequence may set slice by slice is told.
    """
    stacks = [
        [slices[int(index)].moment for index in stack] for stack in found.order.reshape(-1, found.order.shape[-1])
    ]
    for name, words in _CONTRASTS.items():
        for stack in stacks:
            if _differ(stack, name):
                raise mixed(f"its slices have several {words}, and not all of them at each position")
    told = [words for name, words in _SETTINGS.items() if any(_differ(stack, name) for stack in stacks)]
    text = f"the slices of a stack have several {' and '.join(told)}"
    return [Correction(name="settings_differ_by_slice", text=text)] if told else []


def _differ(stack: Sequence[Mapping[str, float]], name: str) -> bool:
    values = [moment[name] for moment in stack if name in moment]
    return bool(values) and max(values) - min(values) > _SAME_CONTRAST * max(map(abs, values))


def _unit(values: Values, order: NDArray[np.int64]) -> str:
    """Return the unit of all slices, or those of the steps before z where they differ; a stack has one unit."""
    units = [layer.slice.scale.unit for layer in values.layers]
    if any(len({units[int(index)] for index in stack}) > 1 for stack in order.reshape(-1, order.shape[-1])):
        raise mixed("its slices have several units")
    return UNIT_OF_CHANNELS.join(values.units)


def _require_alike(layers: Sequence[Layer]) -> Meaning:
    if not layers:
        raise BadData("empty_series", "A series has at least one file", "it has none", "Check the source.")
    first = layers[0].image.meaning
    odd = sum(layer.image.meaning != first for layer in layers)
    if odd:
        raise mixed(f"{odd} of {len(layers)} differ from the first")
    silent = sum(not layer.slice.scale.is_stated for layer in layers)
    if first.modality == "CT" and 0 < silent < len(layers):
        raise mixed(f"{silent} of {len(layers)} state no rescale intercept, the others do")
    return first


def mixed(came: str) -> BadData:
    """Return the refusal of files that do not belong together."""
    return BadData(
        "mixed_series",
        "The slices of a series share modality, size, kind of values, unit and frame of reference",
        came,
        "Export the series again, without the files of others.",
    )
