"""Whether the process of a run still lives: it holds a lock, which the system takes back however the process ends."""

from __future__ import annotations

import fcntl
import hashlib
import platform
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from data_catalog.store import RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data_catalog.store import Store

LIFE = "alive"
"""In the folder of a run; it says which machine holds it."""
BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Linux's name of one start of one machine."""


@contextmanager
def held(store: Store, name: str) -> Iterator[None]:
    """Hold a run in the block, as far as the store can be locked: it lies on a disk that has locks."""
    path = _path(store, name)
    if path is None:
        yield
        return
    with ExitStack() as open_files:
        with suppress(OSError):
            _hold(open_files, path)
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def is_killed(store: Store, name: str) -> bool:
    """Say whether a run was held by a process of this machine that is gone; of other machines nobody can say."""
    path = _path(store, name)
    if path is None:
        return False
    try:
        with path.open(encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return file.read() == machine()
    except OSError:  # it is held, or was never
        return False


@cache
def machine() -> str:
    """Return what tells this machine from others, and on Linux this start of it from others; it names nobody."""
    told = BOOT.read_text(encoding="ascii") if BOOT.exists() else platform.node()
    return hashlib.sha256(told.strip().encode()).hexdigest()[:16]


def _path(store: Store, name: str) -> Path | None:
    return store.root / RUNS / name / LIFE if isinstance(store.root, Path) else None


def _hold(open_files: ExitStack, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file: TextIO = open_files.enter_context(path.open("w", encoding="ascii"))
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.write(machine())
    file.flush()
