"""What the names of a source's files tell, and which of them hold the voxels of a header beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from data_catalog.kinds import CONTENTS
from tasks.formats.content import fingerprint_of
from tasks.sources.detached import ROLES, voxel_file
from tasks.sources.found import UNREAD, Contents, FileFacts, file_refusal
from tasks.sources.named import Named
from tasks.sources.pattern import NamePattern
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.formats.content import Content
    from tasks.formats.identities import Identities
    from tasks.sources.files import SourceFile
    from tasks.sources.named import Role

Match = tuple["Role", dict[str, str]]


@stage(CONTENTS, keeps_parameters=False)
def scan_names(
    listing: Iterable[tuple[SourceFile, Content | BadData]],
    *,
    patterns: tuple[tuple[Role, str], ...],
    identities: Identities,
) -> Contents:
    """Return what the name of each file tells, the patient replaced by the pseudonym.

    The first pattern that fits counts. A file that follows none is refused, unless a header names it as the file
    of its voxels.
    """
    compiled = [(role, NamePattern(pattern)) for role, pattern in patterns]
    files = list(listing)
    matches = [_match(file.name, compiled) for file, _ in files]
    voxels = [_voxels(file, content, match) for (file, content), match in zip(files, matches, strict=True)]
    beside = set(filter(None, voxels))

    def facts(file: SourceFile, content: Content | BadData, match: Match | None, voxels: str) -> FileFacts:
        if isinstance(content, BadData):
            return FileFacts(digest=UNREAD, refusal=file_refusal(content, ()))
        known = fingerprint_of(content)
        named = None if match is None else _named(file.name, match, voxels, identities)
        is_left_out = named is None and file.name not in beside
        return FileFacts(
            digest=known.digest,
            head=known.head,
            name=identities.opaque(file.name),
            named=named,
            refusal=file_refusal(_not_named(), (content.digest(),)) if is_left_out else None,
        )

    each = zip(files, matches, voxels, strict=True)
    return Contents(files=tuple(facts(file, content, match, target) for (file, content), match, target in each))


def _match(name: str, patterns: list[tuple[Role, NamePattern]]) -> Match | None:
    for role, pattern in patterns:
        fields = pattern.match(name)
        if fields is not None:
            return role, fields
    return None


def _voxels(file: SourceFile, content: Content | BadData, match: Match | None) -> str:
    """Return the name of the file that holds the voxels of this one, empty where they are in it or it is no image."""
    if match is None or match[0] not in ROLES or isinstance(content, BadData):
        return ""
    return voxel_file(file.name, content) or ""


def _named(name: str, match: Match, voxels: str, identities: Identities) -> Named:
    role, fields = match
    told = {field: fields[field] for field in ("visit", "modality", "region", "reader") if field in fields}
    return Named(
        role=role,
        patient=identities.pseudonym(fields["patient"]),
        series=identities.opaque(name),
        voxels=identities.opaque(voxels) if voxels else "",
        **told,
    )


def _not_named() -> BadData:
    return BadData(
        "name_not_named",
        "The names of files follow a pattern of the plan",
        "this one follows none",
        "Correct the patterns of the source, or leave the file out.",
    )
