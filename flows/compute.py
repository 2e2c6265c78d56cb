"""Where the items are worked on: the part of a plan that changes no result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from dask.utils import parse_bytes
from pydantic import AfterValidator, Field, model_validator

from data_catalog.compression import DEFAULT, Compression
from tasks.sources.tables import Part


def _address(given: str) -> str:
    if "://" not in given:
        raise ValueError(f"An address is such as tcp://host:8786: {given!r} has no `://`. Correct it.")
    return given


LEAST_MEMORY = "400MiB"
"""A worker takes half of it by itself, and Dask ends one that comes near its limit."""


def _size(given: str) -> str:
    if given != "auto":
        try:
            size = parse_bytes(given)
        except ValueError:
            raise ValueError(f"Memory is a size such as 4GiB, or auto: {given!r} is neither. Correct it.") from None
        if 0 < size < parse_bytes(LEAST_MEMORY):
            raise ValueError(f"A worker has at least {LEAST_MEMORY}: {given!r} is less. Give it more, or auto.")
    return given


class Tls(Part):
    """Certificates of an encrypted connection to Dask; the same authority has signed those of scheduler and workers."""

    ca: Path
    """File with the authority's certificate (PEM)."""
    certificate: Path
    """File with this side's certificate (PEM)."""
    key: Path
    """File with this side's private key (PEM)."""


class Cluster(Part):
    """A cluster that starts workers for the time of a run, by the class of Dask that knows how."""

    starts: Annotated[str, Field(pattern=r"^(dask_[a-z_]+|distributed)(\.\w+)*\.\w*Cluster$")]
    """Class that starts the workers: `dask_jobqueue.SLURMCluster` (pip install "voxmine[slurm]"),
    `dask_kubernetes.operator.KubeCluster` (pip install "voxmine[kubernetes]"), or another of Dask's packages."""
    arguments: dict[str, Any] = {}
    """Its arguments, as its documentation names them (`queue: short`, `cores: 1`, `memory: 4GB`)."""
    least: Annotated[int, Field(ge=1)] = 1
    """Workers that are kept as long as the run goes."""
    most: Annotated[int, Field(ge=1)] = 1
    """Workers at most; more than `least` lets the cluster grow and shrink with the work."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"`least` is at most `most`: {self.least} and {self.most} are not. Swap them.")
        return self


class Compute(Part):
    """Where the items are worked on, and with how much."""

    prefect_api: str | None = None
    """Address of a Prefect server that runs already (`http://host:4200/api`); empty takes `PREFECT_API_URL`, or a
    server of the run's own."""
    scheduler: Annotated[str, AfterValidator(_address)] | None = None
    """Address of a Dask scheduler that runs already (`tcp://host:8786`, `tls://host:8786`); empty starts workers on
    this machine, or on `cluster`."""
    tls: Tls | None = None
    """Certificates for a scheduler at `tls://`; empty takes those of Dask's own configuration."""
    cluster: Cluster | None = None
    """A cluster to start workers on; empty starts them on this machine."""
    workers: Annotated[int, Field(ge=0)] | None = None
    """Worker processes on this machine at most, started as items need them; empty takes one a core, 0 works in the
    flow's own process."""
    memory_per_worker: Annotated[str, AfterValidator(_size)] = "auto"
    """Memory of one worker (`4GiB`), at least 400 MiB; a worker that needs more is started anew, and an item to which
    that happens three times fails."""
    batch: Annotated[int, Field(ge=1)] = 50
    """Items of one task run at the least."""
    refresh: tuple[str, ...] = ()
    """Stages whose items are computed again although the store holds them (`read_dicom`, `radiomics`)."""
    compression: Compression = DEFAULT
    """How voxels are packed: `zstd-1`, a little smaller but slower by `zstd-3`, larger but faster by `lz4`."""

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if self.scheduler is not None and self.cluster is not None:
            raise ValueError("Work is done in one place: `scheduler` and `cluster` are both given. Leave one out.")
        if self.tls is not None and not (self.scheduler or "").startswith("tls://"):
            raise ValueError("`tls` goes with a `scheduler` at tls://: there is none. Correct the address.")
        return self
