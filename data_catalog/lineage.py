"""What made each artefact: the record beside it, and the chain of records back to the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from data_catalog.refs import Digest, Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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
    peak_bytes: int | None = None
    """Highest memory of the process that made it, meanwhile; None where that was not measured."""
    bytes: int | None = None
    """Size of the artefact's data, which the store notes; None in older records."""

    def parents(self) -> list[Ref]:
        """Return the artefacts that this one was made from, each once, in the order of the inputs."""
        return list(dict.fromkeys(ref for refs in self.inputs.values() for ref in refs))

    def source_digests(self) -> list[str]:
        """Return the SHA-256 of the source files that were read, each once."""
        return list(dict.fromkeys(digest for digests in self.sources.values() for digest in digests))


def history(refs: Iterable[Ref], records_of: Callable[[list[Ref]], list[list[Record]]]) -> dict[Ref, list[Record]]:
    """Return the records of artefacts, and of all that they were made from.

    `records_of` gives the records of many artefacts; it is asked once for each generation of them.
    """
    found: dict[Ref, list[Record]] = {}
    asked = list(dict.fromkeys(refs))
    while asked:
        found |= zip(asked, records_of(asked), strict=True)
        parents = (parent for ref in asked for record in found[ref] for parent in record.parents())
        asked = [parent for parent in dict.fromkeys(parents) if parent not in found]
    return found


def sources_behind(
    ref: Ref, records: Callable[[Ref], list[Record]], known: dict[Ref, frozenset[str]]
) -> frozenset[str]:
    """Return the SHA-256 of every source file behind an artefact, through all artefacts between.

    Parameters
    ----------
    ref : Ref
        The artefact.
    records : callable
        Gives the records of an artefact.
    known : dict
        Answers found before; filled on the way, so that shared ancestors are followed once.
    """
    waiting = [ref]
    followed: set[Ref] = set()  # a stage that changes nothing makes an artefact from itself
    while waiting:
        last = waiting[-1]
        made = records(last) if last not in known else []
        followed.add(last)
        parents = {parent for record in made for parent in record.parents()}
        missing = [parent for parent in parents if parent not in known and parent not in followed]
        if missing:
            waiting += missing
            continue
        if last not in known:
            own = {digest for record in made for digest in record.source_digests()}
            known[last] = frozenset(own.union(*(known.get(parent, ()) for parent in parents)))
        waiting.pop()
    return known[ref]
