"""How a pipeline's parameters are chosen: by patients held back from the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.methods.learning.discrimination import auc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from tasks.methods.learning.cohort import Cohort
    from tasks.methods.learning.folds import Fold

Setting = dict[str, float | int | str]
TAIL = 2
"""The last steps, selection and classifier, are what is tuned; those before are fitted once per fold."""


@dataclass(frozen=True, eq=False)
class Tuned:
    """Hold the setting that was chosen, and what it scored on the inner folds.

    Parameters
    ----------
    setting : dict
        Value of each tuned parameter, named as in the pipeline.
    inner_auc : float
        Mean AUC over the inner folds.
    scores : array
        (training rows,) the score of each row from the inner model that did not see its patient.
    """

    setting: Setting
    inner_auc: float
    scores: NDArray[np.float64]


def tune(
    pipeline: Pipeline,
    grid: Mapping[str, Sequence[float | int | str]],
    cohort: Cohort,
    splits: Sequence[Fold],
    *,
    score: Callable[[Pipeline, Any], NDArray[np.float64]],
    merit: Callable[[NDArray[np.int64], NDArray[np.float64]], float],
) -> Tuned:
    """Return the setting of largest mean merit over folds; of equals the first in the grid's order.

    Parameters
    ----------
    pipeline : Pipeline
        Unfitted; left as it is.
    grid : mapping
        Values to try for each parameter of the last two steps; every combination is tried.
    cohort : Cohort
        Training rows.
    splits : sequence of Fold
        Inner folds of these rows.
    score : callable
        From a fitted pipeline and a table to one score per row.
    merit : callable
        From the outcome (0 and 1) and the scores of held-back rows to a number, larger is better.
    """
    from sklearn.base import clone

    settings = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    scores = np.zeros((len(settings), len(cohort)))
    merits, aucs = np.zeros((2, len(settings), len(splits)))
    for column, fold in enumerate(splits):
        train, test = fold.training(cohort), fold.testing(cohort)
        head = clone(pipeline[:-TAIL])
        seen, held_back = head.fit_transform(train.table), head.transform(test.table)
        for row, setting in enumerate(settings):
            tail = clone(pipeline[-TAIL:]).set_params(**setting).fit(seen, train.outcome)
            scores[row, fold.test] = score(tail, held_back)
            merits[row, column] = merit(test.outcome, scores[row, fold.test])
            aucs[row, column] = auc(test.outcome, scores[row, fold.test])
    best = int(np.argmax(merits.mean(axis=1)))
    return Tuned(settings[best], float(aucs[best].mean()), scores[best])
