"""How long voxels of one grey level lie in a line: texture by run lengths (IBSI TP0I).

Galloway, Computer Graphics and Image Processing 4 (1975) 172-179. Defined for every region: a voxel by itself is a run
of length 1 in each direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.emphases import emphases
from tasks.methods.radiomics.kernels.runs import SEEN, count_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.methods.radiomics.domain import Domain

PREFIX = "rlm"
FEATURES = (
    ("short_runs_emphasis", "short runs emphasis", "22OV", "1", "High when many runs are short."),
    ("long_runs_emphasis", "long runs emphasis", "W4KF", "1", "High when some runs are long."),
    ("low_grey_level_run_emphasis", "low grey level run emphasis", "V3SW", "1", "High when many runs are dark."),
    ("high_grey_level_run_emphasis", "high grey level run emphasis", "G3QZ", "1", "High when many runs are bright."),
    (
        "short_run_low_grey_level_emphasis",
        "short run low grey level emphasis",
        "HTZT",
        "1",
        "High when many runs are short and dark.",
    ),
    (
        "short_run_high_grey_level_emphasis",
        "short run high grey level emphasis",
        "GD3A",
        "1",
        "High when many runs are short and bright.",
    ),
    (
        "long_run_low_grey_level_emphasis",
        "long run low grey level emphasis",
        "IVPO",
        "1",
        "High when some runs are long and dark.",
    ),
    (
        "long_run_high_grey_level_emphasis",
        "long run high grey level emphasis",
        "3KUM",
        "1",
        "High when some runs are long and bright.",
    ),
    (
        "grey_level_non_uniformity",
        "grey level non-uniformity",
        "R5YN",
        "1",
        "High when most runs are of few grey levels; grows with their number.",
    ),
    (
        "grey_level_non_uniformity_normalised",
        "normalised grey level non-uniformity",
        "OVBL",
        "1",
        "1 when all runs are of one grey level, low when levels are equally common.",
    ),
    (
        "run_length_non_uniformity",
        "run length non-uniformity",
        "W92Y",
        "1",
        "High when most runs are of one length; grows with their number.",
    ),
    (
        "run_length_non_uniformity_normalised",
        "normalised run length non-uniformity",
        "IC23",
        "1",
        "1 when all runs are of one length, low when they are of many kinds.",
    ),
    (
        "run_percentage",
        "run percentage",
        "9ZK5",
        "1",
        "1 when no two neighbours in a line have one grey level, low when runs are long.",
    ),
    (
        "grey_level_variance",
        "grey level variance",
        "8CE5",
        "1",
        "High when grey levels of runs lie far from their average.",
    ),
    ("run_length_variance", "run length variance", "SXLW", "1", "High when runs are of very different lengths."),
    ("run_entropy", "run entropy", "HJ9O", "1", "High when runs of many grey levels and lengths are equally common."),
)
UNDEFINED: dict[str, str] = {}
"""When a feature is NaN: never, a region has at least one run."""
NOTHING_LARGE = np.empty(0, dtype=np.int64)


def measure(domain: Domain, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the features of all runs along some of the domain's directions."""
    lengths = max(*domain.padded.shape, SEEN) + 2
    table = np.zeros((domain.histogram.size, lengths), dtype=np.int64)
    count_runs(domain.flat, domain.marks_of(steps), steps, domain.histogram, table)
    return emphases(table, NOTHING_LARGE, domain.voxels * steps.size)[: len(FEATURES)]
