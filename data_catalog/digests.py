"""SHA-256 taken beside the work: where another core is at hand, on a thread of its own."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from hashlib import sha256
from threading import local
from typing import TYPE_CHECKING

from data_catalog.compression import thread_count

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = 1 << 16
"""Bytes that are hashed at once: to hand them over would take longer."""
WAITING = 64 << 20
"""Bytes that may wait to be hashed; they are held in memory until then."""


_OWN = local()


def hash_here() -> None:
    """Have this thread hash what it hands in itself: there are others that work meanwhile."""
    _OWN.is_at_work = True


class Sha256:
    """A SHA-256 that takes in bytes while the caller goes on, who must not change them.

    Parameters
    ----------
    write : callable, optional
        Where the bytes go too, in their order, on the same thread. What it raises, a later call here raises.
    """

    def __init__(self, write: Callable[[bytes | memoryview], object] | None = None) -> None:
        self._sha, self._write = sha256(), write
        self._waiting: deque[tuple[Future[None], int]] = deque()
        self._bytes = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take in what follows."""
        is_here = len(data) < SMALL or thread_count() == 1 or getattr(_OWN, "is_at_work", False)
        if is_here and not self._waiting:
            self._take(data)
            return
        self._waiting.append((_thread(os.getpid()).submit(self._take, data), len(data)))
        self._bytes += len(data)
        self._settle(WAITING)

    def abandon(self) -> None:
        """Wait until nothing is at work any more, whatever became of it."""
        wait(done for done, _ in self._waiting)
        self._waiting.clear()
        self._bytes = 0

    def hexdigest(self) -> str:
        """Return the digest of all that was taken in, in hexadecimal digits."""
        self._settle(0)
        return self._sha.hexdigest()

    def _take(self, data: bytes | memoryview) -> None:
        if self._write is not None:
            self._write(data)
        self._sha.update(data)

    def _settle(self, most: int) -> None:
        """Wait until at most so many bytes are left to be hashed."""
        while self._waiting and (self._bytes > most or self._waiting[0][0].done()):
            done, size = self._waiting.popleft()
            done.result()
            self._bytes -= size


@cache
def _thread(_process: int) -> ThreadPoolExecutor:
    """Return the thread that hashes, one a process: what is handed over is taken in in its order."""
    return ThreadPoolExecutor(1, thread_name_prefix="sha256")
