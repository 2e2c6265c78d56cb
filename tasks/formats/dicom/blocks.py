"""Voxels read slab by slab: each block reads and decodes its own frames; none but the first is kept, for a while."""

from __future__ import annotations

import os
import uuid
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from data_catalog.digests import hash_here
from data_catalog.kinds import slab_thickness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import dask.array as da
    from numpy.typing import NDArray

    from tasks.formats.content import Content
    from tasks.formats.dicom.images import Layer
    from tasks.formats.dicom.values import Values

Done = TypeVar("Done")

SMALL_BYTES = 32 << 20
"""A volume up to this size is held as a whole."""
HELD_BYTES = 256 << 20
"""Decoded frames up to this size are held where values have to be looked at first."""

FRAMES_AT_ONCE = 4
"""Frames that a thread takes at once: to hand over each of them takes up to a tenth of the time of decoding RLE."""


def threads() -> int:
    """Return how many frames are decoded at once."""
    stated = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(stated)) if stated.isdigit() else os.cpu_count() or 1


def each_frame(layers: Sequence[Layer], work: Callable[[list[int], NDArray[Any]], Done]) -> Iterator[Done]:
    """Decode the frames of some slices, each once, and yield what is made of each.

    `work` takes the indices of the slices that a frame holds, and the frame. Compressed frames are decoded and worked
    on in several threads, a few ahead of what is taken.
    """
    order = sorted(range(len(layers)), key=lambda k: (id(layers[k].image), layers[k].slice.frame))
    runs = [list(run) for _, run in groupby(order, key=lambda k: (id(layers[k].image), layers[k].slice.frame))]
    # The order of the slices, as far as one frame holds one of them.
    runs.sort(key=min)
    if threads() > 1 and any(layer.image.pixels.layout.encapsulated for layer in layers):
        yield from _in_threads(layers, runs, work)
        return
    opened: dict[int, Content] = {}
    for run in runs:
        pixels = layers[run[0]].image.pixels
        if id(pixels) not in opened:
            opened = {id(pixels): pixels.opened()}
        yield work(run, pixels.stored(layers[run[0]].slice.frame, opened[id(pixels)]))


def _in_threads(
    layers: Sequence[Layer], runs: Sequence[list[int]], work: Callable[[list[int], NDArray[Any]], Done]
) -> Iterator[Done]:
    def some(few: Sequence[list[int]]) -> list[Done]:
        firsts = [layers[run[0]] for run in few]
        frames = (first.image.pixels.stored(first.slice.frame) for first in firsts)
        return [work(run, frame) for run, frame in zip(few, frames, strict=True)]

    each = max(1, min(FRAMES_AT_ONCE, len(runs) // (2 * threads())))
    ahead = 2 * threads()
    pool = _decoders(os.getpid(), threads())
    waiting = deque[Future[list[Done]]]()
    try:
        for start in range(0, len(runs), each):
            waiting.append(pool.submit(some, runs[start : start + each]))
            if len(waiting) > ahead:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:  # of a series that is refused nothing is at work any more
        for future in waiting:
            future.cancel()
        wait(waiting)


@cache
def _decoders(_process: int, count: int) -> ThreadPoolExecutor:
    """Return the threads that decode: to start them anew for each slab takes up to a fifth of the time of RLE."""
    return ThreadPoolExecutor(count, thread_name_prefix="decode", initializer=hash_here)


@dataclass(frozen=True, eq=False)
class Blocks:
    """Give the voxels of a series, block by block.

    Parameters
    ----------
    layers : sequence of Layer
        The slices.
    order : ndarray
        Indices of the slices, (..., z).
    values : Values
        Turns them into physical values.
    held : dict
        Values before scaling of the slices that were looked at already, by index.
    first : dict
        The block that was asked for first, by its place: a look at it tells whether the series is taken, and then it is
        asked for again. It is kept until that.
    """

    layers: Sequence[Layer]
    order: NDArray[np.int64]
    values: Values
    held: dict[int, NDArray[Any]] = field(default_factory=dict, repr=False)
    first: dict[tuple[int, ...], NDArray[Any] | None] = field(default_factory=dict, repr=False)

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Shape of what a slice adds: (y, x)."""
        rows, columns, *_ = self.layers[0].image.meaning.shape
        return rows, columns

    @property
    def channels(self) -> tuple[int, ...]:
        """(3,) for colour."""
        return self.layers[0].image.meaning.shape[2:]

    @cached_property
    def thickness(self) -> int:
        """How many slices a block has."""
        rows, columns = self.frame_shape
        return slab_thickness(rows, columns, self.values.dtype.itemsize * int(np.prod(self.channels, dtype=int)))

    def array(self) -> NDArray[Any] | da.Array:
        """Return the voxels (..., [c,] z, y, x): as they are where they are few, else as a Dask array."""
        import dask.array as da

        leading, depth = self.order.shape[:-1], self.order.shape[-1]
        shape = (*leading, *self.channels, depth, *self.frame_shape)
        dtype = self.values.dtype
        if int(np.prod(shape, dtype=np.int64)) * dtype.itemsize <= SMALL_BYTES:
            return self._whole(shape, dtype)
        slabs = tuple(min(self.thickness, depth - start) for start in range(0, depth, self.thickness))
        sizes = (*self.channels, slabs, *self.frame_shape)
        chunks = (*((1,) * n for n in leading), *((one,) if isinstance(one, int) else one for one in sizes))
        return da.map_blocks(
            self.block,
            name=f"dicom-{uuid.uuid4().hex}",
            chunks=chunks,
            dtype=dtype,
            meta=np.empty((0,) * len(shape), dtype=dtype),
        )

    def block(self, block_id: tuple[int, ...]) -> NDArray[Any]:
        """Return one block: single steps along the axes before z, the channels, and a slab of slices."""
        known = self.first.get(block_id)
        if known is not None:
            self.first[block_id] = None
            return known
        out = self._read(block_id)
        if not self.first:
            self.first[block_id] = out
        return out

    def _read(self, block_id: tuple[int, ...]) -> NDArray[Any]:
        count = self.order.ndim - 1
        start = block_id[count + len(self.channels)] * self.thickness
        chosen = self.order[block_id[:count]][start : start + self.thickness]
        shape = (*self.channels, len(chosen), *self.frame_shape)
        out = np.empty((1,) * count + shape, dtype=self.values.dtype)
        self._fill(chosen, out.reshape(shape))
        return out

    def _whole(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        out = np.empty(shape, dtype=dtype)
        for step in np.ndindex(*self.order.shape[:-1]):
            self._fill(self.order[step], out[step])
        return out

    def _fill(self, chosen: Iterable[int], out: NDArray[Any]) -> None:
        """Write slices into (z, y, x), or (c, z, y, x)."""
        indices = [int(index) for index in chosen]
        places = {index: k for k, index in enumerate(indices)}
        for index in indices:
            if index in self.held:
                self._put(index, self.held[index], out, places)
        missing = [index for index in indices if index not in self.held]

        def put(run: list[int], frame: NDArray[Any]) -> None:
            for k in run:
                self._put(missing[k], self.layers[missing[k]].samples(frame), out, places)

        deque(each_frame([self.layers[index] for index in missing], put), maxlen=0)

    def _put(self, index: int, samples: NDArray[Any], out: NDArray[Any], places: dict[int, int]) -> None:
        target = out[:, places[index]] if self.channels else out[places[index]]
        self.values.put(self.layers[index], samples, target)


def surveyed(layers: Sequence[Layer], values: Values) -> dict[int, NDArray[Any]]:
    """Look at the values of all slices where the headers do not tell enough; return those that are held for later.

    Compressed frames are held where all of them together are few enough; others are read again.
    """
    if not values.needs_survey:
        return {}
    total = sum(layer.image.pixels.layout.decoded_frame_bytes for layer in layers)
    hold = total <= HELD_BYTES and any(layer.image.pixels.layout.encapsulated for layer in layers)
    found: dict[int, Any] = {}
    held: dict[int, NDArray[Any]] = {}

    def look(run: list[int], frame: NDArray[Any]) -> None:
        for k in run:
            samples = layers[k].samples(frame)
            found[k] = values.survey(layers[k], samples)
            if hold:
                held[k] = samples

    deque(each_frame(layers, look), maxlen=0)
    values.surveys = [found[k] for k in range(len(layers))]
    return held
