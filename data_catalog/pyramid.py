"""Coarser and coarser copies of an array, for a first look and for viewers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Reduced = Callable[[NDArray[Any], int, int], NDArray[Any]]

SMALL = 256
"""Voxels along the longer side of the plane; a copy is made of what is larger."""
LONG = 2
"""An axis whose voxels are so many times longer than the shortest is not halved until the others have caught up."""

Factors = tuple[int, int, int]


@dataclass(frozen=True)
class Level:
    """One coarser copy: how many voxels of the one before make one of its own, and where these lie."""

    factors: Factors
    geometry: Geometry


def levels(geometry: Geometry) -> list[Level]:
    """Return the coarser copies that an array has, until its plane is small.

    Thick slices stay until the planes have become as coarse. Where an axis has an odd number of voxels the
    last one is left out of the copy.
    """
    found: list[Level] = []
    while max(geometry.shape[1:]) > SMALL:
        factors = _factors(geometry)
        geometry = _coarser(geometry, factors)
        found.append(Level(factors, geometry))
    return found


def _factors(geometry: Geometry) -> Factors:
    spacing = [s if n > 1 else np.inf for n, s in zip(geometry.shape, geometry.spacing_mm, strict=True)]
    z, y, x = (2 if s < LONG * min(spacing) else 1 for s in spacing)
    return z, y, x


def _coarser(geometry: Geometry, factors: Factors) -> Geometry:
    first = (np.asarray(factors) - 1) / 2
    (z, y, x), (oz, oy, ox) = np.asarray(geometry.spacing_mm) * factors, geometry.to_mm(first)
    nz, ny, nx = (n // f for n, f in zip(geometry.shape, factors, strict=True))
    return Geometry((nz, ny, nx), (float(z), float(y), float(x)), (float(oz), float(oy), float(ox)), geometry.direction)


def averaged(planes: NDArray[Any], factors: Factors) -> NDArray[Any]:
    """Return the mean of each block of voxels (z, y, x), in the type of the voxels.

    Whole numbers are rounded, halves upwards. Missing voxels (NaN) do not count; a block of none but them is
    missing.
    """
    mean = _mean_of_floats if planes.dtype.kind == "f" else _mean_of_integers
    return _by_plane(planes, factors, mean)


def most_frequent(planes: NDArray[Any], factors: Factors) -> NDArray[Any]:
    """Return the most frequent label of each block of voxels (z, y, x).

    Of labels that are equally frequent the smallest counts, but any before 0: a region does not fade.
    """
    return _by_plane(planes, factors, _mode)


def _by_plane(planes: NDArray[Any], factors: Factors, reduced: Reduced) -> NDArray[Any]:
    """Reduce plane by plane, which stays in the processor's cache."""
    out = np.empty([n // f for n, f in zip(planes.shape, factors, strict=True)], dtype=planes.dtype)
    fz, fy, fx = factors
    for number, plane in enumerate(out):
        block = planes[number * fz : number * fz + fz, : out.shape[1] * fy, : out.shape[2] * fx]
        plane[:] = reduced(block, fy, fx)
    return out


def _summed(block: NDArray[Any], fy: int, fx: int) -> NDArray[Any]:
    """Return the sum of each block of voxels; row by row, because neighbours in memory add fastest."""
    total: NDArray[Any] = block[0] if len(block) == 1 else block[0] + block[1]
    if fy > 1:
        total = total[::2] + total[1::2]
    if fx > 1:
        total = total[:, ::2] + total[:, 1::2]
    return total


def _mean_of_integers(block: NDArray[Any], fy: int, fx: int) -> NDArray[Any]:
    count = len(block) * fy * fx
    shift, half = count.bit_length() - 1, count // 2
    if block.dtype.itemsize < 4:  # noqa: PLR2004 - the sum of eight fits into 32 bits
        # Sums of CT fit into 16: to look whether they do, and not to widen them, takes two thirds of the time.
        limits = np.iinfo(block.dtype)
        fits = count * int(block.min()) >= limits.min and count * int(block.max()) + half <= limits.max
        total = _summed(block if fits else block.astype(np.int32), fy, fx)
        return np.asarray((total + half) >> shift)
    # Quotients and remainders are added apart: no sum is larger than the type.
    rest = _summed(block & (count - 1), fy, fx)
    return np.asarray(_summed(block >> shift, fy, fx) + ((rest + half) >> shift))


def _mean_of_floats(block: NDArray[Any], fy: int, fx: int) -> NDArray[Any]:
    weight = 1 / (len(block) * fy * fx)
    with np.errstate(invalid="ignore"):  # the mean of infinities of both signs is missing
        missing = np.isnan(block)
        if not missing.any():
            return _summed(block * block.dtype.type(weight), fy, fx)
        share = _summed(~missing * weight, fy, fx)
        total = _summed(np.where(missing, 0, block * weight), fy, fx)
        return np.asarray(np.divide(total, share, out=np.full(share.shape, np.nan), where=share > 0))


def _mode(block: NDArray[Any], fy: int, fx: int) -> NDArray[Any]:
    parts = np.stack([plane[y::fy, x::fx] for plane in block for y in range(fy) for x in range(fx)])
    result: NDArray[Any] = parts[0].copy()
    mixed = (parts != result).any(axis=0)
    if mixed.any():
        result[mixed] = _mode_of_columns(parts[:, mixed])
    return result


def _mode_of_columns(labels: NDArray[Any]) -> NDArray[Any]:
    ordered = np.sort(labels, axis=0)
    counts = (ordered[:, None] == ordered[None]).sum(axis=1) * 2 - (ordered == 0)
    return np.asarray(np.take_along_axis(ordered, counts.argmax(axis=0)[None], axis=0)[0])
