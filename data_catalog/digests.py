"""SHA-256 taken beside the work: where another core is at hand, on a thread of its own."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from threading import local

from data_catalog.compression import thread_count

SMALL = 1 << 16
"""Bytes that are hashed at once: to hand them over would take longer."""
WAITING = 64 << 20
"""Bytes that may wait to be hashed; they are held in memory until then."""


_OWN = local()


def hash_here() -> None:
    """Have this thread hash what it hands in itself: there are others that work meanwhile."""
    _OWN.is_at_work = True


class Sha256:
    """A SHA-256 that takes in bytes while the caller goes on; it must not change them."""

    def __init__(self) -> None:
        self._sha = sha256()
        self._waiting: deque[tuple[Future[None], int]] = deque()
        self._bytes = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take in what follows."""
        is_here = len(data) < SMALL or thread_count() == 1 or getattr(_OWN, "is_at_work", False)
        if is_here and not self._waiting:
            self._sha.update(data)
            return
        self._waiting.append((_thread(os.getpid()).submit(self._sha.update, data), len(data)))
        self._bytes += len(data)
        self._settle(WAITING)

    def hexdigest(self) -> str:
        """Return the digest of all that was taken in, in hexadecimal digits."""
        self._settle(0)
        return self._sha.hexdigest()

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
