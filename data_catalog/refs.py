"""Small values that name what is stored or refused: they travel instead of arrays."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Thumbnail = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+=*$", max_length=32_768)]
"""A picture of at most 96 x 96 pixels of 8 bits, as PNG in base64."""
SHORT = 12
"""Characters of a digest that are shown to people."""


class Ref(BaseModel):
    """Name one stored artefact by its kind and the SHA-256 of its content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    digest: Digest

    @property
    def short(self) -> str:
        """The name that is shown to people: `volume-3f9a1c2b7d04`."""
        return f"{self.kind}-{self.digest[:SHORT]}"


class Region(BaseModel):
    """One region of a scan: a label of a mask, and who drew it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """What is outlined, in the study's own words (`tumour`)."""
    reader: str
    """The physician (an opaque or agreed name), or the method that drew it."""
    mask: Ref
    label: int = 1
    """The value of the region's voxels in the mask."""
    corrections: tuple[str, ...] = ()
    """Names of what was corrected when it was read."""


class Acquired(BaseModel):
    """What a study knows of all that was acquired at a visit: whose, when, what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patient: str
    """Pseudonym."""
    visit: int = 0
    """0 for the patient's first visit, 1 for the next."""
    day: int | None = None
    """Days since the patient's first visit; None where the source has no date."""
    modality: str
    """`CT`, `MR`; of a recording that with which the columns of its features begin (`ECG[2]` for a second group)."""
    series: str
    """Opaque key of the series."""
    scanner: str | None = None

    @property
    def item(self) -> str:
        """Opaque name in logs and records."""
        return f"{self.patient}/v{self.visit}/{self.modality}/{self.series[:6]}"


class Scan(Acquired):
    """A series of images as the study knows it: its volume and its regions."""

    image: Ref
    channels: tuple[str | None, ...] = ()
    """Of an image with channels: what each measures (`PT on CT`); None for one that another scan measures."""
    regions: tuple[Region, ...] = ()
    detections: Ref | None = None
    corrections: tuple[str, ...] = ()
    """Names of what was corrected when it was read."""


class Recording(Acquired):
    """A recording as the study knows it: its signal."""

    signal: Ref


class ReportItems(BaseModel):
    """A report as the study knows it: whose, when, and what of it is kept; its text is not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patient: str
    """Pseudonym."""
    visit: int = 0
    """0 for the patient's first visit, 1 for the next."""
    day: int | None = None
    """Days since the patient's first visit; None where the source has no date."""
    series: str
    """Opaque key of the report."""
    findings: Ref | None = None
    """One row a mention of a finding; None where the plan looks for none, or the report was refused."""
    numbers: Ref | None = None
    """One row a number, of a structured report."""


class Refusal(BaseModel):
    """One item in quarantine: what was expected, what came, what to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: str
    stage: str
    verdict: str
    expected: str
    came: str
    remedy: str
    files: tuple[str, ...] = ()
    """SHA-256 of the source files concerned; of files that were not read, what they were known by at the scan."""
    thumbnail: Thumbnail | None = None
    """What was refused, in small; only where no one can be known by it."""

    @property
    def reason(self) -> str:
        """The whole sentence."""
        return f"{self.expected}: {self.came}. {self.remedy}"


class Study(BaseModel):
    """What a study holds after a step: its scans, and what was refused on the way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scans: tuple[Scan, ...]
    refusals: tuple[Refusal, ...] = ()
    found: int = 0
    """Series, recordings and reports found in the sources, refused ones included."""
    recordings: tuple[Recording, ...] = ()
    reports: tuple[ReportItems, ...] = ()

    def patients(self) -> list[str]:
        """Return the pseudonyms of the patients with at least one scan, recording or report, sorted."""
        beside = {one.patient for one in self.recordings} | {one.patient for one in self.reports}
        return sorted({scan.patient for scan in self.scans} | beside)


def combined_digest(digests: list[str]) -> str:
    """Return one SHA-256 for a list of them; their order counts."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
