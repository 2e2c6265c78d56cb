"""Keep volumes, masks and signals as Zarr v3, and open them lazily.

A volume or a mask is a group with the array `voxels`, a coordinate for each axis, and a group `1`, `2`, ...
of the same form for each coarser copy. The metadata of all are in the group's own as well ("consolidated"),
so that one request opens it, and say in OME-Zarr 0.5 what viewers need.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.storage import MemoryStore

from data_catalog import ome, pyramid
from data_catalog.compression import described, encoder, thread_count
from data_catalog.kinds import MASK, SPACE, geometry_of, place_of, slabs
from data_catalog.places import read_file, zarr_store
from data_catalog.shards import ArrayFiles, chunks_and_shards, save
from data_catalog.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import xarray as xr
    from zarr.core.buffer import Buffer

    from data_catalog.compression import Compression
    from data_catalog.geometry import Geometry
    from data_catalog.kinds import Kind
    from data_catalog.places import Place
    from data_catalog.shards import Written

SIGNAL_CHUNK = (16, 2**17)
"""Samples (channel, time) read at once: about 4 MB of 16-bit integers."""
NAMES = "names"
"""Attribute of a coordinate that counts steps: what each of them is called."""
METADATA = "zarr.json"
GROUP = "data.zarr"
VOXELS = "voxels"
SAMPLES = "samples"
"""Names of the array in a group, whatever it was called before."""


def write_grid(kind: Kind, array: xr.DataArray, folder: Path, compression: Compression) -> Written:
    """Write a volume or a mask into a folder with its coarser copies; return what was written."""
    array = array.rename(VOXELS)
    steps = pyramid.levels(geometry_of(array))
    copies = [array, *(_copy(array, step.geometry) for step in steps)]
    paths = ["", *(f"{number}/" for number in range(1, len(copies)))]
    names = [f"{path}{VOXELS}" for path in paths]
    with ExitStack() as opened, ThreadPoolExecutor(thread_count()) as pool:
        files = [
            opened.enter_context(ArrayFiles(folder / GROUP, name, copy.shape, array.dtype.itemsize))
            for name, copy in zip(names, copies, strict=True)
        ]
        shown = _pour(array, [Stream(one, encoder(compression), pool) for one in files], kind, steps)
    metadata = ome.attributes(array, copies, names)
    if "ome" in metadata:
        metadata["ome"] |= {"image-label": ome.labels(array)} if kind is MASK else {"omero": ome.display(array, shown)}
    held: dict[str, Buffer] = {}
    root = zarr.create_group(MemoryStore(held), zarr_format=3, attributes=_plain(metadata))
    for path, copy in zip(paths, copies, strict=True):
        _declare(root.create_group(path.rstrip("/")) if path else root, copy, compression)
    chunks = {f"{GROUP}/{name}": facts for one in files for name, facts in one.written.items()}
    return chunks | _save(held, folder)


def write_signal(array: xr.DataArray, folder: Path, compression: Compression) -> Written:
    """Write a signal into a folder; return what was written."""
    array = array.rename(SAMPLES)
    held: dict[str, Buffer] = {}
    root = zarr.create_group(MemoryStore(held), zarr_format=3)
    encoder(compression)  # which keeps blosc from threads of its own
    root.create_array(
        array.name,
        data=np.ascontiguousarray(array.values),
        chunks=tuple(min(c, n) for c, n in zip(SIGNAL_CHUNK, array.shape, strict=True)),
        **_described(array, compression),
    )
    _declare_coordinates(root, array)
    return _save(held, folder)


def read_array(folder: Place, name: str) -> xr.DataArray:
    """Open the array of a group: its voxels or samples are read when they are asked for."""
    import xarray as xr

    asked: dict[str, Any] = {"engine": "zarr", "chunks": None, "decode_cf": False}
    try:
        dataset = xr.open_dataset(zarr_store(folder / GROUP), consolidated=True, **asked)
    except ValueError:  # written before the group held the metadata of all
        dataset = xr.open_dataset(zarr_store(folder / GROUP), consolidated=False, **asked)
    opened = dataset[name]
    for axis, steps in opened.coords.items():
        attributes = dict(steps.attrs)
        if texts := attributes.pop(NAMES, None):
            opened = opened.assign_coords({axis: xr.Variable((axis,), np.asarray(texts), attributes)})
    opened.encoding = {}
    return opened


def read_array_attributes(folder: Place, name: str) -> dict[str, Any]:
    """Return the attributes that `read_array` gives, from the one file of a group that holds the metadata of all."""
    held = json.loads(read_file(folder / GROUP / METADATA))
    try:
        attributes: dict[str, Any] = held["consolidated_metadata"]["metadata"][name]["attributes"]
    except (KeyError, TypeError):  # written before the group held the metadata of all
        return dict(read_array(folder, name).attrs)
    return attributes


def _pour(array: xr.DataArray, streams: list[Stream], kind: Kind, steps: list[pyramid.Level]) -> ome.Extremes:
    """Send the slabs of an array through the streams of its copies; return how far the values reach."""
    reduce = pyramid.most_frequent if kind is MASK else pyramid.averaged
    for finer, coarser, step in zip(streams, streams[1:], steps, strict=False):
        finer.reduce_into(coarser, partial(reduce, factors=step.factors), step.factors[0])
    shown = ome.Extremes(array.dims)
    for at, planes in slabs(array):
        streams[0].put(at, planes)
        shown.see(at, planes)
    streams[0].finish()
    return shown


def _copy(array: xr.DataArray, geometry: Geometry) -> xr.DataArray:
    """Return what an array is like on another grid, without its voxels."""
    import xarray as xr

    leading = [str(name) for name in array.dims if name not in SPACE]
    nothing = np.broadcast_to(array.dtype.type(0), (*array.shape[: len(leading)], *geometry.shape))
    held = {name: array.coords[name] for name in leading if name in array.coords}
    return xr.DataArray(nothing, held | place_of(geometry), array.dims, array.name, array.attrs | geometry.to_attrs())


def _declare(group: zarr.Group, array: xr.DataArray, compression: Compression) -> None:
    """Write the metadata of an array and its coordinates; not its voxels."""
    chunks, shards = chunks_and_shards(array.shape, array.dtype.itemsize)
    group.create_array(
        array.name,
        shape=array.shape,
        dtype=array.dtype.newbyteorder("="),
        chunks=chunks,
        shards=shards,
        **_described(array, compression),
    )
    _declare_coordinates(group, array)


def _described(array: xr.DataArray, compression: Compression) -> dict[str, Any]:
    return {
        "compressors": described(compression, array.dtype.itemsize),
        "dimension_names": [str(name) for name in array.dims],
        "attributes": _plain(array.attrs),
    }


def _declare_coordinates(group: zarr.Group, array: xr.DataArray) -> None:
    for name, steps in array.coords.items():
        values, attributes = np.asarray(steps.values), dict(steps.attrs)
        if values.dtype.kind in "UO":  # Zarr v3 has no text that all readers know
            attributes[NAMES], values = [str(value) for value in values], np.arange(len(values), dtype=np.uint16)
        group.create_array(str(name), data=values, dimension_names=[str(name)], attributes=attributes)


def _plain(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(dict(attributes), sort_keys=True))
    return plain


def _save(held: Mapping[str, Buffer], folder: Path) -> Written:
    """Write what zarr made, the metadata of all that is in the group into the group's own."""
    content = {name: buffer.to_bytes() for name, buffer in held.items()}
    inner = {
        name.rpartition("/")[0]: json.loads(content[name])
        for name in sorted(content, key=lambda name: (name.count("/"), name))
        if name.endswith(f"/{METADATA}")
    }
    own = json.loads(content[METADATA])
    # As `zarr.consolidate_metadata` does it, which warns that it is in no specification yet.
    own["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": inner}
    content[METADATA] = json.dumps(own, indent=2).encode()
    return {f"{GROUP}/{name}": save(folder / GROUP / name, data) for name, data in content.items()}
