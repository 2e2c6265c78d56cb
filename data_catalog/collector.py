"""Python's garbage collector, paused while many small objects are made that all stay."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def paused() -> Iterator[None]:
    """Pause the collector in the block: among Prefect's objects it took two fifths of a scan, and found nothing.

    It looks at everything once before. The next time it does so when there is a quarter more: else that would come due
    in the midst of the work, for what the imports have left.
    """
    was_on = gc.isenabled()
    if was_on:
        _look_once(os.getpid())
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@cache
def _look_once(_process: int) -> None:
    gc.collect()
