"""Which grey levels lie beside each other: texture by co-occurrence."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from data_catalog.errors import BadData
from tasks.methods.radiomics.cooccurrence_features import FEATURES, cooccurrence_features
from tasks.methods.radiomics.definition import FeatureDefinition
from tasks.methods.radiomics.discretisation import MOST_LEVELS, fixed_number, fixed_size
from tasks.methods.radiomics.extractor import RegionFeatures, cut_out, require_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.extractor import Region

DIRECTIONS = tuple(step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0))
"""The 13 directions (z, y, x) to a neighbour, opposite ones being one; the 4 within a plane have z = 0."""
AGGREGATION_CODES = {"3d_mrg": "IAZD", "3d_avg": "ITBB", "2d_mrg": "SUJT", "2d_avg": "BTW3"}


class Cooccurrence(RegionFeatures):
    """Compute the 25 grey level co-occurrence features of IBSI (LFYI), symmetric and at distance 1.

    Haralick, Shanmugam and Dinstein, IEEE Transactions on Systems, Man, and Cybernetics 3 (1973) 610-621.
    Missing voxels are left out and counted. Directions without a pair of neighbours are not averaged.
    In a region of one grey level, where IBSI's quotients are 0 / 0, correlation is 1 and information
    correlation 1 is 0, as in PyRadiomics.
    """

    method: Literal["cooccurrence"] = "cooccurrence"
    aggregation: Literal["merged", "averaged"] = "merged"
    """`merged` counts all directions in one matrix; `averaged` takes the mean of each direction's features."""
    binning: Literal["fixed_number", "fixed_size"] = "fixed_number"
    """`fixed_number` divides each region's own range (for arbitrary units, as in MR); `fixed_size` makes bins
    of one width for all regions (for calibrated units, as in CT and PET)."""
    bin_number: int = Field(default=32, ge=2, le=MOST_LEVELS)
    """Number of grey levels for `fixed_number`; 32 is that of IBSI's configurations B, D and E."""
    bin_size: float = Field(default=25.0, gt=0)
    """Width of a bin for `fixed_size`, in the image's unit; 25 HU is that of IBSI's configurations A and C."""
    bin_start: float | None = None
    """Lower end of the first bin for `fixed_size`, in the image's unit; without it each region's lowest
    intensity, with which levels of different regions do not compare."""

    def definitions(self, *, planar: bool = False) -> tuple[FeatureDefinition, ...]:
        """Return what each column means; in images of one plane the aggregation is 2-D."""
        suffix = self._suffix(planar=planar)
        textures = tuple(
            FeatureDefinition(
                column=f"cm_{name}_{suffix}",
                label=f"GLCM {label}",
                ibsi=ibsi,
                aggregation=AGGREGATION_CODES[suffix],
                unit="1",
                conformant=True,
                meaning=meaning,
            )
            for name, label, ibsi, meaning in FEATURES
        )
        missing = FeatureDefinition(
            column="cm_missing_count",
            label="Number of missing voxels",
            ibsi=None,
            aggregation=None,
            unit="voxels",
            conformant=False,
            meaning="How many voxels of the region were left out.",
        )
        return (*textures, missing)

    def __call__(self, image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple) -> dict[str, float]:
        """Return the texture of the region; neighbours are voxels that touch, whatever the spacing.

        Raises
        ------
        BadData
            `empty_region`, `region_too_small`, `infinite_voxels`, `no_neighbours` when no two voxels touch,
            `below_first_bin` and `too_many_bins` for `fixed_size`, or `other_grid` when shapes differ.
        """
        region = cut_out(image, mask, spacing_mm)
        require_size(int(region.measured.sum()), self.minimum_voxels)
        levels = self._levels(region)
        matrices = self._matrices(levels, planar=region.planar)
        count = self.bin_number if self.binning == "fixed_number" else int(levels.max())
        per_matrix = [cooccurrence_features(matrix, count) for matrix in matrices]
        suffix = self._suffix(planar=region.planar)
        found = {
            f"cm_{name}_{suffix}": float(np.mean([features[name] for features in per_matrix])) for name, *_ in FEATURES
        }
        return found | {"cm_missing_count": float(region.missing_count)}

    def _suffix(self, *, planar: bool) -> str:
        return f"{'2d' if planar else '3d'}_{'mrg' if self.aggregation == 'merged' else 'avg'}"

    def _levels(self, region: Region) -> NDArray[np.intp]:
        """Return the (z, y, x) grey levels from 1, and 0 outside the region."""
        values = region.values[region.measured]
        levels = np.zeros(region.mask.shape, dtype=np.intp)
        if self.binning == "fixed_number":
            levels[region.measured] = fixed_number(values, self.bin_number)
        else:
            start = float(values.min()) if self.bin_start is None else self.bin_start
            levels[region.measured] = fixed_size(values, self.bin_size, start)
        return levels

    def _matrices(self, levels: NDArray[np.intp], *, planar: bool) -> list[NDArray[np.float64]]:
        """Return the symmetric matrices of pair counts that features are taken from."""
        counts = [count_pairs(levels, step) for step in DIRECTIONS if not (planar and step[0])]
        filled = [count.astype(np.float64) for count in counts if count.any()]
        if not filled:
            raise BadData(
                "no_neighbours",
                "Texture needs at least two voxels of the region that touch",
                "no voxel touches another",
                "Leave the region out, or segment it anew.",
            )
        return [np.sum(filled, axis=0)] if self.aggregation == "merged" else filled


def count_pairs(levels: NDArray[np.intp], step: tuple[int, ...]) -> NDArray[np.intp]:
    """Return how often level i has level j one `step` (z, y, x) ahead or behind: (levels, levels), symmetric.

    `levels` are (z, y, x) from 1, and 0 for voxels that do not count.
    """
    padded = np.pad(levels, 1)
    flat = padded.ravel()
    ahead = int(np.dot(step, np.asarray(padded.strides) // padded.itemsize))
    inside = np.flatnonzero(flat)
    width = int(levels.max()) + 1
    pairs = np.bincount(flat[inside] * width + flat[inside + ahead], minlength=width * width)
    counts = pairs.reshape(width, width)[1:, 1:]
    return counts + counts.T
