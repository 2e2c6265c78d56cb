"""Which grey levels lie beside each other: texture by co-occurrence (IBSI LFYI).

Haralick, Shanmugam and Dinstein, IEEE Transactions on Systems, Man, and Cybernetics 3 (1973) 610-621. Pairs are
counted both ways round, at one distance, and not weighted by it. In a region of one grey level, where IBSI's quotients
are 0 / 0, correlation is 1 and information correlation 1 is 0, as in PyRadiomics. Directions and slices without a pair
are not averaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.pairs import count_pairs, pair_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.methods.radiomics.domain import Domain

PREFIX = "cm"
FEATURES = (
    ("joint_maximum", "joint maximum", "GYBY", "1", "High when one pair of grey levels prevails."),
    ("joint_average", "joint average", "60VM", "1", "The average grey level of voxels that have neighbours."),
    ("joint_variance", "joint variance", "UR99", "1", "High when grey levels lie far from their average."),
    ("joint_entropy", "joint entropy", "TU9B", "1", "High when many pairs of grey levels are equally common."),
    ("difference_average", "difference average", "TF7R", "1", "The average difference between neighbours."),
    (
        "difference_variance",
        "difference variance",
        "D3YU",
        "1",
        "High when some neighbours differ little and some much.",
    ),
    (
        "difference_entropy",
        "difference entropy",
        "NTRS",
        "1",
        "High when differences of many sizes are equally common.",
    ),
    ("sum_average", "sum average", "ZGXS", "1", "Twice the joint average."),
    ("sum_variance", "sum variance", "OEEB", "1", "High when bright lies beside bright and dark beside dark."),
    ("sum_entropy", "sum entropy", "P6QZ", "1", "High when sums of many sizes are equally common."),
    ("angular_second_moment", "angular second moment", "8ZQL", "1", "High when few pairs of grey levels prevail."),
    ("contrast", "contrast", "ACUI", "1", "High when neighbours differ much."),
    ("dissimilarity", "dissimilarity", "8S9J", "1", "The average difference between neighbours."),
    ("inverse_difference", "inverse difference", "IB1Z", "1", "High when neighbours are alike."),
    (
        "inverse_difference_normalised",
        "normalised inverse difference",
        "NDRX",
        "1",
        "High when neighbours are alike for the number of grey levels.",
    ),
    ("inverse_difference_moment", "inverse difference moment", "WF0Z", "1", "High when neighbours are alike."),
    (
        "inverse_difference_moment_normalised",
        "normalised inverse difference moment",
        "1QCO",
        "1",
        "High when neighbours are alike for the number of grey levels.",
    ),
    ("inverse_variance", "inverse variance", "E8JP", "1", "High when neighbours differ by little, but differ."),
    ("correlation", "correlation", "NI2N", "1", "1 when neighbours are equal, 0 when they know nothing of each other."),
    ("autocorrelation", "autocorrelation", "QWB0", "1", "High when bright voxels lie beside bright ones."),
    ("cluster_tendency", "cluster tendency", "DG8W", "1", "High when bright lies beside bright and dark beside dark."),
    ("cluster_shade", "cluster shade", "7NFM", "1", "Positive when a few pairs are much brighter than the rest."),
    ("cluster_prominence", "cluster prominence", "AE86", "1", "High when a few pairs lie far from the average."),
    (
        "information_correlation_1",
        "information correlation 1",
        "R8DG",
        "1",
        "0 when neighbours know nothing of each other, -1 when one tells the other.",
    ),
    (
        "information_correlation_2",
        "information correlation 2",
        "JN9H",
        "1",
        "0 when neighbours know nothing of each other, near 1 when one tells the other.",
    ),
)
UNDEFINED = dict.fromkeys((word for word, *_ in FEATURES), "no two voxels of the region touch")
"""When a feature is NaN."""
COPIES = 4
"""How many tables share the counting where grey levels are few."""
FEW_LEVELS = 256


def measure(domain: Domain, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the features of all pairs along some of the domain's directions, NaN when there is none."""
    width = domain.histogram.size
    tables = np.zeros((COPIES if width <= FEW_LEVELS else 1, width * width), dtype=np.int32)
    count_pairs(domain.widened.reshape(-1), domain.pair_steps(steps), tables)
    return pair_features(tables, width)
