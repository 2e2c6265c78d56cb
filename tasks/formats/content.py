"""The bytes of one source file, read in part or whole: what a reader is given in place of a path."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

HEAD_BYTES = 64 << 10
"""Bytes at the beginning of a file by which it is known, where its format does not say how long its header is."""


class Content(Protocol):
    """Give the bytes of one file of a source; it has no name that a reader could print."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def read(self) -> bytes:
        """Return all bytes."""

    def range(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`; fewer where the file ends before."""

    def digest(self) -> str:
        """Return the SHA-256 of all bytes, in hexadecimal digits."""


@dataclass(frozen=True)
class Held:
    """Give bytes that are in memory already."""

    data: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)

    def read(self) -> bytes:
        """Return all bytes."""
        return self.data

    def range(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`; fewer where the file ends before."""
        return self.data[start:stop]

    def digest(self) -> str:
        """Return the SHA-256 of all bytes, in hexadecimal digits."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class Fingerprint(NamedTuple):
    """Know a file without reading all of it: by its size and the bytes at its beginning."""

    digest: str
    """SHA-256 of these bytes and the size."""
    head: int
    """How many bytes these are."""


def fingerprint(head: bytes | memoryview, size: int) -> Fingerprint:
    """Return the fingerprint of a file of some size that begins so."""
    digest = hashlib.sha256(head)
    digest.update(b"\0%d" % size)
    return Fingerprint(digest.hexdigest(), len(head))


def fingerprint_of(content: Content) -> Fingerprint:
    """Return the fingerprint of a file whose format does not matter."""
    return fingerprint(content.range(0, HEAD_BYTES), content.size)
