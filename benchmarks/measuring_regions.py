"""Invented regions of the sizes that are met: a small tumour in PET, a larger one in CT, an organ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


BIN_HU = 25.0


@dataclass(frozen=True)
class Region:
    """A region on disk, and what is measured of it."""

    name: str
    words: str
    path: Path
    images: int = 1
    """1 for the image alone; 12 with its responses to three filters of LoG and the eight of a wavelet."""


REGIONS = {
    "S": ("about 5,000 voxels of PET, 32 grey levels", 5_000, (4.0, 4.0, 4.0), 1),
    "M": ("about 25,000 voxels of CT, bins of 25 HU", 25_000, (3.0, 1.0, 1.0), 1),
    "L": ("about 260,000 voxels of CT, bins of 25 HU", 260_000, (1.0, 1.0, 1.0), 1),
    "M x 12": ("about 25,000 voxels of CT, the image and 11 filtered ones", 25_000, (1.0, 1.0, 1.0), 12),
    "XL": ("about a million voxels of CT, bins of 25 HU", 1_000_000, (1.0, 1.0, 1.0), 1),
}


def write_regions(folder: Path, names: Sequence[str]) -> list[Region]:
    """Write regions as they are measured: image, mask, spacing (z, y, x), and how grey levels are made."""
    found = []
    for number, name in enumerate(names):
        words, count, spacing_mm, images = REGIONS[name]
        image, mask = _tumour(count, number)
        # uptake, or HU as scanners store it
        image = np.maximum(image / 40 + 4, 0) if name == "S" else image.astype(np.int16)
        path = folder / f"region-{number}.npz"
        size = 0.0 if name == "S" else BIN_HU
        start = BIN_HU * np.floor(image[mask].min() / BIN_HU)
        np.savez(path, image=image, mask=mask, spacing_mm=spacing_mm, bin_size=size, bin_start=start)
        found.append(Region(name, f"{words} ({int(mask.sum()):,})", path, images))
    return found


def _tumour(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a blob with bays and arms in smooth tissue with noise, whole HU."""
    generator = np.random.default_rng(seed)
    radius = (3 * count / (4 * np.pi)) ** (1 / 3)
    side = int(2.6 * radius) + 24
    shape = (side, side, side)
    rough = ndimage.gaussian_filter(generator.standard_normal(shape), radius / 4, mode="wrap")
    distance = np.linalg.norm(np.indices(shape) - side / 2, axis=0) / radius
    reach = distance + 0.25 * rough / rough.std()
    edge = np.partition(reach.ravel(), count)[count]
    mask = reach < edge
    tissue = ndimage.gaussian_filter(generator.standard_normal(shape), 2.0)
    image = 40 + 60 * tissue / tissue.std() + 20 * generator.standard_normal(shape) - 80 * (~mask)
    return np.rint(image), mask
