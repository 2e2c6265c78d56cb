"""Files of a source: found in folders, zip and tar files, read within limits, and never named in a message."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from data_catalog.errors import BadData, PlanError
from tasks.sources import refusals
from tasks.sources.archives import LEFT_OUT, Place, Refused, is_archive, stem, tar_way, zip_members
from tasks.sources.contents import InPackedTar, InZip, OnDisk
from tasks.sources.refusals import leaves, place_key, too_large, unreadable
from tasks.sources.tars import tar_members

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from tasks.formats.content import Fingerprint


@dataclass(frozen=True)
class SourceFile:
    """Point to one file, on disk or in an archive; its representation shows the size only.

    Parameters
    ----------
    held_in : str
        Path of the file, or of the archive it is in.
    member : str or None
        Name inside the archive.
    size : int
        Bytes, unpacked.
    modified_ns : int
        Time of the last change, in nanoseconds since 1970; that of a member is as the archive states it.
    name : str
        POSIX path below the source's root, an archive's stem standing for a folder. For matching
        patterns in memory: it may hold a patient's name.
    place : Place or None
        Where a member lies in its archive.
    """

    held_in: str = field(repr=False)
    member: str | None = field(repr=False)
    size: int
    modified_ns: int = field(repr=False)
    name: str = field(repr=False)
    place: Place | None = field(repr=False, default=None)

    @property
    def container(self) -> Path:
        """The file, or the archive it is in."""
        return Path(self.held_in)

    @property
    def key(self) -> str:
        """Opaque name of the place, for messages: 12 digits."""
        return place_key(self.held_in, self.member)

    @property
    def stamp(self) -> int:
        """What tells a change without reading: the checksum that an archive states, or the time of the last change."""
        return self.state[1] if self.checksum is None else self.checksum

    @property
    def checksum(self) -> int | None:
        """The CRC-32 that a zip file states of the content."""
        return None if self.place is None else self.place.checksum

    @property
    def state(self) -> tuple[int, int]:
        """Size and last change of the file, or of the archive, when it was listed."""
        return (self.size, self.modified_ns) if self.place is None else self.place.state

    @property
    def offset(self) -> int:
        """Where the bytes begin in the file or the archive."""
        return 0 if self.place is None else self.place.offset

    def content(self, known: Fingerprint | None = None) -> OnDisk:
        """Return the bytes, to be read; with `known` only where they begin as they did at the scan.

        Raises `BadData` `file_too_large` above 4 GiB.
        """
        if self.size > refusals.MAX_FILE_BYTES:
            raise too_large(self.key)
        if self.place is None or not self.place.way:
            return OnDisk(self, known)
        return InPackedTar(self, known) if self.checksum is None else InZip(self, known)

    def read(self) -> bytes:
        """Return all bytes.

        Raises `BadData`: `file_too_large` above 4 GiB, `corrupt_file` where a member is broken, `SourceMoved`
        where the file is no longer what was listed.
        """
        return self.content().read()


class _Problem(NamedTuple):
    """What was refused, its path, and where below the root that lies (`Walk.lost`)."""

    refusal: BadData
    place: str
    lost: str


@dataclass(frozen=True)
class Walk:
    """Hold what a source offers.

    Parameters
    ----------
    files : tuple of SourceFile
        Sorted by name.
    problems : tuple of BadData
        What was refused; each message names an opaque place.
    places : tuple of str
        The path of each of the problems; of a member that of its archive, `!` and its name.
    lost : tuple of str
        Where each of the problems lies: a folder below the root as `name` has it or, ending in a slash, an archive,
        of which all that is in it may lack something.
    """

    files: tuple[SourceFile, ...]
    problems: tuple[BadData, ...]
    places: tuple[str, ...] = field(repr=False)
    lost: tuple[str, ...]


def walk(root: Path, only: Collection[str] | None = None) -> Walk:
    """Return the files below a folder, in a zip or tar file, or the one file that `root` is.

    Archives anywhere in the folder are opened as folders. Left out are hidden files, `__MACOSX` and
    `DICOMDIR`. Refused, as problems beside the others: links that leave the folder, archives that cannot
    be read, and members that are encrypted, named to leave the folder, links, devices, archives or bombs.
    `only` names what is taken of the folder itself; None takes all.

    Raises `PlanError` where nothing is at `root`.
    """
    if not root.exists():
        raise PlanError("The path of a source exists", "nothing is there", "Correct the source's path in the plan.")
    files: list[SourceFile] = []
    problems: list[_Problem] = []
    for path, name, found in _found(root.absolute(), only, problems):  # a worker may stand in another folder
        if is_archive(name):
            _add_members(Path(path), name, files, problems)
        else:
            files.append(SourceFile(path, None, found.st_size, found.st_mtime_ns, name))
    ordered = tuple(sorted(files, key=lambda file: (file.name, file.member or "")))
    refused, places, lost = zip(*problems, strict=True) if problems else ((), (), ())
    return Walk(ordered, refused, places, lost)


def read_each(files: Iterable[SourceFile]) -> Iterator[tuple[SourceFile, OnDisk | BadData]]:
    """Yield each file with its content, to be read, or the reason it was refused."""
    for file in files:
        try:
            yield file, file.content()
        except BadData as refusal:
            yield file, refusal


def _found(
    root: Path, only: Collection[str] | None, problems: list[_Problem]
) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield the regular files below a folder, or the file itself: its path, its name below the root, what it is."""
    if not root.is_dir():
        yield str(root), root.name, root.stat()
        return
    home = root.resolve()
    folders = [(str(root), "")]
    while folders:
        folder, above = folders.pop()
        inner = []
        for entry in _entries(folder, above, None if above else only, problems):
            name = above + entry.name
            if entry.is_symlink():
                _check_link(entry, home, above, problems)
            elif entry.is_dir(follow_symlinks=False):
                inner.append((entry.path, f"{name}/"))
            elif entry.is_file(follow_symlinks=False):
                yield entry.path, name, entry.stat(follow_symlinks=False)
        folders += reversed(inner)


def _entries(folder: str, above: str, only: Collection[str] | None, problems: list[_Problem]) -> list[os.DirEntry[str]]:
    """Return what a folder holds that is looked at, sorted by name."""
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError:
        lost = above.rstrip("/").rpartition("/")[0]
        problems.append(_Problem(unreadable("folder", place_key(folder)), folder, lost))
        return []
    held = (entry for entry in entries if not entry.name.startswith(".") and entry.name not in LEFT_OUT)
    wanted = (entry for entry in held if only is None or entry.name in only)
    return sorted(wanted, key=lambda entry: entry.name)


def _check_link(entry: os.DirEntry[str], home: Path, above: str, problems: list[_Problem]) -> None:
    """Refuse a link that leads out of the folder; one that stays inside is not followed, its target is met."""
    if not Path(entry.path).resolve().is_relative_to(home):
        problems.append(_Problem(leaves(place_key(entry.path)), entry.path, above.removesuffix("/")))


def _add_members(path: Path, name: str, files: list[SourceFile], problems: list[_Problem]) -> None:
    folder = PurePosixPath(stem(name))
    for member in zip_members(path) if tar_way(path.name) is None else tar_members(path):
        if isinstance(member, Refused):
            place = str(path) if member.member is None else f"{path}!{member.member}"
            problems.append(_Problem(member.problem, place, f"{folder.as_posix()}/"))
        else:
            below = (folder / member.path).as_posix()
            files.append(SourceFile(str(path), member.name, member.size, member.modified_ns, below, member.place))
