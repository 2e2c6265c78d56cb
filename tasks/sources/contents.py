"""Bytes of source files: read by ranges, checked against what was listed and scanned, hashed on the way."""

from __future__ import annotations

import os
import zlib
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, cast

from data_catalog.digests import Sha256
from tasks.formats.content import fingerprint
from tasks.sources.refusals import changed, gone, unreadable
from tasks.sources.spools import Spool, unpacked_archive
from tasks.sources.unpack import BLOCK_BYTES, BrokenStream, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.formats.content import Fingerprint
    from tasks.sources.archives import Place
    from tasks.sources.files import SourceFile

SPOOL_BYTES = 32 << 20
"""A packed member above this size is unpacked once, into a file without a name; others whenever they are read."""
PACKED_BYTES = 256 << 10
"""What is read of a packed member at once."""


class _Progress:
    """Hash bytes in their order."""

    def __init__(self, *, with_checksum: bool) -> None:
        self.lock = Lock()
        self.is_checked = False
        self.done = 0
        self.checksum = 0 if with_checksum else None
        self.sha = Sha256()

    def take(self, start: int, data: bytes) -> None:
        """Take in what follows the bytes hashed so far."""
        if start <= self.done < start + len(data):
            new = memoryview(data)[self.done - start :]
            self.sha.update(new)
            self.checksum = None if self.checksum is None else zlib.crc32(new, self.checksum)
            self.done = start + len(data)


class OnDisk:
    """Give the bytes of a file, or of a member that its archive holds as it is.

    Parameters
    ----------
    file : SourceFile
        What was listed. An archive, and a file that was scanned, has to be of that size and last change still.
    known : Fingerprint or None
        How it was known at the scan. Such a file has to begin as it did, and is hashed as it is read.
    """

    def __init__(self, file: SourceFile, known: Fingerprint | None = None) -> None:
        self.file = file
        self.known = known
        self._progress = None if known is None else self._begun()

    def __reduce__(self) -> tuple[type[OnDisk], tuple[SourceFile, Fingerprint | None]]:
        return type(self), (self.file, self.known)

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.file.size

    def read(self) -> bytes:
        """Return all bytes.

        Raises `BadData` `corrupt_file` where they do not have the checksum that their archive states.
        """
        data = self.range(0, self.size)
        if self._progress is None and self.file.checksum not in {None, zlib.crc32(data)}:
            raise self._corrupt()
        return data

    def range(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`; fewer where the file ends before.

        Raises `SourceMoved` where the file is no longer what was listed and scanned.
        """
        stop = min(stop, self.size)
        data = self._bytes(start, stop) if start < stop else b""
        if self._progress is not None:
            with self._progress.lock:
                self._check(self._progress, start, data)
                self._progress.take(start, data)
        return data

    def digest(self) -> str:
        """Return the SHA-256 of all bytes; what was not read yet is read now, block by block.

        Raises `BadData` as `read` does.
        """
        progress = self._progress or self._begun()
        with progress.lock:
            self._check(progress, 0, b"")
            if progress.done < self.size:
                for block in self._blocks(progress.done):
                    progress.take(progress.done, block)
            if progress.checksum != self.file.checksum:
                raise self._corrupt()
            return progress.sha.hexdigest()

    def _begun(self) -> _Progress:
        return _Progress(with_checksum=self.file.checksum is not None)

    def _check(self, progress: _Progress, start: int, data: bytes) -> None:
        """Compare the beginning with that of the scan, once; it is in `data` unless that begins elsewhere."""
        if self.known is None or progress.is_checked:
            return
        head = self.known.head
        begin = data[:head] if start == 0 and len(data) >= head else self._bytes(0, min(head, self.size))
        if fingerprint(begin, self.size) != self.known:
            raise changed(self.file.key)
        progress.is_checked = True

    def _bytes(self, start: int, stop: int) -> bytes:
        offset = self.file.offset
        return self._pread(offset + start, offset + stop)

    def _blocks(self, start: int) -> Iterator[bytes]:
        for at in range(start, self.size, BLOCK_BYTES):
            yield self._bytes(at, min(at + BLOCK_BYTES, self.size))

    def _pread(self, start: int, stop: int) -> bytes:
        """Read from the file, or from the archive."""
        file = self.file
        try:
            handle = os.open(file.held_in, os.O_RDONLY)
        except FileNotFoundError:
            raise gone() from None
        try:
            if self.known is not None or file.place is not None:
                self._require_same(os.fstat(handle))
            data = pread(handle, start, stop)
        finally:
            os.close(handle)
        if len(data) < stop - start:
            raise changed(file.key)
        return data

    def _require_same(self, found: os.stat_result) -> None:
        if (found.st_size, found.st_mtime_ns) != self.file.state:
            raise changed(self.file.key)

    def _corrupt(self) -> Exception:
        return unreadable("member", self.file.key)


class InArchive(OnDisk):
    """Give the bytes of a member whose archive is packed."""

    @property
    def place(self) -> Place:
        """Where the member lies."""
        return cast("Place", self.file.place)


class InZip(InArchive):
    """Give the bytes of a member that a zip file holds compressed."""

    def _bytes(self, start: int, stop: int) -> bytes:
        if self.size > SPOOL_BYTES:
            return pread(self._spool.handle, start, stop)
        parts, at = [], 0
        for block in self._unpacked():
            parts.append(block[max(start - at, 0) : max(stop - at, 0)])
            at += len(block)
            if stop <= at < self.size:
                break
        return b"".join(parts)

    def _blocks(self, start: int) -> Iterator[bytes]:
        at = 0
        for block in self._unpacked():
            if at + len(block) > start:
                yield block[max(start - at, 0) :]
            at += len(block)

    @cached_property
    def _spool(self) -> Spool:
        return Spool(self._unpacked())

    def _unpacked(self) -> Iterator[bytes]:
        """Yield the member's bytes; to the end only where they are as many, with the checksum, as was stated."""
        size = checksum = 0
        try:
            for block in unpacked(self._packed(), self.place.way):
                size += len(block)
                checksum = zlib.crc32(block, checksum)
                if size > self.size:
                    break
                yield block
        except BrokenStream:
            raise self._corrupt() from None
        if (size, checksum) != (self.size, self.file.checksum):
            raise self._corrupt()

    def _packed(self) -> Iterator[bytes]:
        begin, end = self.place.offset, self.place.offset + self.place.packed_size
        for at in range(begin, end, PACKED_BYTES):
            yield self._pread(at, min(at + PACKED_BYTES, end))


class InPackedTar(InArchive):
    """Give the bytes of a member of a compressed tar file; as a whole it was unpacked into a file without a name."""

    def _bytes(self, start: int, stop: int) -> bytes:
        try:
            self._require_same(self.file.container.stat())
        except FileNotFoundError:
            raise gone() from None
        spool = unpacked_archive(self.file.container, self.place.way, *self.file.state)
        offset = self.file.offset
        return pread(spool.handle, offset + start, offset + stop)


def pread(handle: int, start: int, stop: int) -> bytes:
    """Return the bytes of an open file from `start` up to `stop`; fewer where it ends before."""
    data = os.pread(handle, stop - start, start)
    parts = [data]
    while data and start + len(data) < stop:  # the system gives at most 2 GB at once
        start += len(data)
        data = os.pread(handle, stop - start, start)
        parts.append(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)
