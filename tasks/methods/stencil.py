"""Methods run over the chunks of a Dask array, each with the halo that its results can see."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dask.array as da
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.preprocessing.step import Step
    from tasks.methods.radiomics import Mapper


def over_chunks(steps: Sequence[Step], image: da.Array, spacing_mm: Triple) -> da.Array:
    """Return what steps, one after the other, make of a (z, y, x) image: float32, lazy, the same as on the whole image.

    Each chunk is worked on with as much around it as all steps together see. An axis not longer than that is put in
    one chunk; chunks thinner than it are merged.

    Raises
    ------
    PlanError
        When a step declares no reach: it needs the whole image.
    """
    import dask.array as da

    reach = reach_of(steps, spacing_mm)
    if reach is None:
        whole = next(step for step in steps if step.reach(spacing_mm) is None)
        raise PlanError(
            "A step run over chunks declares how far a result can see",
            f"`{whole.model_dump()['method']}` needs the whole image",
            "Call it on the whole array.",
        )
    short = {axis: -1 for axis, length in enumerate(image.shape) if length <= reach[axis]}
    chunked = image.rechunk(short) if short else image
    depth = {axis: 0 if chunked.numblocks[axis] == 1 else reach[axis] for axis in range(chunked.ndim)}
    # no boundary is added: at the image's own borders the steps see them, as they do on the whole image
    return da.map_overlap(
        partial(_one_after_the_other, steps),
        chunked,
        depth=depth,
        boundary="none",
        dtype=np.float32,
        meta=np.empty((0, 0, 0), dtype=np.float32),
        spacing_mm=spacing_mm,
    )


def reach_of(steps: Sequence[Step], spacing_mm: Triple) -> tuple[int, int, int] | None:
    """Return how far results of all steps together can see along (z, y, x), in voxels; None: the whole image."""
    each = [step.reach(spacing_mm) for step in steps]
    known = [one for one in each if one is not None]
    if len(known) < len(each):
        return None
    z, y, x = (sum(one[axis] for one in known) for axis in range(3))
    return z, y, x


def _one_after_the_other(steps: Sequence[Step], image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float32]:
    for step in steps:
        image = step(image, spacing_mm)
    return image


def map_over_chunks(mapper: Mapper, image: da.Array, mask: da.Array | None, spacing_mm: Triple) -> da.Array:
    """Return the maps of a (z, y, x) image, (feature, z, y, x) float32 and lazy, the same as of the whole image.

    The mask, of the same shape, may be cut otherwise. An axis not longer than a window's reach is put in one chunk;
    chunks thinner than the reach are merged.
    """
    import dask.array as da
    from dask.array.overlap import ensure_minimum_chunksize, overlap

    reach = mapper.reach(spacing_mm)
    if mask is not None:
        mask = da.asarray(mask)
    chunks = tuple(
        (length,) if length <= far else ensure_minimum_chunksize(far, cut)
        for length, far, cut in zip(image.shape, reach, image.chunks, strict=True)
    )
    depth = {axis: 0 if len(cut) == 1 else reach[axis] for axis, cut in enumerate(chunks)}
    seen = [
        overlap(one.rechunk(chunks), depth=depth, boundary="none", allow_rechunk=False)
        for one in (image, mask)
        if one is not None
    ]
    return da.map_blocks(
        partial(_maps_of_chunk, mapper=mapper, spacing_mm=spacing_mm, depth=depth),
        *seen,
        new_axis=0,
        chunks=((len(mapper.features),), *chunks),
        dtype=np.float32,
        meta=np.empty((0, 0, 0, 0), dtype=np.float32),
    )


def _maps_of_chunk(
    image: NDArray[Any],
    mask: NDArray[np.bool_] | None = None,
    *,
    mapper: Mapper,
    spacing_mm: Triple,
    depth: dict[int, int],
    block_info: Any = None,  # noqa: ANN401 - as Dask has it
) -> NDArray[np.float32]:
    """Return the maps of a chunk that came with its halo, which ends where the image does."""
    place, count = block_info[0]["chunk-location"], block_info[0]["num-chunks"]
    z, y, x = (
        slice(depth[axis] * (place[axis] > 0), length - depth[axis] * (place[axis] + 1 < count[axis]))
        for axis, length in enumerate(image.shape)
    )
    return mapper.in_box(image, mask, spacing_mm, (z, y, x))
