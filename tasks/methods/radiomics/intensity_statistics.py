"""How the intensities of a region are spread, wherever they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.methods.radiomics.definition import FeatureDefinition
from tasks.methods.radiomics.extractor import RegionFeatures, cut_out, require_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

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


class IntensityStatistics(RegionFeatures):
    """Compute the 18 intensity statistics of IBSI (UHIW), over the whole region (DHQ4).

    Missing voxels are left out and counted. Skewness and kurtosis of a region of one intensity are 0,
    as IBSI says; `stat_cv` is NaN (undefined for this region) when the mean is 0, `stat_qcod` when the
    quartiles' sum is 0, `stat_rmad` when no voxel lies between the outer percentiles (two voxels only).
    """

    method: Literal["intensity_statistics"] = "intensity_statistics"

    def definitions(self, *, planar: bool = False) -> tuple[FeatureDefinition, ...]:  # noqa: ARG002 - the same in 2-D
        """Return what each column means; images of one plane have the same columns."""
        return tuple(
            FeatureDefinition(
                column=f"stat_{name}",
                label=label,
                ibsi=ibsi,
                aggregation="DHQ4" if ibsi else None,
                unit=unit,
                conformant=ibsi is not None,
                meaning=meaning,
            )
            for name, label, ibsi, unit, meaning in FEATURES + COUNTS
        )

    def __call__(self, image: NDArray[Any], mask: NDArray[np.bool_], spacing_mm: Triple) -> dict[str, float]:
        """Return the statistics of the region's intensities, in the image's unit.

        Raises
        ------
        BadData
            `empty_region`, `region_too_small`, `infinite_voxels`, or `other_grid` when shapes differ.
        """
        region = cut_out(image, mask, spacing_mm)
        values = region.values[region.measured]
        require_size(values.size, self.minimum_voxels)
        found = _moments(values) | _order_statistics(values)
        found |= {"voxel_count": values.size, "missing_count": region.missing_count}
        return {f"stat_{name}": float(found[name]) for name, *_ in FEATURES + COUNTS}


def _moments(values: NDArray[np.float64]) -> dict[str, float]:
    # from the lowest intensity up, so that the spread of one intensity is exactly 0
    lowest = values.min()
    height = values - lowest
    centred = height - height.mean()
    mean = lowest + height.mean()
    deviation = np.sqrt((centred**2).mean())
    standard = centred / deviation if deviation > 0 else np.zeros_like(centred)
    return {
        "mean": mean,
        "variance": deviation**2,
        "skewness": (standard**3).mean(),
        "kurtosis": (standard**4).mean() - 3.0 if deviation > 0 else 0.0,
        "mad": np.abs(centred).mean(),
        "cv": _share(deviation, mean),
        "energy": (values**2).sum(),
        "rms": np.sqrt((values**2).mean()),
    }


def _order_statistics(values: NDArray[np.float64]) -> dict[str, float]:
    minimum, p10, p25, median, p75, p90, maximum = np.percentile(values, [0, 10, 25, 50, 75, 90, 100])
    middle = values[(values >= p10) & (values <= p90)]
    return {
        "minimum": minimum,
        "p10": p10,
        "median": median,
        "p90": p90,
        "maximum": maximum,
        "iqr": p75 - p25,
        "range": maximum - minimum,
        "rmad": np.abs(middle - middle.mean()).mean() if middle.size else np.nan,
        "medad": np.abs(values - median).mean(),
        "qcod": _share(p75 - p25, p75 + p25),
    }


def _share(part: float, whole: float) -> float:
    """Return part / whole, NaN (undefined for this region) when the whole is 0."""
    return part / whole if whole != 0 else np.nan
