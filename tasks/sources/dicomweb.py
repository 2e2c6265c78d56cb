"""An archive that speaks DICOMweb as a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from tasks.sources.query import RemoteSource, Seconds


def _bare(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = "a DICOMweb address begins with https:// or http:// and names a host"
        raise ValueError(message)
    if parts.username or parts.password or parts.query or parts.fragment:
        message = "a DICOMweb address holds no password and no question: plans are shown"
        raise ValueError(message)
    return url.rstrip("/")


class DicomWebSource(RemoteSource):
    """Fetch series from an archive by DICOMweb (QIDO-RS, WADO-RS) before they are read."""

    method: Literal["dicomweb"] = "dicomweb"
    url: Annotated[str, AfterValidator(_bare)]
    """Address of the service (`https://pacs.example/dicom-web`), without name and password."""
    credentials: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] = "VOXMINE_DICOMWEB"
    """Beginning of the environment variables that hold the credentials: `..._USER` and `..._PASSWORD`, or
    `..._TOKEN`."""
    ca_file: Path | None = None
    """Certificates to trust besides the system's (PEM); relative to the plan's folder."""
    insecure: bool = False
    """Whether to accept a certificate that cannot be verified, and to send a password over plain http."""
    timeout_s: Seconds = 60
    """Longest silence of the archive."""

    @property
    def address(self) -> str:
        """What tells this archive from others."""
        return self.url
