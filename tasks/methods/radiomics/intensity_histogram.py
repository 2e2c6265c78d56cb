"""How the grey levels of a region are spread, wherever they lie (IBSI's ZVCW)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.histogram import level_deviations, level_spread, levels_of_rank, mode_and_slopes
from tasks.methods.radiomics.percentiles import between, places

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES = (
    ("mean", "Mean grey level", "X6K6", "level", "The average grey level."),
    ("variance", "Grey level variance", "CH89", "level^2", "High when grey levels lie far from their mean."),
    ("skewness", "Grey level skewness", "88K1", "1", "Positive when a few voxels are much brighter than the rest."),
    ("kurtosis", "Grey level kurtosis", "C3I7", "1", "Positive when outliers are commoner than in a normal curve."),
    ("median", "Median grey level", "WIFQ", "level", "Half of the voxels are of a lower grey level."),
    ("minimum", "Minimum grey level", "1PR8", "level", "The grey level of the darkest voxel."),
    ("p10", "10th percentile of grey level", "GPMT", "level", "A tenth of the voxels are of a lower grey level."),
    ("p90", "90th percentile of grey level", "OZ0C", "level", "A tenth of the voxels are of a higher grey level."),
    ("maximum", "Maximum grey level", "3NCY", "level", "The grey level of the brightest voxel."),
    ("mode", "Grey level mode", "AMMC", "level", "The commonest grey level; of several, the one nearest to the mean."),
    ("iqr", "Interquartile range of grey level", "WR0O", "level", "The width of the middle half of the grey levels."),
    ("range", "Grey level range", "5Z3W", "level", "The brightest voxel's grey level less the darkest's."),
    ("mad", "Mean absolute deviation", "D2ZX", "level", "The average distance of a grey level from the mean."),
    (
        "rmad",
        "Robust mean absolute deviation",
        "WRZB",
        "level",
        "The average distance from the mean among the middle four fifths of the grey levels.",
    ),
    ("medad", "Median absolute deviation", "4RNL", "level", "The average distance of a grey level from the median."),
    ("cv", "Coefficient of variation", "CWYJ", "1", "The standard deviation as a share of the mean."),
    (
        "qcod",
        "Quartile coefficient of dispersion",
        "SLWD",
        "1",
        "The interquartile range as a share of the sum of both quartiles.",
    ),
    ("entropy", "Grey level entropy", "TLU2", "bit", "High when many grey levels are about as common."),
    ("uniformity", "Grey level uniformity", "BJ5W", "1", "1 when all voxels are of one grey level."),
    ("max_gradient", "Steepest rise of the histogram", "12CE", "voxels", "High when common grey levels follow rare."),
    ("max_gradient_level", "Grey level of the steepest rise", "8E6O", "level", "Where the histogram rises most."),
    ("min_gradient", "Steepest fall of the histogram", "VQB3", "voxels", "Low when rare grey levels follow common."),
    ("min_gradient_level", "Grey level of the steepest fall", "RHQZ", "level", "Where the histogram falls most."),
)
UNDEFINED = {"rmad": "No voxel lies between the outer percentiles: there are two."}
"""Why a feature of a region is NaN. Of one grey level, skewness, kurtosis and slopes are 0."""
UNCONFIRMED: frozenset[str] = frozenset()
COLUMNS = tuple(f"ih_{word}" for word, *_ in FEATURES)


def intensity_histogram(histogram: NDArray[np.int64]) -> dict[str, float]:
    """Return `ih_<word>` of a histogram whose entry `level` says how many voxels are of that grey level.

    Levels begin at 1 and entry 0 is not looked at; there is at least one voxel. Slopes count levels up to the last
    entry, whether they occur or not.
    """
    counts = np.array(histogram, dtype=np.int64)
    counts[0] = 0
    mean, variance, third, fourth, mad, entropy, uniformity = level_spread(counts).tolist()
    count = int(counts.sum())
    ranks, part = places(count)
    p10, p25, median, p75, p90 = between(levels_of_rank(counts, np.array(ranks)), part)
    minimum, maximum = levels_of_rank(counts, np.array([0, count - 1])).tolist()
    medad, rmad = level_deviations(counts, median, p10, p90)
    mode, *slopes = mode_and_slopes(counts, mean).tolist()
    found = (
        mean,
        variance,
        third / variance**1.5 if variance > 0 else 0.0,
        fourth / variance**2 - 3.0 if variance > 0 else 0.0,
        median,
        float(minimum),
        p10,
        p90,
        float(maximum),
        mode,
        p75 - p25,
        float(maximum - minimum),
        mad,
        rmad,
        medad,
        variance**0.5 / mean,
        (p75 - p25) / (p75 + p25),
        entropy,
        uniformity,
        *slopes,
    )
    return dict(zip(COLUMNS, found, strict=True))
