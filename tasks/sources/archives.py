"""Archives and their members: where each member of a zip file lies, and which are refused."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from data_catalog.errors import BadData
from tasks.sources import refusals
from tasks.sources.refusals import bomb, place_key, too_large, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEFT_OUT = frozenset({"__MACOSX", "DICOMDIR"})
"""Names that hold no scan; hidden files are left out too."""
TAR_WAYS = {
    ".tar": "",
    ".tar.gz": "gz",
    ".tgz": "gz",
    ".tar.bz2": "bz2",
    ".tbz2": "bz2",
    ".tbz": "bz2",
    ".tar.xz": "xz",
    ".txz": "xz",
}
"""How tar files are compressed, by the ends of their names."""
_ARCHIVES = (".zip", *TAR_WAYS)
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
"""What `zipfile` raises of a broken file, and (the last) of a way to pack that it does not know."""
_WAYS = {zipfile.ZIP_STORED: "", zipfile.ZIP_DEFLATED: "deflate", zipfile.ZIP_BZIP2: "bz2"}
_LOCAL_HEADER = 30
"""Bytes of a zip member's own header, before its name."""
_LOCAL_MAGIC = b"PK\3\4"


@dataclass(frozen=True)
class Place:
    """Say where a member lies in its archive.

    Parameters
    ----------
    offset : int
        Where its bytes begin.
    packed_size : int
        How many they are.
    way : str
        How they are packed; empty where they are not.
    checksum : int or None
        The CRC-32 that a zip file states of its content.
    archive_size, archive_ns : int
        Size and last change of the archive when it was listed.
    """

    offset: int
    packed_size: int
    way: str
    checksum: int | None
    archive_size: int
    archive_ns: int

    @property
    def state(self) -> tuple[int, int]:
        """Size and last change of the archive when it was listed."""
        return self.archive_size, self.archive_ns


@dataclass(frozen=True)
class Member:
    """Describe a member: its name, as the archive spells it and with slashes, size, last change and place."""

    name: str
    path: PurePosixPath
    size: int
    modified_ns: int
    place: Place


class Refused(NamedTuple):
    """Say why an archive, or one of its members, is refused."""

    problem: BadData
    member: str | None = None
    """Name of the member, as the archive spells it; None for the whole."""


def tar_way(name: str) -> str | None:
    """Return how a tar file is compressed, '' where it is not, None where it is none; its name says so."""
    return next((way for end, way in TAR_WAYS.items() if name.lower().endswith(end)), None)


def is_archive(name: str) -> bool:
    """Say whether a file is an archive, by its name."""
    return name.lower().endswith(_ARCHIVES)


def stem(name: str) -> str:
    """Return the name of an archive without its end."""
    end = next((end for end in TAR_WAYS if name.lower().endswith(end)), ".zip")
    return name[: len(name) - len(end)]


def is_left_out(path: PurePosixPath) -> bool:
    """Say whether a member, or a folder it is in, is hidden or holds no scan."""
    return any(part in LEFT_OUT or (part.startswith(".") and part != "..") for part in path.parts)


def zip_members(path: Path) -> Iterator[Member | Refused]:
    """Yield the members of a zip file, or why one, or the whole, is refused."""
    try:
        with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            held = os.fstat(stream.fileno())
            members = [one for one in archive.infolist() if not one.is_dir() and not is_left_out(_zip_path(one))]
            most = refusals.MAX_ARCHIVE_BYTES
            if sum(member.file_size for member in members) > most:
                yield Refused(bomb("zip_bomb", "zip file", place_key(path), f"more than {most} bytes in all"))
                return
            for member in members:
                key = place_key(path, member.filename)
                found = _zip_problem(member, key) or _zip_member(member, key, stream.fileno(), held)
                yield Refused(found, member.filename) if isinstance(found, BadData) else found
    except (*_BROKEN, OSError):
        yield Refused(unreadable("zip file", place_key(path)))


def _zip_path(member: zipfile.ZipInfo) -> PurePosixPath:
    """Return the name of a member; some programs write backslashes."""
    return PurePosixPath(member.filename.replace("\\", "/"))


def _zip_member(member: zipfile.ZipInfo, key: str, handle: int, held: os.stat_result) -> Member | BadData:
    header = os.pread(handle, _LOCAL_HEADER, member.header_offset)
    if header[:4] != _LOCAL_MAGIC or len(header) < _LOCAL_HEADER:
        return unreadable("zip member", key)
    names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    place = Place(
        offset=member.header_offset + _LOCAL_HEADER + names,
        packed_size=member.compress_size,
        way=_WAYS[member.compress_type],
        checksum=member.CRC,
        archive_size=held.st_size,
        archive_ns=held.st_mtime_ns,
    )
    return Member(member.filename, _zip_path(member), member.file_size, _zip_time(member), place)


def _zip_time(member: zipfile.ZipInfo) -> int:
    year, month, day, hour, minute, second = member.date_time
    try:
        modified = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC).timestamp()
    except ValueError:  # zip files may state month 0
        modified = 0.0
    return int(modified * 1e9)


def _zip_problem(member: zipfile.ZipInfo, key: str) -> BadData | None:
    name = _zip_path(member)
    if leaves_folder(name):
        return traversal("zip", key)
    if stat.S_ISLNK(member.external_attr >> 16):
        return BadData("link_in_zip", "A zip member is a file", f"{key} is a link", "Zip the file itself.")
    if member.flag_bits & _ENCRYPTED:
        return BadData("encrypted_zip", "A zip member can be read", f"{key} is encrypted", "Unzip it first.")
    if is_archive(name.name):
        return BadData("zip_in_zip", "A zip file holds files", f"{key} is an archive again", "Unzip the outer one.")
    if member.compress_type not in _WAYS:
        return unreadable("zip member", key)
    return _size_problem(member, key)


def leaves_folder(name: PurePosixPath) -> bool:
    """Say whether a member is named to lie outside the archive's folder."""
    return name.is_absolute() or ".." in name.parts or (bool(name.parts) and name.parts[0].endswith(":"))


def traversal(what: str, key: str) -> BadData:
    """Return the refusal of a member that is named to lie outside the archive's folder."""
    return BadData("path_traversal", f"A {what} member stays below its folder", f"{key} leaves it", "Pack it again.")


def _size_problem(member: zipfile.ZipInfo, key: str) -> BadData | None:
    if member.file_size > max(refusals.RATIO_FLOOR, refusals.MAX_RATIO * member.compress_size):
        return bomb("zip_bomb", "zip file", key, f"one that inflates more than {refusals.MAX_RATIO} times")
    return too_large(key) if member.file_size > refusals.MAX_FILE_BYTES else None
