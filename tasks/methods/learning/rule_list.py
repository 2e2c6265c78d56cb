"""Learn a list of rules that classifies by the first rule that applies."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveInt

from tasks.methods.learning.learner import Counts, TunedLearner


class RuleListLearner(TunedLearner):
    """Learn a list of rules in words; the first that applies gives the probability.

    Levels of numbers are cut with the outcome, or into thirds where no cut tells it apart, inside the training rows;
    see `RuleListClassifier`.

    References
    ----------
    Liu, Hsu, Ma. Integrating classification and association rule mining. KDD (1998) 80-86. Fayyad, Irani.
    Multi-interval discretization of continuous-valued attributes. IJCAI (1993) 1022-1027.
    """

    method: Literal["rule_list"] = "rule_list"
    k: Counts = (5, 10, 20)
    """Numbers of columns to try; in each training fold the k best by analysis of variance are kept."""
    max_length: int = Field(default=2, ge=1, le=3)
    """Most conditions of a rule."""
    min_support: float = Field(default=0.05, gt=0, le=1)
    """Smallest share of the training rows that meet a rule's conditions."""
    min_correct: PositiveInt = 3
    """Fewest training rows that a rule must be right for among those it decides; more gives shorter lists."""

    def classifier(self, seed: int) -> Any:  # noqa: ANN401, ARG002 - scikit-learn has no types; nothing is drawn
        """Return the unfitted list."""
        from tasks.methods.learning.estimators.rule_list_classifier import RuleListClassifier

        return RuleListClassifier(self.max_length, self.min_support, self.min_correct)

    def grid(self) -> dict[str, tuple[float, ...]]:
        """Return the numbers of columns to try."""
        return {"select__k": self.k}
