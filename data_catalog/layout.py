"""How each kind of artefact lies on disk: Zarr v3, Parquet, JSON, HTML, joblib."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import joblib
import numcodecs.blosc
import numpy as np
import pandas as pd
import xarray as xr
import zarr
from pydantic import BaseModel
from zarr.codecs import BloscCodec

from data_catalog.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from data_catalog.kinds import Kind

CHUNK = (32, 128, 128)
"""Voxels (z, y, x) read at once: about 1 MB of int16, a few slices of an eighth of a plane."""
SHARD = (64, 512, 512)
"""Voxels (z, y, x) written at once, and one file, where the volume is too big to be one."""
WHOLE_BYTES = 256 * 2**20
"""Volumes up to this size are one shard: one file a volume keeps file systems fast."""
OWN_PACKAGES = ("data_catalog", "tasks", "flows")
VOXELS = "voxels"


def write(kind: Kind, value: Any, folder: Path) -> None:  # noqa: ANN401 - each kind has a type of its own
    """Write one artefact of a kind into an empty folder; the same value gives the same bytes."""
    kind.check(value)
    _WRITERS[kind.form](value, folder)


def read(kind: Kind, folder: Path) -> Any:  # noqa: ANN401
    """Read one artefact of a kind; arrays come lazily, their voxels are read when asked for."""
    return _READERS[kind.form](folder)


def chunks_and_shards(shape: tuple[int, ...], itemsize: int) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Return the chunk to read and the shard to write for an array (..., z, y, x).

    Leading axes (time, channel) are cut into single steps. A volume that fits in one chunk has no shard.
    """
    space, leading = shape[-3:], len(shape) - 3
    chunk = tuple(min(c, s) for c, s in zip(CHUNK, space, strict=True))
    if chunk == space:
        return (1,) * leading + chunk, None
    whole = int(np.prod(space)) * itemsize <= WHOLE_BYTES
    wanted = space if whole else tuple(min(s, n) for s, n in zip(SHARD, space, strict=True))
    shard = tuple(-(-n // c) * c for n, c in zip(wanted, chunk, strict=True))
    return (1,) * leading + chunk, (1,) * leading + shard


def _write_array(array: xr.DataArray, folder: Path) -> None:
    numcodecs.blosc.use_threads = False  # threads finish in any order, and the bytes with them
    group = zarr.create_group(folder / "data.zarr", zarr_format=3)
    values = np.ascontiguousarray(array.values)
    chunks, shards = chunks_and_shards(values.shape, values.dtype.itemsize)
    group.create_array(
        VOXELS,
        data=values,
        chunks=chunks,
        shards=shards,
        compressors=BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle", typesize=values.dtype.itemsize),
        dimension_names=[str(name) for name in array.dims],
        attributes=json.loads(json.dumps(array.attrs, sort_keys=True)),
    )
    for name, positions in array.coords.items():
        group.create_array(str(name), data=np.asarray(positions.values), dimension_names=[str(name)])


def _read_array(folder: Path) -> xr.DataArray:
    # One name for one array: an open data set of a single variable is that variable.
    dataset = xr.open_dataset(folder / "data.zarr", engine="zarr", consolidated=False, chunks=None)
    array = dataset[VOXELS]
    array.encoding = {}
    return array


def _write_table(table: pd.DataFrame, folder: Path) -> None:
    table.to_parquet(folder / "data.parquet", index=False)


def _read_table(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "data.parquet")


def _write_document(document: BaseModel, folder: Path) -> None:
    of = f"{type(document).__module__}:{type(document).__qualname__}"
    text = json.dumps({"of": of, "value": document.model_dump(mode="json")}, indent=1, sort_keys=True)
    (folder / "data.json").write_bytes(text.encode())


def _read_document(folder: Path) -> BaseModel:
    held = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    module, _, name = held["of"].partition(":")
    if module.split(".")[0] not in OWN_PACKAGES:
        raise StoreError(
            "A document is of one of this project's types", f"{held['of']!r}", "Check who wrote into the store."
        )
    of: type[BaseModel] = getattr(importlib.import_module(module), name)
    return of.model_validate(held["value"])


def _write_page(page: str, folder: Path) -> None:
    (folder / "data.html").write_bytes(page.encode())  # as text, line ends would be those of the system


def _read_page(folder: Path) -> str:
    return (folder / "data.html").read_bytes().decode()


def _write_model(model: Any, folder: Path) -> None:  # noqa: ANN401 - any fitted estimator
    joblib.dump(model, folder / "data.joblib", compress=3)


def _read_model(folder: Path) -> Any:  # noqa: ANN401
    return joblib.load(folder / "data.joblib")


_WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "array": _write_array,
    "table": _write_table,
    "document": _write_document,
    "page": _write_page,
    "model": _write_model,
}
_READERS: dict[str, Callable[[Path], Any]] = {
    "array": _read_array,
    "table": _read_table,
    "document": _read_document,
    "page": _read_page,
    "model": _read_model,
}
