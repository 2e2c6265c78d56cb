"""Folds as a type: a split of rows on which no patient can stand on both sides."""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.methods.learning.cohort import Cohort

SHUFFLES = 20
"""Shuffles tried until every fold has both classes: patients of many rows can crowd a class out of a fold."""


@dataclass(frozen=True, eq=False)
class Fold:
    """Split rows into those a model may learn from and those it is judged on.

    Parameters
    ----------
    train, test : array
        Positions of rows; together each row once.
    groups : array
        (rows,) patient of each row, checked and not kept: a split patient is `BadData`.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    groups: InitVar[NDArray[np.str_]]

    def __post_init__(self, groups: NDArray[np.str_]) -> None:
        for name in ("train", "test"):
            rows = np.array(getattr(self, name), dtype=np.int64)
            rows.setflags(write=False)
            object.__setattr__(self, name, rows)
        if not np.array_equal(np.sort(np.concatenate([self.train, self.test])), np.arange(len(groups))):
            raise BadData(
                "not_a_split",
                f"Each of {len(groups)} rows is a training row or a test row, and not both",
                f"{len(self.train)} training and {len(self.test)} test rows",
                "Make folds with `folds`.",
            )
        split = np.intersect1d(groups[self.train], groups[self.test])
        if len(split):
            raise BadData(
                "patient_on_both_sides",
                "All rows of a patient are on one side of a split",
                f"{len(split)} patients have training rows and test rows",
                "Make folds with `folds`.",
            )

    def training(self, cohort: Cohort) -> Cohort:
        """Return a copy of the training rows alone: all that fitting is ever given."""
        return self._require_rows(cohort).take(self.train)

    def testing(self, cohort: Cohort) -> Cohort:
        """Return a copy of the test rows alone."""
        return self._require_rows(cohort).take(self.test)

    def _require_rows(self, cohort: Cohort) -> Cohort:
        rows = len(self.train) + len(self.test)
        if len(cohort) != rows:
            raise BadData(
                "fold_of_other_rows", f"A fold of {rows} rows", f"a cohort of {len(cohort)}", "Make its own folds."
            )
        return cohort


def folds(outcome: NDArray[np.int64], groups: NDArray[np.str_], parts: int, seed: int) -> tuple[Fold, ...]:
    """Split rows into folds, stratified by outcome and grouped by patient.

    `StratifiedGroupKFold` can leave a fold with a single class, on which no model can be fitted or
    judged. So the numbers of patients are checked first, each fold after; of the first `SHUFFLES`
    shuffles the first without such a fold is taken. Folds are never made fewer.

    Parameters
    ----------
    outcome : array
        (rows,) of 0 and 1.
    groups : array
        (rows,) patient of each row.
    parts : int
        Number of folds.
    seed : int
        Starts the shuffles.

    Raises
    ------
    BadData
        A class has fewer patients than there are folds, or no shuffle gave every fold both classes.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    _require_patients(outcome, groups, parts)
    for shuffle in range(SHUFFLES):
        splitter = StratifiedGroupKFold(n_splits=parts, shuffle=True, random_state=derived_seed(seed, shuffle))
        splits = list(splitter.split(np.zeros(len(outcome)), outcome, groups))
        if all(len(np.unique(outcome[rows])) == 2 for split in splits for rows in split):  # noqa: PLR2004 - both classes
            return tuple(Fold(train, test, groups) for train, test in splits)
    raise BadData(
        "one_class_in_a_fold",
        f"Each of {parts} folds has rows of both classes",
        f"none of {SHUFFLES} shuffles of {_counts(outcome, groups)} gave that",
        "Ask for fewer folds: some patients have too large a part of the rows.",
    )


def _require_patients(outcome: NDArray[np.int64], groups: NDArray[np.str_], parts: int) -> None:
    fewest = min(len(np.unique(groups[outcome == value])) for value in (0, 1))
    if fewest < parts:
        raise BadData(
            "single_class" if fewest == 0 else "too_few_patients",
            f"{parts} folds need at least {parts} patients of each class",
            f"these rows have {_counts(outcome, groups)}",
            "Ask for fewer folds, or gather more patients of the smaller class.",
        )


def _counts(outcome: NDArray[np.int64], groups: NDArray[np.str_]) -> str:
    with_event, without = (len(np.unique(groups[outcome == value])) for value in (1, 0))
    return f"{with_event} patients with the event and {without} without, in {len(outcome)} rows"


def derived_seed(*parts: int) -> int:
    """Return a seed that depends on all parts, the same on every machine."""
    return int(np.random.SeedSequence([len(parts), *parts]).generate_state(1)[0])
