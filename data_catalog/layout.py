"""How each kind of artefact lies on disk: Zarr v3, Parquet, JSON, HTML, joblib."""

from __future__ import annotations

import importlib
import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import joblib
from pydantic import BaseModel
from pydantic_core import to_json

from data_catalog import frames
from data_catalog.collector import paused
from data_catalog.compression import DEFAULT
from data_catalog.errors import StoreError
from data_catalog.grids import SAMPLES, VOXELS, read_array, read_array_attributes, write_grid, write_signal
from data_catalog.places import read_file
from data_catalog.shards import save

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from data_catalog.compression import Compression
    from data_catalog.kinds import Kind
    from data_catalog.places import Place
    from data_catalog.shards import Written

OWN_PACKAGES = ("data_catalog", "tasks", "flows")
FILES = {
    "table": frames.FILE,
    "measurement": frames.FILE,
    "document": "data.json",
    "listing": "data.json",
    "page": "data.html",
    "model": "data.joblib",
}
"""Name of the one file of each form that is no array."""
ARRAYS = {"array": VOXELS, "signal": SAMPLES}
"""Name of the array in the Zarr group of each form that is one."""
_VALUE = b', "value": '
"""Stands in a document's file between the name of its type and its value."""
COMPRESSED = 3
"""Level at which a fitted model is compressed."""


def write(kind: Kind, value: Any, folder: Path, compression: Compression = DEFAULT) -> Written:  # noqa: ANN401
    """Write one artefact of a kind into an empty folder; the same value gives the same bytes.

    Return the size and the SHA-256 of each file by its name, so that nothing has to be read again.
    """
    kind.check(value)
    if kind.form == "array":
        return write_grid(kind, value, folder, compression)
    if kind.form == "signal":
        return write_signal(value, folder, compression)
    name = FILES[kind.form]
    return {name: save(folder / name, _WRITERS[kind.form](value))}


def read(kind: Kind, folder: Place) -> Any:  # noqa: ANN401
    """Read one artefact of a kind from a folder or a bucket; arrays come lazily, read when asked for."""
    if kind.form in ARRAYS:
        return read_array(folder, ARRAYS[kind.form])
    if kind.tells_columns:
        table = frames.read_table(read_file(folder / frames.FILE))
        table.attrs[frames.COLUMN_FACTS] = frames.column_facts(folder)
        return table
    return _READERS[kind.form](read_file(folder / FILES[kind.form]))


def read_attributes(kind: Kind, folder: Place) -> dict[str, Any]:
    """Return the attributes of an artefact that is an array."""
    return read_array_attributes(folder, ARRAYS[kind.form])


def _write_document(document: BaseModel) -> bytes:
    # Without an indent: it would take longer than all the rest.
    return json.dumps({"of": _name(document), "value": document.model_dump(mode="json")}, sort_keys=True).encode()


def _write_listing(listing: BaseModel) -> bytes:
    """Return what a document would be, but for the order of the fields: it takes a quarter of the time."""
    return b'{"of": "%b"%b%b}' % (_name(listing).encode(), _VALUE, to_json(listing))


def _name(document: BaseModel) -> str:
    return f"{type(document).__module__}:{type(document).__qualname__}"


def _read_document(content: bytes) -> BaseModel:
    """Return a document. Its value is read as it is checked, in one go."""
    head, _, value = content.partition(_VALUE)
    named = json.loads(head + b"}")["of"]
    module, _, name = named.partition(":")
    if module.split(".")[0] not in OWN_PACKAGES:
        raise StoreError(
            "A document is of one of this project's types", f"{named!r}", "Check who wrote into the store."
        )
    of: type[BaseModel] = getattr(importlib.import_module(module), name)
    with paused():
        return of.model_validate_json(value[:-1])


def _write_model(model: Any) -> bytes:  # noqa: ANN401 - any fitted estimator
    content = BytesIO()
    joblib.dump(model, content, compress=COMPRESSED)
    return content.getvalue()


def _read_model(content: bytes) -> Any:  # noqa: ANN401
    return joblib.load(BytesIO(content))


_WRITERS: dict[str, Callable[[Any], bytes]] = {
    "table": frames.write_table,
    "measurement": frames.write_measurement,
    "document": _write_document,
    "listing": _write_listing,
    "page": str.encode,
    "model": _write_model,
}
_READERS: dict[str, Callable[[bytes], Any]] = {
    "table": frames.read_table,
    "measurement": frames.read_measurement,
    "document": _read_document,
    "listing": _read_document,
    "page": bytes.decode,
    "model": _read_model,
}
