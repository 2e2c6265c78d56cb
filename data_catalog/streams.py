"""Write an array and its coarser copies slab by slab, never holding more than a slab or two.

While the next slab is computed, the chunks of the one before are compressed on threads; then they are
written in order, so that the bytes do not depend on the number of threads.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    from numpy.typing import NDArray

    from data_catalog.shards import ArrayFiles

    Encode = Callable[[NDArray[Any]], bytes]
    Reduce = Callable[[NDArray[Any]], NDArray[Any]]

REDUCED = 8
"""Planes of the coarser copy that are one piece of work: enough to keep several threads busy."""


Step = tuple[int, ...]


@dataclass
class _Step:
    """How far one step of the leading axes has come: planes that wait for a slab, and slabs that were sent."""

    waiting: list[NDArray[Any]] = field(default_factory=list)
    planes: int = 0
    sent: int = 0


@dataclass(frozen=True)
class _Sent:
    """A slab at work: its place among the slabs, its chunks being compressed, and its planes being reduced."""

    step: Step
    number: int
    chunks: list[Future[bytes | None]]
    reduced: list[Future[NDArray[Any]]]


class Stream:
    """One array being written: planes come in, chunks go to its files, and reduced planes to the coarser copy.

    Parameters
    ----------
    files : ArrayFiles
        Where the chunks go.
    encode : callable
        Compresses one chunk.
    pool : Executor
        Does the work.
    """

    def __init__(self, files: ArrayFiles, encode: Encode, pool: Executor) -> None:
        self._files, self._encode, self._pool = files, encode, pool
        self._coarser: tuple[Stream, Reduce, int] | None = None
        self._steps: dict[Step, _Step] = defaultdict(_Step)
        self._sent: deque[_Sent] = deque()
        self._rows, self._columns = (range(0, n, c) for n, c in zip(files.shape[-2:], files.chunk[-2:], strict=True))

    def reduce_into(self, coarser: Stream, reduce: Reduce, planes: int) -> None:
        """Pass the reduced voxels on to the stream of the coarser copy; so many planes make one of its own."""
        self._coarser = coarser, reduce, planes

    def put(self, at: Step, planes: NDArray[Any]) -> None:
        """Take the next planes (z, y, x) of a step of the leading axes; they are written when they make a slab."""
        step, thickness, depth = self._steps[at], self._files.chunk[-3], self._files.shape[-3]
        while len(planes):
            part = planes[: thickness - step.planes % thickness]
            planes = planes[len(part) :]
            step.waiting.append(part)
            step.planes += len(part)
            if step.planes % thickness == 0 or step.planes == depth:
                self._send(at, step)

    def finish(self) -> None:
        """Write all that is still at work, and the coarser copy."""
        while self._sent:
            self._settle()
        if self._coarser is not None:
            self._coarser[0].finish()

    def _send(self, at: Step, step: _Step) -> None:
        """Start the work on the slab that waits, then write what was started before."""
        slab = step.waiting[0] if len(step.waiting) == 1 else np.concatenate(step.waiting)
        step.waiting = []
        self._sent.append(_Sent(at, step.sent, self._compress(slab), self._reduce(slab)))
        step.sent += 1
        while len(self._sent) > 1:
            self._settle()

    def _compress(self, slab: NDArray[Any]) -> list[Future[bytes | None]]:
        chunk, encode = self._files.chunk[-3:], self._encode
        return [self._pool.submit(_compressed, slab, y, x, chunk, encode) for y in self._rows for x in self._columns]

    def _reduce(self, slab: NDArray[Any]) -> list[Future[NDArray[Any]]]:
        if self._coarser is None:
            return []
        _, reduce, of_one = self._coarser
        part, whole = REDUCED * of_one, len(slab) // of_one * of_one
        return [self._pool.submit(reduce, slab[z : min(z + part, whole)]) for z in range(0, whole, part)]

    def _settle(self) -> None:
        sent = self._sent.popleft()
        for number, chunk in enumerate(sent.chunks):
            row, column = divmod(number, len(self._columns))
            self._files.add((*sent.step, sent.number, row, column), chunk.result())
        if self._coarser is not None:
            for planes in sent.reduced:
                self._coarser[0].put(sent.step, planes.result())


def _compressed(slab: NDArray[Any], y: int, x: int, shape: tuple[int, ...], encode: Encode) -> bytes | None:
    """Return one chunk compressed; zeros beyond the edge of the array, None where there is nothing but zeros."""
    part = slab[:, y : y + shape[1], x : x + shape[2]]
    little = part.dtype.newbyteorder("<")
    if part.shape == shape:
        chunk = np.ascontiguousarray(part, dtype=little)
    else:
        chunk = np.zeros(shape, dtype=little)
        chunk[tuple(map(slice, part.shape))] = part
    return encode(chunk) if chunk[0, 0, 0] or chunk.view(np.uint8).any() else None  # the first tells it of most
