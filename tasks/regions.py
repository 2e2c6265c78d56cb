"""From what readers drew to masks on the grid of their image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from data_catalog.kinds import MASK, geometry_of, mask
from data_catalog.verdicts import Correction
from tasks.formats.dicom.rtstruct import read_contours
from tasks.formats.dicom.seg import read_segment as read_frames
from tasks.formats.segments import segment_in
from tasks.formats.volume_files import read_labels
from tasks.formats.voxels import as_labels
from tasks.methods.gate.thumbnail import SHOWN, mask_plane
from tasks.methods.regions.contours import place_contours
from tasks.methods.regions.frames import place_frames
from tasks.methods.regions.label_maps import merged, named_only, onto_image
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry
    from tasks.formats.content import Content


@stage(MASK)
def draw_region(files: list[Content], image: xr.DataArray, *, source_name: str, region: str) -> xr.DataArray:
    """Return the region that a structure set outlines, on its image's grid."""
    contours, notes = read_contours(files[0].read(), source_name)
    geometry = geometry_of(image)
    inside, more = place_contours(contours, geometry)
    return _mask(inside, geometry, {1: region}, [*notes, *more])


@stage(MASK)
def read_segment(files: list[Content], image: xr.DataArray, *, source_name: str, region: str) -> xr.DataArray:
    """Return one region of a DICOM segmentation, on its image's grid."""
    frames, notes = read_frames(files[0], source_name)
    geometry = geometry_of(image)
    inside, more = place_frames(frames, geometry)
    return _mask(inside, geometry, {1: region}, [*notes, *more])


@stage(MASK)
def read_named_segment(
    files: list[Content], image: xr.DataArray, *, source_name: str, region: str, space: str | None = None
) -> xr.DataArray:
    """Return one segment of a .seg.nrrd by its name, on its image's grid; the second file holds the voxels, if any."""
    labels, own, attrs = as_labels(segment_in(files[0].read(), _beside(files), source_name, space))
    geometry = geometry_of(image)
    placed, notes = _placed(labels, own, image)
    return _mask(placed > 0, geometry, {1: region}, [*_told(attrs), *notes])


@stage(MASK)
def read_mask(
    files: list[Content],
    image: xr.DataArray,
    *,
    region: str,
    labels: Mapping[str, str] | Mapping[int, str] | None = None,
    space: str | None = None,
) -> xr.DataArray:
    """Return the regions of a label map's values, or without names for these the one it is, on its image's grid.

    The file's first bytes say its format; the second file holds the voxels of a header that stands alone.
    """
    geometry = geometry_of(image)
    beside = files[1] if len(files) > 1 else None
    values, own, attrs = read_labels(files[0], beside, like=geometry, coded=bool(labels), space=space)
    placed, notes = _placed(values, own, image)
    by_value = {int(value): name for value, name in (labels or {}).items()}
    kept, names, more = named_only(placed, by_value) if by_value else merged(placed, region)
    return _mask(kept, geometry, names, [*_told(attrs), *notes, *more])


def _beside(files: Sequence[Content]) -> bytes | None:
    return files[1].read() if len(files) > 1 else None


def _placed(
    labels: NDArray[np.integer], own: Geometry, image: xr.DataArray
) -> tuple[NDArray[np.integer], list[Correction]]:
    """Return labels on the grid of their image; a refusal shows them, unless they may be a picture with text in it."""
    try:
        return onto_image(labels, own, geometry_of(image))
    except BadData as refusal:
        raise refusal.showing(mask_plane(labels, own) if image.attrs["modality"] in SHOWN else None) from None


def _told(attrs: Mapping[str, Any]) -> list[Correction]:
    return [Correction(**one) for one in attrs["corrections"]]


def _mask(
    labels: NDArray[np.integer] | NDArray[np.bool_], geometry: Geometry, names: dict[int, str], notes: list[Correction]
) -> xr.DataArray:
    if not labels.any():
        raise BadData("empty_mask", "A region has a voxel inside", "it has none", "Draw it again, or leave it out.")
    return mask(labels, geometry, names, corrections=[one.model_dump() for one in notes])
