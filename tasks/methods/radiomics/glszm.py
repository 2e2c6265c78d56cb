"""How large the zones of one grey level are: texture by zone sizes (IBSI 9SAK).

Thibault, Angulo and Meyer, IEEE Transactions on Biomedical Engineering 61 (2014) 630-637. Voxels of a zone touch by
faces, edges or corners. Defined for every region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.emphases import emphases
from tasks.methods.radiomics.kernels.zones import count_zones

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.methods.radiomics.domain import Domain

PREFIX = "szm"
FEATURES = (
    ("small_zone_emphasis", "small zone emphasis", "5QRC", "1", "High when many zones are small."),
    ("large_zone_emphasis", "large zone emphasis", "48P8", "1", "High when some zones are large."),
    ("low_grey_level_zone_emphasis", "low grey level zone emphasis", "XMSY", "1", "High when many zones are dark."),
    ("high_grey_level_zone_emphasis", "high grey level zone emphasis", "5GN9", "1", "High when many zones are bright."),
    (
        "small_zone_low_grey_level_emphasis",
        "small zone low grey level emphasis",
        "5RAI",
        "1",
        "High when many zones are small and dark.",
    ),
    (
        "small_zone_high_grey_level_emphasis",
        "small zone high grey level emphasis",
        "HW1V",
        "1",
        "High when many zones are small and bright.",
    ),
    (
        "large_zone_low_grey_level_emphasis",
        "large zone low grey level emphasis",
        "YH51",
        "1",
        "High when some zones are large and dark.",
    ),
    (
        "large_zone_high_grey_level_emphasis",
        "large zone high grey level emphasis",
        "J17V",
        "1",
        "High when some zones are large and bright.",
    ),
    (
        "grey_level_non_uniformity",
        "grey level non-uniformity",
        "JNSA",
        "1",
        "High when most zones are of few grey levels; grows with their number.",
    ),
    (
        "grey_level_non_uniformity_normalised",
        "normalised grey level non-uniformity",
        "Y1RO",
        "1",
        "1 when all zones are of one grey level, low when levels are equally common.",
    ),
    (
        "zone_size_non_uniformity",
        "zone size non-uniformity",
        "4JP3",
        "1",
        "High when most zones are of one size; grows with their number.",
    ),
    (
        "zone_size_non_uniformity_normalised",
        "normalised zone size non-uniformity",
        "VB3A",
        "1",
        "1 when all zones are of one size, low when they are of many kinds.",
    ),
    (
        "zone_percentage",
        "zone percentage",
        "P30P",
        "1",
        "1 when no two voxels that touch have one grey level, low when zones are large.",
    ),
    (
        "grey_level_variance",
        "grey level variance",
        "BYLV",
        "1",
        "High when grey levels of zones lie far from their average.",
    ),
    ("zone_size_variance", "zone size variance", "3NSA", "1", "High when zones are of very different sizes."),
    (
        "zone_size_entropy",
        "zone size entropy",
        "GU8N",
        "1",
        "High when zones of many grey levels and sizes are equally common.",
    ),
)
UNDEFINED: dict[str, str] = {}
"""When a feature is NaN: never, a region has at least one zone."""
SIZES_IN_TABLE = 64
"""Zones of fewer voxels are counted in a table; the few larger ones are listed."""


def measure(domain: Domain) -> NDArray[np.float64]:
    """Return the features of all zones."""
    level, size, _ = domain.zones
    table = np.zeros((domain.histogram.size, SIZES_IN_TABLE), dtype=np.int64)
    large = np.empty(domain.voxels // SIZES_IN_TABLE, dtype=np.int64)
    large = large[: count_zones(level, size, table, large)]
    large.sort()
    return emphases(table, large, domain.voxels)[: len(FEATURES)]
