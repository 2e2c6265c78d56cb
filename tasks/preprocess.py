"""Clean one image, and take its masks along where the grid changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_catalog.kinds import MASK, VOLUME, geometry_of, mask, volume
from tasks.methods.preprocessing.project import Project
from tasks.methods.preprocessing.step import Step
from tasks.stage import stage

if TYPE_CHECKING:
    import xarray as xr


def moves_grid(steps: tuple[Step, ...]) -> bool:
    """Return whether a step gives its image another grid, so that the masks have to follow."""
    return any(type(step).grid is not Step.grid for step in steps)


@stage(VOLUME)
def preprocess(image: xr.DataArray, *, steps: tuple[Step, ...]) -> xr.DataArray:
    """Return the image after all steps, each channel or point in time by itself."""
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
    done = [step.method for step in steps]
    return volume(
        values,
        geometry,
        unit=unit,
        modality=image.attrs["modality"],
        leading=tuple(leading),
        coords={name: image.coords[name].values for name in leading if name in image.coords},
        corrections=image.attrs.get("corrections", []),
        steps=done,
    )


@stage(MASK)
def preprocess_mask(labels: xr.DataArray, *, steps: tuple[Step, ...]) -> xr.DataArray:
    """Return the mask on the grid that the steps give to its image."""
    geometry, values = geometry_of(labels), labels.values
    for step in steps:
        values = step.on_mask(values, geometry.spacing_mm)
        geometry = step.grid(geometry)
    return mask(values, geometry, {int(label): name for label, name in labels.attrs["names"].items()})
