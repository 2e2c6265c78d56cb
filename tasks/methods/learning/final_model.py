"""The model one would ship: fitted to all rows, and judged by no number of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.methods.learning.cohort import Cohort

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from tasks.methods.learning.harmonisation import FoldHarmoniser
    from tasks.methods.learning.learner import TunedLearner
    from tasks.methods.learning.repeated import Repeated
    from tasks.methods.learning.stable_features import StableFeatures


def fit_final(
    table: pd.DataFrame,
    outcome: NDArray[Any],
    groups: NDArray[Any],
    learner: TunedLearner,
    harmoniser: FoldHarmoniser,
    *,
    scanner: NDArray[Any] | None,
    seed: int,
    inner_folds: int = 3,
    repeated: Repeated | None = None,
    stability: StableFeatures | None = None,
) -> Pipeline:
    """Return the pipeline fitted to all rows, tuned by folds of their patients.

    It takes a table of the same columns, of which those left out as unstable may be absent, with the column
    `cohort.SCANNER` beside them if it harmonises, and gives probabilities; nothing need be measured again for it.
    What to expect of it on new patients is the `Evaluation` of the same learner, never its score on these rows.
    Errors are those of `NestedCrossValidation`.
    """
    cohort = Cohort.of(table, outcome, groups, scanner, repeated)
    return learner(cohort, harmoniser, inner_folds, seed, stability).pipeline
