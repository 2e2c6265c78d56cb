"""What a study saw in a column, for those who apply its rules: values and where most numbers lie, of no one patient."""

from __future__ import annotations

from collections import Counter
from math import ceil, floor, log10
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.asked_numbers import asked_numbers
from tasks.methods.rules.items import Value, category_texts, is_number, number_text, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from tasks.methods.rules.condition import Condition, PortableRule

BEYOND = 0.05
"""Share of the patients who lie below where most numbers are said to lie, and above; never fewer than may be told."""
FEWEST_TIMES = 4
"""With fewer patients than so many times those left out on a side, nothing is told."""
STRANGE = 0.9
"""Where so large a share of a table's numbers lies outside, the unit is asked about."""
NAMED = 8
"""Values that a sentence names."""


class ColumnSeen(Value):
    """Tell what was seen in a column."""

    values: tuple[str, ...] | None = None
    """Values of as many patients as may be told; None for numbers."""
    low: float | None = None
    """Most numbers are at least this; None for categories, and for few patients."""
    high: float | None = None
    """Most numbers are at most this."""


def column_seen(series: pd.Series, smallest: int) -> ColumnSeen:
    """Return what may be told of a column: no value of fewer than `smallest` patients, no smallest or largest number.

    The ends of where most numbers lie leave out a twentieth of the patients on each side, at least `smallest`, and are
    rounded outwards to one digit, of themselves or of the width.
    """
    if not is_number(series):
        counts = Counter(text for text in category_texts(series) if text is not None)
        return ColumnSeen(values=tuple(sorted(text for text, rows in counts.items() if rows >= smallest)))
    own = np.sort(numbers(series))
    own = own[np.isfinite(own)]
    left_out = max(smallest, ceil(BEYOND * own.size))
    if own.size < FEWEST_TIMES * left_out:
        return ColumnSeen()
    low, high = float(own[left_out - 1]), float(own[-left_out])
    steps = [_step(high - low)]
    lows = [floor(low / step) * step for step in (*steps, _step(low)) if step]
    highs = [ceil(high / step) * step for step in (*steps, _step(high)) if step]
    return ColumnSeen(low=_short(max(lows, default=low)), high=_short(min(highs, default=high)))


def unfamiliar(rules: Iterable[PortableRule], table: pd.DataFrame) -> list[str]:
    """Return a sentence for each column of a table that holds what the rules' study had not, or in another unit.

    Raises
    ------
    BadData
        If a column of numbers holds something else.
    """
    asked = [condition for rule in rules for condition in (*rule.antecedent, *rule.consequent)]
    columns: dict[str, list[Condition]] = {}
    for condition in asked:
        if condition.column in table:
            columns.setdefault(condition.column, []).append(condition)
    found = (
        _other_numbers(several[0], table[name]) if several[0].is_range else _other_values(several, table[name])
        for name, several in columns.items()
    )
    return [sentence for sentence in found if sentence is not None]


def _other_values(conditions: Sequence[Condition], series: pd.Series) -> str | None:
    column, known = conditions[0].column, conditions[0].known
    held = {text for text in category_texts(series) if text is not None}
    if known is None:
        asked = {text for one in conditions for text in (one.equals, one.differs) if text is not None}
        if not held or asked & held:
            return None
        return (
            f"{column!r} holds {_some(held)} and never {_some(asked)}, which the rules ask for. What it holds counts "
            "as another value: if it is the same in other words, write it as the study did."
        )
    strange = held - set(known)
    if not strange:
        return None
    return (
        f"{column!r} holds {_some(strange)}; the study knew {_some(known)}. In these rows what asks for this column "
        "cannot be told: if it is the same in other words, write it as the study did."
    )


def _other_numbers(condition: Condition, series: pd.Series) -> str | None:
    low, high = condition.usual_low, condition.usual_high
    values = asked_numbers(condition.column, series)
    values = values[~np.isnan(values)]
    if low is None or high is None or not values.size:
        return None
    outside = int(np.count_nonzero((values < low) | (values > high)))
    if outside < STRANGE * values.size:
        return None
    unit = f" {condition.unit}" if condition.unit else ""
    return (
        f"{condition.column!r}: {outside} of {values.size} numbers lie outside {number_text(low)} to "
        f"{number_text(high)}{unit}, where most of the study's lie. Give them in the study's unit and by its method of "
        "measurement; if they are, the rules were found in other patients than these."
    )


def _some(texts: Iterable[str]) -> str:
    ordered = sorted(texts)
    more = f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
    return ", ".join(map(repr, ordered[:NAMED])) + more


def _step(size: float) -> float:
    """Return the place of a number's first digit, 0 of 0."""
    return 0.0 if size == 0 else float(10.0 ** floor(log10(abs(size))))


def _short(number: float) -> float:
    return float(f"{number:.12g}") + 0.0
