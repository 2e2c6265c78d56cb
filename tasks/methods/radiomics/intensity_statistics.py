"""How the intensities of a region are spread, wherever they lie (IBSI's UHIW)."""

from __future__ import annotations

from math import frexp
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kept import KeptVoxels, kept_voxels
from tasks.methods.radiomics.kernels.intensities import deviations, moments

if TYPE_CHECKING:
    from tasks.methods.radiomics.region import Region

FEATURES = (
    ("mean", "Mean intensity", "Q4LE", "image", "The average intensity."),
    ("variance", "Intensity variance", "ECT3", "image^2", "High when intensities lie far from their mean."),
    ("skewness", "Intensity skewness", "KE2A", "1", "Positive when a few voxels are much brighter than the rest."),
    ("kurtosis", "Intensity kurtosis", "IPH6", "1", "Positive when outliers are more common than in a normal curve."),
    ("median", "Median intensity", "Y12H", "image", "Half of the voxels are darker."),
    ("minimum", "Minimum intensity", "1GSF", "image", "The darkest voxel."),
    ("p10", "10th percentile of intensity", "QG58", "image", "A tenth of the voxels are darker."),
    ("p90", "90th percentile of intensity", "8DWT", "image", "A tenth of the voxels are brighter."),
    ("maximum", "Maximum intensity", "84IY", "image", "The brightest voxel."),
    ("iqr", "Interquartile range of intensity", "SALO", "image", "The width of the middle half of the intensities."),
    ("range", "Intensity range", "2OJQ", "image", "The brightest voxel less the darkest."),
    ("mad", "Mean absolute deviation", "4FUA", "image", "The average distance of an intensity from the mean."),
    (
        "rmad",
        "Robust mean absolute deviation",
        "1128",
        "image",
        "The average distance from the mean among the middle four fifths of the intensities.",
    ),
    ("medad", "Median absolute deviation", "N72L", "image", "The average distance of an intensity from the median."),
    ("cv", "Coefficient of variation", "7TET", "1", "The standard deviation as a share of the mean."),
    (
        "qcod",
        "Quartile coefficient of dispersion",
        "9S40",
        "1",
        "The interquartile range as a share of the sum of both quartiles.",
    ),
    ("energy", "Intensity energy", "N8CA", "image^2", "The sum of squared intensities: high in large, bright regions."),
    ("rms", "Root mean square intensity", "5ZWQ", "image", "The intensity whose square is the average square."),
)
COUNTS = (
    ("voxel_count", "Number of voxels", None, "voxels", "How many voxels the statistics are taken over."),
    ("missing_count", "Number of missing voxels", None, "voxels", "How many voxels of the region were left out."),
)
COLUMNS = tuple(f"stat_{word}" for word, *_ in FEATURES + COUNTS)
UNDEFINED = {
    "cv": "The mean is 0.",
    "qcod": "The quartiles sum up to 0.",
    "rmad": "No voxel lies between the outer percentiles: there are two.",
}
"""Why a feature of a region is NaN; skewness and kurtosis of one intensity are 0, as IBSI says."""
LOWEST_POWER = -1000
"""Intensities that differ by less than two to this power count as one."""


def intensity_statistics(region: Region | KeptVoxels) -> dict[str, float]:
    """Return `stat_<word>` of the kept voxels, in the image's unit; a feature that is undefined is NaN.

    Percentiles are read off linearly between neighbours, as IBSI's reference values were.
    """
    kept = region if isinstance(region, KeptVoxels) else kept_voxels(region)
    spread = kept.highest - kept.lowest
    # a power of two, which changes no digit
    unit = 2.0 ** max(frexp(spread)[1], LOWEST_POWER)
    mean, second, third, fourth, size, energy = moments(kept.values, unit).tolist()
    variance = second * unit * unit
    count = kept.values.size
    p10, p25, median, p75, p90 = kept.percentiles
    medad, rmad = deviations(kept.values, median, p10, p90)
    found = (
        mean,
        variance,
        third / second**1.5 if second > 0 else 0.0,
        fourth / second**2 - 3.0 if second > 0 else 0.0,
        median,
        kept.lowest,
        p10,
        p90,
        kept.highest,
        p75 - p25,
        spread,
        size * unit,
        rmad,
        medad,
        _share(second**0.5 * unit, mean),
        _share(p75 - p25, p75 + p25),
        energy,
        (energy / count) ** 0.5,
        float(count),
        float(kept.missing_count),
    )
    return dict(zip(COLUMNS, found, strict=True))


def _share(part: float, whole: float) -> float:
    """Return part / whole, NaN (undefined for this region) when the whole is 0."""
    return part / whole if whole != 0 else np.nan
