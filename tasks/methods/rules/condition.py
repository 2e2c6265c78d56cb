"""Rules that others can apply: conditions on the columns of a table, each true, false or not known in a row."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, model_validator

from data_catalog.errors import BadData
from tasks.methods.cell_text import CellText
from tasks.methods.rules.asked_numbers import asked_numbers
from tasks.methods.rules.items import Value, category_texts
from tasks.methods.rules.seen import ColumnSeen
from tasks.methods.rules.shown import ShownCard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.rules.items import Item

State = Literal["holds", "fails", "applies", "does not apply", "cannot be told"]
"""What a rule is to a patient: it applies and holds, applies and fails, applies while it is not known whether it holds,
does not apply, or it is not known whether it applies."""
UNKNOWN = -1
"""Stands for what is neither true (1) nor false (0)."""


class Condition(Value):
    """Ask one thing of one column: that a number lies above one end and at or below another, or a value."""

    column: str
    """Name of the column, as the table has it."""
    words: str
    """The condition as a person would say it."""
    low: float | None = None
    """The number is above this."""
    high: float | None = None
    """The number is at most this."""
    equals: CellText | None = None
    """The value, as text: `yes` and `no` for truth values, a whole number without a point."""
    differs: CellText | None = None
    """Any other value than this."""
    known: tuple[str, ...] | None = None
    """Values that the study had and may tell: of any other it is not known what it is. None where any may come."""
    unit: str = ""
    """Unit of the number, where the study knew it."""
    usual_low: float | None = None
    """Most of the study's numbers are at least this; None where that is not told."""
    usual_high: float | None = None
    """Most of the study's numbers are at most this."""

    @model_validator(mode="after")
    def _check(self) -> Condition:
        asked = [self.low is not None or self.high is not None, self.equals is not None, self.differs is not None]
        if sum(asked) != 1:
            raise ValueError(f"A condition asks for a range, a value or another value: {self.column!r} asks otherwise.")
        if self.known is not None and self.equals is not None and self.equals not in self.known:
            raise ValueError(f"A value asked for is among those known: {self.equals!r} of {self.column!r} is not.")
        return self

    @property
    def is_range(self) -> bool:
        """Return whether it asks for a number."""
        return self.low is not None or self.high is not None

    def truth(self, series: pd.Series) -> NDArray[np.int8]:
        """Return (rows,) 1 where the condition is true, 0 where false, -1 where the cell is not known.

        A cell is not known if it is missing, or holds a value that is not among those `known`.

        Raises
        ------
        BadData
            If a number is asked for and the column holds something else.
        """
        if self.is_range:
            values = asked_numbers(self.column, series)
            low = -np.inf if self.low is None else self.low
            high = np.inf if self.high is None else self.high
            return np.where(np.isnan(values), UNKNOWN, (values > low) & (values <= high)).astype(np.int8)
        texts = category_texts(series)
        return np.array([self._is(text) for text in texts], np.int8)

    def _is(self, text: str | None) -> int:
        if text is None or (self.known is not None and text not in self.known):
            return UNKNOWN
        return text == self.equals if self.equals is not None else text != self.differs


class PortableRule(Value):
    """Be a rule that others can apply to a table of their own, and what it was worth where it was found."""

    number: str
    """What its card is called."""
    sentence: str
    """The rule in words, with the counts that may be told."""
    status: str
    """`claimed`, `echo` or `not significant`."""
    antecedent: tuple[Condition, ...] = Field(min_length=1)
    """It applies to patients of whom all of these are true,"""
    consequent: tuple[Condition, ...] = Field(min_length=1)
    """and holds if these are, too."""
    card: ShownCard | None = None
    """Its counts and measures, without any patient."""


class PortableRules(Value):
    """Be the rules of a study for others: no patient is in them."""

    format: Literal[1] = 1
    """Number of this way of writing rules; a reader refuses others."""
    study: str
    version: str
    """Version of voxmine that found them."""
    rules: tuple[PortableRule, ...]


class OutcomeColumn(Value):
    """Say how the outcome stands in the clinical table, where its items speak of a column of the study's own."""

    inside: str
    """Column of the study."""
    column: str
    """Column of the clinical table."""
    positive: CellText
    """Value that is the event."""
    negative: CellText | None = None
    """Value that is not; None for every other."""


def portable(
    cards: Sequence[ShownCard],
    study: str,
    version: str,
    outcome: OutcomeColumn | None,
    seen: Mapping[str, ColumnSeen] | None = None,
) -> PortableRules:
    """Return the rules of some cards for others; orders of events and subgroups say nothing that a row could hold.

    `seen` is what may be told of the study's columns, by their names there.
    """
    asked = _with_levels(
        {} if seen is None else seen, [item for one in cards for item in one.antecedent + one.consequent]
    )
    return PortableRules(
        study=study,
        version=version,
        rules=tuple(
            PortableRule(
                number=card.number,
                sentence=card.sentence,
                status=card.status,
                antecedent=tuple(_condition(item, outcome, asked) for item in card.antecedent),
                consequent=tuple(_condition(item, outcome, asked) for item in card.consequent),
                card=card.model_copy(update={"supporting": None, "contradicting": None}),
            )
            for card in cards
            if card.antecedent and card.consequent
        ),
    )


def apply_rules(rules: Sequence[PortableRule], table: pd.DataFrame) -> list[list[State]]:
    """Return for each rule and each row what the rule is to the patient.

    A rule applies if all its conditions are true, and does not if one is false, whatever is known of the
    others (Kleene's strong logic; Introduction to metamathematics, 1952, p. 334). A column that the
    consequent speaks of may be missing: then it is not known yet whether the rule holds.

    Raises
    ------
    BadData
        If the table lacks a column that an antecedent speaks of, or a column of numbers holds something else.
    """
    _require_columns(rules, table)
    return [_states(rule, table) for rule in rules]


def truth_of(conditions: Sequence[Condition], table: pd.DataFrame) -> NDArray[np.int8]:
    """Return (rows,) whether all conditions are true: 1, 0, or -1 where that is not known; a missing column is not."""
    truths = np.stack([_truth(one, table) for one in conditions])
    known = np.where((truths == UNKNOWN).any(axis=0), UNKNOWN, 1)
    return np.where((truths == 0).any(axis=0), 0, known).astype(np.int8)


def _states(rule: PortableRule, table: pd.DataFrame) -> list[State]:
    applies, holds = truth_of(rule.antecedent, table).tolist(), truth_of(rule.consequent, table).tolist()
    return [_state(one, other) for one, other in zip(applies, holds, strict=True)]


def _state(applies: int, holds: int) -> State:
    if applies == UNKNOWN:
        return "cannot be told"
    if not applies:
        return "does not apply"
    return "applies" if holds == UNKNOWN else "holds" if holds else "fails"


def _truth(condition: Condition, table: pd.DataFrame) -> NDArray[np.int8]:
    if condition.column not in table:
        return np.full(len(table), UNKNOWN, np.int8)
    return condition.truth(table[condition.column])


def _require_columns(rules: Sequence[PortableRule], table: pd.DataFrame) -> None:
    asked = {condition.column for rule in rules for condition in rule.antecedent}
    lacking = sorted(asked - set(table.columns))
    if lacking:
        raise BadData(
            "missing_column",
            "The table has every column that the rules ask for",
            f"it lacks {', '.join(map(repr, lacking))}",
            "Name the columns as the study did, or choose rules that do not ask for them (--rule).",
        )


def _with_levels(seen: Mapping[str, ColumnSeen], items: Sequence[Item]) -> dict[str, ColumnSeen]:
    """Return what was seen in each column, with the values that the rules name, which are told anyway."""
    named: dict[str, set[str]] = defaultdict(set)
    for item in items:
        named[item.column].add(item.level)
    return {
        column: one
        if one.values is None
        else one.model_copy(update={"values": tuple(sorted({*one.values, *named[column]}))})
        for column, one in seen.items()
    }


def _condition(item: Item, outcome: OutcomeColumn | None, seen: Mapping[str, ColumnSeen]) -> Condition:
    if outcome is not None and item.column == outcome.inside:
        return _of_outcome(item, outcome)
    own = seen.get(item.column, ColumnSeen())
    if item.is_range:
        usual = {"usual_low": own.low, "usual_high": own.high, "unit": item.unit}
        return Condition(column=item.column, words=item.sentence, low=item.low, high=item.high, **usual)
    return Condition(column=item.column, words=item.sentence, equals=item.level, known=own.values)


def _of_outcome(item: Item, outcome: OutcomeColumn) -> Condition:
    if outcome.negative is not None:
        known = (outcome.positive, outcome.negative)
        return Condition(column=outcome.column, words=item.sentence, equals=item.level, known=known)
    if item.level == outcome.positive:
        return Condition(column=outcome.column, words=item.sentence, equals=item.level)
    return Condition(column=outcome.column, words=item.sentence, differs=outcome.positive)
