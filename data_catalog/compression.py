"""How voxels are compressed: one choice for all that is written, as zarr describes it and as it is done."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

import numcodecs.blosc
from zarr.codecs import BloscCodec

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Compression = Literal["zstd-1", "zstd-3", "lz4"]
DEFAULT: Compression = "zstd-1"
"""On CT 2.3 times smaller; level 3 takes half as long again for hardly less, lz4 half as long for a quarter more."""
_BLOCK = 2**20
"""Bytes that zstd compresses at once, a chunk of CT: in the 32 kB that blosc would choose, it takes 1.7 times as long
for 4 % more. To lz4 it makes no difference; 0 leaves it to blosc."""
_BITS: Literal["bitshuffle"] = "bitshuffle"
_BYTES: Literal["shuffle"] = "shuffle"
_SHUFFLES = {_BITS: numcodecs.blosc.BITSHUFFLE, _BYTES: numcodecs.blosc.SHUFFLE}
_SETTINGS: dict[Compression, tuple[str, int, int, Literal["bitshuffle", "shuffle"]]] = {
    "zstd-1": ("zstd", 1, _BLOCK, _BITS),
    "zstd-3": ("zstd", 3, _BLOCK, _BITS),
    "lz4": ("lz4", 5, 0, _BYTES),
}
"""Name, level, block, and how the bits of all voxels are put together. lz4 is for who wants it fast: with bits its
size would be 0.47 and its time 0.7, with bytes they are 0.54 and 0.5 (`benchmarks.storage`)."""


def described(compression: Compression, itemsize: int) -> BloscCodec:
    """Return what the metadata of an array say of its compression."""
    name, level, block, shuffle = _SETTINGS[compression]
    return BloscCodec(cname=name, clevel=level, shuffle=shuffle, typesize=itemsize, blocksize=block)


def encoder(compression: Compression) -> Callable[[NDArray[Any]], bytes]:
    """Return what compresses one chunk; the same bytes for the same chunk, on any number of threads."""
    numcodecs.blosc.use_threads = False  # blosc's own threads finish in any order, and the bytes with them
    name, level, block, shuffle = _SETTINGS[compression]
    encode: Callable[[NDArray[Any]], bytes] = numcodecs.blosc.Blosc(name, level, _SHUFFLES[shuffle], block).encode
    return encode


def thread_count() -> int:
    """Return how many chunks are compressed at once: `OMP_NUM_THREADS`, or one on each core."""
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return max(1, int(said) if said.isdecimal() else os.cpu_count() or 1)
