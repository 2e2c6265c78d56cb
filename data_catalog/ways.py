"""One way in which an artefact was made, told shortly: it may have thousands of inputs, of which a few are named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data_catalog.lineage import Record
    from data_catalog.refs import Ref


class Some(NamedTuple):
    """Some of many: the first few, and how many there are."""

    first: tuple[Ref, ...]
    many: int


@dataclass(frozen=True)
class Way:
    """One way in which an artefact was made."""

    key: str
    stage: str
    item: str
    started: str
    seconds: float
    version: str
    code: str
    python: str
    parameters: str
    """JSON, sorted."""
    parents: dict[str, Some]
    """What it was made from, by kind, in the order of the inputs."""
    sources: tuple[str, ...]
    """SHA-256 of the first source files."""
    source_count: int


class Ways(Protocol):
    """Whatever knows how artefacts were made: a store, or the catalogue of one."""

    def resolve(self, name: str) -> Ref:
        """Return the artefact that a name or the beginning of a digest stands for."""

    def ways(self, refs: Sequence[Ref], most: int | None) -> list[list[Way]]:
        """Return of each artefact how it was made, the oldest first, each with the first parents of each kind."""


def way_of(record: Record, most: int | None) -> Way:
    """Return a record told shortly."""
    by_kind: dict[str, list[Ref]] = {}
    for parent in record.parents():
        by_kind.setdefault(parent.kind, []).append(parent)
    digests: Sequence[str] = record.source_digests()
    return Way(
        key=record.key,
        stage=record.stage,
        item=record.item,
        started=record.started,
        seconds=record.seconds,
        version=record.code.version,
        code=record.code.digest,
        python=record.python,
        parameters=json.dumps(record.parameters, sort_keys=True),
        parents={kind: Some(tuple(refs[:most]), len(refs)) for kind, refs in by_kind.items()},
        sources=tuple(digests[:most]),
        source_count=len(digests),
    )


def ways_behind(ref: Ref, knower: Ways, most: int | None, followed: int | None) -> dict[Ref, list[Way]]:
    """Return how an artefact was made, and all that it was made from; asked for once for each generation.

    Parameters
    ----------
    ref : Ref
        The artefact.
    knower : Ways
        Who is asked.
    most : int or None
        So many parents of each kind are named, and followed; None for all.
    followed : int or None
        So many of the ways in which one artefact was made are followed; None for all.
    """
    found: dict[Ref, list[Way]] = {}
    asked = [ref]
    while asked:
        found |= zip(asked, knower.ways(asked, most), strict=True)
        told = (way for one in asked for way in found[one][:followed])
        parents = (parent for way in told for some in way.parents.values() for parent in some.first)
        asked = [parent for parent in dict.fromkeys(parents) if parent not in found]
    return found
