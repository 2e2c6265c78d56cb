"""Clean one image, and take its masks along where the grid changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_catalog.kinds import MASK, VOLUME, geometry_of, mask, volume
from tasks.methods.preprocessing.step import Step
from tasks.stage import stage

if TYPE_CHECKING:
    import xarray as xr


def moves_grid(steps: tuple[Step, ...]) -> bool:
    """Return whether a step gives its image another grid, so that the masks have to follow."""
    return any(type(step).grid is not Step.grid for step in steps)


@stage(VOLUME)
def preprocess(image: xr.DataArray, *, steps: tuple[Step, ...]) -> xr.DataArray:
    """Return the image after all steps, each channel by itself."""
    geometry, values, unit = geometry_of(image), image.values, str(image.attrs["unit"])
    for step in steps:
        planes = values.reshape(-1, *values.shape[-3:])
        cleaned = np.stack([step(plane, geometry.spacing_mm) for plane in planes])
        geometry, unit = step.grid(geometry), step.unit(unit)
        values = cleaned.reshape(*values.shape[:-3], *geometry.shape)
    done = [*image.attrs.get("corrections", []), *(step.method for step in steps)]
    return volume(values, geometry, unit=unit, modality=image.attrs["modality"], corrections=done)


@stage(MASK)
def preprocess_mask(labels: xr.DataArray, *, steps: tuple[Step, ...]) -> xr.DataArray:
    """Return the mask on the grid that the steps give to its image."""
    geometry, values = geometry_of(labels), labels.values
    for step in steps:
        values = step.on_mask(values, geometry.spacing_mm)
        geometry = step.grid(geometry)
    return mask(values, geometry, {int(label): name for label, name in labels.attrs["names"].items()})
