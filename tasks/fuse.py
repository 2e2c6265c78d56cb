"""Bring two images of a patient together on one grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.kinds import SPACE, UNIT_OF_CHANNELS, VOLUME, geometry_of, volume
from tasks.stage import stage

if TYPE_CHECKING:
    import xarray as xr

    from tasks.methods.fusion import Fuser


@stage(VOLUME)
def fuse(fixed: xr.DataArray, moving: xr.DataArray, *, fuser: Fuser, modality: str) -> xr.DataArray:
    """Return what the fuser makes of both images, on the first's grid."""
    geometry = geometry_of(fixed)
    values = fuser(fixed.values, geometry, moving.values, geometry_of(moving))
    units = [str(image.attrs["unit"]) for image in ((fixed, moving) if values.ndim > len(SPACE) else (fixed,))]
    unit = UNIT_OF_CHANNELS.join(units)
    return volume(values, geometry, unit=unit, modality=modality, corrections=[], steps=[fuser.method])
