"""Look for lesions in an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.kinds import DETECTIONS, geometry_of
from tasks.stage import stage

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from tasks.methods.detection import Detector


@stage(DETECTIONS)
def detect(image: xr.DataArray, *, detector: Detector) -> pd.DataFrame:
    """Return one row a lesion: place in mm from the first voxel, radius, strength, the strongest first."""
    geometry = geometry_of(image)
    return detector(image.values.reshape(-1, *geometry.shape)[0], geometry.spacing_mm)
