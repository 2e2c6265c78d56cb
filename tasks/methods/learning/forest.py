"""Random forest."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import PositiveInt

from tasks.methods.learning.learner import Counts, TunedLearner


class ForestLearner(TunedLearner):
    """Learn a random forest; its probability is the mean of the trees' leaf frequencies.

    References
    ----------
    Breiman. Random forests. Machine Learning 45 (2001) 5-32.
    """

    method: Literal["forest"] = "forest"
    k: Counts = (10, 50)
    """Numbers of columns to try; in each training fold the k best by analysis of variance are kept."""
    smallest_leaf: Counts = (5, 1)
    """Fewest rows of a leaf to try; 1 is Breiman's, 5 gives smoother probabilities."""
    trees: PositiveInt = 100
    """Trees in a forest; 100 is scikit-learn's default."""

    def classifier(self, seed: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
        """Return the unfitted forest."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(n_estimators=self.trees, random_state=seed, n_jobs=1)

    def grid(self) -> dict[str, tuple[float, ...]]:
        """Return the numbers of columns and the leaf sizes to try."""
        return {"select__k": self.k, "classify__min_samples_leaf": self.smallest_leaf}
