"""Whether the values and the voxel size of a volume can be those of a patient: careful rules, each with its reason.

Refused is what no scan of a patient can be; what is only unusual is told, and accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from data_catalog.kinds import SLAB, blocks_of
from data_catalog.verdicts import Correction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

TOMOGRAPHIC = frozenset({"CT", "MR", "PT", "NM"})
LEAST_MM, LEAST_OTHER_MM = 0.02, 0.001
"""Voxels of a tomograph for patients are larger than the first (0.04 mm is the finest made); pixels of any other image
than the second (optical coherence tomography has 0.002 mm). Smaller ones are metres or centimetres taken for mm."""
MOST_MM = 50.0
"""No image samples a patient so coarsely; localizers reach 40 mm between slices."""
LONGEST_MM = 3000.0
"""No patient and no couch is longer."""
AIR_HU = -200.0
"""Lung, bowel and the air around a patient are below; fat is above (-120 HU)."""
RAW_WATER = (800.0, 1300.0)
"""Where fat, water and muscle are when 1000 or 1024 was not subtracted: air is then 0 ..."""
RAW_SHARE = 0.05
"""... and tissue is so much of the volume; in HU no part of the body is bone as dense as that to one twentieth."""
LEAST_SUV = 0.01
"""The noise of a PET image is larger: SUV averages to about 1 over the body."""
MOST_SUV = 200.0
"""One voxel in a hundred cannot be above it, when the average over the body is about 1 ..."""
SUV_PERCENTILE = 99.0
"""... though a few may: a full bladder, the place of the injection."""
RAW_OFFSET = -1000.0
"""A file that states to add so much to its stored values states that they are not HU, and how they become it."""
SAMPLE = 8192
"""Voxels of a slab that percentiles are taken of."""


@dataclass
class _Seen:
    """What is known of the voxels seen so far, and of what was added to the stored values."""

    intercept: float = 0.0
    lowest: float = np.inf
    highest: float = -np.inf
    samples: list[NDArray[Any]] = field(default_factory=list)

    def add(self, slab: NDArray[Any]) -> None:
        known = slab[np.isfinite(slab)] if slab.dtype.kind == "f" else slab.ravel()
        if known.size:
            self.lowest = min(self.lowest, float(known.min()))
            self.highest = max(self.highest, float(known.max()))
            self.samples.append(known[:: -(-known.size // SAMPLE)])

    @property
    def sample(self) -> NDArray[Any]:
        return np.concatenate(self.samples)

    @property
    def varies(self) -> bool:
        return self.lowest < self.highest


def plausible(
    values: Any,  # noqa: ANN401
    spacing_mm: Triple,
    unit: str,
    modality: str,
    *,
    intercept: float = 0.0,
) -> list[Correction]:
    """Return what is unusual of a volume; refuse what no scan of a patient can be.

    Parameters
    ----------
    values : array
        (..., z, y, x), NaN where missing; a Dask array is computed block by block, beginning in the middle and only
        until nothing more can be found.
    spacing_mm : tuple of float
        Distance of voxel centres along (z, y, x).
    unit : str
        Unit of the values; HU and SUV have rules.
    modality : str
        As DICOM spells it.
    intercept : float
        What the file states to add to stored values, already added; 0 where it states nothing.

    Returns
    -------
    list of Correction
        `no_air` or `no_tissue` for a CT in HU without a value below or above -200: it was cut out, or masked.

    Raises
    ------
    BadData
        `implausible_spacing`, `all_missing`, `constant_image`, and `implausible_units`: HU that are never negative
        while tissue is near 1000 and nothing was subtracted (raw values), SUV that are nowhere above 0.01 or in a
        hundredth above 200.
    """
    _require_spacing(values.shape[-3:], spacing_mm, modality)
    seen = _Seen(intercept)
    judge = _JUDGES.get(unit.partition(" ")[0])
    for slab in _slabs(values):
        seen.add(slab)
        if seen.varies and (judge is None or not judge(seen)):
            return []
    if not seen.samples:
        raise BadData("all_missing", "A volume has at least one value", "all are missing", "Check the series.")
    if not seen.varies:
        raise BadData("constant_image", "The values of an image differ", "all are the same", "Export it again.")
    found = [] if judge is None else judge(seen)
    refusal = next((one for one in found if isinstance(one, BadData)), None)
    if refusal is not None:
        raise refusal
    return [one for one in found if isinstance(one, Correction)]


def _slabs(values: Any) -> Iterator[NDArray[Any]]:  # noqa: ANN401
    """Yield the blocks of an array (..., z, y, x): of each step of its leading axes, the middle ones first."""
    thickness = values.chunks[-3] if getattr(values, "chunks", None) else _even(values.shape[-3])
    stops = np.cumsum(thickness).tolist()
    bounds = list(zip([0, *stops], stops, strict=False))
    middle = sorted(bounds, key=lambda bound: abs(sum(bound) - values.shape[-3]))
    for step in np.ndindex(values.shape[:-3]):
        for start, stop in middle:
            slab = values[step][start:stop]
            # In this thread: a worker that computes a volume must not ask other workers for its blocks.
            yield from blocks_of(slab) if hasattr(slab, "dask") else [np.asarray(slab)]


def _even(slices: int) -> Sequence[int]:
    return [min(SLAB, slices - start) for start in range(0, slices, SLAB)]


def _require_spacing(shape: Sequence[int], spacing_mm: Triple, modality: str) -> None:
    least = LEAST_MM if modality in TOMOGRAPHIC else LEAST_OTHER_MM
    for count, step in zip(shape, spacing_mm, strict=True):
        if count > 1 and not (least < step < MOST_MM and count * step <= LONGEST_MM):
            raise BadData(
                "implausible_spacing",
                f"Voxels are {least:g} to {MOST_MM:g} mm apart, {LONGEST_MM:g} mm in all at the most",
                f"{count} came, {step:g} mm apart",
                "Check the unit of length that the file states.",
            )


def _judge_hu(seen: _Seen) -> list[Correction | BadData]:
    if seen.lowest > AIR_HU:
        low, high = RAW_WATER
        share = float(((seen.sample >= low) & (seen.sample <= high)).mean())
        if seen.lowest >= 0 and share >= RAW_SHARE and seen.intercept > RAW_OFFSET:
            return [_units(f"none is below 0, and {share:.0%} are from {low:g} to {high:g}, where tissue is not")]
        return [Correction(name="no_air", text=f"no voxel is below {AIR_HU:g} HU: air was cut away, or masked")]
    if seen.highest < AIR_HU:
        return [Correction(name="no_tissue", text=f"no voxel is above {AIR_HU:g} HU")]
    return []


def _judge_suv(seen: _Seen) -> list[Correction | BadData]:
    high = float(np.percentile(seen.sample, SUV_PERCENTILE))
    if high > MOST_SUV:
        return [_units(f"one in a hundred is above {high:.0f} SUV, where the body averages to 1")]
    if seen.highest < LEAST_SUV:
        return [_units(f"the highest is {seen.highest:.2g} SUV, where the body averages to 1")]
    return []


def _units(came: str) -> BadData:
    return BadData(
        "implausible_units",
        "The values of a scan are in the unit it states",
        came,
        "Check rescale slope and intercept, or the unit that the plan gives.",
    )


_JUDGES = {"HU": _judge_hu, "SUV": _judge_suv}
