"""Write the chunks of a Zarr array one after the other: one file holds many, with an index at its end."""

from __future__ import annotations

from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Self

import google_crc32c
import numpy as np

from data_catalog.digests import Sha256
from data_catalog.kinds import SLAB, slab_thickness

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 128
"""Longest side of a chunk in the plane, where a slab has `SLAB` slices: 1 MB of int16. Thinner ones are wider."""
SHARD_BYTES = 256 * 2**20
"""Uncompressed, a file is not larger: most volumes are one file, and no file is unwieldy."""
ABSENT = 2**64 - 1
"""Stands in the index for a chunk of zeros, which is not written."""

Written = dict[str, tuple[int, str]]
"""Size and SHA-256 of each file that was written, by its name in the folder of the artefact."""


def chunks_and_shards(shape: tuple[int, ...], itemsize: int) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Return the chunk to read and the shard to write for an array (..., z, y, x).

    A chunk is one step of the leading axes, the slices of a slab, and an even part of the plane. A shard
    takes whole axes from x outwards, as long as it stays below `SHARD_BYTES`. An array of a single chunk has
    no shard.
    """
    slices, y, x = min(shape[-3], slab_thickness(shape[-2], shape[-1], itemsize)), shape[-2], shape[-1]
    side = SIDE
    while slices * (2 * side) ** 2 <= SLAB * SIDE**2:
        side *= 2
    chunk = (*(1 for _ in shape[:-3]), slices, _even(y, side), _even(x, side))
    counts = _ceil(shape, chunk)
    if prod(counts) == 1:
        return chunk, None
    room = max(1, SHARD_BYTES // (prod(chunk) * itemsize))
    held = []
    for count in reversed(counts):
        held.append(_even(count, room))
        room = room // count if room >= count else 1  # beyond an axis that is cut, single steps
    return chunk, tuple(c * n for c, n in zip(chunk, reversed(held), strict=True))


def _even(length: int, longest: int) -> int:
    """Return the length of equal parts, none over the longest."""
    return -(-length // -(-length // longest))


def _ceil(shape: tuple[int, ...], part: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(-(-n // p) for n, p in zip(shape, part, strict=True))


def save(path: Path, content: bytes) -> tuple[int, str]:
    """Write a small file; return its size and SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return len(content), sha256(content).hexdigest()


class ArrayFiles:
    """The chunk files of one array. A file is finished when its last chunk has come, in whatever order they do.

    Parameters
    ----------
    root : Path
        Folder of the artefact.
    name : str
        Folder of the array in it.
    shape : tuple of int
        Shape of the array.
    itemsize : int
        Bytes of a voxel.
    """

    def __init__(self, root: Path, name: str, shape: tuple[int, ...], itemsize: int) -> None:
        self.shape = shape
        self.chunk, shard = chunks_and_shards(shape, itemsize)
        self.written: Written = {}
        self._root, self._name = root, name
        self._counts = _ceil(shape, self.chunk)
        self._in_shard = None if shard is None else _ceil(shard, self.chunk)
        self._awaited: dict[tuple[int, ...], int] = {}
        self._open: dict[tuple[int, ...], _ShardFile] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()

    def add(self, place: tuple[int, ...], encoded: bytes | None) -> None:
        """Write one chunk by its place among the chunks; None where it holds nothing but zeros."""
        if self._in_shard is None:
            if encoded is not None:
                self.written |= self._file(place, 0).finish(encoded)
            return
        shard = tuple(p // n for p, n in zip(place, self._in_shard, strict=True))
        if encoded is not None:
            if shard not in self._open:
                self._open[shard] = self._file(shard, prod(self._in_shard))
            inner = tuple(p % n for p, n in zip(place, self._in_shard, strict=True))
            self._open[shard].add(int(np.ravel_multi_index(inner, self._in_shard)), encoded)
        self._awaited[shard] = self._awaited.get(shard, self._held_in(shard)) - 1
        if self._awaited[shard] == 0 and shard in self._open:
            self.written |= self._open.pop(shard).finish()

    def _held_in(self, shard: tuple[int, ...]) -> int:
        """Return how many chunks a shard has, which are fewer at the edge of the array."""
        sizes = zip(self._counts, shard, self._in_shard or (), strict=True)
        return prod(min(held, count - place * held) for count, place, held in sizes)

    def _file(self, place: tuple[int, ...], count: int) -> _ShardFile:
        return _ShardFile(self._root, "/".join(map(str, (self._name, "c", *place))), count)


class _ShardFile:
    """One file: chunks as they come, then where each begins and how long it is, then the CRC-32C of that.

    Parameters
    ----------
    root : Path
        Folder of the artefact.
    name : str
        Name of the file in it.
    count : int
        Number of chunks that it has room for; 0 for a file that is a chunk and has no index.
    """

    def __init__(self, root: Path, name: str, count: int) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb", buffering=0)
        self._name = name
        self._index = np.full((count, 2), ABSENT, dtype="<u8")
        self._digest = Sha256(self._write)
        self._size = 0

    def add(self, number: int, encoded: bytes) -> None:
        """Append a chunk."""
        self._index[number] = self._size, len(encoded)
        self._append(encoded)

    def finish(self, whole: bytes = b"") -> Written:
        """Append the index, or all there is; return what was written."""
        index = self._index.tobytes()
        try:
            self._append(whole or index + google_crc32c.value(index).to_bytes(4, "little"))
            return {self._name: (self._size, self._digest.hexdigest())}
        finally:
            self.close()

    def close(self) -> None:
        """Close the file, whole or not."""
        self._digest.abandon()
        self._file.close()

    def _append(self, content: bytes) -> None:
        self._digest.update(content)
        self._size += len(content)

    def _write(self, content: bytes | memoryview) -> None:
        """Write all of it: the system may take only a part at once, as when the disk is nearly full."""
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]
