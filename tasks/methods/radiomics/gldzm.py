"""How far from the border the zones of one grey level are: texture by zone distances (IBSI VMDZ).

Thibault, Angulo and Meyer, IEEE Transactions on Biomedical Engineering 61 (2014) 630-637. A zone is as far from the
border as its nearest voxel, and a voxel as many steps over faces from outside the morphological mask, so that 1 is at
the border. Defined for every region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.emphases import emphases
from tasks.methods.radiomics.kernels.zones import count_zones

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.methods.radiomics.domain import Domain

PREFIX = "dzm"
FEATURES = (
    ("small_distance_emphasis", "small distance emphasis", "0GBI", "1", "High when many zones are at the border."),
    ("large_distance_emphasis", "large distance emphasis", "MB4I", "1", "High when some zones are deep inside."),
    ("low_grey_level_zone_emphasis", "low grey level zone emphasis", "S1RA", "1", "High when many zones are dark."),
    ("high_grey_level_zone_emphasis", "high grey level zone emphasis", "K26C", "1", "High when many zones are bright."),
    (
        "small_distance_low_grey_level_emphasis",
        "small distance low grey level emphasis",
        "RUVG",
        "1",
        "High when many zones are at the border and dark.",
    ),
    (
        "small_distance_high_grey_level_emphasis",
        "small distance high grey level emphasis",
        "DKNJ",
        "1",
        "High when many zones are at the border and bright.",
    ),
    (
        "large_distance_low_grey_level_emphasis",
        "large distance low grey level emphasis",
        "A7WM",
        "1",
        "High when some zones are deep inside and dark.",
    ),
    (
        "large_distance_high_grey_level_emphasis",
        "large distance high grey level emphasis",
        "KLTH",
        "1",
        "High when some zones are deep inside and bright.",
    ),
    (
        "grey_level_non_uniformity",
        "grey level non-uniformity",
        "VFT7",
        "1",
        "High when most zones are of few grey levels; grows with their number.",
    ),
    (
        "grey_level_non_uniformity_normalised",
        "normalised grey level non-uniformity",
        "7HP3",
        "1",
        "1 when all zones are of one grey level, low when levels are equally common.",
    ),
    (
        "zone_distance_non_uniformity",
        "zone distance non-uniformity",
        "V294",
        "1",
        "High when most zones are at one distance from the border; grows with their number.",
    ),
    (
        "zone_distance_non_uniformity_normalised",
        "normalised zone distance non-uniformity",
        "IATH",
        "1",
        "1 when all zones are at one distance from the border, low when they are of many kinds.",
    ),
    (
        "zone_percentage",
        "zone percentage",
        "VIWW",
        "1",
        "1 when no two voxels that touch have one grey level, low when zones are large.",
    ),
    (
        "grey_level_variance",
        "grey level variance",
        "QK93",
        "1",
        "High when grey levels of zones lie far from their average.",
    ),
    (
        "zone_distance_variance",
        "zone distance variance",
        "7WT1",
        "1",
        "High when zones are at very different distances from the border.",
    ),
    (
        "zone_distance_entropy",
        "zone distance entropy",
        "GBDU",
        "1",
        "High when zones of many grey levels and distances from the border are equally common.",
    ),
)
UNDEFINED: dict[str, str] = {}
"""When a feature is NaN: never, a region has at least one zone."""
NOTHING_LARGE = np.empty(0, dtype=np.int64)


def measure(domain: Domain) -> NDArray[np.float64]:
    """Return the features of all zones."""
    level, _, distance = domain.zones
    table = np.zeros((domain.histogram.size, int(distance.max()) + 1), dtype=np.int64)
    count_zones(level, distance, table, NOTHING_LARGE)
    return emphases(table, NOTHING_LARGE, domain.voxels)[: len(FEATURES)]
