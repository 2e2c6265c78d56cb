"""A step run over the chunks of a Dask array, each with the halo that its results can see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dask.array as da
import numpy as np

from data_catalog.errors import PlanError

if TYPE_CHECKING:
    from data_catalog.geometry import Triple
    from tasks.methods.preprocessing.step import Step


def over_chunks(step: Step, image: da.Array, spacing_mm: Triple) -> da.Array:
    """Return the step's result on a (z, y, x) image, float32 and lazy, the same as on the whole image.

    An axis not longer than the step's reach is put in one chunk; chunks thinner than the reach are merged.

    Raises
    ------
    PlanError
        When the step declares no reach: it needs the whole image.
    """
    reach = step.reach(spacing_mm)
    if reach is None:
        raise PlanError(
            "A step run over chunks declares how far a result can see",
            f"`{step.model_dump()['method']}` needs the whole image",
            "Call it on the whole array.",
        )
    whole = {axis: -1 for axis, length in enumerate(image.shape) if length <= reach[axis]}
    chunked = image.rechunk(whole) if whole else image
    depth = {axis: 0 if chunked.numblocks[axis] == 1 else reach[axis] for axis in range(chunked.ndim)}
    # no boundary is added: at the image's own borders the step sees them, as it does on the whole image
    return da.map_overlap(
        step,
        chunked,
        depth=depth,
        boundary="none",
        dtype=np.float32,
        meta=np.empty((0, 0, 0), dtype=np.float32),
        spacing_mm=spacing_mm,
    )
