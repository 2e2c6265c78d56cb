"""Intraclass correlations of many features at once: how much of their spread lies between the subjects."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 2
"""Agreement takes two subjects and two measurements."""
CONSTANT = 1e-12
"""Spread of a feature, as a part of its largest value, up to which it holds rounding errors of a constant."""
NOTHING = 1e-12
"""Part of the readers' variance below which the subjects' is rounding."""
ROUNDING = 1e-24
"""Mean square, as a part of the subjects', up to which it is of rounding errors: measurements agree wholly."""
PART = 1 << 18
"""Measurements that are worked on at once, so that what is made of them stays in the processor's cache."""
Form = Literal["icc_11", "icc_a1"]


@dataclass(frozen=True, eq=False)
class Agreements:
    """Hold the intraclass correlation of each of several features, NaN where it does not exist.

    Parameters
    ----------
    icc : array
        (features,) the correlation.
    low, high : array
        (features,) the ends of its interval.
    subjects : array
        (features,) subjects it is of.
    repetitions : array
        (features,) measurements of each subject, at the most.
    """

    icc: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    subjects: NDArray[np.int64]
    repetitions: NDArray[np.int64]


def agreements(cube: NDArray[np.float64], form: Form, confidence: float = 0.95) -> Agreements:
    """Return the intraclass correlation of each feature: `icc_11` or `icc_a1`.

    Parameters
    ----------
    cube : array
        (subjects, repetitions, features), NaN where a measurement is absent.
    form : str
        `icc_11`: repetitions are of one kind, in any order (one-way); subjects may have more and fewer.
        `icc_a1`: a place along the second axis is the same reader for every subject (two-way, absolute
        agreement); subjects count that have a value from every reader who has measured the feature at all.
    confidence : float
        Confidence of the interval, in (0, 1), both ends together.

    Raises
    ------
    BadData
        `not_a_cube` when the array has no three axes.
    """
    if cube.ndim != 3:  # noqa: PLR2004 - what the name says
        raise BadData(
            "not_a_cube",
            "Repeated measurements have axes (subjects, repetitions, features)",
            f"the array's shape is {cube.shape}",
            "Stack the repetitions along the second axis.",
        )
    work = _one_way if form == "icc_11" else _two_way
    some = max(1, PART // max(1, cube.shape[0] * cube.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        starts = range(0, max(1, cube.shape[2]), some)
        parts = [work(cube[:, :, first : first + some], confidence) for first in starts]
    return Agreements(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Agreements)))


def _one_way(cube: NDArray[np.float64], confidence: float) -> Agreements:
    """Return ICC(1,1): of single measurements, all of one kind.

    With unequal numbers of measurements the mean number is that of Lessells and Boag, and the interval is
    approximate.

    References
    ----------
    Shrout, Fleiss. Intraclass correlations: uses in assessing rater reliability. Psychological Bulletin 86
    (1979) 420-428. Lessells, Boag. Unrepeatable repeatabilities: a common mistake. The Auk 104 (1987) 116-121.
    """
    there = ~np.isnan(cube)
    # A subject measured once tells nothing of the spread within subjects, and is left out.
    there &= there.sum(axis=1, keepdims=True) >= FEWEST
    values, varies = _centred(cube, there)
    count = there.sum(axis=1).astype(np.float64)
    n, total = np.count_nonzero(count, axis=0), count.sum(axis=0)
    mean = values.sum(axis=1) / np.maximum(count, 1)
    within = (np.where(there, values - mean[:, None], 0.0) ** 2).sum(axis=(0, 1)) / (total - n)
    between = (count * mean**2).sum(axis=0) / (n - 1)
    within = np.where(within <= ROUNDING * between, 0.0, within)
    k = (total - (count**2).sum(axis=0) / total) / (n - 1)
    at = (1 + confidence) / 2
    upper, lower = _quantile(n - 1, total - n, at), _quantile(total - n, n - 1, at)

    def of(between: NDArray[np.float64], within: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (between - within) / (between + (k - 1) * within)
        return found

    known = varies & (n >= FEWEST)
    return _known(
        known,
        (n, count.max(axis=0, initial=0)),
        of(between, within),
        of(between, upper * within),
        of(lower * between, within),
    )


def _two_way(cube: NDArray[np.float64], confidence: float) -> Agreements:
    """Return ICC(A,1): absolute agreement of single ratings, subjects and readers both drawn at random.

    References
    ----------
    McGraw, Wong. Forming inferences about some intraclass correlation coefficients. Psychological Methods 1
    (1996) 30-46, tables 4 and 7, case 2A. Shrout and Fleiss (1979) call it ICC(2,1).
    """
    there = ~np.isnan(cube)
    reads = there.any(axis=0)
    complete: NDArray[np.bool_] = np.asarray((there | ~reads).all(axis=1) & reads.any(axis=0))
    there &= complete[:, None]
    values, varies = _centred(cube, there)
    n, k = complete.sum(axis=0), reads.sum(axis=0)
    by_subject, by_reader = values.sum(axis=1) / np.maximum(k, 1), values.sum(axis=0) / np.maximum(n, 1)
    rows = k * (by_subject**2).sum(axis=0) / (n - 1)
    columns = n * (by_reader**2).sum(axis=0) / (k - 1)
    left = np.where(there, values - by_subject[:, None] - by_reader, 0.0)
    error = (left**2).sum(axis=(0, 1)) / ((n - 1) * (k - 1))
    error, columns = (np.where(square <= ROUNDING * rows, 0.0, square) for square in (error, columns))
    icc = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
    known = varies & (n >= FEWEST) & (k >= FEWEST)
    low, high = _interval_two_way((n, k), (rows, columns, error), icc, confidence)
    return _known(known, (n, k), icc, low, high)


def _interval_two_way(
    shape: tuple[NDArray[np.int64], NDArray[np.int64]],
    squares: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    icc: NDArray[np.float64],
    confidence: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the interval by McGraw and Wong's table 7.

    It has no width where readers agree wholly, or where subjects do not differ and its freedom is 0.
    """
    (n, k), (rows, columns, error) = shape, squares
    a = k * icc / (n * (1 - icc))
    b = 1 + k * icc * (n - 1) / (n * (1 - icc))
    freedom = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    at = (1 + confidence) / 2
    lower, upper = _quantile(n - 1, freedom, at), _quantile(freedom, n - 1, at)
    spread = k * columns + (k * n - k - n) * error
    low = n * (rows - lower * error) / (lower * spread + n * rows)
    high = n * (upper * rows - error) / (spread + n * upper * rows)
    point = (icc == 1) | (rows <= NOTHING * (columns + error))
    return np.where(point, icc, low), np.where(point, icc, high)


def _centred(cube: NDArray[np.float64], there: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the values that count with mean 0 and largest size 1, the others 0; and which features vary.

    Correlations know neither zero nor unit, and squares of tiny and of huge numbers are no numbers.
    """
    held = np.where(there, cube, 0.0)
    count = np.maximum(there.sum(axis=(0, 1)), 1)
    largest = np.abs(held).max(axis=(0, 1), initial=0.0)
    scaled = held / np.where(largest > 0, largest, 1.0)
    centred = np.where(there, scaled - scaled.sum(axis=(0, 1)) / count, 0.0)
    spread = np.abs(centred).max(axis=(0, 1), initial=0.0)
    varies: NDArray[np.bool_] = spread > CONSTANT
    centred /= np.where(varies, spread, 1.0)
    centred -= np.where(there, centred.sum(axis=(0, 1)) / count, 0.0)
    return centred, varies


def _quantile(
    first: NDArray[np.float64] | NDArray[np.int64], second: NDArray[np.float64] | NDArray[np.int64], at: float
) -> NDArray[np.float64]:
    """Return the quantile of Fisher's F of two freedoms."""
    from scipy import special

    found: NDArray[np.float64] = special.fdtri(np.asarray(first, float), np.asarray(second, float), at)
    return found


def _known(
    known: NDArray[np.bool_], counts: tuple[NDArray[Any], NDArray[Any]], *values: NDArray[np.float64]
) -> Agreements:
    """Return the correlations where they exist; `counts` are subjects and repetitions."""
    icc, low, high = (np.where(known, value, np.nan) for value in values)
    subjects, repetitions = (np.asarray(count).astype(np.int64) for count in counts)
    return Agreements(icc, low, high, subjects, repetitions)
