"""How far readers agree: on features of the same subjects, and on masks of the same lesion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import Columns, keys, numbers
from tasks.methods.learning.intraclass import FEWEST, agreements

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class Agreement(NamedTuple):
    """Hold an intraclass correlation and its interval."""

    icc: float
    low: float
    high: float


def icc_a1(ratings: NDArray[np.float64], confidence: float = 0.95) -> Agreement:
    """Return ICC(A,1): absolute agreement of single ratings, subjects and readers both drawn at random.

    Parameters
    ----------
    ratings : array
        (subjects, readers), without gaps, at least two of each, not all alike.
    confidence : float
        Confidence of the interval, in (0, 1).

    Raises
    ------
    BadData
        Fewer than two subjects or readers, or nothing varies.

    References
    ----------
    McGraw, Wong. Forming inferences about some intraclass correlation coefficients. Psychological
    Methods 1 (1996) 30-46, tables 4 and 7, case 2A. Shrout, Fleiss. Intraclass correlations: uses in
    assessing rater reliability. Psychological Bulletin 86 (1979) 420-428, where it is ICC(2,1).
    """
    n, k = ratings.shape
    if min(n, k) < FEWEST or np.ptp(ratings) == 0:
        raise BadData(
            "no_agreement_to_measure",
            "Agreement is measured on two subjects, two readers and ratings that vary",
            f"{n} subjects, {k} readers, ratings that span {np.ptp(ratings) if ratings.size else 0:g}",
            "Have more subjects read, or leave out the constant feature.",
        )
    found = agreements(ratings[:, :, None], "icc_a1", confidence)
    return Agreement(float(found.icc[0]), float(found.low[0]), float(found.high[0]))


def reader_agreement(
    table: pd.DataFrame, subjects: NDArray[Any], readers: NDArray[Any], confidence: float = 0.95
) -> pd.DataFrame:
    """Return ICC(A,1) of each numeric feature of a table with one row per subject and reader.

    Columns: feature; icc, low, high; subjects, those with a value from every reader; readers. A feature
    that fewer than two subjects have from every reader, or that is constant, has empty cells.

    Raises
    ------
    BadData
        A subject was not read exactly once by every reader.
    """
    import pandas as pd

    names = Columns.of(table).numeric
    values = numbers(table, names)
    cube = _by_subject_and_reader(values, keys(subjects, "subject"), keys(readers, "reader"))
    found = agreements(cube, "icc_a1", confidence)
    columns = {"icc": found.icc, "low": found.low, "high": found.high, "subjects": found.subjects}
    return pd.DataFrame({"feature": list(names), **columns, "readers": cube.shape[1]})


def _by_subject_and_reader(
    values: NDArray[np.float64], subjects: NDArray[np.str_], readers: NDArray[np.str_]
) -> NDArray[np.float64]:
    """Return the values as (subjects, readers, features)."""
    (subject_names, subject), (reader_names, reader) = (
        np.unique(given, return_inverse=True) for given in (subjects, readers)
    )
    shape = (len(subject_names), len(reader_names))
    times = np.zeros(shape, dtype=np.int64)
    np.add.at(times, (subject, reader), 1)
    if not np.all(times == 1) or min(shape) < FEWEST:
        raise BadData(
            "incomplete_readings",
            "Two subjects or more are read once by each of two readers or more",
            f"{shape[0]} subjects, {shape[1]} readers, {np.count_nonzero(times == 0)} readings absent, "
            f"{np.count_nonzero(times > 1)} doubled",
            "Leave out the subjects that a reader did not read, and keep one reading of each.",
        )
    cube = np.zeros((*shape, values.shape[1]))
    cube[subject, reader] = values
    return cube


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the overlap of two masks of one shape, 2 |A and B| / (|A| + |B|), in [0, 1]; 1 if both are empty.

    References
    ----------
    Dice. Measures of the amount of ecologic association between species. Ecology 26 (1945) 297-302.
    """
    if first.shape != second.shape:
        raise BadData(
            "other_grid",
            "Two masks share a grid",
            f"shapes {first.shape} and {second.shape} differ",
            "Resample one onto the other's grid.",
        )
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return 2 * np.count_nonzero(first & second) / total if total else 1.0
