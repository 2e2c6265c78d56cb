"""A store's files in a folder of this machine."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from data_catalog.manifest import MANIFEST, READ_BYTES, RECORDS, files_below, is_data
from data_catalog.shelf import ASIDE, sweep_old

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from data_catalog.shelf import R, T


class Disk:
    """A folder of this machine, for its owner alone. What is written aside appears by a rename."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._top = str(root)  # of a million files, each `Path` costs more than the look at one

    def read(self, name: str) -> bytes:
        """Return a file's content; raise `FileNotFoundError` where there is none."""
        with open(f"{self._top}/{name}", "rb", buffering=0) as file:  # noqa: PTH123
            return file.read()

    def blocks(self, name: str, size: int) -> Iterator[bytes]:  # noqa: ARG002 - a file knows its end
        """Yield the content of a file, block by block."""
        with (self.root / name).open("rb") as file:
            while block := file.read(READ_BYTES):
                yield block

    def write(self, name: str, content: bytes) -> None:
        """Write a small file: there is the old one or the new one, never a part."""
        path, aside = self.root / name, self._new_aside()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            aside.write_bytes(content)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self.root / name).unlink()

    def sizes(self, folder: str, names: Iterable[str]) -> dict[str, int]:
        """Return the sizes of files of a folder by name, without those that are not there."""
        found = {}
        for name in names:
            try:
                found[name] = os.stat(f"{self._top}/{folder}/{name}").st_size  # noqa: PTH116
            except (FileNotFoundError, NotADirectoryError):
                continue
        return found

    def listing(self, folder: str, beginning: str = "") -> dict[str, int]:
        """Return the size of every file below a folder whose name there begins so."""
        first, slash, _ = beginning.partition("/")
        top = self.root / folder
        found = _sizes_below(top / first, f"{first}/") if slash else _sizes_below(top, "", first)
        return {name: size for name, size in found if name.startswith(beginning)}

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, which holds nothing else; none where there is no folder."""
        try:
            return os.listdir(f"{self._top}/{folder}")  # noqa: PTH208
        except FileNotFoundError:
            return []

    def records(self, folder: str) -> dict[str, list[str]]:
        """Return, of each artefact in a folder that has a manifest, the names of its records; no data are looked at."""
        try:
            artefacts = list(os.scandir(self.root / folder))
        except FileNotFoundError:
            return {}
        found = {}
        for artefact in artefacts:
            if os.path.exists(f"{artefact.path}/{MANIFEST}"):  # noqa: PTH110
                found[artefact.name] = self.names(f"{folder}/{artefact.name}/{RECORDS}")
        return found

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """Give an empty folder to write an artefact into; what is not published of it is removed afterwards."""
        folder = self._new_aside()
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, folder: Path, name: str, is_intact: Callable[[], bool]) -> None:
        """Rename an artefact's folder to its name; where it is there already, add the records.

        Somebody may have damaged what is there: then it is replaced.
        """
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        there = target.exists() and is_intact()
        if not there:
            shutil.rmtree(target, ignore_errors=True)
            try:
                folder.rename(target)
            except OSError:
                if not is_intact():  # else another writer was first
                    raise
            else:
                return
        for record, path in files_below(folder).items():
            if record != MANIFEST and not is_data(record):
                self.write(f"{name}/{record}", path.read_bytes())

    def discard(self, name: str) -> None:
        """Remove an artefact: its folder is renamed aside first, from where what is left of it is swept."""
        aside = self._new_aside()
        try:
            (self.root / name).rename(aside)
        except FileNotFoundError:
            return
        shutil.rmtree(aside)

    def sweep(self) -> int:
        """Remove what attempts that were killed left aside; return how many."""
        return sweep_old((self.root / ASIDE).glob("*"))

    def each(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return what a function gives for each item, in order: one after the other, as a disk likes it."""
        return [function(item) for item in items]

    def _new_aside(self) -> Path:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.root / ASIDE).mkdir(exist_ok=True)
        return self.root / ASIDE / uuid.uuid4().hex


def _sizes_below(folder: Path | str, before: str, beginning: str = "") -> Iterator[tuple[str, int]]:
    """Yield name and size of the files below a folder, those at its top whose name begins so; there may be millions."""
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if not entry.name.startswith(beginning):
            continue
        try:
            if entry.is_dir():
                yield from _sizes_below(entry.path, f"{before}{entry.name}/")
            elif entry.is_file():
                yield f"{before}{entry.name}", entry.stat().st_size
        except FileNotFoundError:  # it has just been removed
            continue
