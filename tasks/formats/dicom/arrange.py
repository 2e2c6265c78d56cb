"""The order of slices: along the normal, and before it along time, echo and what else tells them apart."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from data_catalog.kinds import LEADING
from data_catalog.verdicts import Correction
from tasks.formats.dicom.places import places_of
from tasks.formats.dicom.telling import COUNTED, STATED

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from numpy.typing import NDArray

    from tasks.formats.dicom.slices import Slice
    from tasks.formats.dicom.telling import Key, Value

LISTED = 5


@dataclass
class Arrangement:
    """Say which slices to take in which order.

    Parameters
    ----------
    order : ndarray
        Indices of the slices, (..., z): before z, the axes named in `leading`.
    leading : tuple of str
        Axes before z, in the order of `LEADING`.
    steps : dict
        For each of these, what the slices of each step tell: the keys and the values.
    corrections : list of Correction
        What a reader should know: copies left out.
    """

    order: NDArray[np.int64]
    leading: tuple[str, ...] = ()
    steps: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    corrections: list[Correction] = field(default_factory=list)


@dataclass
class _Told:
    """What tells the slices apart so far; `alive` are those that are no copies."""

    slices: Sequence[Slice]
    places: NDArray[np.int64]
    alive: list[int]
    values: Callable[[int], Hashable]
    keys: list[tuple[Key, dict[int, Value]]] = field(default_factory=list)

    def label(self, index: int) -> tuple[Value, ...]:
        return tuple(values[index] for _, values in self.keys)

    def ties(self) -> list[list[int]]:
        """Return the slices by position and label, in the order of the positions."""
        groups: dict[tuple[int, tuple[Value, ...]], list[int]] = defaultdict(list)
        for index in self.alive:
            groups[int(self.places[index]), self.label(index)].append(index)
        return [group for _, group in sorted(groups.items(), key=lambda item: item[0][0])]

    @property
    def is_done(self) -> bool:
        if not self.keys:
            return len(np.unique(self.places[self.alive])) == len(self.alive)
        return all(len(group) == 1 for group in self.ties())


def arrange(slices: Sequence[Slice], values: Callable[[int], Hashable]) -> Arrangement:
    """Return the order of parallel slices.

    `values(i)` stands for the values of a slice: it is equal for copies only. It is asked once, and of slices that lie
    at one position only.

    Raises `BadData`: `unknown_position`, `uneven_slices`, `conflicting_slices`, `incomplete_series`.
    """
    told = _Told(slices, places_of([one.plane for one in slices]), list(range(len(slices))), cache(values))
    dropped = 0 if told.is_done else _told_apart(told)
    found = _ordered(told)
    if dropped:
        text = f"{dropped} slices stored twice were read once"
        found.corrections.append(Correction(name="duplicate_slices", text=text))
    return found


def _told_apart(told: _Told) -> int:
    """Find out what tells slices at one position apart, and leave out copies; return how many these were."""
    for key in STATED:
        _tell(told, key)
    dropped = 0 if told.is_done else _drop_copies(told)
    for key in COUNTED:
        _tell(told, key)
    if not told.is_done:
        raise _conflicting(told)
    return dropped


def _tell(told: _Told, key: Key) -> None:
    """Take up what tells slices apart that lie at one position, if it does."""
    ties = [group for group in told.ties() if len(group) > 1]
    if not ties:
        return
    values = dict(enumerate(key.values(told.slices)))
    if all(len({values[index] for index in group}) == 1 for group in ties):
        return
    if key.is_exact and not (key.may_rank and _differs_by_place(told, values)):
        told.keys.append((key, values))
        return
    ranks = _ranks(told.ties(), values, may_be_equal=key.is_exact)
    if ranks is not None and (key.names != ("number",) or _counts_in_turn(told, values, ranks)):
        told.keys.append((key, ranks))
    elif ranks is None and key.is_sure:
        told.keys.append((key, values))


def _differs_by_place(told: _Told, values: dict[int, Value]) -> bool:
    """Say whether the positions do not all have the same values."""
    held: dict[int, set[Value]] = defaultdict(set)
    for index in told.alive:
        held[int(told.places[index])].add(values[index])
    return len({frozenset(one) for one in held.values()}) > 1


def _ranks(ties: Sequence[list[int]], values: dict[int, Value], *, may_be_equal: bool) -> dict[int, Value] | None:
    """Return the rank of each slice's value among those it ties with; None unless all groups have as many of each.

    What is counted must differ within a group; what is stated may be equal there, and tell only some apart.
    """
    ranks: dict[int, Value] = {}
    found = set()
    for group in ties:
        held = sorted({values[index] for index in group})
        if len(held) < len(group) and not may_be_equal:
            return None
        place = {value: (float(rank),) for rank, value in enumerate(held)}
        ranks.update((index, place[values[index]]) for index in group)
        found.add(tuple(sorted(ranks[index] for index in group)))
    return ranks if len(found) == 1 else None


def _counts_in_turn(told: _Told, values: dict[int, Value], ranks: dict[int, Value]) -> bool:
    """Say whether the numbers of images go through step by step, or through position by position."""
    in_turn = sorted(told.alive, key=values.__getitem__)
    by_step = [ranks[index][0] for index in in_turn]
    by_place = [int(told.places[index]) for index in in_turn]
    changes = sum(a != b for a, b in pairwise(by_place))
    return by_step == sorted(by_step) or changes + 1 == len(set(by_place))


def _drop_copies(told: _Told) -> int:
    """Leave out slices that equal another at their position in all they state; return how many these were.

    Where all positions have as many, the one in the middle decides whether they are copies or points in time.
    """
    ties = told.ties()
    middle = ties[len(ties) // 2]
    if len({len(group) for group in ties}) == 1 and len(set(map(told.values, middle))) > 1:
        return 0
    left = [_each_once(told, group) for group in ties]
    if len({len(group) for group in left}) > 1:
        # Some equal by chance: outside the body all points in time are alike.
        return 0
    dropped = len(told.alive) - sum(map(len, left))
    told.alive = sorted(index for group in left for index in group)
    return dropped


def _each_once(told: _Told, group: Sequence[int]) -> list[int]:
    """Return slices of one position without those that equal one before."""
    first: dict[Hashable, int] = {}
    for index in group:
        first.setdefault(told.values(index), index)
    return list(first.values())


def _conflicting(told: _Told) -> BadData:
    """Return the refusal of slices that nothing tells apart; copies of a slice do not count."""
    ties = [_each_once(told, group) for group in told.ties()]
    held = sum(map(len, ties))
    extra = held - len(ties)
    several = sum(len(group) > 1 for group in ties)
    if 2 * several > len(ties) and len({len(group) for group in ties}) > 1:
        most = max(len(group) for group in ties)
        return incomplete(f"{most * len(ties) - held} of {most * len(ties)} slices are missing")
    places = len(set(told.places.tolist()))
    copies = len(told.alive) - held
    beside = f" beside {copies} copies" if copies else ""
    return BadData(
        "conflicting_slices",
        "A series has one slice at each position, or states what sets them apart",
        f"{held} slices{beside} lie at {places} positions, {extra} of them with other values",
        "Read each time, echo or b-value as a series of its own.",
    )


def incomplete(came: str) -> BadData:
    """Return the refusal of a series of which some step lacks slices."""
    return BadData(
        "incomplete_series",
        "Each time, echo or b-value of a series has a slice at each position",
        came,
        "Fetch the missing slices from the archive, or leave the series out.",
    )


def _ordered(told: _Told) -> Arrangement:
    """Return the order: along an axis each where all combinations are there, else along one for all."""
    count = len(set(told.places.tolist()))
    axes: dict[str, list[int]] = {}
    for k, (key, _) in enumerate(told.keys):
        axes.setdefault(key.axis, []).append(k)
    levels = {axis: _levels(told, axis, keys) for axis, keys in axes.items()}
    combinations = int(np.prod([len(one) for one in levels.values()], dtype=np.int64))
    if len(told.alive) != count * combinations and axes:
        # Not all combinations were taken: they stand along the b-values, or the axis with the most steps.
        main = "b_value" if "b_value" in axes else max(axes, key=lambda axis: len(levels[axis]))
        axes = {main: [*axes[main], *(k for axis, keys in axes.items() if axis != main for k in keys)]}
        levels = {main: _levels(told, main, axes[main])}
    leading = tuple(axis for axis in LEADING if axis in axes)
    order = _filled(told, axes, levels, leading, count)
    return Arrangement(order, leading, {axis: _steps(told, axes[axis], levels[axis]) for axis in leading})


def _levels(told: _Told, axis: str, keys: Iterable[int]) -> list[tuple[Value, ...]]:
    """Return the steps of an axis in their order; images of diffusion stay in the order they were taken."""
    held: dict[tuple[Value, ...], list[Slice]] = defaultdict(list)
    for index in told.alive:
        held[_level(told, index, keys)].append(told.slices[index])
    if axis != "b_value":
        return sorted(held)
    return sorted(held, key=lambda level: (min(map(_taken, held[level])), level))


def _taken(one: Slice) -> tuple[float, float, float]:
    return (one.clock or 0.0, one.moment.get("acquisition", 0.0), one.number or 0.0)


def _level(told: _Told, index: int, keys: Iterable[int]) -> tuple[Value, ...]:
    return tuple(told.keys[k][1][index] for k in keys)


def _filled(
    told: _Told,
    axes: dict[str, list[int]],
    levels: dict[str, list[tuple[Value, ...]]],
    leading: tuple[str, ...],
    count: int,
) -> NDArray[np.int64]:
    order = np.full((*(len(levels[axis]) for axis in leading), count), -1, dtype=np.int64)
    rank = {axis: {level: k for k, level in enumerate(levels[axis])} for axis in leading}
    for index in told.alive:
        place = tuple(rank[axis][_level(told, index, axes[axis])] for axis in leading)
        order[*place, told.places[index]] = index
    missing = order < 0
    if missing.any():
        short = [
            f"step {k + 1} has {int(count - one.sum())} of {count}"
            for k, one in enumerate(missing.reshape(-1, count))
            if one.any()
        ]
        more = ", and further ones" if len(short) > LISTED else ""
        raise incomplete(f"{int(missing.sum())} of {order.size} slices are missing: {', '.join(short[:LISTED])}{more}")
    return order


def _steps(told: _Told, keys: list[int], levels: list[tuple[Value, ...]]) -> list[dict[str, float]]:
    """Return for each step what was stated of it, by the names of the keys."""
    names = [name for k in keys for name in told.keys[k][0].names]
    return [dict(zip(names, (one for value in level for one in value), strict=True)) for level in levels]
