"""Cut-offs of a number that tell classes apart: learnt with the outcome, so only ever from training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def supervised_cuts(values: NDArray[np.float64], classes: NDArray[np.intp]) -> list[float]:
    """Return rising cut-offs of (rows,) values by the least entropy of (rows,) classes, 0, 1, ...

    A cut halves the way between two neighbouring values. It is made where it leaves the least entropy, and cut again
    on both sides as long as the entropy falls by more than telling the cut would take (minimum description length).
    Without a cut that is worth it the result is empty.

    Fayyad and Irani, IJCAI 1993, p. 1022.
    """
    order = np.argsort(values, kind="stable")
    rising = values[order]
    seen = np.zeros((rising.size + 1, int(classes.max(initial=0)) + 1))
    seen[1:] = np.cumsum(np.eye(seen.shape[1])[classes[order]], axis=0)
    places = np.flatnonzero(np.diff(rising) > 0) + 1
    return sorted(float(rising[cut - 1] / 2 + rising[cut] / 2) for cut in _cuts(seen, places, 0, rising.size))


def _cuts(seen: NDArray[np.float64], places: NDArray[np.intp], begin: int, end: int) -> Iterator[int]:
    """Yield the cuts between two places in rising order of the values, in no order."""
    inner = places[(places > begin) & (places < end)]
    if not inner.size:
        return
    parts = np.stack([seen[inner] - seen[begin], seen[end] - seen[inner]])
    whole = seen[end] - seen[begin]
    left = (parts.sum(axis=2) * _entropy(parts)).sum(axis=0) / (end - begin)
    best = int(left.argmin())
    if _entropy(whole) - left[best] > _price(whole, parts[:, best], end - begin - 1):
        cut = int(inner[best])
        yield cut
        yield from _cuts(seen, places, begin, cut)
        yield from _cuts(seen, places, cut, end)


def worth_telling(whole: NDArray[np.int64], part: NDArray[np.int64], choices: int) -> bool:
    """Return whether the entropy of (classes,) counts falls enough if a part is told apart, one of so many to choose.

    The same price as of a cut, with the choices in place of the places for one (minimum description length).
    """
    parts = np.stack([part, whole - part])
    if not parts.sum(axis=1).all():
        return False
    left = float((parts.sum(axis=1) * _entropy(parts)).sum() / whole.sum())
    return bool(_entropy(whole) - left > _price(whole, parts, choices))


def _price(whole: NDArray[Any], parts: NDArray[Any], choices: int) -> float:
    """Return by how many bits a row the entropy has to fall to be worth a division, one of so many."""
    classes, of_parts = np.count_nonzero(whole), np.count_nonzero(parts, axis=1)
    bits = np.log2(3.0**classes - 2) - (classes * _entropy(whole) - (of_parts * _entropy(parts)).sum())
    return float((np.log2(choices) + bits) / whole.sum())


def _entropy(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return the entropy in bits of counts of classes along the last axis."""
    shares = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    found: NDArray[np.float64] = -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=-1)
    return found
