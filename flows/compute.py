"""Where the items are worked on: the part of a plan that changes no result."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from data_catalog.compression import DEFAULT, Compression
from tasks.sources.tables import Part


class Compute(Part):
    """Where the items are worked on, and with how much."""

    scheduler: str | None = None
    """Address of a Dask scheduler that runs already (`tcp://host:8786`); empty starts workers on this machine."""
    workers: Annotated[int, Field(ge=0)] | None = None
    """Worker processes on this machine; empty takes one a core, 0 works in the flow's own process."""
    memory_per_worker: str = "auto"
    """Memory of one worker (`4GiB`); a worker that needs more is started anew and its item refused."""
    batch: Annotated[int, Field(ge=1)] = 50
    """Items of one task run at the least."""
    compression: Compression = DEFAULT
    """How voxels are packed: `zstd-1`, a little smaller but slower by `zstd-3`, larger but faster by `lz4`."""
