"""What made each artefact: the record beside it, and the chain of records back to the sources."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from data_catalog.refs import Digest, Ref


class Code(BaseModel):
    """The code that made an artefact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    """Version of voxmine."""
    digest: Digest
    """SHA-256 of the modules' statements, comments and docstrings left out, and of the libraries' versions."""
    places: tuple[str, ...]
    """Modules, or functions as `module:function`, that the digest covers."""


class Record(BaseModel):
    """What made one artefact: which code, from which inputs, with which parameters, when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Digest
    """SHA-256 of all that decides the result: stage, inputs, parameters, code."""
    output: Ref
    stage: str
    item: str
    inputs: dict[str, tuple[Ref, ...]] = {}
    sources: dict[str, tuple[Digest, ...]] = {}
    """SHA-256 of the source files that were read."""
    parameters: dict[str, Any] = {}
    code: Code
    python: str
    started: str
    """UTC, ISO 8601."""
    seconds: float
    cpu_seconds: float

    def parents(self) -> list[Ref]:
        """Return the artefacts that this one was made from, each once, in the order of the inputs."""
        return list(dict.fromkeys(ref for refs in self.inputs.values() for ref in refs))

    def source_digests(self) -> list[str]:
        """Return the SHA-256 of the source files that were read, each once."""
        return list(dict.fromkeys(digest for digests in self.sources.values() for digest in digests))
