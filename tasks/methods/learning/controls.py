"""What an honest result is held against: volume alone, shuffled outcomes, and what leakage would have given."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import Cohort, keys
from tasks.methods.learning.evaluation import Record
from tasks.methods.learning.folds import derived_seed
from tasks.methods.learning.harmonisation import FoldHarmoniser, NoHarmonisation
from tasks.methods.learning.learner import TunedLearner
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.nested import NestedCrossValidation
from tasks.methods.method import Method

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.learning.repeated import Repeated
    from tasks.methods.learning.stable_features import StableFeatures


def volume_only(table: pd.DataFrame, volume_columns: Sequence[str]) -> pd.DataFrame:
    """Return the columns of volume alone: what texture adds must be more than what size gives.

    References
    ----------
    Welch et al. Vulnerabilities of radiomic signature development. Radiotherapy and Oncology 130 (2019) 2-9.
    """
    absent = [name for name in volume_columns if name not in table.columns]
    if absent or not volume_columns:
        raise BadData(
            "no_volume_column",
            "The volume control needs the table's columns of volume",
            f"{len(absent)} of {len(volume_columns)} named columns are absent",
            "Name the columns that hold the volume.",
        )
    return table[list(volume_columns)].copy()


def permuted_outcome(outcome: NDArray[Any], groups: NDArray[Any], seed: int) -> NDArray[Any]:
    """Return the outcome shuffled between patients, the rows of a patient kept together.

    If every patient has one outcome, these are shuffled. Otherwise a patient's outcomes are handed on
    whole, in their order, to a patient of as many rows.
    """
    import pandas as pd

    generator = np.random.default_rng(seed)
    patient = pd.factorize(keys(groups, "patient"))[0]
    rows = [np.flatnonzero(patient == number) for number in range(int(patient.max()) + 1)]
    one_outcome = all(len(np.unique(outcome[own])) == 1 for own in rows)
    sizes = np.array([1 if one_outcome else len(own) for own in rows])
    shuffled = np.array(outcome)
    for size in np.unique(sizes):
        takers = np.flatnonzero(sizes == size)
        givers = generator.permutation(takers)
        for taker, giver in zip(takers, givers, strict=True):
            shuffled[rows[taker]] = outcome[rows[giver][:size]]
    return shuffled


class Permutations(Record):
    """Hold what a learner reached on outcomes that nothing can tell."""

    aucs: tuple[float, ...]
    """AUC of each shuffle."""

    @property
    def mean(self) -> float:
        """Mean AUC over shuffles; 0.5 within chance, or something leaks."""
        return float(np.mean(self.aucs))

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest AUC over shuffles."""
        return min(self.aucs), max(self.aucs)

    def p_value(self, auc: float) -> float:
        """Return the probability of an AUC this large by chance; never below 1 / (shuffles + 1).

        References
        ----------
        Phipson, Smyth. Permutation p-values should never be zero. Statistical Applications in Genetics
        and Molecular Biology 9 (2010) 39.
        """
        return (1 + sum(chance >= auc for chance in self.aucs)) / (1 + len(self.aucs))


class PermutedLabels(Method):
    """Run the whole nested cross-validation on outcomes shuffled between patients.

    References
    ----------
    Ojala, Garriga. Permutation tests for studying classifier performance. Journal of Machine Learning
    Research 11 (2010) 1833-1863.
    """

    method: Literal["permuted_labels"] = "permuted_labels"
    permutations: PositiveInt = 5
    """Shuffles; five show the chance level, a p-value below 0.01 takes 99 or more."""
    seed: NonNegativeInt = 0
    """Starts the shuffles."""
    validation: NestedCrossValidation = NestedCrossValidation(repeats=1)
    """The cross-validation run on each shuffle; one repeat, since each shuffle is a repeat."""

    def __call__(
        self,
        table: pd.DataFrame,
        outcome: NDArray[Any],
        groups: NDArray[Any],
        learner: TunedLearner,
        harmoniser: FoldHarmoniser,
        *,
        scanner: NDArray[Any] | None = None,
        repeated: Repeated | None = None,
        stability: StableFeatures | None = None,
    ) -> Permutations:
        """Return the AUC of each shuffle; rows and errors as for `NestedCrossValidation`."""
        cohort = Cohort.of(table, outcome, groups, scanner, repeated)
        shuffles = [
            permuted_outcome(cohort.outcome, cohort.groups, derived_seed(self.seed, number))
            for number in range(self.permutations)
        ]
        judge = partial(self.validation, scanner=scanner, repeated=repeated, stability=stability)
        return Permutations(aucs=tuple(judge(table, y, groups, learner, harmoniser).auc for y in shuffles))


class LeakReport(Record):
    """Hold what a learner reaches with and without leakage."""

    in_fold_auc: float
    """AUC with every step fitted inside the training folds."""
    leaky_auc: float
    """AUC of the same learner when columns were chosen on all rows before the split."""

    @property
    def optimism(self) -> float:
        """What leakage would have added."""
        return self.leaky_auc - self.in_fold_auc


class LeakCheck(Method):
    """Show what choosing columns on all rows before the split would have given, beside the honest number.

    Gaps are filled and columns scaled and chosen with the outcome of every row in sight; then the same
    learner is cross-validated in the same folds on what is left.

    References
    ----------
    Ambroise, McLachlan. Selection bias in gene extraction on the basis of microarray gene-expression
    data. PNAS 99 (2002) 6562-6566.
    """

    method: Literal["leak_check"] = "leak_check"
    keep: PositiveInt = 10
    """Columns chosen on all rows."""
    learner: LogisticLearner = LogisticLearner()
    """The learner judged both ways."""
    validation: NestedCrossValidation = NestedCrossValidation(repeats=1)
    """The cross-validation of both."""

    def __call__(self, table: pd.DataFrame, outcome: NDArray[Any], groups: NDArray[Any]) -> LeakReport:
        """Return both AUCs; rows and errors as for `NestedCrossValidation`."""
        leaky = self._chosen_on_all_rows(Cohort.of(table, outcome, groups))
        honest_auc, leaky_auc = (
            self.validation(features, outcome, groups, self.learner, NoHarmonisation()).auc
            for features in (table, leaky)
        )
        return LeakReport(in_fold_auc=honest_auc, leaky_auc=leaky_auc)

    def _chosen_on_all_rows(self, cohort: Cohort) -> pd.DataFrame:
        import pandas as pd

        from tasks.methods.learning.estimators.preparation import Prepare, TopByAnova

        matrix = Prepare(cohort.columns).fit_transform(cohort.table)
        chosen = TopByAnova(self.keep).fit_transform(matrix, cohort.outcome)
        return pd.DataFrame(chosen, columns=[f"chosen {number}" for number in range(chosen.shape[1])])
