"""Files of a source: found in folders and zip files, read within limits, and never named in a message."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from data_catalog.errors import BadData, PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_FILE_BYTES = 4 << 30
"""One file or member, inflated."""
MAX_ZIP_BYTES = 64 << 30
"""All members of one zip file, inflated."""
MAX_RATIO = 200
"""A member may inflate so many times ..."""
RATIO_FLOOR = 16 << 20
"""... when it is larger than this: an empty slice or mask compresses well and is no bomb."""
LEFT_OUT = frozenset({"__MACOSX", "DICOMDIR"})
"""Names that hold no scan; hidden files are left out too."""

_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
"""What a broken or unknown kind of zip file raises; trouble of the disk is another matter and may be retried."""


@dataclass(frozen=True)
class SourceFile:
    """Point to one file, on disk or in a zip file; its representation shows the size only.

    Parameters
    ----------
    container : Path
        The file, or the zip file it is in.
    member : str or None
        Name inside the zip file.
    size : int
        Bytes, inflated.
    modified_ns : int
        Time of the last change, in nanoseconds since 1970; that of a member is as the zip file states it.
    name : str
        POSIX path below the source's root, a zip file's stem standing for a folder. For matching
        patterns in memory: it may hold a patient's name.
    """

    container: Path = field(repr=False)
    member: str | None = field(repr=False)
    size: int
    modified_ns: int = field(repr=False)
    name: str = field(repr=False)

    @property
    def key(self) -> str:
        """Opaque name of the place, for messages: 12 digits."""
        return place_key(self.container, self.member)

    def read(self) -> bytes:
        """Return the content.

        Raises `BadData`: `file_too_large` above 4 GiB, `corrupt_file` where a zip member is broken.
        """
        if self.member is None:
            with self.container.open("rb") as stream:
                return _bounded(stream, self)
        with _opened(self.container) as archive:
            return _member_bytes(archive, self)


@dataclass(frozen=True)
class Walk:
    """Hold what a source offers.

    Parameters
    ----------
    files : tuple of SourceFile
        Sorted by name.
    problems : tuple of BadData
        What was refused; each message names an opaque place.
    """

    files: tuple[SourceFile, ...]
    problems: tuple[BadData, ...]


def place_key(container: Path, member: str | None = None) -> str:
    """Return 12 hexadecimal digits for a path; `voxmine` shows them in place of it."""
    place = str(container) if member is None else f"{container}!{member}"
    return hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()[:12]


def content_digest(data: bytes) -> str:
    """Return the SHA-256 of a content, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def walk(root: Path) -> Walk:
    """Return the files below a folder, in a zip file, or the one file that `root` is.

    Zip files anywhere in the folder are opened as folders. Left out are hidden files, `__MACOSX` and
    `DICOMDIR`. Refused, as problems beside the others: links that leave the folder, zip files that cannot
    be read, and members that are encrypted, named to leave the folder, links, zip files or bombs.

    Raises `PlanError` where nothing is at `root`.
    """
    if not root.exists():
        raise PlanError("The path of a source exists", "nothing is there", "Correct the source's path in the plan.")
    files: list[SourceFile] = []
    problems: list[BadData] = []
    for path, name in _paths(root, problems):
        if path.suffix.lower() == ".zip":
            _add_members(path, name, files, problems)
        else:
            found = path.stat()
            files.append(SourceFile(path, None, found.st_size, found.st_mtime_ns, name))
    return Walk(tuple(sorted(files, key=lambda file: (file.name, file.member or ""))), tuple(problems))


def read_each(files: Iterable[SourceFile]) -> Iterator[tuple[SourceFile, bytes | BadData]]:
    """Yield each file with its content or the reason it was refused; a zip file is opened once for its members."""
    archive: zipfile.ZipFile | None = None
    try:
        for file in files:
            try:
                if file.member is None:
                    yield file, file.read()
                    continue
                if archive is None or archive.filename != str(file.container):
                    if archive is not None:
                        archive.close()
                    archive = _opened(file.container)
                yield file, _member_bytes(archive, file)
            except BadData as refusal:
                yield file, refusal
    finally:
        if archive is not None:
            archive.close()


def read_many(files: Iterable[SourceFile]) -> Iterator[tuple[SourceFile, bytes]]:
    """Yield each file with its content; raise the `BadData` of the first that is refused."""
    for file, content in read_each(files):
        if isinstance(content, BadData):
            raise content
        yield file, content


def _paths(root: Path, problems: list[BadData]) -> Iterator[tuple[Path, str]]:
    """Yield the regular files below a folder with their names, or the file itself."""
    if not root.is_dir():
        yield root, root.name
        return
    home = root.resolve()

    def unreadable(error: OSError) -> None:
        problems.append(_unreadable("folder", place_key(Path(error.filename or root))))

    for folder, folders, names in os.walk(root, onerror=unreadable):
        here = Path(folder)
        problems += [_leaves(here / name) for name in folders if _leads_out(here / name, home)]
        folders[:] = sorted(name for name in folders if not _is_left_out(name))
        for name in sorted(names):
            path = here / name
            if _is_left_out(name):
                continue
            if _leads_out(path, home):
                problems.append(_leaves(path))
            elif stat.S_ISREG(path.lstat().st_mode):
                yield path, path.relative_to(root).as_posix()


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or name in LEFT_OUT


def _leads_out(path: Path, home: Path) -> bool:
    """Say whether a link leads out of the folder; one that stays inside is not followed, its target is met."""
    return path.is_symlink() and not path.resolve().is_relative_to(home)


def _add_members(path: Path, name: str, files: list[SourceFile], problems: list[BadData]) -> None:
    try:
        with _opened(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except BadData as refusal:
        problems.append(refusal)
        return
    except OSError:
        problems.append(_unreadable("zip file", place_key(path)))
        return
    if sum(member.file_size for member in members) > MAX_ZIP_BYTES:
        problems.append(_bomb(place_key(path), f"more than {MAX_ZIP_BYTES} bytes in all"))
        return
    stem = PurePosixPath(name).with_suffix("")
    for member in members:
        if any(_is_left_out(part) and part != ".." for part in _member_path(member).parts):
            continue
        problem = _member_problem(member, place_key(path, member.filename))
        if problem is None:
            files.append(_member_file(path, member, stem))
        else:
            problems.append(problem)


def _member_path(member: zipfile.ZipInfo) -> PurePosixPath:
    """Return the name of a member; some programs write backslashes."""
    return PurePosixPath(member.filename.replace("\\", "/"))


def _member_file(path: Path, member: zipfile.ZipInfo, stem: PurePosixPath) -> SourceFile:
    year, month, day, hour, minute, second = member.date_time
    try:
        modified = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC).timestamp()
    except ValueError:  # zip files may state month 0
        modified = 0.0
    return SourceFile(
        path, member.filename, member.file_size, int(modified * 1e9), (stem / _member_path(member)).as_posix()
    )


def _member_problem(member: zipfile.ZipInfo, key: str) -> BadData | None:
    name = _member_path(member)
    if name.is_absolute() or ".." in name.parts or (name.parts and name.parts[0].endswith(":")):
        return BadData("path_traversal", "A zip member stays below its folder", f"{key} leaves it", "Zip it again.")
    if stat.S_ISLNK(member.external_attr >> 16):
        return BadData("link_in_zip", "A zip member is a file", f"{key} is a link", "Zip the file itself.")
    if member.flag_bits & _ENCRYPTED:
        return BadData("encrypted_zip", "A zip member can be read", f"{key} is encrypted", "Unzip it first.")
    if name.suffix.lower() == ".zip":
        return BadData("zip_in_zip", "A zip file holds files", f"{key} is a zip file again", "Unzip the outer one.")
    return _size_problem(member, key)


def _size_problem(member: zipfile.ZipInfo, key: str) -> BadData | None:
    if member.file_size > max(RATIO_FLOOR, MAX_RATIO * member.compress_size):
        return _bomb(key, f"one that inflates more than {MAX_RATIO} times")
    if member.file_size > MAX_FILE_BYTES:
        return _too_large(key)
    return None


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _BROKEN:
        raise _unreadable("zip file", place_key(path)) from None


def _member_bytes(archive: zipfile.ZipFile, file: SourceFile) -> bytes:
    try:
        with archive.open(file.member or "") as stream:
            return _bounded(stream, file)
    except (*_BROKEN, RuntimeError, KeyError):  # encrypted, or gone since the walk
        raise _unreadable("zip member", file.key) from None


def _bounded(stream: IO[bytes], file: SourceFile) -> bytes:
    """Read a file that is neither announced nor found to be too large."""
    data = stream.read(MAX_FILE_BYTES + 1) if file.size <= MAX_FILE_BYTES else b""
    if max(len(data), file.size) > MAX_FILE_BYTES:
        raise _too_large(file.key)
    return data


def _too_large(key: str) -> BadData:
    return BadData("file_too_large", f"A file has at most {MAX_FILE_BYTES} bytes", f"{key} has more", "Split it.")


def _unreadable(what: str, key: str) -> BadData:
    return BadData("corrupt_file", f"A {what} of the source can be read", f"{key} cannot", "Copy it again.")


def _bomb(key: str, came: str) -> BadData:
    return BadData(
        "zip_bomb", "A zip file inflates to a reasonable size", f"{key} holds {came}", "Unzip it first if you trust it."
    )


def _leaves(path: Path) -> BadData:
    return BadData(
        "link_leaves_root",
        "Links stay below the source's folder",
        f"{place_key(path)} leads out of it",
        "Copy the files into the folder.",
    )
