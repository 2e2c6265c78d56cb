"""What a store asks of whatever holds its files."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

ASIDE = "aside"
"""Where a shelf keeps what is not finished."""
ABANDONED_SECONDS = 24 * 3600
"""What is unfinished and older than this belongs to a process that is gone."""

T = TypeVar("T")
R = TypeVar("R")


class Shelf(Protocol):
    """Files by name, in which an artefact appears whole; names are relative, with slashes."""

    def read(self, name: str) -> bytes:
        """Return a file's content; raise `FileNotFoundError` where there is none."""

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """Yield the content of a file of a known size, block by block."""

    def write(self, name: str, content: bytes) -> None:
        """Write a small file: there is the old one or the new one, never a part."""

    def remove(self, name: str) -> None:
        """Remove a file."""

    def sizes(self, folder: str, names: Iterable[str]) -> dict[str, int]:
        """Return the sizes of files of a folder by name, without those that are not there."""

    def listing(self, folder: str, beginning: str = "") -> dict[str, int]:
        """Return the size of every file below a folder whose name there begins so."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder."""

    def records(self, folder: str) -> dict[str, list[str]]:
        """Return, of each artefact in a folder that has a manifest, the names of its records; by the artefact's own."""

    def aside(self) -> AbstractContextManager[Path]:
        """Give an empty folder of this machine to write an artefact into; it is removed afterwards."""

    def publish(self, folder: Path, name: str, is_intact: Callable[[], bool]) -> None:
        """Let an artefact that was written aside appear under its name; add its records where it is there already."""

    def discard(self, name: str) -> None:
        """Remove an artefact: it is whole until it is not there, whatever ends this half-way."""

    def sweep(self) -> int:
        """Remove what was left half-written long ago; return how many."""

    def each(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return what a function that reads or writes gives for each item, in order."""


def sweep_old(paths: Iterable[Path]) -> int:
    """Remove the files and folders that are older than any writer; return how many."""
    limit = time.time() - ABANDONED_SECONDS
    removed = 0
    for path in paths:
        try:
            if path.stat().st_mtime >= limit:
                continue
            if path.is_file():
                path.unlink()
            else:
                shutil.rmtree(path)
        except (FileNotFoundError, PermissionError):  # another process has swept it, or it is another user's
            continue
        removed += 1
    return removed
