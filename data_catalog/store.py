"""Where artefacts live: addressed by content, written aside and renamed, the record beside each."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from data_catalog import layout
from data_catalog.errors import StoreError
from data_catalog.kinds import KINDS
from data_catalog.lineage import Record
from data_catalog.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from data_catalog.kinds import Kind

MANIFEST = "manifest.json"
ABANDONED_SECONDS = 24 * 3600
"""A half-written folder older than this belongs to a process that is gone."""
READ_BYTES = 2**20
SHORTEST_PREFIX = 6
"""Fewer characters of a digest than this would name too many artefacts by accident."""


class Store:
    """Keep artefacts by the SHA-256 of their content.

    An artefact is a folder `objects/<2>/<digest>` with the data, a manifest (size and SHA-256 of each
    file; its own SHA-256 is the digest) and `records/<key>.json`, one for each way it was made.
    `keys/<2>/<key>` names what a key gave; it is an index that the records can rebuild.

    Parameters
    ----------
    root : Path
        Folder of the store; made when something is first put.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, key: str) -> Ref | None:
        """Return what a key gave, or None where nothing whole is held for it."""
        try:
            ref = Ref.model_validate_json(self._key_path(key).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        return ref if self.holds(ref) else None

    def holds(self, ref: Ref) -> bool:
        """Return whether the artefact is there with every file of its manifest in its size."""
        folder = self.folder(ref.digest)
        try:
            files = _manifest(folder)["files"]
            return all((folder / name).stat().st_size == size for name, (size, _) in files.items())
        except (FileNotFoundError, StoreError):
            return False

    def put(self, kind: Kind, value: Any, record: Callable[[Ref], Record]) -> Ref:  # noqa: ANN401
        """Write an artefact and its record; return its name. An artefact already held is kept as it is.

        Raises
        ------
        BadData
            When the value breaks the promise of its kind.
        """
        with self._aside() as folder:
            layout.write(kind, value, folder)
            ref = Ref(kind=kind.name, digest=_seal(folder, kind))
            made = record(ref)
            _write_record(folder, made)
            self._publish(folder, made)
        self._write(self._key_path(made.key), ref.model_dump_json().encode())
        return ref

    def open(self, ref: Ref) -> Any:  # noqa: ANN401 - each kind has a type of its own
        """Return the artefact; arrays come lazily.

        Raises
        ------
        StoreError
            When the store does not hold it whole.
        """
        if not self.holds(ref):
            raise StoreError(f"The store holds {ref.short} whole", "it does not", "Run the plan again to make it.")
        return layout.read(KINDS[ref.kind], self.folder(ref.digest))

    def folder(self, digest: str) -> Path:
        """Return the folder of an artefact, held or not."""
        return self.root / "objects" / digest[:2] / digest

    def data_file(self, ref: Ref) -> Path:
        """Return the one file, or the Zarr group, in which the artefact's data lie."""
        (path,) = self.folder(ref.digest).glob("data.*")
        return path

    def records(self, ref: Ref) -> list[Record]:
        """Return the records of an artefact, the oldest first."""
        folder = self.folder(ref.digest) / "records"
        found = [Record.model_validate_json(path.read_bytes()) for path in folder.glob("*.json")]
        return sorted(found, key=lambda record: (record.started, record.key))

    def artefacts(self) -> Iterator[Ref]:
        """Yield the name of every artefact held whole."""
        for manifest in sorted((self.root / "objects").glob(f"*/*/{MANIFEST}")):
            try:
                ref = _ref_of(manifest.parent)
            except StoreError:
                continue
            if self.holds(ref):
                yield ref

    def resolve(self, name: str) -> Ref:
        """Return the artefact that a name or the beginning of a digest stands for (`volume-3f9a1c2b`, `3f9a1c`).

        Raises
        ------
        StoreError
            When it names none, or more than one.
        """
        prefix = name.rpartition("-")[2]
        folders = (
            sorted(self.root.glob(f"objects/{prefix[:2]}/{prefix}*/{MANIFEST}"))
            if len(prefix) >= SHORTEST_PREFIX and prefix.isalnum()
            else []
        )
        if len(folders) != 1:
            raise StoreError(
                f"{name!r} names one artefact",
                f"{len(folders)} have a digest that begins so",
                f"Give at least {SHORTEST_PREFIX} characters of the digest, or more of them.",
            )
        return _ref_of(folders[0].parent)

    def verify(self, ref: Ref) -> None:
        """Read every byte of an artefact and compare it with the manifest and the digest.

        Raises
        ------
        StoreError
            When a file is missing or differs.
        """
        if not self._is_intact(ref):
            raise StoreError(
                f"{ref.short} is as it was written",
                "its files differ from its manifest",
                "Delete its folder in the store, and run the plan again.",
            )

    def rebuild_keys(self) -> int:
        """Write the index of keys anew from the records; return how many keys it has."""
        count = 0
        for ref in self.artefacts():
            for record in self.records(ref):
                self._write(self._key_path(record.key), ref.model_dump_json().encode())
                count += 1
        return count

    def sweep(self) -> int:
        """Remove what attempts that were killed left half-written; return how many."""
        limit = time.time() - ABANDONED_SECONDS
        old = [path for path in (self.root / "aside").glob("*") if path.stat().st_mtime < limit]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return len(old)

    def _is_intact(self, ref: Ref) -> bool:
        if not self.holds(ref):
            return False
        sealed = _seal_of(self.folder(ref.digest), KINDS[ref.kind])
        return hashlib.sha256(sealed).hexdigest() == ref.digest

    def _key_path(self, key: str) -> Path:
        return self.root / "keys" / key[:2] / key

    @contextmanager
    def _aside(self) -> Iterator[Path]:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self.root / "aside" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _publish(self, folder: Path, record: Record) -> None:
        target = self.folder(record.output.digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not self._is_intact(record.output):
            shutil.rmtree(target)  # someone damaged it: what was just written replaces it
        try:
            folder.rename(target)
        except OSError:
            if not self.holds(record.output):
                raise
            self._write(target / "records" / f"{record.key}.json", record.model_dump_json(indent=1).encode())

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        aside.write_bytes(content)
        aside.replace(path)


def _write_record(folder: Path, record: Record) -> None:
    (folder / "records").mkdir()
    (folder / "records" / f"{record.key}.json").write_text(record.model_dump_json(indent=1), encoding="utf-8")


def _manifest(folder: Path) -> dict[str, Any]:
    """Return what a folder's manifest says; raise `StoreError` where that is no manifest."""
    try:
        held: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    except ValueError:
        raise StoreError("An artefact has a manifest", "it is cut or overwritten", "Run the plan again.") from None
    return held


def _ref_of(folder: Path) -> Ref:
    return Ref(kind=_manifest(folder)["kind"], digest=folder.name)


def _seal(folder: Path, kind: Kind) -> str:
    """Write the manifest of a folder's data and return the manifest's SHA-256."""
    content = _seal_of(folder, kind)
    (folder / MANIFEST).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _seal_of(folder: Path, kind: Kind) -> bytes:
    files = {}
    for path in sorted(_files(folder)):
        files[path.relative_to(folder).as_posix()] = [path.stat().st_size, _file_digest(path)]
    return json.dumps({"kind": kind.name, "files": files}, indent=1, sort_keys=True).encode()


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        if Path(parent) == folder:
            folders[:] = [name for name in folders if name != "records"]
            names = [name for name in names if name != MANIFEST]  # noqa: PLW2901 - the walk's own list stays
        yield from (Path(parent) / name for name in names)


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
