"""Leave out, inside a training fold, the features that change when they are measured again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from tasks.methods.method import Method

if TYPE_CHECKING:
    from tasks.methods.learning.cohort import Columns
    from tasks.methods.learning.estimators.keep_stable import KeepStable

Repeats = Literal["perturbations", "readers"]


class StableFeatures(Method):
    """Keep the features that stay the same when they are measured again, as far as the training rows tell.

    Measured by the intraclass correlation, over perturbed images and regions ICC(1,1), over readers ICC(A,1).
    What was not measured again is kept: clinical columns, detections. Columns that go with the outcome are found
    afterwards, among those kept. (No stability selection in the sense of Meinshausen and Buehlmann.)

    References
    ----------
    Zwanenburg et al. Assessing robustness of radiomic features by image perturbation. Scientific Reports 9
    (2019) 614, which calls a feature robust from 0.90 on. Koo, Li. A guideline of selecting and reporting
    intraclass correlation coefficients for reliability research. Journal of Chiropractic Medicine 15 (2016)
    155-163.
    """

    method: Literal["stable_features"] = "stable_features"
    minimum_icc: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Least correlation of a feature that is kept; 0.75 is good, 0.9 excellent (Koo and Li)."""
    judged_by: Literal["icc", "low"] = "icc"
    """What must reach it: the correlation itself, or the low end of its interval, which asks for more in few rows."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence of the interval."""
    over: Annotated[tuple[Repeats, ...], Field(min_length=1)] = ("perturbations", "readers")
    """Measurements that a feature must agree over, where there are any."""

    def __call__(self, columns: Columns) -> KeepStable:
        """Return the unfitted step: a table with repeated measurements in, a table of the columns kept out."""
        from tasks.methods.learning.estimators.keep_stable import KeepStable

        return KeepStable(columns, self)


def unstable(pipeline: Any) -> tuple[str, ...]:  # noqa: ANN401 - scikit-learn has no types
    """Return the features that a fitted pipeline has left out because they are not stable."""
    from tasks.methods.learning.estimators.keep_stable import KeepStable

    step = pipeline.named_steps["stable"]
    return step.dropped if isinstance(step, KeepStable) else ()
