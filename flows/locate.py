"""Which file of a plan's sources a digest stands for: found anew, and told to whoever asks, never written down."""

from __future__ import annotations

import lzma
import os
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from data_catalog.errors import BadData, PlanError
from tasks.formats.content import fingerprint, fingerprint_of
from tasks.formats.dicom.parse import parse_header
from tasks.sources.archives import is_archive, tar_way
from tasks.sources.files import walk
from tasks.sources.refusals import place_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tasks.sources.files import SourceFile

SHORTEST = 6
"""Fewer digits than this would be those of many files by accident."""


def locate(roots: Iterable[Path], digests: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield name and place of each file below some folders whose SHA-256, or the name of its place, begins as asked.

    Every file is read, as the store knows files by their content alone. The place of a member of an archive is the
    archive's path, `!` and its name. A file that cannot be read goes by the name of its place, as messages give it.

    Raises
    ------
    PlanError
        When a digest is too short, or is none.
    """
    for digest in digests:
        if len(digest) < SHORTEST or not set(digest) <= set("0123456789abcdef"):
            raise PlanError(
                f"A digest is written in at least {SHORTEST} digits, 0 to 9 and a to f",
                f"{digest!r} is not",
                "Copy it from the report's list of what was refused, or from `voxmine why`.",
            )
    for root in roots:
        for file in walk(root).files:
            found = next((name for name in _names(file) if name.startswith(tuple(digests))), None)
            if found is not None:
                yield found, _place(file)
        for key, place in _refused(root.absolute()):
            if key.startswith(tuple(digests)):
                yield key, place


def _members_of(archive: Path) -> Iterator[str]:
    """Yield the names in an archive as it spells them, as far as it can be read."""
    try:
        if tar_way(archive.name) is None:
            with zipfile.ZipFile(archive) as zipped:
                yield from zipped.namelist()
        else:
            with tarfile.open(archive) as packed:
                yield from (member.name for member in packed)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError):
        return


def _refused(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the place of whatever a walk gives no file of: folders, archives, members that are refused."""
    listed = {file.key for file in walk(root).files}
    for folder, below, names in os.walk(root) if root.is_dir() else [(str(root.parent), [], [root.name])]:
        for name in (*below, *names):
            path = Path(folder) / name
            inside = (f"{path}!{member}" for member in _members_of(path)) if name in names and is_archive(name) else ()
            for place in (str(path), *inside):
                key = place_key(place)
                if key not in listed:
                    yield key, place


def _names(file: SourceFile) -> Iterator[str]:
    """Yield all that a message may call a file: its place, its content, or what it was known by at the scan."""
    yield file.key
    try:
        content = file.content()
        yield content.digest()
        yield fingerprint_of(content).digest
        yield fingerprint(parse_header(content).head, content.size).digest
    except BadData:  # it cannot be read, or is no DICOM: that may be why somebody looks for it
        return


def _place(file: SourceFile) -> str:
    return str(file.container) if file.member is None else f"{file.container}!{file.member}"
