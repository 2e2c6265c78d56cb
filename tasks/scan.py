"""What the files of a source are: listed, and scanned for their headers or names."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

from data_catalog.errors import BadData
from data_catalog.kinds import CONTENTS
from data_catalog.refs import Refusal
from tasks.formats.dicom.header import read_header
from tasks.sources.files import content_digest, walk
from tasks.sources.found import SCAN, Contents, FileFacts, Named
from tasks.sources.pattern import NamePattern
from tasks.stage import Listing, stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tasks.formats.identities import Identities
    from tasks.sources.files import SourceFile

UNREAD = "0" * 64
"""Stands for the SHA-256 of a file that could not be read."""
FILES_PER_LISTING = 500
"""Files scanned as one item: a change of one makes this many be read again."""


def list_files(root: Path, identities: Identities) -> tuple[list[Listing], list[Refusal]]:
    """Return the files below a folder, or in zip files, in listings of a subfolder or zip each."""
    found = walk(root)
    groups: dict[str, list[SourceFile]] = defaultdict(list)
    for file in found.files:
        groups[file.name.partition("/")[0] if "/" in file.name else ""].append(file)
    listings = [
        _listing(files[start : start + FILES_PER_LISTING], identities)
        for _, files in sorted(groups.items())
        for start in range(0, len(files), FILES_PER_LISTING)
    ]
    return listings, [_file_refusal(problem, ()) for problem in found.problems]


def _listing(files: list[SourceFile], identities: Identities) -> Listing:
    text = "\n".join(f"{file.name}\0{file.size}\0{file.modified_ns}" for file in files)
    return Listing(tuple(files), hashlib.sha256(identities.opaque(text).encode()).hexdigest())


def _file_refusal(problem: BadData, files: tuple[str, ...]) -> Refusal:
    name = f"file {files[0][:12]}" if files else "file"
    return Refusal(
        item=name,
        stage=SCAN,
        verdict=problem.verdict,
        expected=problem.expected,
        came=problem.came,
        remedy=problem.remedy,
        files=files,
    )


@stage(CONTENTS, keeps_parameters=False)
def scan_dicom(listing: Iterable[tuple[SourceFile, bytes | BadData]], *, identities: Identities) -> Contents:
    """Return the header of each file, identities replaced, or why it has none."""

    def facts() -> Iterator[FileFacts]:
        for _, content in listing:
            if isinstance(content, BadData):
                yield FileFacts(digest=UNREAD, refusal=_file_refusal(content, ()))
                continue
            digest = content_digest(content)
            try:
                yield FileFacts(digest=digest, dicom=read_header(content, identities))
            except BadData as problem:
                yield FileFacts(digest=digest, refusal=_file_refusal(problem, (digest,)))

    return Contents(files=tuple(facts()))


@stage(CONTENTS, keeps_parameters=False)
def scan_named(
    listing: Iterable[tuple[SourceFile, bytes | BadData]], *, images: str, masks: str | None, identities: Identities
) -> Contents:
    """Return what the name of each file tells, the patient replaced by the pseudonym."""
    roles: list[tuple[Literal["image", "mask"], NamePattern]] = [("image", NamePattern(images))]
    if masks is not None:
        roles.insert(0, ("mask", NamePattern(masks)))  # `{patient}.png` would take `7_tumour.png` for a patient

    def facts() -> Iterator[FileFacts]:
        for file, content in listing:
            if isinstance(content, BadData):
                yield FileFacts(digest=UNREAD, refusal=_file_refusal(content, ()))
                continue
            digest = content_digest(content)
            matches = ((role, pattern.match(file.name)) for role, pattern in roles)
            role, fields = next(((role, fields) for role, fields in matches if fields), (None, None))
            if role is None or fields is None:
                problem = BadData(
                    "name_not_named",
                    "The names of files follow a pattern of the plan",
                    "this one follows none",
                    "Correct the patterns `images` and `masks`, or leave the file out.",
                )
                yield FileFacts(digest=digest, refusal=_file_refusal(problem, (digest,)))
                continue
            known = {name: fields[name] for name in ("visit", "modality", "region", "reader") if name in fields}
            yield FileFacts(
                digest=digest,
                named=Named(
                    role=role,
                    patient=identities.pseudonym(fields["patient"]),
                    series=identities.opaque(file.name),
                    **known,
                ),
            )

    return Contents(files=tuple(facts()))
