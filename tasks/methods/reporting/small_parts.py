"""Which counts of a partition are hidden: those of few, and so many more that no hidden one can be worked out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tasks.methods.reporting.words import NOTHING, fixed, part, spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.methods.reporting.parts import CategorySummary, CohortSummary, NumberSummary, Spread
    from tasks.methods.rules.items import Item
    from tasks.methods.rules.reading_rule import ReadingRuleSet
    from tasks.methods.rules.subgroup import SubgroupSet

ROUNDING = 1e-6
"""Counts of weighted cases that are no larger than this are none."""
SEVERAL = 2
"""Hidden counts of which no single one can be worked out from their sum."""
Key = tuple[str, str]


def hidden_parts(counts: Sequence[float], smallest: float) -> frozenset[int]:
    """Return the positions of the counts to hide, where the sum of all is known.

    Hidden are counts of fewer than `smallest`, but not none; beside a single one, or some that are still few together,
    the next smallest are hidden too.
    """
    hidden = {place for place, value in enumerate(counts) if _is_few(value, smallest)}
    others = sorted((value, place) for place, value in enumerate(counts) if value >= smallest)
    for _, place in others if hidden else ():
        if len(hidden) >= SEVERAL and sum(counts[one] for one in hidden) >= smallest:
            break
        hidden.add(place)
    return frozenset(hidden)


def class_counts(cohort: CohortSummary, smallest: int) -> tuple[str, str]:
    """Return how many rows have the event and how many have not, as far as that may be told."""
    event, other = _cells((cohort.events, cohort.others), smallest, shares=False)
    return event, other


def level_rows(column: CategorySummary, smallest: int) -> list[tuple[str, str, str]]:
    """Return each category with its rows with the event and those without, and their shares, as far as told."""
    events = _cells([one.event for one in column.levels], smallest)
    others = _cells([one.other for one in column.levels], smallest)
    return [(one.level, *cells) for one, cells in zip(column.levels, zip(events, others, strict=True), strict=True)]


def spread_cell(values: Spread, smallest: int) -> str:
    """Return a median and its quartiles; of few values they would be those of patients."""
    return NOTHING if _is_few(values.n, smallest) else spread(values.median, values.low, values.high)


def sort_key(values: Spread, smallest: int) -> float | None:
    """Return the median by which a table is sorted; None where it is hidden."""
    return None if _is_few(values.n, smallest) else values.median


def difference_cell(column: NumberSummary, smallest: int) -> str:
    """Return the standardised difference of a column, unless one side has few values."""
    few = any(_is_few(side.n, smallest) for side in (column.event, column.other))
    return NOTHING if few else fixed(column.difference)


def _cells(counts: Sequence[int], smallest: int, *, shares: bool = True) -> list[str]:
    hidden, whole = hidden_parts(counts, smallest), sum(counts) if shares else 0
    return [
        NOTHING if place in hidden and value >= smallest else part(value, whole, smallest)
        for place, value in enumerate(counts)
    ]


class Part(NamedTuple):
    """Be a row of a table of rules: whom it is of, and counts of those that add up.

    Parameters
    ----------
    items
        Column and level of each item.
    end
        Column and level that a rule ends in; two rows of different ends do not refine each other.
    cells
        Those with the items, with and without the end.
    everyone
        All of whom the items are known, with and without the end.
    """

    items: frozenset[Key]
    end: Key
    cells: tuple[float, ...]
    everyone: tuple[float, ...]

    def is_few(self, smallest: float) -> bool:
        """Return whether one of the counts, or of those without the items, is of few."""
        return _any_few(self.cells, self.everyone, smallest)


def hidden_rows(parts: Sequence[Part], smallest: float) -> frozenset[int]:
    """Return the positions of the rows to hide: those of few, and others from which these could be worked out.

    A row less its refinements by one column gives the one that is not told, and so do the ends of one antecedent. So
    the smallest of them is hidden, until one alone cannot be worked out and what is not told is not few.
    """
    hidden = {place for place, one in enumerate(parts) if one.is_few(smallest)}
    while (place := next(_giving_away(parts, hidden, smallest), None)) is not None:
        hidden.add(place)
    return frozenset(hidden)


def reading_parts(found: ReadingRuleSet) -> list[Part]:
    """Return the rules over readings as rows of counts."""
    return [
        Part(
            frozenset(map(_key, rule.antecedent)),
            _key(rule.consequent),
            (rule.both, rule.applies - rule.both),
            (rule.both + rule.otherwise_both, rule.applies + rule.otherwise - rule.both - rule.otherwise_both),
        )
        for rule in found.rules
    ]


def subgroup_parts(found: SubgroupSet) -> list[Part]:
    """Return subgroups as rows of counts: of those with the event and without, or of all."""
    parts = []
    for one in found.subgroups:
        inside, outside = (
            (side.patients,) if side.events is None else (side.events, side.patients - side.events)
            for side in (one.inside, one.outside)
        )
        everyone = tuple(here + there for here, there in zip(inside, outside, strict=True))
        parts.append(Part(frozenset(map(_key, one.items)), ("", ""), inside, everyone))
    return parts


def _giving_away(parts: Sequence[Part], hidden: set[int], smallest: float) -> Iterator[int]:
    """Yield rows that give away a hidden count together with others."""
    for whole, family in _refinements(parts, hidden):
        told = [place for place in family if place not in hidden]
        rest = _rest(whole, [parts[place].cells for place in told])
        untold = [parts[place] for place in family if place in hidden]
        is_alone = len(untold) == 1 and untold[0].is_few(smallest)
        if told and (is_alone or _any_few(rest, parts[told[0]].everyone, smallest)):
            yield min(told, key=lambda place: (sum(parts[place].cells), place))
    for family in _ends(parts):
        told = [place for place in family if place not in hidden]
        if len(told) >= SEVERAL:
            sides = [(one.cells[0], one.everyone[0] - one.cells[0]) for one in (parts[place] for place in told)]
            with_items, all_of_them = sum(parts[told[0]].cells), sum(parts[told[0]].everyone)
            rest = _rest((with_items, all_of_them - with_items), sides)
            if any(_is_few(value, smallest) for value in rest):
                yield min(told, key=lambda place: (parts[place].cells[0], place))


def _rest(whole: Sequence[float], parts: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(all_of_them - sum(told) for all_of_them, *told in zip(whole, *parts, strict=True))


def _refinements(parts: Sequence[Part], hidden: set[int]) -> Iterator[tuple[tuple[float, ...], list[int]]]:
    """Yield the counts of each row that is told, and of everyone, with its refinements by each column."""
    families: dict[tuple[frozenset[Key], Key, str], list[int]] = {}
    for place, one in enumerate(parts):
        for item in one.items:
            families.setdefault((one.items - {item}, one.end, item[0]), []).append(place)
    wholes = {(one.items, one.end): one.cells for place, one in enumerate(parts) if place not in hidden}
    for (items, end, _), family in families.items():
        whole = wholes.get((items, end)) if items else parts[family[0]].everyone
        if whole is not None:
            yield whole, family


def _ends(parts: Sequence[Part]) -> Iterator[list[int]]:
    """Yield the rows of one antecedent that end in levels of one column."""
    families: dict[tuple[frozenset[Key], str], list[int]] = {}
    for place, one in enumerate(parts):
        families.setdefault((one.items, one.end[0]), []).append(place)
    yield from families.values()


def _key(item: Item) -> Key:
    return item.column, item.level


def _any_few(cells: Sequence[float], everyone: Sequence[float], smallest: float) -> bool:
    others = [all_of_them - cell for all_of_them, cell in zip(everyone, cells, strict=True)]
    return any(_is_few(cell, smallest) for cell in (*cells, *others))


def _is_few(value: float, smallest: float) -> bool:
    return ROUNDING < value < smallest
