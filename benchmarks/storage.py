"""Why chunks are as large as they are, and how voxels are compressed: `python -m benchmarks.storage`.

An invented CT is written by zarr-python in chunks of several sizes, one shard for all, and read in the ways that
readers do; then each choice of compression packs it in our own chunks. Printed are the tables of `docs/explanation`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import zarr

from benchmarks.dicom_series import ct_volume
from data_catalog.compression import DEFAULT, described, encoder
from data_catalog.shards import chunks_and_shards

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CHUNKS = ((16, 64, 64), (16, 128, 128), (32, 64, 64), (32, 128, 128), (32, 256, 256), (32, 512, 512))
CHOICES = ("lz4", "zstd-1", "zstd-3")
SLICES = 300


def main() -> None:
    """Measure, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="times that everything is measured; the least counts (3)")
    rounds = parser.parse_args().rounds
    voxels = ct_volume(SLICES)
    shape = " x ".join(map(str, voxels.shape))
    print(f"CT, {shape}, {voxels.nbytes / 1e6:.0f} MB of {voxels.dtype}; least of {rounds}, ms\n")
    print("| chunk | write | read all | an axial slice | a coronal slice | 40 x 40 x 40 voxels |")
    print("|---|--:|--:|--:|--:|--:|")
    for chunk in CHUNKS:
        took = [f"{1000 * seconds:.0f}" for seconds in _of_chunk(voxels, chunk, rounds)]
        print(f"| {' x '.join(map(str, chunk))} | {' | '.join(took)} |")
    packed = {choice: _packed(voxels, choice, rounds) for choice in CHOICES}
    usual = packed[DEFAULT][1]
    print(f"\n| choice | size, of the voxels' bytes | time to compress, times {usual:.2f} s |\n|---|--:|--:|")
    for choice, (size, seconds) in packed.items():
        print(f"| {choice} | {size / voxels.nbytes:.2f} | {seconds / usual:.1f} |")


def _of_chunk(voxels: NDArray[np.int16], chunk: tuple[int, int, int], rounds: int) -> list[float]:
    """Return the seconds to write in such chunks, and to read in four ways."""
    with tempfile.TemporaryDirectory() as folder:
        shard = tuple(-(-n // c) * c for n, c in zip(voxels.shape, chunk, strict=True))
        path = Path(folder) / "volume"

        def write() -> None:
            array = zarr.create_array(
                path,
                shape=voxels.shape,
                chunks=chunk,
                shards=shard,
                dtype=voxels.dtype,
                compressors=described(DEFAULT, voxels.itemsize),
                overwrite=True,
            )
            array[:] = voxels

        written = _least(write, rounds)
        array = zarr.open_array(path, mode="r")
        z, y, _ = (n // 2 for n in voxels.shape)
        box = tuple(slice(n // 2, n // 2 + 40) for n in voxels.shape)
        ways = (lambda: array[:], lambda: array[z], lambda: array[:, y], lambda: array[box])
        return [written, *(_least(way, rounds) for way in ways)]


def _packed(voxels: NDArray[np.int16], choice: str, rounds: int) -> tuple[int, float]:
    """Return the bytes that a choice makes of the voxels, and the seconds it takes on one thread."""
    chunk, _ = chunks_and_shards(voxels.shape, voxels.itemsize)
    places = np.ndindex(*(-(-n // c) for n, c in zip(voxels.shape, chunk, strict=True)))
    boxes = [tuple(slice(p * c, (p + 1) * c) for p, c in zip(place, chunk, strict=True)) for place in places]
    parts = [np.ascontiguousarray(voxels[box]) for box in boxes]
    encode = encoder(choice)  # type: ignore[arg-type]
    return sum(len(encode(part)) for part in parts), _least(lambda: [encode(part) for part in parts], rounds)


def _least(work: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took)


if __name__ == "__main__":
    main()
