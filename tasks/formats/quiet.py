"""Keeping other libraries' warnings out of logs: some of them print values of a file."""

from __future__ import annotations

import logging
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ONE_AT_A_TIME = threading.RLock()
"""Python's warning filters and loggers belong to the whole process."""
_READERS = Path(__file__).parent
"""A library may ascribe its warning to the reader that called it."""


@contextmanager
def unheard(library: str) -> Iterator[list[str]]:
    """Silence the loggers of one library and collect its warnings; pass on the warnings of others.

    The list holds the names of the warnings' classes, never their texts.
    """
    heard: list[str] = []
    with _ONE_AT_A_TIME, _silent(library), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield heard
    for warning in caught:
        if library in Path(warning.filename).parts or Path(warning.filename).parent == _READERS:
            heard.append(warning.category.__name__)
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


@contextmanager
def _silent(library: str) -> Iterator[None]:
    # The library's own logger may be made by its first message only.
    names = {library, *(name for name in list(logging.root.manager.loggerDict) if name.split(".")[0] == library)}
    loud = [logger for logger in map(logging.getLogger, sorted(names)) if not logger.disabled]
    for logger in loud:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in loud:
            logger.disabled = False
