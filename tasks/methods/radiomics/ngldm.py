"""How many neighbours of its own grey level a voxel has: texture by dependence (IBSI REK0).

Sun and Wee, Computer Vision, Graphics, and Image Processing 23 (1983) 341-352. The voxel itself is counted, so that
dependence is 1 without any such neighbour. Defined for every region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.emphases import emphases

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.methods.radiomics.domain import Domain

PREFIX = "ngl"
FEATURES = (
    (
        "low_dependence_emphasis",
        "low dependence emphasis",
        "SODN",
        "1",
        "High when many voxels are unlike their neighbours.",
    ),
    (
        "high_dependence_emphasis",
        "high dependence emphasis",
        "IMOQ",
        "1",
        "High when some voxels are like their neighbours.",
    ),
    ("low_grey_level_count_emphasis", "low grey level count emphasis", "TL9H", "1", "High when many voxels are dark."),
    (
        "high_grey_level_count_emphasis",
        "high grey level count emphasis",
        "OAE7",
        "1",
        "High when many voxels are bright.",
    ),
    (
        "low_dependence_low_grey_level_emphasis",
        "low dependence low grey level emphasis",
        "EQ3F",
        "1",
        "High when many voxels are unlike their neighbours and dark.",
    ),
    (
        "low_dependence_high_grey_level_emphasis",
        "low dependence high grey level emphasis",
        "JA6D",
        "1",
        "High when many voxels are unlike their neighbours and bright.",
    ),
    (
        "high_dependence_low_grey_level_emphasis",
        "high dependence low grey level emphasis",
        "NBZI",
        "1",
        "High when some voxels are like their neighbours and dark.",
    ),
    (
        "high_dependence_high_grey_level_emphasis",
        "high dependence high grey level emphasis",
        "9QMG",
        "1",
        "High when some voxels are like their neighbours and bright.",
    ),
    (
        "grey_level_non_uniformity",
        "grey level non-uniformity",
        "FP8K",
        "1",
        "High when most voxels are of few grey levels; grows with their number.",
    ),
    (
        "grey_level_non_uniformity_normalised",
        "normalised grey level non-uniformity",
        "5SPA",
        "1",
        "1 when all voxels are of one grey level, low when levels are equally common.",
    ),
    (
        "dependence_count_non_uniformity",
        "dependence count non-uniformity",
        "Z87G",
        "1",
        "High when most voxels are like the same number of neighbours; grows with their number.",
    ),
    (
        "dependence_count_non_uniformity_normalised",
        "normalised dependence count non-uniformity",
        "OKJI",
        "1",
        "1 when all voxels are like the same number of neighbours, low when they are of many kinds.",
    ),
    (
        "dependence_count_percentage",
        "dependence count percentage",
        "6XV8",
        "1",
        "1 always: every voxel has a neighbourhood.",
    ),
    (
        "grey_level_variance",
        "grey level variance",
        "1PFV",
        "1",
        "High when grey levels of voxels lie far from their average.",
    ),
    (
        "dependence_count_variance",
        "dependence count variance",
        "DNX2",
        "1",
        "High when voxels are like very different numbers of neighbours.",
    ),
    (
        "dependence_count_entropy",
        "dependence count entropy",
        "FCBV",
        "1",
        "High when voxels of many grey levels and numbers of like neighbours are equally common.",
    ),
    (
        "dependence_count_energy",
        "dependence count energy",
        "CAS9",
        "1",
        "High when few grey levels and numbers of like neighbours prevail.",
    ),
)
UNDEFINED: dict[str, str] = {}
"""When a feature is NaN: never, a region has at least one voxel."""
NOTHING_LARGE = np.empty(0, dtype=np.int64)


def measure(domain: Domain) -> NDArray[np.float64]:
    """Return the features of all voxels' dependences."""
    _, dependences = domain.neighbourhoods
    return emphases(dependences, NOTHING_LARGE, domain.voxels)
