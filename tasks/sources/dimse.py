"""An archive that speaks DIMSE (C-FIND, C-MOVE, C-GET) as a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.sources.query import RemoteSource, Seconds, Title

Port = Annotated[int, Field(ge=1, le=65_535)]


class PacsSource(RemoteSource):
    """Fetch series from a PACS by C-FIND and C-MOVE to a receiver of our own, or by C-GET, before they are read."""

    method: Literal["pacs"] = "pacs"
    host: Annotated[str, Field(min_length=1)]
    """Name or address of the PACS."""
    port: Port = 104
    """Its port."""
    title: Title
    """Its AE title."""
    our_title: Title = "VOXMINE"
    """Our AE title; the PACS must know it, with this machine's address and `our_port`."""
    our_port: Port = 11112
    """Port at which our receiver listens while series are moved."""
    listen: str = ""
    """Address our receiver listens at; empty: loopback when the PACS is on this machine, else every one."""
    senders: tuple[str, ...] = ()
    """Further machines that may send to our receiver, where the PACS moves from others than its own."""
    sender_titles: tuple[Title, ...] = ()
    """Further AE titles that may send to our receiver."""
    retrieve: Literal["move", "get"] = "move"
    """`move` has the PACS open a connection to us; `get` fetches over our own, and needs no receiver."""
    tls: bool = False
    """Whether to speak DICOM over TLS."""
    ca_file: Path | None = None
    """Certificates to trust (PEM); empty trusts the system's. Relative to the plan's folder."""
    certificate: Path | None = None
    """Our own certificate (PEM), for a PACS that asks for one and for our receiver."""
    key: Path | None = None
    """Private key of our certificate (PEM, without a password)."""
    check_name: bool = True
    """Whether the certificate of the PACS must name its host."""
    timeout_s: Seconds = 300
    """Longest silence of the PACS; one that moves a series may say nothing until it is done."""

    @property
    def address(self) -> str:
        """What tells this archive from others."""
        return f"{self.title}@{self.host}:{self.port}"

    @model_validator(mode="after")
    def _has_a_certificate(self) -> Self:
        if self.tls and self.retrieve == "move" and not (self.certificate and self.key):
            message = "a receiver that speaks TLS needs `certificate` and `key`"
            raise ValueError(message)
        return self
