"""A filter turned by right angles: IBSI-2's approximate invariance to rotation."""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations, product
from math import fsum, prod
from typing import TYPE_CHECKING, Literal

from tasks.methods.radiomics.filters.separable import ONE, Part, Row, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

Rotations = Literal["none", "max", "mean"]
"""Which response counts of a filter and its turns by right angles: its own, the greatest or the mean."""


def parts_of(rows: tuple[Row, ...], rotations: Rotations) -> tuple[Part, ...]:
    """Return the parts of a filter that is given by its rows along (x, y), or (x, y, z)."""
    if rotations == "max":
        return _distinct(_turned(rows))
    return (Part(tuple(_averaged(_turned(rows)) if rotations == "mean" else [_term(rows)])),)


def _turned(rows: tuple[Row, ...]) -> list[Term]:
    """Return a filter in all its proper rotations by right angles: 4 in a plane, 24 in a volume."""
    axes = range(len(rows))
    return [
        _term(tuple(rows[axis][::sign] for axis, sign in zip(order, signs, strict=True)))
        for order in permutations(axes)
        for signs in product((1, -1), repeat=len(rows))
        if prod(signs) == _parity(order)
    ]


def _parity(order: Sequence[int]) -> int:
    swaps = sum(order[i] > order[j] for j in range(len(order)) for i in range(j))
    return -1 if swaps % 2 else 1


def _term(rows: tuple[Row, ...]) -> Term:
    x, y, z = (*rows, ONE)[:3]
    return x, y, z


def _averaged(turns: list[Term]) -> list[Term]:
    """Return the mean of some terms as few terms: those that differ along one axis only become one.

    Of the 24 turns of a wavelet 3 terms are left, or 1 when its letters are equal.
    """
    terms: list[Term] = [(tuple(value / len(turns) for value in x), y, z) for x, y, z in turns]
    for axis in range(3):
        alike: dict[tuple[Row, ...], list[Row]] = defaultdict(list)
        for term in terms:
            alike[term[:axis] + term[axis + 1 :]].append(term[axis])
        terms = [_term((*rest[:axis], _sum(rows), *rest[axis:])) for rest, rows in alike.items()]
    return terms


def _sum(rows: list[Row]) -> Row:
    """Return the sum of rows of one length, exact to the last digit so that it has no order."""
    return tuple(fsum(values) for values in zip(*rows, strict=True))


def _distinct(turns: list[Term]) -> tuple[Part, ...]:
    """Return each different term once; terms that differ in sign only are one part of either sign."""
    signs: dict[Term, set[int]] = defaultdict(set)
    for x, y, z in turns:
        signs[_unsigned(x), _unsigned(y), _unsigned(z)].add(_sign(x) * _sign(y) * _sign(z))
    return tuple(
        Part(((tuple(value * min(found) for value in x), y, z),) if len(found) == 1 else ((x, y, z),), len(found) > 1)
        for (x, y, z), found in signs.items()
    )


def _sign(row: Row) -> int:
    """Return the sign of the first number that is not 0."""
    return -1 if next((value for value in row if value), 0.0) < 0 else 1


def _unsigned(row: Row) -> Row:
    return tuple(value * _sign(row) + 0.0 for value in row)
