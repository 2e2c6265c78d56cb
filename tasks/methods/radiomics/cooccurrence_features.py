"""The 25 features of IBSI of one matrix of neighbouring grey levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES = (
    ("joint_maximum", "joint maximum", "GYBY", "High when one pair of grey levels prevails."),
    ("joint_average", "joint average", "60VM", "The average grey level of voxels that have neighbours."),
    ("joint_variance", "joint variance", "UR99", "High when grey levels lie far from their average."),
    ("joint_entropy", "joint entropy", "TU9B", "High when many pairs of grey levels are equally common."),
    ("difference_average", "difference average", "TF7R", "The average difference between neighbours."),
    ("difference_variance", "difference variance", "D3YU", "High when some neighbours differ little and some much."),
    ("difference_entropy", "difference entropy", "NTRS", "High when differences of many sizes are equally common."),
    ("sum_average", "sum average", "ZGXS", "Twice the joint average."),
    ("sum_variance", "sum variance", "OEEB", "High when bright lies beside bright and dark beside dark."),
    ("sum_entropy", "sum entropy", "P6QZ", "High when sums of many sizes are equally common."),
    ("angular_second_moment", "angular second moment", "8ZQL", "High when few pairs of grey levels prevail."),
    ("contrast", "contrast", "ACUI", "High when neighbours differ much."),
    ("dissimilarity", "dissimilarity", "8S9J", "The average difference between neighbours."),
    ("inverse_difference", "inverse difference", "IB1Z", "High when neighbours are alike."),
    (
        "inverse_difference_normalised",
        "normalised inverse difference",
        "NDRX",
        "High when neighbours are alike for the number of grey levels.",
    ),
    ("inverse_difference_moment", "inverse difference moment", "WF0Z", "High when neighbours are alike."),
    (
        "inverse_difference_moment_normalised",
        "normalised inverse difference moment",
        "1QCO",
        "High when neighbours are alike for the number of grey levels.",
    ),
    ("inverse_variance", "inverse variance", "E8JP", "High when neighbours differ by little, but differ."),
    ("correlation", "correlation", "NI2N", "1 when neighbours are equal, 0 when they know nothing of each other."),
    ("autocorrelation", "autocorrelation", "QWB0", "High when bright voxels lie beside bright ones."),
    ("cluster_tendency", "cluster tendency", "DG8W", "High when bright lies beside bright and dark beside dark."),
    ("cluster_shade", "cluster shade", "7NFM", "Positive when a few pairs are much brighter than the rest."),
    ("cluster_prominence", "cluster prominence", "AE86", "High when a few pairs lie far from the average."),
    (
        "information_correlation_1",
        "information correlation 1",
        "R8DG",
        "0 when neighbours know nothing of each other, -1 when one tells the other.",
    ),
    (
        "information_correlation_2",
        "information correlation 2",
        "JN9H",
        "0 when neighbours know nothing of each other, near 1 when one tells the other.",
    ),
)


def cooccurrence_features(counts: NDArray[np.float64], level_count: int) -> dict[str, float]:
    """Return IBSI's features of a symmetric matrix of pair counts.

    `counts[i - 1, j - 1]` counts neighbours of grey levels i and j, at least one pair; `level_count` is the
    number of grey levels that could occur. Of one grey level, correlation is 1 and information correlation 1
    is 0 by definition.
    """
    p = counts / counts.sum()
    level = np.arange(1, len(p) + 1)
    differences = _gathered(p, np.abs(level[:, None] - level))
    sums = _gathered(p, level[:, None] + level)
    joint = _joint(p, level.astype(np.float64))
    return joint | _of_differences(differences, level_count) | _of_sums(sums) | _information(p)


def _gathered(p: NDArray[np.float64], index: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sum of `p` where `index` is 0, 1, 2, ..."""
    return np.bincount(index.ravel(), weights=p.ravel()).astype(np.float64)


def mean_of(values: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """Return the mean of values of probabilities `p`; not by BLAS, whose last digits depend on its threads."""
    return float((values * p).sum())


def _joint(p: NDArray[np.float64], level: NDArray[np.float64]) -> dict[str, float]:
    margin = p.sum(axis=0)
    average = mean_of(level, margin)
    centred = level - average
    variance = mean_of(centred**2, margin)
    single = np.count_nonzero(margin) == 1
    return {
        "joint_maximum": float(p.max()),
        "joint_average": average,
        "joint_variance": variance,
        "joint_entropy": entropy(p),
        "angular_second_moment": float((p**2).sum()),
        "correlation": 1.0 if single else mean_of(np.outer(centred, centred), p) / variance,
        "autocorrelation": mean_of(np.outer(level, level), p),
    }


def _of_differences(p: NDArray[np.float64], level_count: int) -> dict[str, float]:
    k = np.arange(p.size, dtype=np.float64)
    share = k / level_count
    average = mean_of(k, p)
    return {
        "difference_average": average,
        "difference_variance": mean_of((k - average) ** 2, p),
        "difference_entropy": entropy(p),
        "contrast": mean_of(k**2, p),
        "dissimilarity": average,
        "inverse_difference": mean_of(1 / (1 + k), p),
        "inverse_difference_normalised": mean_of(1 / (1 + share), p),
        "inverse_difference_moment": mean_of(1 / (1 + k**2), p),
        "inverse_difference_moment_normalised": mean_of(1 / (1 + share**2), p),
        "inverse_variance": mean_of(1 / k[1:] ** 2, p[1:]),
    }


def _of_sums(p: NDArray[np.float64]) -> dict[str, float]:
    k = np.arange(p.size, dtype=np.float64)
    average = mean_of(k, p)
    centred = k - average
    variance = mean_of(centred**2, p)
    return {
        "sum_average": average,
        "sum_variance": variance,
        "sum_entropy": entropy(p),
        "cluster_tendency": variance,
        "cluster_shade": mean_of(centred**3, p),
        "cluster_prominence": mean_of(centred**4, p),
    }


def _information(p: NDArray[np.float64]) -> dict[str, float]:
    # the matrix is symmetric: both margins have one entropy, and IBSI's HXY1 and HXY2 are twice that
    margin, joint = entropy(p.sum(axis=0)), entropy(p)
    shared = max(2 * margin - joint, 0.0)
    return {
        "information_correlation_1": -shared / margin if margin > 0 else 0.0,
        "information_correlation_2": float(np.sqrt(1 - np.exp(-2 * shared))),
    }


def entropy(p: NDArray[np.float64]) -> float:
    """Return the Shannon entropy of probabilities, in bits."""
    present = p[p > 0]
    return abs(float((present * np.log2(present)).sum()))
