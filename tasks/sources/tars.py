"""Members of tar files, compressed ones too: where each lies, and which are refused."""

from __future__ import annotations

import os
import re
import tarfile
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from tasks.sources import refusals
from tasks.sources.archives import Member, Place, Refused, is_archive, is_left_out, leaves_folder, tar_way, traversal
from tasks.sources.contents import pread
from tasks.sources.refusals import bomb, place_key, too_large, unreadable
from tasks.sources.spools import unpacked_archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_ATTRIBUTE_BYTES = 16 << 10
"""A long name, or other attributes of a member."""
_READS = 4
"""Times that the archive is read for a member, at the most."""
_DIGITS = re.compile(rb"\d{256}")
"""The expressions of older Pythons' `tarfile` take time by the square of this."""


class _Reader:
    """Let `tarfile` read headers, and never much at once."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.at = 0
        self.reads = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        self.reads += 1
        if size > MAX_ATTRIBUTE_BYTES or self.reads > _READS * refusals.MAX_MEMBERS:
            raise tarfile.ReadError
        data = pread(self.handle, self.at, self.at + size)
        if _DIGITS.search(data):
            raise tarfile.ReadError
        self.at += len(data)
        return data

    def seek(self, at: int) -> None:
        """Go to a place."""
        if at < 0:
            raise tarfile.ReadError
        self.at = at

    def tell(self) -> int:
        """Return the place."""
        return self.at


def tar_members(path: Path) -> Iterator[Member | Refused]:
    """Yield the members of a tar file, or why one, or the whole, is refused."""
    way = tar_way(path.name) or ""
    key = place_key(path)
    try:
        found = path.stat()
        with _opened(path, way, found) as handle:
            yield from _members(path, way, found, handle)
    except BadData as refusal:
        yield Refused(refusal)
    except (tarfile.TarError, OSError, ValueError, OverflowError):
        yield Refused(unreadable("tar file", key))


@contextmanager
def _opened(path: Path, way: str, found: os.stat_result) -> Iterator[int]:
    """Open a tar file, unpacked where it is compressed."""
    if way:
        spool = unpacked_archive(path, way, found.st_size, found.st_mtime_ns)
        yield spool.handle
        return
    with path.open("rb") as stream:
        yield stream.fileno()


def _members(path: Path, way: str, found: os.stat_result, handle: int) -> Iterator[Member | Refused]:
    reader, size = _Reader(handle), os.fstat(handle).st_size
    with tarfile.TarFile(fileobj=reader) as archive:  # type: ignore[arg-type]  # all of a file that it uses
        count = 0
        while (one := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            if one.size < 0:
                raise tarfile.ReadError  # it would be met again and again
            count += 1
            if count > refusals.MAX_MEMBERS:
                raise bomb("tar_bomb", "tar file", place_key(path), f"more than {refusals.MAX_MEMBERS} files")
            name = PurePosixPath(one.name.replace("\\", "/"))
            if one.isdir() or is_left_out(name):
                continue
            key = place_key(path, one.name)
            place = Place(one.offset_data, one.size, way, None, found.st_size, found.st_mtime_ns)
            problem = _problem(one, name, key, size)
            if problem is not None:
                yield Refused(problem, one.name)
            else:
                yield Member(one.name, name, one.size, int(one.mtime * 1e9), place)
        if any(pread(handle, archive.offset, archive.offset + tarfile.BLOCKSIZE)):
            yield Refused(unreadable("tar file", place_key(path)))  # it goes on with something else than a header


def _problem(member: tarfile.TarInfo, name: PurePosixPath, key: str, size: int) -> BadData | None:
    if leaves_folder(name):
        return traversal("tar", key)
    if member.issym() or member.islnk():
        return BadData("link_in_tar", "A tar member is a file", f"{key} is a link", "Pack the file itself.")
    if not member.isreg() or member.issparse():
        return BadData(
            "special_in_tar", "A tar member is a plain file", f"{key} is a device, or has holes", "Pack it otherwise."
        )
    if is_archive(name.name):
        return BadData("archive_in_tar", "A tar file holds files", f"{key} is an archive too", "Unpack the outer one.")
    if member.size > refusals.MAX_FILE_BYTES:
        return too_large(key)
    return unreadable("tar member", key) if member.offset_data + member.size > size else None
