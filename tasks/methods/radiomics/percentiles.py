"""Percentiles as IBSI's reference values have them: linear between the two values next to a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PERCENT = (0.1, 0.25, 0.5, 0.75, 0.9)
MIDDLE = 0.5


def places(count: int) -> tuple[list[int], list[float]]:
    """Return for the 10th, 25th, 50th, 75th and 90th percentile of `count` values the ranks of both neighbours.

    With them comes how far it is from the one to the other, from 0 to 1.
    """
    last = count - 1
    at = [share * last for share in PERCENT]
    ranks = [rank for place in at for rank in (int(place), min(int(place) + 1, last))]
    return ranks, [place - int(place) for place in at]


def ranks_of_shares(count: int) -> list[int]:
    """Return the rank of the value above which are at most nine tenths of `count` values, and that for one tenth."""
    return [count - 1 - 9 * count // 10, count - 1 - count // 10]


def between(neighbours: NDArray[np.float64] | NDArray[np.int64], parts: list[float]) -> list[float]:
    """Return the percentiles, given the values at the ranks of `places`, in the digits of numpy's."""
    values = neighbours.tolist()
    return [_between(*pair) for pair in zip(values[::2], values[1::2], parts, strict=True)]


def _between(low: float, high: float, part: float) -> float:
    if part < MIDDLE:
        return low + (high - low) * part
    return high - (high - low) * (1 - part)
