"""The manifest of an artefact: its kind, and the size and SHA-256 of each of its files."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from data_catalog.errors import StoreError
from data_catalog.refs import Digest, Ref, combined_digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MANIFEST = "manifest.json"
RECORDS = "records/"
READ_BYTES = 2**20
VOXEL_FILES = "data.zarr/voxels/c/"
"""Begins the names of the files that hold the voxels of an image."""


class Manifest(BaseModel):
    """What an artefact consists of; the SHA-256 of its text is the artefact's digest.

    Records are no part of it: one artefact may be made in several ways.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    files: dict[str, tuple[int, Digest]]
    """Size in bytes and SHA-256, by the file's name in the artefact's folder."""

    @property
    def ref(self) -> Ref:
        """The artefact's name."""
        return Ref(kind=self.kind, digest=self.digest)

    @property
    def voxels(self) -> str:
        """A digest of the voxels of an image alone, wherever they lie and whatever is said of them."""
        held = [digest for name, (_, digest) in sorted(self.files.items()) if name.startswith(VOXEL_FILES)]
        return combined_digest(held) if held else self.digest  # without any it is nothing but zeros

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(size for size, _ in self.files.values())

    def encoded(self) -> bytes:
        """Return the text of the manifest; the same for the same files."""
        return json.dumps({"kind": self.kind, "files": self.files}, indent=1, sort_keys=True).encode()

    @property
    def digest(self) -> str:
        """The name of the artefact."""
        return hashlib.sha256(self.encoded()).hexdigest()

    def changes_since(self, written: Manifest) -> list[str]:
        """Return in words, sorted by file, what differs from another state of the same artefact."""
        words = {name: f"{name} is missing" for name in written.files.keys() - self.files.keys()}
        words |= {name: f"{name} is none of its files" for name in self.files.keys() - written.files.keys()}
        both = self.files.keys() & written.files.keys()
        words |= {name: f"{name} has changed" for name in both if self.files[name] != written.files[name]}
        return [words[name] for name in sorted(words)]

    @property
    def data(self) -> str:
        """The one file, or the Zarr group, in which the data lie."""
        (name,) = {name.partition("/")[0] for name in self.files}
        return name


def parse_manifest(content: bytes) -> Manifest:
    """Return what a manifest says.

    Raises
    ------
    StoreError
        When it is cut or overwritten.
    """
    try:
        return Manifest.model_validate_json(content)
    except ValidationError:
        raise StoreError("An artefact has a manifest", "it is cut or overwritten", "Run the plan again.") from None


def is_data(name: str) -> bool:
    """Return whether a file of an artefact is part of its content: neither the manifest nor a record."""
    return name != MANIFEST and not name.startswith(RECORDS)


def files_below(folder: Path) -> dict[str, Path]:
    """Return every file below a folder, by its name there."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def sha256_of(blocks: Iterable[bytes]) -> str:
    """Return the SHA-256 of bytes that come one block after the other."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
