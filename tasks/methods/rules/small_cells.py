"""What may be shown of counts of few patients, and of the numbers that would give them away."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import count, product
from math import isfinite
from typing import TYPE_CHECKING

from tasks.methods.rules.items import Value
from tasks.methods.rules.rule import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LEVELS = (0.001, 0.01, 0.05)
"""Between these a p-value is told only by the interval that it lies in, where its digits would tell a hidden count."""


class Span(Value):
    """Be a number that is told exactly (both ends are equal) or only by where it lies."""

    low: float | None
    """Lower end; None where the number does not exist."""
    high: float | None
    """Upper end; None where there is none."""

    @property
    def exact(self) -> bool:
        """Return whether the number itself is told."""
        return self.low is not None and self.low == self.high


NOTHING = Span(low=None, high=None)
"""A number that does not exist."""


@dataclass(frozen=True)
class Cells:
    """Be all tables of counts that a reader has to hold for possible: one, unless a count is hidden.

    A count of patients is hidden where it is above 0 and below `smallest`; 0 is shown. A reader who knows
    the rule of hiding knows the hidden count's range, so that every number made of it is given as the range
    that it has over the whole of that.
    """

    possible: tuple[tuple[int, ...], ...]

    @cached_property
    def counts(self) -> tuple[Counts, ...]:
        """Return all tables as the counts of a rule: both, antecedent only, consequent only, neither."""
        return tuple(Counts(a=a, b=b, c=c, d=d) for a, b, c, d in self.possible)

    @classmethod
    def of(cls, counts: Sequence[int], smallest: int) -> Cells:
        """Return what a reader may hold for possible of some counts."""
        hidden = range(1, smallest)
        return cls(tuple(product(*(hidden if count in hidden else (count,) for count in counts))))

    @property
    def hidden(self) -> bool:
        """Return whether a count is hidden."""
        return len(self.possible) > 1

    def span(self, number: Callable[[tuple[int, ...]], float | None]) -> Span:
        """Return what may be told of a number that is made of the counts."""
        return spanned(number(cells) for cells in self.possible)

    def measure(self, number: Callable[[Counts], float | None]) -> Span:
        """Return what may be told of a number made of the four counts of a rule."""
        return spanned(map(number, self.counts))

    def interval(self, ends: Callable[[Counts], tuple[float, float]]) -> Span:
        """Return the interval that holds those of all tables that are possible."""
        each = list(map(ends, self.counts))
        return Span(low=min(low for low, _ in each), high=_finite(max(high for _, high in each)))


def spanned(numbers: Iterable[float | None]) -> Span:
    """Return where some numbers lie; those that do not exist are left out."""
    held = [number for number in numbers if number is not None]
    return Span(low=_finite(min(held)), high=_finite(max(held))) if held else NOTHING


def shown_p(p: float | None, *, hidden: bool) -> Span:
    """Return what may be told of a p-value: beside a hidden count, between which of `LEVELS` it lies."""
    if p is None:
        return NOTHING
    if not hidden:
        return Span(low=p, high=p)
    ends = (0.0, *LEVELS, 1.0)
    place = next(place for place, high in enumerate(ends[1:]) if p <= high)
    return Span(low=ends[place], high=ends[place + 1])


def told_lists(lists: Iterable[tuple[str, ...]], smallest: int) -> frozenset[tuple[str, ...]]:
    """Return the lists of patients that may be told, each beside those that come before it.

    Hidden are lists of 1 to `smallest` - 1 patients, and those with which some of their patients could be told from
    all but fewer than `smallest` - 1 others: whoever is of a hidden list is in the same lists that are told as at
    least so many (k-anonymity: Sweeney, Int J Uncertainty Fuzziness Knowl-Based Syst 2002;10:557). So nothing that
    lists have in common, or not, or together, finds fewer.
    """
    given = list(dict.fromkeys(lists))
    few = {patient for one in given if 0 < len(one) < smallest for patient in one}
    told: set[tuple[str, ...]] = set()
    numbers, nobody = count(1), 0
    groups: dict[str, int] = {}
    """Patients who are in the same told lists have one number."""
    for one in given:
        if 0 < len(one) < smallest:
            continue
        moved: dict[int, int] = defaultdict(lambda: next(numbers))
        parts = groups | {patient: moved[groups.get(patient, nobody)] for patient in one}
        sizes = Counter(parts.values())
        if all(sizes[parts[patient]] >= smallest for patient in few if patient in parts):
            groups = parts
            told.add(one)
    return frozenset(told)


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None
