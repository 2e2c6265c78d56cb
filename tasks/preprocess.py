"""Clean one image, and take its masks along where the grid changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.kinds import MASK, VOLUME, geometry_of, mask, slab_thickness, volume
from tasks.methods.preprocessing.project import Project
from tasks.methods.preprocessing.step import Step
from tasks.methods.stencil import over_chunks, reach_of
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dask.array as da
    import xarray as xr
    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry

BYTES_HELD = 33
"""Bytes a voxel that a step holds at most: the image and the result as float32, sums and weights as float64."""
WHOLE_BYTES = 1 << 30
"""An image that would hold more than this is cleaned some slices at a time, unless a step needs all of it."""


def moves_grid(steps: tuple[Step, ...]) -> bool:
    """Return whether a step gives its image another grid, so that the masks have to follow."""
    return any(type(step).grid is not Step.grid for step in steps)


@stage(VOLUME)
def preprocess(image: xr.DataArray, *, steps: tuple[Step, ...]) -> xr.DataArray:
    """Return the image after all steps, each channel or point in time by itself.

    A large image is cleaned when it is written, some slices at a time, if no step needs all of it; voxels are the same.
    """
    if _is_large(image) and reach_of(steps, geometry_of(image).spacing_mm) is not None:
        return _in_slabs(image, steps)
    geometry, values, unit = geometry_of(image), image.values, str(image.attrs["unit"])
    leading = [str(name) for name in image.dims[:-3]]
    for step in steps:
        if isinstance(step, Project):
            if step.axis in leading:
                values = step.across(np.moveaxis(values, leading.index(step.axis), 0))
                leading.remove(step.axis)
            continue
        planes = values.reshape(-1, *values.shape[-3:])
        cleaned = np.stack([step(plane, geometry.spacing_mm) for plane in planes])
        geometry, unit = step.grid(geometry), step.unit(unit)
        values = cleaned.reshape(*values.shape[:-3], *geometry.shape)
    return _cleaned(image, values, geometry, unit, leading, steps)


def _is_large(image: xr.DataArray) -> bool:
    return BYTES_HELD * image.size > WHOLE_BYTES


def _in_slabs(image: xr.DataArray, steps: tuple[Step, ...]) -> xr.DataArray:
    """Return the image after steps that do not see all of it: made when it is written, some slices at a time."""
    import dask.array as da

    geometry, unit = geometry_of(image), str(image.attrs["unit"])
    leading = [str(name) for name in image.dims[:-3]]
    _, rows, columns = geometry.shape
    thickness = slab_thickness(rows, columns, np.dtype(np.float32).itemsize * image.sizes.get("c", 1))
    planes = image.chunk(dict.fromkeys(leading, 1) | {"z": thickness, "y": -1, "x": -1}).data
    planes = planes.reshape(-1, *geometry.shape)
    cleaned = da.stack([over_chunks(steps, plane, geometry.spacing_mm) for plane in planes]).reshape(image.shape)
    for step in steps:
        unit = step.unit(unit)
    if "c" in leading:
        cleaned = cleaned.rechunk({leading.index("c"): -1})
    return _cleaned(image, cleaned, geometry, unit, leading, steps)


def _cleaned(
    image: xr.DataArray,
    values: NDArray[Any] | da.Array,
    geometry: Geometry,
    unit: str,
    leading: Sequence[str],
    steps: Sequence[Step],
) -> xr.DataArray:
    return volume(
        values,
        geometry,
        unit=unit,
        modality=image.attrs["modality"],
        leading=tuple(leading),
        coords={name: image.coords[name].values for name in leading if name in image.coords},
        corrections=image.attrs.get("corrections", []),
        steps=[step.method for step in steps],
    )


@stage(MASK)
def preprocess_mask(labels: xr.DataArray, *, steps: tuple[Step, ...]) -> xr.DataArray:
    """Return the mask on the grid that the steps give to its image."""
    geometry, values = geometry_of(labels), labels.values
    for step in steps:
        values = step.on_mask(values, geometry.spacing_mm)
        geometry = step.grid(geometry)
    return mask(values, geometry, {int(label): name for label, name in labels.attrs["names"].items()})
