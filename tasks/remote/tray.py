"""One series as files on disk: kept aside until it is whole, and known to be whole by its manifest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from tasks.remote.archive import Denied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

INCOMING = ".incoming"
"""Folder of the series that are not whole: hidden, so that a source does not take them."""
MANIFEST = ".manifest.json"
"""Written last: name and size of each file of a series that is whole."""
SEEN = ".seen.json"
"""How many instances an archive had of a series, and since when."""
HEAD_BYTES = 64 << 10
"""The UID of an instance stands within so many bytes."""
_META_GROUP, _INSTANCE = b"\x02\x00", b"\x02\x00\x03\x00"
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}


def file_name(uid: str) -> str:
    """Return the name of an instance's file: the SHA-256 of its UID, with `.dcm`."""
    return f"{hashlib.sha256(uid.encode()).hexdigest()}.dcm"


def private_folder(path: Path) -> Path:
    """Make a folder, with those above it, that nobody but the owner can open; return it."""
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
    return path


def write_whole(path: Path, chunks: Iterable[bytes]) -> int:
    """Write a file aside and rename it when it is whole; return its size."""
    aside = path.with_name(f"{path.name}.part")
    size = 0
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        for chunk in chunks:
            size += stream.write(chunk)
    aside.replace(path)
    return size


def named(chunks: Iterable[bytes]) -> tuple[str, Iterator[bytes]]:
    """Return the UID of the instance that a DICOM file's chunks begin, and all of the chunks.

    Raises `Denied` when they are not of a DICOM file.
    """
    rest = iter(chunks)
    head = b""
    while (uid := _instance_uid(head)) is None:
        chunk = next(rest, None)
        if chunk is None or len(head) > HEAD_BYTES:
            raise Denied("An archive sends DICOM files", "it sent something else", "Export the series anew there.")
        head += chunk
    return uid, chain((head,), rest)


def _instance_uid(head: bytes) -> str | None:
    """Return MediaStorageSOPInstanceUID, None where `head` does not reach it; an empty text where there is none."""
    place = 132
    if len(head) < place:
        return None
    if head[128:132] != b"DICM":
        raise Denied("An archive sends DICOM files", "it sent something else", "Export the series anew there.")
    while len(head) >= place + 12:
        tag, code = head[place : place + 4], head[place + 4 : place + 6]
        if tag[:2] != _META_GROUP:
            return ""
        long = code in _LONG
        start = place + (12 if long else 8)
        length = int.from_bytes(head[start - 4 : start] if long else head[start - 2 : start], "little")
        if tag == _INSTANCE and len(head) >= start + length:
            return head[start : start + length].rstrip(b"\0 ").decode("ascii", "replace")
        place = start + length
    return None


@dataclass(frozen=True)
class Tray:
    """The place of one series.

    Parameters
    ----------
    root : Path
        Folder of the source.
    key : str
        Opaque name of the series.
    """

    root: Path
    key: str

    @property
    def ready(self) -> Path:
        """The folder of the whole series."""
        return self.root / self.key

    @property
    def incoming(self) -> Path:
        """The folder of what has come so far."""
        return self.root / INCOMING / self.key

    def manifest(self) -> dict[str, int] | None:
        """Return name and size of each file of the whole series; None where it is not whole, or was changed."""
        said = _said(self.ready)
        return said if said and said == _sizes(self.ready) else None

    def begin(self, wanted: Iterable[str], other: Tray | None = None) -> None:
        """Put aside what is there of a series, so that nobody reads it; files that are not wanted are deleted.

        What another tray holds of the same series of the same archive is taken over.
        """
        private_folder(self.root / INCOMING)
        if self.ready.is_dir():
            trusted = self._trusted()
            shutil.rmtree(self.incoming, ignore_errors=True)
            self.ready.rename(self.incoming)
            wanted = trusted & set(wanted)
        elif not self.incoming.is_dir():
            private_folder(self.incoming)
            if other is not None:
                for name in other.manifest() or ():
                    os.link(other.ready / name, self.incoming / name)
        for name in set(_sizes(self.incoming)) - set(wanted):
            (self.incoming / name).unlink()

    def _trusted(self) -> set[str]:
        """Return the names of the files that are as the manifest says."""
        return {name for name, _ in _said(self.ready).items() & _sizes(self.ready).items()}

    def held(self) -> set[str]:
        """Return the names of the files that have come so far."""
        return set(_sizes(self.incoming))

    def keep(self, uid: str, chunks: Iterable[bytes]) -> None:
        """Write the file of an instance."""
        write_whole(self.incoming / file_name(uid), chunks)

    def quiet_for(self, instances: int) -> float:
        """Return the seconds since which an archive is known to have so many instances of the series."""
        path = self.incoming / SEEN
        now = time.time()
        try:
            seen = json.loads(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            seen = {}
        if seen.get("instances") == instances:
            return float(now - seen["since"])
        write_whole(path, [json.dumps({"instances": instances, "since": now}).encode("ascii")])
        return 0.0

    def finish(self) -> int:
        """Make the series one that is whole: the manifest first, then the folder's name; return its bytes."""
        sizes = _sizes(self.incoming)
        (self.incoming / SEEN).unlink(missing_ok=True)
        for left in self.incoming.glob("*.part"):
            left.unlink()
        write_whole(self.incoming / MANIFEST, [json.dumps({"files": sizes}, sort_keys=True).encode("ascii")])
        self.incoming.rename(self.ready)
        return sum(sizes.values())


def _said(folder: Path) -> dict[str, int]:
    """Return what the manifest of a folder says of its files; nothing where there is none."""
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="ascii"))["files"]
        return {str(name): int(size) for name, size in said.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _sizes(folder: Path) -> dict[str, int]:
    """Return name and size of each instance's file in a folder."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries if entry.name.endswith(".dcm")}


def remove_others(root: Path, keys: Iterable[str]) -> int:
    """Delete the series of a source that the archive has no more, or that are no longer asked for; return how many."""
    kept = {*keys, INCOMING}
    gone = [
        path
        for folder in (root, root / INCOMING)
        if folder.is_dir()
        for path in folder.iterdir()
        if path.is_dir() and path.name not in kept
    ]
    for path in gone:
        shutil.rmtree(path)
    return len(gone)


def stamp_of(root: Path) -> str:
    """Return a SHA-256 that changes when a whole series of a source is added, changed or removed; empty for none."""
    marks = sorted((path.parent.name, path.stat().st_mtime_ns) for path in root.glob(f"*/{MANIFEST}"))
    return hashlib.sha256(repr(marks).encode()).hexdigest() if marks else ""
