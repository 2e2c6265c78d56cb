"""Filters that are sums of products of one row of numbers per axis: one pass over the image for each row."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter, defaultdict
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tasks.methods.radiomics.filters.boundary import Boundary, box_of, continued, places_around, read_at
from tasks.methods.radiomics.filters.image_filter import ImageFilter
from tasks.methods.radiomics.kernels.convolution import AT_ONCE, add_weighed

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.filters.boundary import Box

Row = tuple[float, ...]
"""A filter along one axis: an odd count of numbers with the centre in the middle, in the order of a convolution."""
Term = tuple[Row, Row, Row]
"""A filter that is the product of its rows along (x, y, z)."""
ONE: Row = (1.0,)
"""The row that changes nothing."""


@dataclass(frozen=True)
class Part:
    """Hold a linear filter: the sum of some terms; of `either_sign`, its absolute response counts."""

    terms: tuple[Term, ...]
    either_sign: bool = False


class SeparableFilter(ImageFilter):
    """Respond with the greatest response of some parts, each a sum of separable terms."""

    boundary: Boundary = "mirror"
    """How the image goes on beyond its border: `zero`, `nearest` (the outermost voxel), `periodic` (from the other
    side) or `mirror`."""

    @abstractmethod
    def parts(self, spacing_mm: Triple) -> tuple[Part, ...]:
        """Return the linear filters whose greatest response counts."""

    def mean_reach(self) -> tuple[int, int, int]:
        """Return how far, in voxels (z, y, x), the absolute response is averaged afterwards; 0 for not at all."""
        return 0, 0, 0

    def reach(self, spacing_mm: Triple) -> tuple[int, int, int] | None:
        """Return how many voxels (z, y, x) away a response can see; None when the border joins the other side."""
        if self.boundary == "periodic":
            return None
        z, y, x = (near + far for near, far in zip(_reach_of(self.parts(spacing_mm)), self.mean_reach(), strict=True))
        return z, y, x

    def shared_with(self, spacing_mm: Triple) -> Hashable:
        """Return what filters must have in common to share passes: the voxels that they read."""
        return self.boundary, _reach_of(self.parts(spacing_mm)), self.mean_reach()

    @classmethod
    def in_box(
        cls, filters: Sequence[Self], image: NDArray[Any], box: Box, spacing_mm: Triple
    ) -> Iterator[NDArray[np.float32]]:
        """Yield each filter's response in a box of an image; equal passes are made once."""
        boundary, far = filters[0].boundary, filters[0].mean_reach()
        parts = [each.parts(spacing_mm) for each in filters]
        averaged = places_around(image.shape, box, far, boundary)
        seen = box_of(averaged) if any(far) else box
        passes = Passes(
            continued(image, seen, _reach_of(parts[0]), boundary),
            [term for own in parts for part in own for term in part.terms],
        )
        for each, own in zip(filters, parts, strict=True):
            response = _greatest(passes, own)
            if any(far):
                response = _local_mean(read_at(np.abs(response), averaged, seen), far)
            yield each.rounded(response)


class Passes:
    """Convolve one image, continued as far as the rows see, by many terms; a pass that several need is made once.

    The axes are taken in the order z, y, x, as rows of neighbours are slowest and best made where least is left.
    What no later term needs is let go: terms are asked for in the order in which they were announced.
    """

    def __init__(self, voxels: NDArray[np.float64], terms: Iterable[Term]) -> None:
        terms = list(terms)
        self._voxels = voxels
        self._reach = _reach_of([Part(tuple(terms))])
        self._made: dict[tuple[Row, ...], NDArray[np.float64]] = {}
        self._needed: Counter[tuple[Row, ...]] = Counter((z, y) for _, y, z in terms)
        self._needed.update((z,) for z, _ in set(self._needed))

    def response(self, part: Part) -> NDArray[np.float64]:
        """Return the sum of a part's terms, where everything that the longest rows see is there."""
        by_last: dict[Row, list[NDArray[np.float64]]] = defaultdict(list)
        for x, y, z in part.terms:
            by_last[x].append(self._after((z, y)))
        sums = np.zeros([length - 2 * far for length, far in zip(self._voxels.shape, self._reach, strict=True)])
        for last, partial in by_last.items():
            # terms that end in one row share its pass
            add_convolved(sum(partial[1:], start=partial[0]), last, 2, self._reach[2], sums)
        return sums

    def _after(self, rows: tuple[Row, ...]) -> NDArray[np.float64]:
        if not rows:
            return self._voxels
        if rows not in self._made:
            axis = len(rows) - 1
            self._made[rows] = convolved(self._after(rows[:-1]), rows[-1], axis, self._reach[axis])
        self._needed[rows] -= 1
        return self._made[rows] if self._needed[rows] else self._made.pop(rows)


def convolved(voxels: NDArray[np.float64], row: Row, axis: int, reach: int) -> NDArray[np.float64]:
    """Return voxels (z, y, x) convolved along an axis, `reach` voxels shorter at either end; as they are by `ONE`."""
    if row == ONE and reach == 0:
        return voxels
    shape = list(voxels.shape)
    shape[axis] -= 2 * reach
    sums = np.zeros(shape)
    add_convolved(voxels, row, axis, reach, sums)
    return sums


def add_convolved(voxels: NDArray[np.float64], row: Row, axis: int, reach: int, sums: NDArray[np.float64]) -> None:
    """Add to `sums` the voxels (z, y, x) convolved along an axis, `reach` voxels shorter at either end."""
    step, rows = prod(voxels.shape[axis + 1 :]), prod(voxels.shape[:axis])
    shifts = [reach - len(row) // 2 + place for place in range(len(row)) if row[-1 - place] != 0]
    weights = [value for value in reversed(row) if value != 0]
    spare = -len(weights) % AT_ONCE
    add_weighed(
        voxels.reshape(rows, -1),
        np.array(weights + [0.0] * spare),
        np.array(shifts + [reach] * spare, dtype=np.int64) * step,
        step,
        sums.reshape(rows, -1),
    )


def _reach_of(parts: Sequence[Part]) -> tuple[int, int, int]:
    """Return half of the longest row along (z, y, x)."""
    x, y, z = (
        max(len(row) // 2 for row in rows)
        for rows in zip(*(term for part in parts for term in part.terms), strict=True)
    )
    return z, y, x


def _greatest(passes: Passes, parts: tuple[Part, ...]) -> NDArray[np.float64]:
    """Return the greatest of the parts' responses at each voxel."""
    responses = (_counted(passes.response(part), part) for part in parts)
    greatest = next(responses)
    for response in responses:
        np.maximum(greatest, response, out=greatest)
    return greatest


def _counted(response: NDArray[np.float64], part: Part) -> NDArray[np.float64]:
    return np.abs(response) if part.either_sign else response


def mean_rows(reach: tuple[int, int, int]) -> Term:
    """Return the mean over a box that reaches some voxels (z, y, x) away."""
    x, y, z = ((1.0 / (2 * far + 1),) * (2 * far + 1) for far in reach[::-1])
    return x, y, z


def _local_mean(voxels: NDArray[np.float64], reach: tuple[int, int, int]) -> NDArray[np.float64]:
    term = mean_rows(reach)
    return Passes(voxels, [term]).response(Part((term,)))
