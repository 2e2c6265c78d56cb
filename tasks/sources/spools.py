"""Unpacked bytes in files without a name: they are gone with the process, whatever becomes of it."""

from __future__ import annotations

import os
import tempfile
import weakref
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from tasks.sources import refusals
from tasks.sources.refusals import bomb, changed, place_key, unreadable
from tasks.sources.unpack import BLOCK_BYTES, BrokenStream, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SPOOLS = 2
"""Compressed tar files that a process holds unpacked."""
_LOCK = Lock()


class Spool:
    """Hold bytes in a file without a name, which is closed when nobody holds the spool.

    Parameters
    ----------
    blocks : iterable of bytes
        What to hold.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        with tempfile.TemporaryFile(prefix="voxmine-") as stream:
            for block in blocks:
                stream.write(block)
            stream.flush()
            self.handle = os.dup(stream.fileno())
        weakref.finalize(self, os.close, self.handle)


def unpacked_archive(path: Path, way: str, size: int, modified_ns: int) -> Spool:
    """Return a compressed tar file unpacked; the same one is unpacked once.

    Raises `BadData`: `corrupt_file`, `tar_bomb`, and `SourceMoved` where it is not of that size and last change.
    """
    with _LOCK:
        return _unpacked_archive(path, way, size, modified_ns)


@lru_cache(SPOOLS)
def _unpacked_archive(path: Path, way: str, size: int, modified_ns: int) -> Spool:
    with path.open("rb") as stream:
        found = os.fstat(stream.fileno())
        if (found.st_size, found.st_mtime_ns) != (size, modified_ns):
            raise changed(place_key(path))
        return Spool(_bounded(path, unpacked(iter(lambda: stream.read(BLOCK_BYTES), b""), way), size))


def _bounded(path: Path, blocks: Iterable[bytes], packed_size: int) -> Iterator[bytes]:
    limit = min(refusals.MAX_SPOOL_BYTES, max(refusals.RATIO_FLOOR, refusals.MAX_RATIO * packed_size))
    total = 0
    try:
        for block in blocks:
            total += len(block)
            if total > limit:
                raise bomb("tar_bomb", "tar file", place_key(path), f"more than {limit} bytes")
            yield block
    except BrokenStream:
        raise unreadable("tar file", place_key(path)) from None
