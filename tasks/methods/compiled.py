"""How a kernel is compiled, and where what was compiled is kept: one place for the kernels of all families."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache, cached_property, update_wrapper
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
R = TypeVar("R")
HERE = Path(__file__)
DIGEST_DIGITS = 12
_LOCK = Lock()
"""Held while numba is told where to keep machine code: it has one place for all."""


class Kernel(Generic[P, R]):
    """A function that is compiled when it is first called. Only then is numba imported: the process of a flow plans."""

    def __init__(self, function: Callable[P, R]) -> None:
        self.function = function
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the compiled function."""
        return self.compiled(*args, **kwargs)

    @cached_property
    def compiled(self) -> Callable[P, R]:
        """What numba makes of the function."""
        import numba
        from numba.core import config

        with _LOCK:
            folder = cache_folder(Path(self.function.__code__.co_filename).parent)
            before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
            try:
                compiled: Callable[P, R] = numba.njit(cache=True, nogil=True, error_model="numpy")(self.function)
            finally:
                config.CACHE_DIR = before
        return compiled

    @property
    def _numba_type_(self) -> Any:  # noqa: ANN401 - numba has no types
        """What numba asks when a kernel calls another."""
        return self.compiled._numba_type_  # type: ignore[attr-defined]


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Compile a function when it is first called, and keep the machine code for every process that runs this code.

    The interpreter's lock is let go while a kernel runs. Indices are not tested: a kernel is given arrays that it
    cannot leave. Sums keep their order, so that every machine of one kind gives the same digits.
    """
    return Kernel(function)


@cache
def cache_folder(sources: Path) -> Path:
    """Return where the machine code of a folder of kernels is kept: the first place that can be written to.

    These are the folder that `NUMBA_CACHE_DIR` names, the one of the sources, the user's cache, and a temporary one.
    Inside it there is a folder for each state of the sources: numba asks only whether the file of a function has
    changed, and not the constants and functions of other files that it was compiled with. Kernels of one folder use
    none of another, so that a change of one family leaves the code of the others where it is.
    """
    return writable_folder(sources, f"voxmine-kernels-{sources_digest(sources)}")


def writable_folder(sources: Path, name: str) -> Path:
    """Return a folder for what is made of some sources and can be made again, in the first place that takes it."""
    return next(folder for place in _places(sources) if _is_writable(folder := place / name))


def sources_digest(sources: Path) -> str:
    """Return the first digits of the SHA-256 of a folder's sources and of this one."""
    digest = hashlib.sha256()
    for path in (*sorted(sources.glob("*.py")), HERE):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:DIGEST_DIGITS]


def _places(sources: Path) -> Iterator[Path]:
    if os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(os.environ["NUMBA_CACHE_DIR"])
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
