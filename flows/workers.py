"""What runs on a worker elsewhere beside the items: its versions told, and its libraries kept to one thread."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import WorkerPlugin
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPARED = (
    "dask",
    "distributed",
    "numba",
    "numpy",
    "pandas",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "xarray",
    "zarr",
)
"""Packages whose version decides results, or whether artefacts are understood."""
THREADS_OF_LIBRARIES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
SOURCES = ("data_catalog", "tasks")
"""Packages of voxmine that make results."""


@cache
def own_parts() -> dict[str, str]:
    """Return the versions here of Python and of what decides results, and a digest of voxmine's own code."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, **{name: _version(name) for name in COMPARED}, "voxmine": _code()}


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Return in words where a worker differs from this process."""
    return [
        f"a worker has {name} {theirs.get(name, 'not installed')}, this process {value}"
        for name, value in ours.items()
        if theirs.get(name) != value
    ]


class OneThread(WorkerPlugin):  # type: ignore[misc]
    """Keep BLAS, OpenMP, numba and ITK to one thread: the worker has as many items at once as it has threads."""

    def setup(self, worker: Any) -> None:  # noqa: ANN401, ARG002 - as Dask calls it
        """Set what libraries look at when they are loaded, and what is loaded already."""
        os.environ.update(dict.fromkeys(THREADS_OF_LIBRARIES, "1"))
        threadpool_limits(1)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _code() -> str:
    """Return voxmine's version and the digest of what its modules say."""
    root = Path(__file__).parents[1]
    told = hashlib.sha256()
    for path in sorted(path for name in SOURCES for path in (root / name).rglob("*.py")):
        told.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{_version('voxmine')} ({told.hexdigest()[:12]})"
