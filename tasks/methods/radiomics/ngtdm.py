"""How much a voxel differs from the average of its neighbours: texture by differences of tone (IBSI IPET).

Amadasun and King, IEEE Transactions on Systems, Man, and Cybernetics 19 (1989) 1264-1274. Voxels without a neighbour
in the region are left out. Coarseness is 10^6 where no voxel differs from its neighbours, as IBSI has it; then, and
in a region of one grey level, the other features are 0; busyness is also 0 where its divisor is, which happens when
every grey level times its share of voxels is the same. Slices in which no voxel has a neighbour are not averaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.methods.radiomics.kernels.neighbourhoods import tone_features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tasks.methods.radiomics.domain import Domain

PREFIX = "ngt"
FEATURES = (
    ("coarseness", "coarseness", "QCDE", "1", "High when neighbours differ little, so that patterns are large."),
    ("contrast", "contrast", "65HE", "1", "High when neighbours differ much and grey levels are far apart."),
    ("busyness", "busyness", "NQ30", "1", "High when grey levels change quickly from voxel to voxel."),
    ("complexity", "complexity", "HDEZ", "1", "High when many grey levels change quickly and by much."),
    ("strength", "strength", "1X9X", "1", "High when patterns are large and of clearly different grey levels."),
)
UNDEFINED = dict.fromkeys((word for word, *_ in FEATURES), "no two voxels of the region touch")
"""When a feature is NaN."""


def measure(domain: Domain) -> NDArray[np.float64]:
    """Return the features of all voxels' differences, NaN when no voxel has a neighbour."""
    differences, _ = domain.neighbourhoods
    return tone_features(domain.histogram, differences)
