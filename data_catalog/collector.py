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

    What there is before the first pause of a process, the imported code above all, it never looks at again.
    """
    was_on = gc.isenabled()
    if was_on:
        _leave_alone(os.getpid())
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@cache
def _leave_alone(_process: int) -> None:
    gc.freeze()
