"""Map features around every voxel of an image, or of a region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from data_catalog.kinds import SPACE, UNIT_OF_CHANNELS, VOLUME, geometry_of, slab_thickness, volume
from tasks.methods.radiomics.crop import widened
from tasks.methods.stencil import map_over_chunks
from tasks.radiomics import region_box
from tasks.stage import stage

if TYPE_CHECKING:
    import dask.array as da
    import xarray as xr

    from tasks.methods.radiomics import Mapper
    from tasks.methods.radiomics.crop import Box

BYTES = 4
"""Bytes of a voxel of a map."""


@stage(VOLUME)
def map_features(
    image: xr.DataArray, labels: xr.DataArray | None = None, *, label: int = 1, feature_map: Mapper
) -> xr.DataArray:
    """Return maps of features, a channel each: of a region in the box around it, without one of the whole image.

    They are computed slab by slab when they are read or written.
    """
    geometry = geometry_of(image)
    if image.dims != SPACE:
        raise BadData(
            "too_many_steps",
            "An image whose features are mapped has no channels, and no steps in time",
            f"it has the axes {', '.join(map(str, image.dims))}",
            "Put `project` into the plan's `preprocess`: the mean over time, the luminance.",
        )
    box = _whole(geometry.shape)
    if labels is not None:
        geometry.require_same_grid(geometry_of(labels))
        box = region_box(labels, label)
    seen = widened(box, feature_map.reach(geometry.spacing_mm), geometry.shape)
    cuts = _cuts(box, seen, BYTES * len(feature_map.features))
    drawn = None if labels is None else _lazy(labels, seen, cuts) == label
    maps = map_over_chunks(feature_map, _lazy(image, seen, cuts), drawn, geometry.spacing_mm)
    z, y, x = (slice(b.start - s.start, b.stop - s.start) for b, s in zip(box, seen, strict=True))
    depth, height, width = (one.stop - one.start for one in box)
    return volume(
        maps[:, z, y, x],
        geometry.part((box[0].start, box[1].start, box[2].start), (depth, height, width)),
        unit=UNIT_OF_CHANNELS.join(feature_map.units(str(image.attrs["unit"]))),
        modality=image.attrs["modality"],
        leading=("c",),
        coords={"c": feature_map.features},
    )


def _whole(shape: tuple[int, int, int]) -> Box:
    z, y, x = (slice(0, length) for length in shape)
    return z, y, x


def _cuts(box: Box, seen: Box, itemsize: int) -> tuple[int, ...]:
    """Return how many slices of what is seen make each slab; the first and the last have the margin with them."""
    depth, height, width = (one.stop - one.start for one in box)
    thickness = slab_thickness(height, width, itemsize)
    cuts = [min(thickness, depth - low) for low in range(0, depth, thickness)]
    cuts[0] += box[0].start - seen[0].start
    cuts[-1] += seen[0].stop - box[0].stop
    return tuple(cuts)


def _lazy(array: xr.DataArray, seen: Box, cuts: tuple[int, ...]) -> da.Array:
    """Return a part of a volume or a mask (z, y, x), read some slices at a time."""
    lazy: da.Array = array[seen].chunk({"z": cuts, "y": -1, "x": -1}).data
    return lazy
