"""Draw a region by a method, where no reader has drawn one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.kinds import MASK, geometry_of, mask
from tasks.stage import stage

if TYPE_CHECKING:
    import xarray as xr

    from tasks.methods.segmentation import Segmenter


@stage(MASK)
def segment(image: xr.DataArray, *, segmenter: Segmenter, region: str) -> xr.DataArray:
    """Return the region that the method draws; of several channels it looks at the first."""
    geometry = geometry_of(image)
    plane = image.values.reshape(-1, *geometry.shape)[0]
    return mask(segmenter(plane, geometry.spacing_mm), geometry, {1: region})
