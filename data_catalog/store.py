"""Where artefacts live: addressed by content, the record beside each, on this machine or on object storage."""

from __future__ import annotations

import uuid
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from data_catalog import layout
from data_catalog.bucket import Bucket
from data_catalog.compression import DEFAULT
from data_catalog.disk import Disk
from data_catalog.errors import StoreError
from data_catalog.kinds import KINDS
from data_catalog.lineage import Record
from data_catalog.manifest import MANIFEST, RECORDS, Manifest, is_data, parse_manifest, sha256_of
from data_catalog.refs import Ref
from data_catalog.shelf import ASIDE
from data_catalog.ways import way_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from data_catalog.compression import Compression
    from data_catalog.kinds import Kind
    from data_catalog.places import Place
    from data_catalog.shelf import R, Shelf, T
    from data_catalog.ways import Way

SHORTEST_PREFIX = 6
"""Fewer characters of a digest than this would name too many artefacts by accident."""
READ_AT_ONCE = 1000
"""Records or manifests that are read before they are worked on."""
HEXES = tuple(f"{first:02x}" for first in range(256))
"""The beginnings of digests by which a store is listed, so that never all of it is in memory."""
OBJECTS, RUNS, CODES = "objects", "runs", "codes"
"""Folders of artefacts, of what runs have noted (`data_catalog.runs`), and of what digests of code stand for."""


FAULTS = 3
"""Files of a damaged artefact that are named."""


class Store:
    """Keep artefacts by the SHA-256 of their content.

    An artefact is a folder `objects/<2>/<digest>` with the data, a manifest (size and SHA-256 of each
    file; its own SHA-256 is the digest) and `records/<key>.json`, one for each way it was made.
    `keys/<2>/<key>` names what a key gave; it is an index that the records can rebuild. The same files lie
    on disk and on object storage: one may be copied to the other.

    On object storage a look-up (`find`) is three requests: the key, the manifest, and one listing of the
    artefact's sizes; `holds` the last two of them; nothing else is ever listed on the way to a result. An
    artefact is put with one request for each of its files, and four more: a note of it, what is there, its key,
    and the end of the note.

    Parameters
    ----------
    root : Path or UPath
        Place of the store; made when something is first put.
    compression : str
        How the voxels of what is put are compressed; it is part of the digest, and of no result.
    """

    def __init__(self, root: Place, compression: Compression = DEFAULT) -> None:
        self.root = root
        self.compression = compression
        self._shelf: Shelf = Disk(root) if isinstance(root, Path) else Bucket(root)

    def find(self, key: str) -> Ref | None:
        """Return what a key gave, or None where nothing whole is held for it."""
        ref = self.given(key)
        return ref if ref is not None and self.holds(ref) else None

    def holds(self, ref: Ref) -> bool:
        """Return whether the artefact is there with every file of its manifest in its size."""
        try:
            files = self.manifest(ref).files
        except (FileNotFoundError, StoreError):
            return False
        sizes = self._shelf.sizes(folder_name(ref.digest), files)
        return all(sizes.get(name) == size for name, (size, _) in files.items())

    def put(self, kind: Kind, value: Any, record: Callable[[Ref], Record]) -> Ref:  # noqa: ANN401
        """Write an artefact and its record; return its name. An artefact already held is kept as it is.

        Raises
        ------
        BadData
            When the value breaks the promise of its kind.
        """
        with self._shelf.aside() as folder:
            manifest = _written(kind, value, folder, self.compression)
            ref = manifest.ref
            made = record(ref).model_copy(update={"bytes": manifest.size})
            _write_record(folder, made)
            self._shelf.publish(folder, folder_name(ref.digest), lambda: self._is_intact(ref))
        self._write_key(made)
        return ref

    def open(self, ref: Ref) -> Any:  # noqa: ANN401 - each kind has a type of its own
        """Return the artefact; arrays come lazily.

        Raises
        ------
        StoreError
            When the store does not hold it whole.
        """
        self._require(ref)
        return layout.read(KINDS[ref.kind], self.folder(ref.digest))

    def attrs(self, ref: Ref) -> dict[str, Any]:
        """Return the attributes of an array, as `open` gives them, without a look at anything else of it.

        Raises
        ------
        StoreError
            When the store does not hold them.
        """
        try:
            return layout.read_attributes(KINDS[ref.kind], self.folder(ref.digest))
        except (FileNotFoundError, ValueError):
            raise _not_whole(ref) from None

    def each(self, ask: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return what a function that asks this store gives for each item, in order.

        Of object storage several are asked at the same time: it answers many as fast as one.
        """
        return self._shelf.each(ask, items)

    def folder(self, digest: str) -> Place:
        """Return the folder of an artefact, held or not."""
        return self.root / folder_name(digest)

    def data_file(self, ref: Ref) -> Place:
        """Return the one file, or the Zarr group, in which the artefact's data lie."""
        return self.folder(ref.digest) / self.manifest(ref).data

    @property
    def shelf(self) -> Shelf:
        """What holds the files."""
        return self._shelf

    def record(self, ref: Ref, key: str) -> Record | None:
        """Return the record of an artefact under one key, or None where there is none."""
        try:
            return Record.model_validate_json(self._shelf.read(f"{folder_name(ref.digest)}/{RECORDS}{key}.json"))
        except (FileNotFoundError, ValidationError):
            return None

    def given(self, key: str) -> Ref | None:
        """Return what the index of keys says that a key gave, held or not."""
        try:
            return Ref.model_validate_json(self._shelf.read(_key_name(key)))
        except (FileNotFoundError, ValidationError):
            return None

    def records(self, ref: Ref) -> list[Record]:
        """Return the records of an artefact, the oldest first.

        Raises
        ------
        StoreError
            When one of them is cut or overwritten.
        """
        held = self.records_by_name(ref)
        for key, record in held.items():
            if record is None:
                raise StoreError(
                    f"The records of {ref.short} are as they were written",
                    f"{key[:12]} is cut or overwritten",
                    f"Delete it ({self.folder(ref.digest) / RECORDS}{key}.json), and run the plan again.",
                )
        return sorted(
            (one for one in held.values() if one is not None), key=lambda record: (record.started, record.key)
        )

    def every_record(self) -> Iterator[Record]:
        """Yield every record of an artefact that has a manifest, in the order of the artefacts' digests.

        What of it is cut or overwritten is left out. Two hexadecimal digits' worth is listed at a time.
        """
        for first in HEXES:
            for _, record in self._records_in(self._shelf.records(f"{OBJECTS}/{first}")):
                yield record

    def stock(self) -> Iterator[tuple[Ref, int, list[Record]]]:
        """Yield every artefact that has a manifest, with the bytes of its data and its records.

        What is cut or overwritten is left out.
        """
        for listed in self._listings():
            records: dict[str, list[Record]] = defaultdict(list)
            for digest, record in self._records_in(_records_among(listed)):
                records[digest].append(record)
            for digest, manifest in self._manifests_in(listed):
                yield Ref(kind=manifest.kind, digest=digest), _bytes_of_data(listed[digest]), records[digest]

    def artefacts(self) -> Iterator[Ref]:
        """Yield the name of every artefact held whole."""
        listed = self._listed()
        for digest, manifest in self._manifests_in(listed):
            if all(listed[digest].get(name) == size for name, (size, _) in manifest.files.items()):
                yield Ref(kind=manifest.kind, digest=digest)

    def sizes(self) -> Iterator[tuple[Ref, int]]:
        """Yield every artefact that has a manifest, with the bytes of its data."""
        for listed in self._listings():
            for digest, manifest in self._manifests_in(listed):
                yield Ref(kind=manifest.kind, digest=digest), _bytes_of_data(listed[digest])

    def without_manifest(self) -> list[str]:
        """Return the digests under which files lie that have no manifest, or one that is cut."""
        found = []
        for first in HEXES:
            below = self._below(first)
            listed = {digest: sizes for digest, sizes in below.items() if MANIFEST in sizes}
            found += sorted(below.keys() - {digest for digest, _ in self._manifests_in(listed)})
        return found

    def records_by_name(self, ref: Ref) -> dict[str, Record | None]:
        """Return the records of an artefact by the keys that their files are named for; None for one that is cut."""
        keys = self._record_keys(ref)
        return dict(zip(keys, self.each(lambda key: self.record(ref, key), keys), strict=True))

    def discard(self, ref: Ref) -> None:
        """Remove an artefact, its records, and the keys that name it. Nothing looks whether somebody needs it."""
        for key in self._record_keys(ref):
            if self.given(key) == ref:
                self._shelf.remove(_key_name(key))
        self._shelf.discard(folder_name(ref.digest))

    def ways(self, refs: Sequence[Ref], most: int | None) -> list[list[Way]]:
        """Return of each artefact how it was made, the oldest first, each with the first parents of each kind."""
        return [[way_of(record, most) for record in records] for records in self.each(self.records, refs)]

    def resolve(self, name: str) -> Ref:
        """Return the artefact that a name or the beginning of a digest stands for (`volume-3f9a1c2b`, `3f9a1c`).

        Raises
        ------
        StoreError
            When it names none, or more than one.
        """
        prefix = name.rpartition("-")[2]
        long_enough = len(prefix) >= SHORTEST_PREFIX and prefix.isalnum()
        digests = list(self._listed(prefix)) if long_enough else []
        if len(digests) != 1:
            raise StoreError(
                f"{name!r} names one artefact",
                f"{len(digests)} have a digest that begins so",
                f"Give at least {SHORTEST_PREFIX} characters of the digest, or more of them.",
            )
        manifest = parse_manifest(self._shelf.read(f"{folder_name(digests[0])}/{MANIFEST}"))
        return Ref(kind=manifest.kind, digest=digests[0])

    def verify(self, ref: Ref) -> None:
        """Read every byte of an artefact and compare it with the manifest and the digest.

        Raises
        ------
        StoreError
            When a file is missing or differs.
        """
        faults = self.faults(ref)
        if faults:
            more = f", and {len(faults) - FAULTS} more" if len(faults) > FAULTS else ""
            raise StoreError(
                f"{ref.short} is as it was written",
                ", ".join(faults[:FAULTS]) + more,
                f"Delete {folder_name(ref.digest)} in the store, and run the plan again.",
            )

    def faults(self, ref: Ref) -> list[str]:
        """Return in words what of an artefact is not as it was written, every byte read; nothing where all is."""
        folder = folder_name(ref.digest)
        try:
            text = self._shelf.read(f"{folder}/{MANIFEST}")
        except FileNotFoundError:
            return ["its manifest is missing"]
        sizes = {name: size for name, size in self._shelf.listing(folder).items() if is_data(name)}
        digests = {name: sha256_of(self._shelf.blocks(f"{folder}/{name}", size)) for name, size in sizes.items()}
        found = Manifest(kind=ref.kind, files={name: (size, digests[name]) for name, size in sizes.items()})
        if found.encoded() == text and found.digest == ref.digest:
            return []
        try:
            written = parse_manifest(text)
        except StoreError:
            return ["its manifest is cut or overwritten"]
        return found.changes_since(written) or ["its manifest is of something else"]

    def rebuild_keys(self) -> int:
        """Write the index of keys anew from the records; return how many keys it has."""
        records = [record for made in self.each(self.records, list(self.artefacts())) for record in made]
        self.each(self._write_key, records)
        return len(records)

    def sweep(self) -> int:
        """Remove what attempts that were killed left half-written; return how many."""
        return self._shelf.sweep()

    def probe(self) -> None:
        """Write something and remove it; raise `OSError` where that is not possible."""
        name = f"{ASIDE}/{uuid.uuid4().hex}"
        self._shelf.write(name, b"")
        self._shelf.remove(name)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield every file of the store: its name and its content."""
        for folder in (OBJECTS, "keys", RUNS, CODES, ASIDE):
            for name in self._shelf.listing(folder):
                yield f"{folder}/{name}", self._shelf.read(f"{folder}/{name}")

    def name_of(self, kind: Kind, value: Any) -> Ref:  # noqa: ANN401
        """Return the name that an artefact would have here; it is not kept."""
        with self._shelf.aside() as folder:
            return _written(kind, value, folder, self.compression).ref

    def manifest(self, ref: Ref) -> Manifest:
        """Return what an artefact consists of.

        Raises
        ------
        StoreError
            When its manifest is cut or overwritten.
        """
        return parse_manifest(self._shelf.read(f"{folder_name(ref.digest)}/{MANIFEST}"))

    def _is_intact(self, ref: Ref) -> bool:
        return not self.faults(ref)

    def _listed(self, beginning: str = "") -> dict[str, dict[str, int]]:
        """Return the files, with their sizes, of every artefact that has a manifest and whose digest begins so."""
        return {digest: sizes for digest, sizes in self._below(beginning).items() if MANIFEST in sizes}

    def _listings(self) -> Iterator[dict[str, dict[str, int]]]:
        """Yield what `_listed` gives of the whole store, two hexadecimal digits' worth at a time."""
        for first in HEXES:
            yield self._listed(first)

    def _manifests_in(self, listed: dict[str, dict[str, int]]) -> Iterator[tuple[str, Manifest]]:
        """Yield the digests of some artefacts, in order, with their manifests; without those that are cut."""
        digests = sorted(listed)
        texts = self._texts([f"{folder_name(digest)}/{MANIFEST}" for digest in digests])
        for digest, text in zip(digests, texts, strict=True):
            try:
                yield digest, parse_manifest(text)
            except StoreError:
                continue

    def _records_in(self, listed: dict[str, list[str]]) -> Iterator[tuple[str, Record]]:
        """Yield the records of some artefacts, each with the digest it lies under; without those that are cut."""
        names = [(digest, name) for digest in sorted(listed) for name in sorted(listed[digest])]
        texts = self._texts([f"{folder_name(digest)}/{RECORDS}{name}" for digest, name in names])
        for (digest, _), text in zip(names, texts, strict=True):
            try:
                yield digest, Record.model_validate_json(text)
            except ValidationError:
                continue

    def _texts(self, names: Sequence[str]) -> Iterator[bytes]:
        """Yield the content of files, nothing for one that has just been removed; many are read before one is given."""
        for start in range(0, len(names), READ_AT_ONCE):
            yield from self.each(self._text, names[start : start + READ_AT_ONCE])

    def _text(self, name: str) -> bytes:
        try:
            return self._shelf.read(name)
        except FileNotFoundError:
            return b""

    def _record_keys(self, ref: Ref) -> list[str]:
        names = self._shelf.names(f"{folder_name(ref.digest)}/{RECORDS}")
        return [name.removesuffix(".json") for name in sorted(names) if name.endswith(".json")]

    def _below(self, beginning: str) -> dict[str, dict[str, int]]:
        """Return the files, with their sizes, by the digest of the artefact they are of; those that begin so."""
        prefix = f"{beginning[:2]}/{beginning}" if beginning else ""
        found: dict[str, dict[str, int]] = {}
        for path, size in self._shelf.listing(OBJECTS, prefix).items():
            _, _, rest = path.partition("/")
            digest, _, name = rest.partition("/")
            found.setdefault(digest, {})[name] = size
        return found

    def _require(self, ref: Ref) -> None:
        if not self.holds(ref):
            raise _not_whole(ref)

    def _write_key(self, record: Record) -> None:
        self._shelf.write(_key_name(record.key), record.output.model_dump_json().encode())


def _not_whole(ref: Ref) -> StoreError:
    return StoreError(f"The store holds {ref.short} whole", "it does not", "Run the plan again to make it.")


def folder_name(digest: str) -> str:
    """Return the name of an artefact's folder in a store."""
    return f"{OBJECTS}/{digest[:2]}/{digest}"


def _records_among(listed: dict[str, dict[str, int]]) -> dict[str, list[str]]:
    return {
        digest: [name.removeprefix(RECORDS) for name in sizes if name.startswith(RECORDS)]
        for digest, sizes in listed.items()
    }


def _bytes_of_data(sizes: dict[str, int]) -> int:
    return sum(size for name, size in sizes.items() if is_data(name))


def _key_name(key: str) -> str:
    return f"keys/{key[:2]}/{key}"


def _written(kind: Kind, value: Any, folder: Path, compression: Compression) -> Manifest:  # noqa: ANN401
    """Write an artefact's data and its manifest into a folder; return the manifest, the same wherever it is kept."""
    manifest = Manifest(kind=kind.name, files=layout.write(kind, value, folder, compression))
    (folder / MANIFEST).write_bytes(manifest.encoded())
    return manifest


def _write_record(folder: Path, record: Record) -> None:
    (folder / RECORDS).mkdir()
    (folder / RECORDS / f"{record.key}.json").write_text(record.model_dump_json(indent=1), encoding="utf-8")
