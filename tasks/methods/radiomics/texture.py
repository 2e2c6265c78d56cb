"""Texture: how the grey levels of a region lie beside one another, by the six families of IBSI."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics import glcm, gldzm, glrlm, glszm, ngldm, ngtdm
from tasks.methods.radiomics.domain import Domain
from tasks.methods.radiomics.kernels.zones import depths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from types import ModuleType

    from numpy.typing import NDArray

    from tasks.methods.radiomics.grey import GreyVolume

ALONG_DIRECTIONS = {"cooccurrence": glcm, "run_length": glrlm}
"""Families that are counted along directions, which are merged or averaged."""
AROUND_VOXELS = {"size_zone": glszm, "distance_zone": gldzm, "tone_difference": ngtdm, "dependence": ngldm}
"""Families that look at all directions at once."""
DIMENSIONS = ("2d", "2.5d", "3d")


def texture(
    grey: GreyVolume,
    mask: NDArray[np.bool_],
    families: Collection[str],
    aggregations: Collection[str],
    alpha: int = 0,
    distance: int = 1,
) -> dict[str, float]:
    """Return the features of the wanted families, each as `<family>_<feature>_<aggregation>`.

    `mask` is the morphological mask of the same box (z, y, x). Aggregations are `2d_avg`, `2d_mrg`, `2.5d_avg`,
    `2.5d_mrg`, `3d_avg` and `3d_mrg`; families that have no directions are measured once for each dimension. `alpha`
    is how much dependent neighbours may differ, `distance` how many voxels neighbours of tone differences and of
    dependences may be away, and the members of a pair of co-occurrence are, along a direction.

    In 2-D, slices are averaged, and slices or directions in which nothing can be measured are not. What cannot be
    measured anywhere is NaN: `UNDEFINED` of each family says which features and when.
    """
    found: dict[str, float] = {}
    for dimension in DIMENSIONS:
        ways = [way for way in ("avg", "mrg") if f"{dimension}_{way}" in aggregations]
        if not ways:
            continue
        domains = _domains(grey, mask, dimension, alpha, distance, deep="distance_zone" in families)
        short = dimension.replace(".", "")
        for name, along in ALONG_DIRECTIONS.items():
            for way in ways if name in families else ():
                measured = (
                    along.measure(domain, steps) for domain in domains for steps in _groups(domain, merged=way == "mrg")
                )
                found |= _named(along, f"{short}_{way}", measured)
        for name, around in AROUND_VOXELS.items():
            if name in families:
                found |= _named(around, short, (around.measure(domain) for domain in domains))
    return found


def _domains(
    grey: GreyVolume, mask: NDArray[np.bool_], dimension: str, alpha: int, distance: int, *, deep: bool
) -> list[Domain]:
    """Return the volume, or each slice that has voxels, with the depth of voxels only where it is asked for."""
    planar = dimension != "3d"
    depth = depths(np.require(mask, np.bool_, ["C", "W"]), planar) if deep else grey.padded
    if dimension != "2d":
        return [Domain(grey.padded, grey.histogram, depth, planar, alpha, distance)]
    domains = []
    for z in range(1, grey.padded.shape[0] - 1):
        plane = grey.padded[z : z + 1]
        histogram = np.bincount(plane.ravel(), minlength=grey.histogram.size)
        histogram[0] = 0
        if histogram.any():
            domains.append(Domain(plane, histogram, depth[z : z + 1], planar, alpha, distance))
    return domains


def _groups(domain: Domain, *, merged: bool) -> list[NDArray[np.int64]]:
    """Return the directions to count together."""
    return [domain.steps] if merged else list(domain.steps[:, None])


@cache
def _columns(family: ModuleType, aggregation: str) -> tuple[str, ...]:
    return tuple(f"{family.PREFIX}_{word}_{aggregation}" for word, *_ in family.FEATURES)


def _named(family: ModuleType, aggregation: str, measured: Iterable[NDArray[np.float64]]) -> dict[str, float]:
    """Return the mean of what was measured, by column."""
    some = [values for values in measured if not np.isnan(values[0])]
    columns = _columns(family, aggregation)
    if not some:
        return dict.fromkeys(columns, np.nan)
    mean = some[0] if len(some) == 1 else np.mean(some, axis=0)
    return dict(zip(columns, mean.tolist(), strict=True))
