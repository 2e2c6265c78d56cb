"""A list of rules that classifies by the first rule that applies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tasks.methods.learning.supervised_cuts import supervised_cuts, worth_telling
from tasks.methods.rules.itemsets import least_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

THIRDS = (1 / 3, 2 / 3)
"""Shares of the training rows below the cuts of a number of which no cut alone tells the classes apart."""
TWO_VALUES = 2
"""A column of so many values, such as a category's 0 and 1, is cut between them."""
PRIOR_ROWS = 2.0
"""Rows of the whole table's mix of classes that are added to those a rule decides, so that no probability is 0 or 1."""


Places = tuple[int, ...]
"""Positions of items, rising."""


class Condition(NamedTuple):
    """Ask that a column's value lies in low < value <= high."""

    column: int
    low: float
    high: float

    def met(self, matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows meet it."""
        values = matrix[:, self.column]
        met: NDArray[np.bool_] = (values > self.low) & (values <= self.high)
        return met


@dataclass(frozen=True, eq=False)
class ListedRule:
    """Be one rule of a list.

    Parameters
    ----------
    conditions : tuple of Condition
        All are asked for; none in the last entry, which is for all other rows.
    applies : array
        (classes,): training rows that meet them.
    decides : array
        (classes,): those among them to which no rule above applies.
    """

    conditions: tuple[Condition, ...]
    applies: NDArray[np.int64]
    decides: NDArray[np.int64]

    def met(self, matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows meet all conditions."""
        met = np.ones(len(matrix), bool)
        for condition in self.conditions:
            met &= condition.met(matrix)
        return met


class RuleListClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify by the first rule of a list that applies; the rules are found and ordered as by CBA.

    Numbers are cut where the classes of the training rows part (Fayyad and Irani), or into thirds of these rows where
    no cut is worth it; a column of two values, such as a category's, is cut between them. An item asks for a level, or
    for everything above or below a cut. Rules are all combinations of items of different columns that enough rows meet
    and of which no part is as confident. An item of a column without a cut that is worth it alone has to be worth it
    among the rows that meet the rest of the rule: what matters only beside something else is found, and chance is
    kept out. Rules come in order of confidence, then of the rows that are right, and one is kept if among the rows
    that no rule above decides it is right for enough. The list ends where the errors, with the most frequent class for
    the rest, are fewest. A rule's probabilities are the shares of classes among the training rows that it decides, with
    two rows of the table's own mix added.

    Liu, Hsu and Ma, KDD 1998, p. 80 (CBA). Fayyad and Irani, IJCAI 1993, p. 1022 (what is worth it: minimum description
    length). The thirds, and that price for an item, are ours.

    Parameters
    ----------
    max_length : int
        Most conditions of a rule.
    min_support : float
        Smallest share of the rows that meet a rule's conditions.
    min_correct : int
        Fewest rows that a rule must be right for among those it decides.
    """

    def __init__(self, max_length: int = 2, min_support: float = 0.05, min_correct: int = 3) -> None:
        self.max_length = max_length
        self.min_support = min_support
        self.min_correct = min_correct

    def fit(self, X: NDArray[np.float64], y: NDArray[Any]) -> RuleListClassifier:  # noqa: N803 - scikit-learn's name
        """Learn the list from (rows, columns) numbers and (rows,) classes; `rules_` holds it, the rest last."""
        matrix, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, classes = np.unique(labels, return_inverse=True)
        items = list(_items(matrix, classes))
        found = _ordered(_candidates(matrix, classes, items, self), self.classes_.size)
        self.rules_ = _shortest(list(_kept(matrix, classes, found, self.min_correct)), classes)
        self.prior_ = np.bincount(classes) / classes.size
        return self

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:  # noqa: N803
        """Return (rows, classes) probabilities, in the order of `classes_`."""
        check_is_fitted(self)
        matrix = validate_data(self, X, dtype=np.float64, reset=False)
        return self.predict_proba_of_rules()[self.deciding(matrix)]

    def predict_proba_of_rules(self) -> NDArray[np.float64]:
        """Return (rules, classes) probabilities that each rule of the list gives."""
        shares = [(one.decides + PRIOR_ROWS * self.prior_) / (one.decides.sum() + PRIOR_ROWS) for one in self.rules_]
        return np.array(shares, np.float64)

    def predict(self, X: NDArray[np.float64]) -> NDArray[Any]:  # noqa: N803
        """Return the most probable class of each row."""
        found: NDArray[Any] = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[found])

    def deciding(self, matrix: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the place in `rules_` of the rule that decides each row."""
        first: NDArray[np.intp] = np.stack([rule.met(matrix) for rule in self.rules_]).argmax(axis=0)
        return first


def _cuts(values: NDArray[np.float64], classes: NDArray[np.intp]) -> tuple[list[float], bool]:
    """Return the cuts of a column, and whether they alone tell the classes apart."""
    cuts = supervised_cuts(values, classes)
    if cuts:
        return cuts, True
    different = np.unique(values)
    if different.size <= TWO_VALUES:
        lower = different[:-1]
    else:
        lower = np.unique(np.quantile(values, THIRDS, method="inverted_cdf"))
        lower = lower[lower < different[-1]]
    upper = different[np.searchsorted(different, lower, side="right")]
    return (lower / 2 + upper / 2).tolist(), False


def _items(matrix: NDArray[np.float64], classes: NDArray[np.intp]) -> Iterator[tuple[Condition, bool]]:
    """Yield the levels of every column and what is above and below each cut, and whether the cuts alone tell."""
    for column in range(matrix.shape[1]):
        cuts, tell = _cuts(matrix[:, column], classes)
        if cuts:
            ends = [-np.inf, *cuts, np.inf]
            levels = set(pairwise(ends))
            sides = {(-np.inf, cut) for cut in cuts} | {(cut, np.inf) for cut in cuts}
            yield from ((Condition(column, low, high), tell) for low, high in sorted(levels | sides))


@dataclass(frozen=True, eq=False)
class _Candidate:
    items: tuple[Condition, ...]
    counts: NDArray[np.int64]

    @property
    def confidence(self) -> float:
        return float(self.counts.max() / self.counts.sum())


def _candidates(
    matrix: NDArray[np.float64],
    classes: NDArray[np.intp],
    items: Sequence[tuple[Condition, bool]],
    asked: RuleListClassifier,
) -> Iterator[_Candidate]:
    """Yield every combination of items that enough rows meet, of which no part is as confident and no item is idle.

    An item is idle if its column does not tell alone and it does not tell among the rows that meet the others.
    """
    if not items:
        return
    met = np.stack([item.met(matrix) for item, _ in items], axis=1)
    columns = np.array([item.column for item, _ in items])
    members = np.eye(int(classes.max()) + 1, dtype=np.float32)[classes]
    least = least_rows(asked.min_support, len(matrix))
    counted: dict[Places, NDArray[np.int64]] = {(): np.bincount(classes)}
    best: dict[Places, NDArray[np.float64]] = {(): np.zeros(members.shape[1])}
    level: list[tuple[Places, NDArray[np.bool_]]] = [((), np.ones(len(matrix), bool))]
    for length in range(1, asked.max_length + 1):
        longer = []
        for places, rows in level:
            after = np.flatnonzero(columns > (columns[places[-1]] if places else -1))
            counts = np.rint(met[rows][:, after].T.astype(np.float32) @ members[rows]).astype(np.int64)
            enough = counts.sum(axis=1) >= least
            for place, own in zip(after[enough].tolist(), counts[enough], strict=True):
                chosen = (*places, place)
                parts = _without_one(chosen)
                reached = np.max([best[part] for part in parts], axis=0)
                shares = own / own.sum()
                rests = [counted[part] for part, one in zip(parts, chosen, strict=True) if not items[one][1]]
                if shares.max() > reached[shares.argmax()] and all(
                    worth_telling(rest, own, len(items)) for rest in rests
                ):
                    yield _Candidate(tuple(items[one][0] for one in chosen), own)
                if length < asked.max_length:
                    counted[chosen] = own
                    best[chosen] = np.maximum(shares, reached)
                    longer.append((chosen, rows & met[:, place]))
        level = longer


def _without_one(places: Places) -> list[Places]:
    """Return the places without the first of them, without the second, ..."""
    return [places[:gone] + places[gone + 1 :] for gone in range(len(places))]


def _ordered(candidates: Iterator[_Candidate], classes: int) -> list[_Candidate]:
    """Return the candidates that are right more often than chance, by confidence, rows that are right, and length."""
    better = [one for one in candidates if one.confidence > 1 / classes]
    return sorted(better, key=lambda one: (-one.confidence, -int(one.counts.max()), len(one.items), one.items))


def _kept(
    matrix: NDArray[np.float64], classes: NDArray[np.intp], found: Sequence[_Candidate], least: int
) -> Iterator[ListedRule]:
    """Yield, in order, the rules that are right for enough of the rows that those before leave, and the rest last."""
    number = int(classes.max()) + 1
    left = np.ones(len(matrix), bool)
    for candidate in found:
        if np.count_nonzero(left) < least:
            break
        rule = ListedRule(candidate.items, candidate.counts, np.zeros(number, np.int64))
        met = rule.met(matrix)
        decided = np.bincount(classes[left & met], minlength=number)
        if decided[candidate.counts.argmax()] >= least:
            left &= ~met
            yield ListedRule(candidate.items, candidate.counts, decided)
    yield _rest(np.bincount(classes[left], minlength=number))


def _shortest(kept: Sequence[ListedRule], classes: NDArray[np.intp]) -> list[ListedRule]:
    """Return the beginning of a list that makes the fewest errors, with all other rows in a last entry."""
    whole = np.bincount(classes)
    decided = np.array([rule.decides for rule in kept[:-1]], np.int64).reshape(-1, whole.size)
    wrong = np.append(0, np.cumsum(decided.sum(axis=1) - decided.max(axis=1)))
    rest = whole - np.vstack([np.zeros_like(whole), np.cumsum(decided, axis=0)])
    length = int(np.argmin(wrong + rest.sum(axis=1) - rest.max(axis=1)))
    return [*kept[:length], _rest(rest[length])]


def _rest(counts: NDArray[np.int64]) -> ListedRule:
    """Return the last entry of a list, for the rows that no rule decides."""
    return ListedRule((), counts, counts)
