"""The kinds of data there are, and the promise that each keeps at read and write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import dask.core
import dask.optimization
import numpy as np
from pydantic import BaseModel

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import dask.array as da
    import xarray as xr
    from numpy.typing import NDArray

SPACE = ("z", "y", "x")
LEADING = ("t", "echo", "inversion_time", "flip_angle", "b_value", "phase", "part", "c")
"""Axes that may stand before the spatial ones, in this order: time, echo, inversion time, flip angle, diffusion
weighting, phase of a cycle, part of a complex number, and channel."""
UNITS_OF_AXES = {
    "z": "mm",
    "y": "mm",
    "x": "mm",
    "t": "s",
    "echo": "ms",
    "inversion_time": "ms",
    "flip_angle": "degree",
    "b_value": "s/mm2",
}
"""Unit of the coordinates along an axis, as the `units` attribute of CF says it; the other axes only count."""
SLAB = 32
"""Slices that are computed, held and written at once; fewer where planes are large."""
SLAB_BYTES = 64 * 2**20
"""A slab is not larger, unless two planes are."""
LEAST_SLAB = 2
"""Slices of the thinnest slab: pairs of them become one of a coarser copy."""
SIGNAL_AXES = ("channel", "time")
UNIT_OF_CHANNELS = ", "
"""Stands between the units of a volume's channels, where each has its own."""

Form = Literal["array", "signal", "table", "measurement", "document", "listing", "page", "model"]
"""A measurement is a table of few rows and many columns of numbers. A listing is a document of many parts: it holds no
mapping and no set, so that its fields have one order already, and says itself how its numbers are written that have no
end."""


@dataclass(frozen=True)
class Kind:
    """A kind of artefact: its name, the form it is stored in, and the check of its promise."""

    name: str
    form: Form
    check: Callable[[Any], None]
    tells_columns: bool = False
    """Whether what is known of its columns is read back with a table."""


def volume(
    values: NDArray[Any] | da.Array,
    geometry: Geometry,
    *,
    unit: str,
    modality: str,
    leading: Sequence[str] = (),
    coords: Mapping[str, Sequence[Any]] | None = None,
    **attrs: object,
) -> xr.DataArray:
    """Build a volume: voxels (..., z, y, x) with their place in space, unit and modality.

    Coordinates are the voxel centres in mm, projected on each axis. `leading` names the axes before them,
    of `LEADING` and in its order; `coords` says where their steps lie (in the units of `UNITS_OF_AXES`, or by name).
    Axes without a name are the channel, and time before it. A Dask array is written slab by slab.
    """
    import xarray as xr

    count = values.ndim - len(SPACE)
    names = tuple(leading) if leading or count < 1 else ("t", "c")[-count:]
    return xr.DataArray(
        values,
        dims=(*names, *SPACE),
        coords=place_of(geometry) | {name: along(name, steps) for name, steps in (coords or {}).items()},
        attrs={**geometry.to_attrs(), "unit": unit, "modality": modality, **attrs},
        name="voxels",
    )


def mask(labels: NDArray[Any], geometry: Geometry, names: Mapping[int, str], **attrs: object) -> xr.DataArray:
    """Build a mask: labels (z, y, x) of the regions named in `names`; 0 is outside."""
    import xarray as xr

    values = np.asarray(labels)
    fits_a_byte = values.min() >= 0 and values.max() <= np.iinfo(np.uint8).max
    return xr.DataArray(
        values.astype(np.uint8 if fits_a_byte else np.int64),
        dims=SPACE,
        coords=place_of(geometry),
        attrs={**geometry.to_attrs(), "names": {str(label): name for label, name in sorted(names.items())}, **attrs},
        name="voxels",
    )


def signal(
    values: NDArray[Any],
    sampling_hz: float,
    channels: Sequence[str],
    units: Sequence[str],
    modality: str,
    **attrs: object,
) -> xr.DataArray:
    """Build a signal: samples (channel, time) at a steady rate, each channel with its name and unit.

    Sample n lies n / `sampling_hz` seconds after the first.
    """
    import xarray as xr

    return xr.DataArray(
        values,
        dims=SIGNAL_AXES,
        coords={"channel": along("channel", channels)},
        attrs={"sampling_hz": float(sampling_hz), "unit": list(units), "modality": modality, **attrs},
        name="samples",
    )


def along(axis: str, steps: Sequence[Any] | NDArray[Any]) -> xr.Variable:
    """Return the coordinate of an axis, with its unit where it has one."""
    import xarray as xr

    units = {"units": UNITS_OF_AXES[axis]} if axis in UNITS_OF_AXES else {}
    return xr.Variable((axis,), np.asarray(steps, dtype=np.float64 if units else None), units)


def place_of(geometry: Geometry) -> dict[str, xr.Variable]:
    """Return the coordinates of a grid: voxel centres in mm along each of its axes."""
    return {name: along(name, geometry.axis_positions_mm(axis)) for axis, name in enumerate(SPACE)}


def geometry_of(array: xr.DataArray) -> Geometry:
    """Return where the voxels of a volume or a mask lie."""
    z, y, x = (array.sizes[name] for name in SPACE)
    return Geometry.from_attrs((z, y, x), array.attrs)


def slab_thickness(rows: int, columns: int, itemsize: int) -> int:
    """Return how many slices make a slab: `SLAB`, or a half, a quarter, ... of it where planes are large."""
    thickness = SLAB
    while thickness > LEAST_SLAB and thickness * rows * columns * itemsize > SLAB_BYTES:
        thickness //= 2
    return thickness


def slabs(array: xr.DataArray) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
    """Yield the voxels of a volume (z, y, x) some slices at a time, with their step along the leading axes.

    Slices come upwards, of all channels together, one step of the other axes after the other. Each block of a
    lazy array is computed when its turn comes, in this thread, and not kept. Blocks that do not lie as those of
    a volume do (single steps, whole planes, all channels) are computed as often as they are met.
    """
    channels = array.sizes.get("c", 0)
    for step in np.ndindex(array.shape[: array.ndim - len(SPACE) - bool(channels)]):
        for block in _computed(array, step) if array.chunks is not None else _cut(array[step]):
            if channels:
                yield from (((*step, channel), block[channel]) for channel in range(channels))
            else:
                yield step, block


def _cut(array: xr.DataArray) -> Iterator[NDArray[Any]]:
    rows, columns = array.shape[-2:]
    thickness = slab_thickness(rows, columns, array.dtype.itemsize)
    yield from (array[..., low : low + thickness, :, :].values for low in range(0, array.shape[-3], thickness))


def blocks_of(lazy: da.Array) -> Iterator[NDArray[Any]]:
    """Yield the blocks of a lazy array, each computed in this thread when its turn comes.

    `compute` would make the graph anew for each block, and copy the block: that took a tenth of the time of writing CT.
    """
    graph = dict(lazy.__dask_graph__())
    for key in dask.core.flatten(lazy.__dask_keys__()):
        yield np.asarray(dask.get(dask.optimization.cull(graph, key)[0], key))


def _computed(array: xr.DataArray, step: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    lazy = array.data[step]
    lazy = lazy.rechunk({axis: -1 for axis in range(lazy.ndim) if axis != lazy.ndim - len(SPACE)})
    shapes = [(*lazy.shape[:-3], thickness, *lazy.shape[-2:]) for thickness in lazy.chunks[-3]]
    for block, shape in zip(blocks_of(lazy), shapes, strict=True):
        if block.shape != shape or block.dtype != array.dtype:  # it would leave a hole of zeros
            message = f"A block of {array.dtype} voxels {shape} was computed as {block.dtype} {block.shape}."
            raise ValueError(message)
        yield block


def _check_grid(array: Any) -> None:  # noqa: ANN401 - anything may be handed to a check
    import xarray as xr

    axes = array.dims if isinstance(array, xr.DataArray) else ()
    leading = tuple(name for name in LEADING if name in axes)
    if axes != (*leading, *SPACE):
        came = f"axes {axes}" if axes else type(array).__name__
        raise BadData("not_a_volume", f"Axes z, y, x, before them any of {', '.join(LEADING)}", came, "Use `volume`.")
    missing = {"spacing_mm", "origin_mm", "direction"} - set(array.attrs)
    if missing:
        raise BadData("no_geometry", "A place in space", f"{sorted(missing)} missing", "Build it with `volume`.")
    geometry_of(array)


def _check_volume(array: Any) -> None:  # noqa: ANN401
    _check_grid(array)
    if array.dtype.kind not in "iuf":
        raise BadData("not_numeric", "Numeric voxels", f"dtype {array.dtype}", "Convert before storing.")
    missing = {"unit", "modality"} - set(array.attrs)
    if missing:
        raise BadData("no_unit", "A unit and a modality", f"{sorted(missing)} missing", "Build it with `volume`.")


def _check_signal(array: Any) -> None:  # noqa: ANN401
    import xarray as xr

    if not isinstance(array, xr.DataArray) or array.dims != SIGNAL_AXES or not array.size:
        came = f"shape {array.shape}" if isinstance(array, xr.DataArray) else type(array).__name__
        raise BadData("not_a_signal", "Samples with axes (channel, time)", came, "Build it with `signal`.")
    if array.dtype.kind not in "iuf":
        raise BadData("not_numeric", "Numeric samples", f"dtype {array.dtype}", "Convert before storing.")
    rate = array.attrs.get("sampling_hz", 0.0)
    if not (np.isfinite(rate) and rate > 0):
        raise BadData("bad_sampling", "A sampling frequency above 0 Hz", f"{rate}", "Correct the header.")
    channels, units = array.sizes["channel"], array.attrs.get("unit", ())
    named = "channel" in array.coords
    if not (named and len(units) == channels and "modality" in array.attrs):
        came = f"{channels} channels {'with' if named else 'without'} names, {len(units)} units"
        raise BadData("no_unit", "A name and a unit for each channel, and a modality", came, "Build it with `signal`.")


def _check_mask(array: Any) -> None:  # noqa: ANN401
    _check_grid(array)
    if array.dtype.kind not in "iu" or "names" not in array.attrs:
        raise BadData("not_a_mask", "Whole labels with names", f"dtype {array.dtype}", "Build it with `mask`.")
    found: set[int] = set()
    for _, planes in slabs(array):
        found.update(np.unique(planes[planes != 0]).tolist())
    present = {str(label) for label in found}
    if not present:
        raise BadData("empty_mask", "At least one voxel inside", "none", "Draw the region again or leave it out.")
    if not present <= set(array.attrs["names"]):
        raise BadData("unnamed_label", "A name for every label", f"labels {sorted(present)}", "Name each label.")


def _check_table(table: Any) -> None:  # noqa: ANN401
    import pandas as pd

    if not isinstance(table, pd.DataFrame) or not all(isinstance(name, str) for name in table.columns):
        raise BadData("not_a_table", "A data frame with named columns", f"{type(table).__name__}", "Name the columns.")
    if not table.columns.is_unique:
        twice = sorted(set(table.columns[table.columns.duplicated()]))
        raise BadData("column_twice", "Columns with different names", f"{twice} stand twice", "Rename one.")


def _check_document(document: Any) -> None:  # noqa: ANN401
    if not isinstance(document, BaseModel):
        raise BadData("not_a_document", "A pydantic model", f"{type(document).__name__}", "Declare its fields.")


def _check_page(page: Any) -> None:  # noqa: ANN401
    if not isinstance(page, str) or not page:
        raise BadData("not_a_page", "A text that is not empty", f"{type(page).__name__}", "Render it first.")


def _check_model(model: Any) -> None:  # noqa: ANN401
    if not hasattr(model, "predict"):
        raise BadData("not_a_model", "A fitted model with `predict`", f"{type(model).__name__}", "Fit it first.")


VOLUME = Kind("volume", "array", _check_volume)
MASK = Kind("mask", "array", _check_mask)
SIGNAL = Kind("signal", "signal", _check_signal)
TABLE = Kind("table", "table", _check_table)
DETECTIONS = Kind("detections", "table", _check_table)
MEASUREMENT = Kind("measurement", "measurement", _check_table)
FEATURES = Kind("features", "table", _check_table, tells_columns=True)
COHORT = Kind("cohort", "table", _check_table)
CONTENTS = Kind("contents", "listing", _check_document)
STUDY = Kind("study", "document", _check_document)
REFUSAL = Kind("refusal", "document", _check_document)
EVALUATION = Kind("evaluation", "document", _check_document)
CONTROL = Kind("control", "document", _check_document)
RULES = Kind("rules", "document", _check_document)
RESAMPLES = Kind("resamples", "document", _check_document)
EXTENT = Kind("extent", "document", _check_document)
CARDS = Kind("cards", "document", _check_document)
MODEL = Kind("model", "model", _check_model)
PICTURE = Kind("picture", "document", _check_document)
REPORT = Kind("report", "page", _check_page)

KINDS = {
    kind.name: kind
    for kind in (
        VOLUME,
        MASK,
        SIGNAL,
        TABLE,
        DETECTIONS,
        MEASUREMENT,
        FEATURES,
        COHORT,
        CONTENTS,
        STUDY,
        REFUSAL,
        EVALUATION,
        CONTROL,
        RULES,
        RESAMPLES,
        EXTENT,
        CARDS,
        MODEL,
        PICTURE,
        REPORT,
    )
}
