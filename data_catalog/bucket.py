"""A store's files under a prefix of a bucket."""

from __future__ import annotations

import re
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from data_catalog.manifest import MANIFEST, RECORDS, files_below, is_data
from data_catalog.places import answered, filesystem, read_file
from data_catalog.shelf import ABANDONED_SECONDS, ASIDE, sweep_old

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from upath import UPath

    from data_catalog.shelf import R, T

TEMPORARY = "voxmine-aside-"
REQUESTS = 16
"""Objects that one process reads or writes at the same time: a bucket takes its time for each, not for many."""
PART_BYTES = 16 * 2**20
PARTS = 4
"""Parts of a large object that are sent at the same time: 64 MiB of memory, whatever its size."""
SMALL_BYTES = 2**20
"""Objects up to this size are sent together with others."""
ARTEFACT = re.compile(r"objects/[0-9a-f]{2}/[0-9a-f]{64}")


class Bucket:
    """A prefix of a bucket. It has no rename: what is sent counts as soon as its manifest, the last of it, is there.

    Several writers of one artefact send equal bytes; whoever is last wins.
    """

    def __init__(self, root: UPath) -> None:
        self.root = root

    def read(self, name: str) -> bytes:
        """Return an object's content by one request; raise `FileNotFoundError` where there is none."""
        return read_file(self.root / name)

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """Yield the content of an object of a known size, block by block."""
        for start in range(0, size, PART_BYTES):
            with answered():
                block = filesystem(self.root).cat_file(self._at(name), start=start, end=min(start + PART_BYTES, size))
            yield block

    def write(self, name: str, content: bytes) -> None:
        """Write a small object by one request: there is the old one or the new one, never a part."""
        with answered():
            filesystem(self.root).pipe_file(self._at(name), content)

    def remove(self, name: str) -> None:
        """Remove an object."""
        with answered():
            filesystem(self.root).rm_file(self._at(name))

    def sizes(self, folder: str, names: Iterable[str]) -> dict[str, int]:
        """Return the sizes of objects of a folder by name, by one request for a thousand."""
        wanted = set(names)
        return {name: size for name, size in self.listing(folder).items() if name in wanted}

    def listing(self, folder: str, beginning: str = "") -> dict[str, int]:
        """Return the size of every object below a folder whose name there begins so."""
        parent, _, last = self._at(folder).rpartition("/")
        with answered():  # given a prefix, nothing else is asked when nothing is found
            found = filesystem(self.root).find(parent, prefix=f"{last}/{beginning}", detail=True)
        start = len(self._at(folder)) + 1
        names = {name[start:]: held["size"] for name, held in found.items() if name.startswith(f"{parent}/{last}/")}
        return {name: size for name, size in names.items() if name.startswith(beginning)}

    def names(self, folder: str) -> list[str]:
        """Return the names of the objects below a folder."""
        return list(self.listing(folder.rstrip("/")))

    def records(self, folder: str) -> dict[str, list[str]]:
        """Return, of each artefact in a folder that has a manifest, the names of its records."""
        below = [name.split("/", 1) for name in self.listing(folder)]
        found: dict[str, list[str]] = {artefact: [] for artefact, name in below if name == MANIFEST}
        for artefact, name in below:
            if artefact in found and name.startswith(RECORDS):
                found[artefact].append(name.removeprefix(RECORDS))
        return found

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """Give an empty folder among the temporary ones of this machine, for its owner alone; it is removed."""
        _sweep_this_machine()
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def publish(self, folder: Path, name: str, is_intact: Callable[[], bool]) -> None:  # noqa: ARG002 - see below
        """Send an artefact: data first, then records, the manifest last; a note tells of it while it is sent.

        What is there already is not read to see whether it is intact: to send equal bytes costs no more.
        """
        note = f"{ASIDE}/{uuid.uuid4().hex}"
        self.write(note, name.encode())
        files = files_below(folder)
        for stray in set(self.listing(name)) - set(files):
            if is_data(stray):
                self.remove(f"{name}/{stray}")
        for part in _in_order(files):
            self._send(name, {file: files[file] for file in part})
        self.remove(note)

    def discard(self, name: str) -> None:
        """Remove an artefact: its manifest first; a note tells of the rest, which is swept if this ends half-way."""
        note = f"{ASIDE}/{uuid.uuid4().hex}"
        self.write(note, name.encode())
        files = self.listing(name)
        if MANIFEST in files:
            self.remove(f"{name}/{MANIFEST}")
        self.each(self.remove, [f"{name}/{file}" for file in files if file != MANIFEST])
        self.remove(note)

    def sweep(self) -> int:
        """Remove what attempts that were killed have sent without its manifest; return how many attempts."""
        limit = time.time() - ABANDONED_SECONDS
        notes = self._notes()
        at_it = {name for name, moment in notes.values() if moment >= limit}
        old = {note: name for note, (name, moment) in notes.items() if moment < limit}
        for note, name in old.items():
            if name not in at_it:
                self._forget(name)
            self.remove(note)
        return len(old) + _sweep_temporary()

    def each(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return what a function gives for each item, in order, working on several at the same time."""
        if len(items) < 2:  # noqa: PLR2004 - one needs no threads
            return [function(item) for item in items]
        with ThreadPoolExecutor(REQUESTS) as pool:
            return list(pool.map(function, items))

    def _notes(self) -> dict[str, tuple[str, float]]:
        """Return the notes of what is being sent: each the artefact's name, and when that was begun."""
        found = {}
        for note in self.listing(ASIDE):
            name = f"{ASIDE}/{note}"
            try:
                found[name] = (self.read(name).decode(), self._modified(name))
            except FileNotFoundError:  # it has just been finished
                continue
        return found

    def _forget(self, name: str) -> None:
        """Remove the objects of an artefact that was never finished."""
        held = self.listing(name) if ARTEFACT.fullmatch(name) else {}
        if MANIFEST not in held:
            self.each(self.remove, [f"{name}/{file}" for file in held])

    def _send(self, name: str, files: dict[str, Path]) -> None:
        small = [file for file, path in files.items() if path.stat().st_size <= SMALL_BYTES]
        self.each(lambda file: self.write(f"{name}/{file}", files[file].read_bytes()), small)
        for file in files.keys() - set(small):
            with answered():
                filesystem(self.root).put_file(
                    str(files[file]), self._at(f"{name}/{file}"), chunksize=PART_BYTES, max_concurrency=PARTS
                )

    def _modified(self, name: str) -> float:
        with answered():
            moment: float = filesystem(self.root).modified(self._at(name)).timestamp()
        return moment

    def _at(self, name: str) -> str:
        return f"{self.root.path.rstrip('/')}/{name}"


def _in_order(files: Iterable[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the names of an artefact's data, of its records, and of its manifest."""
    data = [name for name in files if is_data(name)]
    return data, [name for name in files if name not in data and name != MANIFEST], [MANIFEST]


@cache
def _sweep_this_machine() -> int:
    """Remove what killed writers left among the temporary folders, once in a process."""
    return _sweep_temporary()


def _sweep_temporary() -> int:
    return sweep_old(Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"))
