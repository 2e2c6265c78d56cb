"""Unpacking compressed streams block by block, with never more than a block in memory."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, Protocol

from tasks.formats.inflate import GZIP, RAW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BLOCK_BYTES = 1 << 20
"""What is read, unpacked or hashed at once."""
XZ_MEMORY = 256 << 20
"""The highest setting of xz needs 65 MB."""


class BrokenStream(Exception):
    """Say that packed bytes are broken, cut, or ask for too much memory."""


class Unpacker(Protocol):
    """Unpack one stream, as `bz2.BZ2Decompressor` does."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more can come without further bytes."""

    @property
    def unused_data(self) -> bytes:
        """What follows the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most so many unpacked bytes."""


class Inflater:
    """Inflate as `zlib` does, in the way of `bz2.BZ2Decompressor`.

    Parameters
    ----------
    kind : int
        `RAW` or `GZIP`.
    """

    def __init__(self, kind: int) -> None:
        self._stream = zlib.decompressobj(kind)

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more can come without further bytes."""
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What follows the end of the stream."""
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most so many inflated bytes."""
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


WAYS: dict[str, Callable[[], Unpacker]] = {
    "deflate": lambda: Inflater(RAW),
    "gz": lambda: Inflater(GZIP),
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY),
}


def unpacked(packed: Iterable[bytes], way: str) -> Iterator[bytes]:
    """Yield the unpacked bytes of a stream, and of those that follow it, in blocks of at most 1 MB.

    Raises `BrokenStream`.
    """
    stream = WAYS[way]()
    for data in packed:
        rest = data
        while rest or not stream.needs_input:
            if stream.eof:
                rest = rest.lstrip(b"\0")  # padding
                if not rest:
                    break
                stream = WAYS[way]()
            yield _next(stream, rest)
            rest = stream.unused_data if stream.eof else b""
    while not stream.eof:
        block = _next(stream, b"")
        if not block:
            raise BrokenStream
        yield block


def _next(stream: Unpacker, data: bytes) -> bytes:
    try:
        return stream.decompress(data, BLOCK_BYTES)
    except (zlib.error, lzma.LZMAError, EOFError, OSError):  # bz2 says `OSError`
        raise BrokenStream from None
