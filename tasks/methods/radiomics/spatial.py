"""Whether near voxels of a region are alike: features over all pairs of its voxels, which stand among IBSI's HCUG."""

from __future__ import annotations

from math import log2, prod
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kept import kept_voxels
from tasks.methods.radiomics.kernels.surroundings import sums_over_pairs, sums_over_waves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.kept import KeptVoxels
    from tasks.methods.radiomics.region import Region

FEATURES = (
    ("moran_i", "Moran's I index", "N365", "1", "Above 0 when near voxels are alike, near 0 when mixed at random."),
    ("geary_c", "Geary's C measure", "NPT7", "1", "Below 1 when near voxels are alike, near 1 when mixed at random."),
)
UNDEFINED = {
    "moran_i": "All intensities are the same, or there is one voxel only.",
    "geary_c": "All intensities are the same, or there is one voxel only.",
}
"""Why a feature of a region is NaN."""
UNCONFIRMED: frozenset[str] = frozenset()
COLUMNS = tuple(f"morph_{word}" for word, *_ in FEATURES)
BLOCK_BYTES = 6_000_000
"""Memory for waves along x that wait for the other axes."""
BATCH_BYTES = 1_000_000
"""Memory for waves along all axes, of one field: about what a processor's own cache holds."""
PAIR_COST = 1.0
"""What a pair of voxels costs beside one place of a transform of length two."""
TRANSFORM_COST = 60_000
"""What a transform costs at least, in the same measure."""


def spatial(region: Region, kept: KeptVoxels | None = None) -> dict[str, float]:
    """Return `morph_moran_i` and `morph_geary_c` over all pairs of kept voxels, each weighted by one over its distance.

    Every pair counts: of few voxels they are walked through, of many the sums are taken in waves (by Parseval's
    theorem on the discrete Fourier transform, with room around the box so that nothing meets itself from behind).
    """
    kept = kept_voxels(region) if kept is None else kept
    count = kept.values.size
    if kept.highest == kept.lowest:
        return dict.fromkeys(COLUMNS, np.nan)
    # deviations in units of the range, so that no square is too large or too small
    spread = kept.highest - kept.lowest
    deviations = kept.values - kept.lowest
    deviations /= spread
    mean = float(deviations.mean())
    deviations -= mean
    variance = float((deviations * deviations).sum()) / count
    lengths = [_easy(2 * length - 1) for length in region.values.shape]
    room = prod(lengths)
    if count * (count - 1) / 2 * PAIR_COST < TRANSFORM_COST + room * log2(room):
        nearness = _nearness(region.values.shape, region.spacing_mm)
        near, products, squares = sums_over_pairs(np.argwhere(region.kept), deviations, nearness)
    else:
        del deviations  # the waves need the memory
        near, products, squares = _in_waves(region, lengths, kept.lowest + mean * spread, spread)
    moran = products / (near * variance)
    geary = (count - 1) / count * (squares - products) / (near * variance)
    return dict(zip(COLUMNS, (moran, geary), strict=True))


def _nearness(shape: tuple[int, ...], spacing: Triple) -> NDArray[np.float64]:
    """Return one over the distance in mm of voxels so many steps (z, y, x) apart, and 0 at no distance."""
    z, y, x = ((np.arange(length) * mm) ** 2 for length, mm in zip(shape, spacing, strict=True))
    squared = z[:, None, None] + y[:, None] + x
    squared[0, 0, 0] = np.inf
    near: NDArray[np.float64] = np.reciprocal(np.sqrt(squared, out=squared), out=squared)
    return near


def _easy(length: int) -> int:
    """Return the next even number, from `length` on, of no prime factor above 7: its transform is fast."""
    length += length % 2
    while True:
        rest = length
        for prime in (2, 3, 5, 7):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 2


def _in_waves(region: Region, lengths: list[int], center: float, spread: float) -> tuple[float, float, float]:
    nearness = _nearness_in_waves(lengths, region.spacing_mm)
    depth, height, _ = region.values.shape
    number = lengths[2] // 2 + 1
    weights = np.full(number, 2.0)
    # all other waves come twice, forward and backward
    weights[[0, -1]] = 1.0
    step = max(BLOCK_BYTES // (3 * 16 * depth * height), 1)
    batch = max(BATCH_BYTES // (16 * lengths[0] * lengths[1]), 1)
    sums = np.zeros(3)
    for start in range(0, number, step):
        block = _along_rows(region, slice(start, min(start + step, number)), lengths[2], center, spread)
        for first in range(0, block.shape[1], batch):
            waves = np.fft.fft(block[:, first : first + batch], lengths[1], axis=3)
            waves = np.fft.fft(waves, lengths[0], axis=2)
            these = slice(start + first, start + first + waves.shape[1])
            sums += sums_over_waves(waves, nearness[these], weights[these])
    near, products, squares = (sums / prod(lengths)).tolist()
    return near, products, squares


def _along_rows(region: Region, waves: slice, length: int, center: float, spread: float) -> NDArray[np.complex128]:
    """Return some of the waves along x of the mask, the deviations and their squares, (3, x, z, y)."""
    depth, height, width = region.values.shape
    block = np.empty((3, waves.stop - waves.start, depth, height), dtype=np.complex128)
    planes = max(BATCH_BYTES // (8 * height * (width + length)), 1)
    for start in range(0, depth, planes):
        these = slice(start, start + planes)
        kept = region.kept[these]
        deviations = np.where(kept, (region.values[these] - center) / spread, 0.0)
        for which, field in enumerate((kept.astype(np.float64), deviations, deviations * deviations)):
            block[which, :, these] = np.fft.rfft(field, length)[..., waves].transpose(2, 0, 1)
    return block


def _nearness_in_waves(lengths: list[int], spacing: Triple) -> NDArray[np.float64]:
    """Return the first half of the waves (x, z, y) of nearness, which is even along each axis, and so are they."""
    z, y, x = (length // 2 + 1 for length in lengths)
    near = _nearness((x, z, y), (spacing[2], spacing[0], spacing[1]))
    for plane in near:
        _even(plane, lengths[1])
        _even(plane.T, lengths[0])
    for row in range(z):
        _even(near[:, row].T, lengths[2])
    return near


def _even(rows: NDArray[np.float64], length: int) -> None:
    """Put in place of half of each row, mirrored to a `length`, its waves."""
    rows[:] = np.fft.hfft(rows, length)[:, : rows.shape[1]]
