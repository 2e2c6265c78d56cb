"""A folder for all that a benchmark of flows writes, with a Prefect of its own."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flows.own_server import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def home() -> Iterator[Path]:
    """Give a folder that is removed afterwards. Prefect reads its environment when it is imported: import it inside."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    os.environ.pop("PREFECT_API_URL", None)
    os.environ["VOXMINE_KEY"] = "an invented cohort hides nobody"
    with tempfile.TemporaryDirectory(prefix="voxmine-bench-") as folder:
        os.environ["PREFECT_HOME"] = str(Path(folder) / "prefect")
        yield Path(folder)
