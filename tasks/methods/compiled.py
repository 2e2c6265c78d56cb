"""How a kernel is compiled, and where what was compiled is kept: one place for the kernels of all families."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numba
from numba.core import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

F = TypeVar("F", bound="Callable[..., object]")
HERE = Path(__file__)
DIGEST_DIGITS = 12


def kernel(function: F) -> F:
    """Compile a function when it is first called, and keep the machine code for every process that runs this code.

    The interpreter's lock is let go while a kernel runs. Indices are not tested: a kernel is given arrays that it
    cannot leave. Sums keep their order, so that every machine of one kind gives the same digits.
    """
    before, config.CACHE_DIR = config.CACHE_DIR, str(cache_folder(Path(function.__code__.co_filename).parent))
    try:
        compiled: F = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before
    return compiled


@cache
def cache_folder(sources: Path) -> Path:
    """Return where the machine code of a folder of kernels is kept: the first place that can be written to.

    These are the folder that `NUMBA_CACHE_DIR` names, the one of the sources, the user's cache, and a temporary one.
    Inside it there is a folder for each state of the sources: numba asks only whether the file of a function has
    changed, and not the constants and functions of other files that it was compiled with. Kernels of one folder use
    none of another, so that a change of one family leaves the code of the others where it is.
    """
    name = f"voxmine-kernels-{sources_digest(sources)}"
    return next(folder for place in _places(sources) if _is_writable(folder := place / name))


def sources_digest(sources: Path) -> str:
    """Return the first digits of the SHA-256 of a folder's sources and of this one."""
    digest = hashlib.sha256()
    for path in (*sorted(sources.glob("*.py")), HERE):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:DIGEST_DIGITS]


def _places(sources: Path) -> Iterator[Path]:
    if config.CACHE_DIR:
        yield Path(config.CACHE_DIR)
    yield sources / "__pycache__"
    yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    yield Path(tempfile.mkdtemp(prefix="voxmine-"))


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
