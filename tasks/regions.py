"""From what readers drew to masks on the grid of their image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from data_catalog.kinds import MASK, geometry_of, mask
from tasks.formats.dicom.rtstruct import read_contours
from tasks.formats.nifti import read_labels as read_nifti_labels
from tasks.formats.png import read_mask as read_png_mask
from tasks.methods.regions.scanline import rasterise
from tasks.stage import stage

if TYPE_CHECKING:
    import xarray as xr


@stage(MASK)
def draw_region(files: list[bytes], image: xr.DataArray, *, source_name: str, region: str) -> xr.DataArray:
    """Return the region that a structure set outlines, on its image's grid."""
    geometry = geometry_of(image)
    return mask(rasterise(read_contours(files[0], source_name), geometry), geometry, {1: region})


@stage(MASK)
def read_label_map(files: list[bytes], image: xr.DataArray, *, labels: dict[str, str], region: str) -> xr.DataArray:
    """Return the regions of a NIfTI label map, or the single one it holds, on its image's grid."""
    values, geometry, _ = read_nifti_labels(files[0])
    geometry_of(image).require_same_grid(geometry)
    if not labels:
        return mask(values > 0, geometry, {1: region})
    return mask(values, geometry, {int(value): name for value, name in labels.items()})


@stage(MASK)
def read_mask(files: list[bytes], image: xr.DataArray, *, region: str) -> xr.DataArray:
    """Return the region that a PNG mask holds, on its image's grid."""
    geometry = geometry_of(image)
    values, _, attrs = read_png_mask(files[0], geometry.spacing_mm[1:])
    if values.shape != geometry.shape:
        raise BadData(
            "other_grid",
            "Image and mask must share a grid",
            f"shapes {geometry.shape} and {values.shape} differ",
            "Export the mask again from the image it was drawn on.",
        )
    return mask(values, geometry, {1: region}, corrections=attrs["corrections"])
