"""A fitted list of rules in words: the conditions in the columns' own units, with the training rows of each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.learning.cohort import MISSING
from tasks.methods.learning.evaluation import Record
from tasks.methods.rules.items import ColumnLabel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sklearn.pipeline import Pipeline

    from tasks.methods.learning.estimators.preparation import Prepare
    from tasks.methods.learning.estimators.rule_list_classifier import Condition, ListedRule

DIGITS = 4
"""Digits of a cut-off in words; the model keeps them all."""


class RuleInWords(Record):
    """Tell one rule of a list, with the training rows that it applies to and those that it decides."""

    conditions: tuple[str, ...]
    """All are asked for; none in the last entry, which is for all other rows."""
    applies: int
    """Training rows that meet the conditions."""
    applies_events: int
    """Those among them with the event."""
    decides: int
    """Training rows that meet them and none of the rules above."""
    decides_events: int
    """Those among them with the event."""
    probability: float
    """Probability of the event that the rule gives."""

    @property
    def claim(self) -> str:
        """Return when the rule applies."""
        return f"If {' and '.join(self.conditions)}" if self.conditions else "Otherwise"


class RuleListInWords(Record):
    """Tell a list of rules: the first that applies to a row gives its probability."""

    rules: tuple[RuleInWords, ...]
    """The rules in order; the last is for all other rows."""

    @property
    def rows(self) -> int:
        """Return the number of training rows."""
        return sum(rule.decides for rule in self.rules)


def rule_list_in_words(pipeline: Pipeline, columns: Mapping[str, ColumnLabel]) -> RuleListInWords:
    """Return the list of a fitted `RuleListLearner`'s pipeline in the words and units of its columns.

    A column without words goes by its name. Where scanners were harmonised, cut-offs are of harmonised values.
    """
    prepare, chosen = pipeline.named_steps["prepare"], pipeline.named_steps["select"].chosen_
    listed = pipeline.named_steps["classify"]
    shares = listed.predict_proba_of_rules()[:, 1]
    return RuleListInWords(
        rules=tuple(
            _rule(rule, float(share), prepare, chosen.tolist(), columns)
            for rule, share in zip(listed.rules_, shares, strict=True)
        )
    )


def _rule(
    rule: ListedRule, probability: float, prepare: Prepare, chosen: list[int], columns: Mapping[str, ColumnLabel]
) -> RuleInWords:
    conditions = tuple(_clause(condition, prepare, chosen[condition.column], columns) for condition in rule.conditions)
    return RuleInWords(
        conditions=conditions,
        applies=int(rule.applies.sum()),
        applies_events=int(rule.applies[1]),
        decides=int(rule.decides.sum()),
        decides_events=int(rule.decides[1]),
        probability=probability,
    )


def _clause(condition: Condition, prepare: Prepare, encoded: int, columns: Mapping[str, ColumnLabel]) -> str:
    """Return a condition on an encoded column in the words of the column of the table."""
    name = prepare.sources_[encoded]
    label = columns.get(name, ColumnLabel(label=name))
    numbers = len(prepare.columns_.numeric)
    if encoded < numbers:
        return _range(condition, prepare, encoded, label)
    is_so = np.isfinite(condition.low)
    place = encoded - (len(prepare.sources_) - sum(map(len, _categories(prepare))))
    if place < 0:
        return f"{label.label} is {'not ' if is_so else ''}known"
    category = np.concatenate(_categories(prepare))[place]
    if category == MISSING:
        return f"{label.label} is {'not ' if is_so else ''}known"
    return f"{label.label} is {'' if is_so else 'not '}{category}"


def _categories(prepare: Prepare) -> list[np.ndarray]:
    return list(prepare.categorical_.categories_) if prepare.columns_.categorical else []


def _range(condition: Condition, prepare: Prepare, column: int, label: ColumnLabel) -> str:
    """Return a condition on a scaled column in its own unit."""
    scale = prepare.numeric_.named_steps["scale"]
    low, high = (
        f"{end * scale.scale_[column] + scale.mean_[column]:.{DIGITS}g}" for end in (condition.low, condition.high)
    )
    unit = f" {label.unit}" if label.unit and label.unit != "1" else ""
    if np.isinf(condition.low):
        return f"{label.label} is at most {high}{unit}"
    if np.isinf(condition.high):
        return f"{label.label} is above {low}{unit}"
    return f"{label.label} is above {low} and at most {high}{unit}"
