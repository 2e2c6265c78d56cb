"""What the files of a source are: listed, and scanned for their DICOM headers."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from data_catalog.collector import paused
from data_catalog.errors import BadData
from data_catalog.kinds import CONTENTS
from tasks.formats.dicom.header import read_header, whose
from tasks.sources.files import walk
from tasks.sources.found import UNREAD, Contents, FileFacts, file_refusal
from tasks.sources.refusals import SourceMoved
from tasks.stage import Listing, stage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from data_catalog.refs import Refusal
    from tasks.formats.content import Content
    from tasks.formats.identities import Identities
    from tasks.sources.files import SourceFile

FILES_PER_LISTING = 500
"""Files scanned as one item: a change of one makes this many be read again."""


def list_files(
    root: Path, identities: Identities, only: Collection[str] | None = None
) -> tuple[list[Listing], list[Refusal], tuple[str, ...]]:
    """Return the files below a folder, or in archives, in listings of a subfolder or archive each.

    Beside them what could not be listed, and where each of that was (`Walk.lost`). `only` names what is looked at in
    the folder itself; None looks at everything.
    """
    with paused():
        found = walk(root, only)
    groups: dict[str, list[SourceFile]] = defaultdict(list)
    for file in found.files:
        groups[file.name.partition("/")[0] if "/" in file.name else ""].append(file)
    listings = [
        _listing(files[start : start + FILES_PER_LISTING], identities)
        for _, files in sorted(groups.items())
        for start in range(0, len(files), FILES_PER_LISTING)
    ]
    return listings, [file_refusal(problem, ()) for problem in found.problems], found.lost


def _listing(files: list[SourceFile], identities: Identities) -> Listing:
    text = "\n".join(f"{file.name}\0{file.size}\0{file.stamp}" for file in files)
    return Listing(tuple(files), hashlib.sha256(identities.opaque(text).encode()).hexdigest())


@stage(CONTENTS, keeps_parameters=False)
def scan_dicom(listing: Iterable[tuple[SourceFile, Content | BadData]], *, identities: Identities) -> Contents:
    """Return the header of each file, identities replaced, or why it has none."""

    def facts() -> Iterator[FileFacts]:
        for _, content in listing:
            if isinstance(content, BadData):
                yield FileFacts(digest=UNREAD, refusal=file_refusal(content, ()))
                continue
            try:
                header = read_header(content, identities)
                yield FileFacts(digest=header.fingerprint, head=header.head, dicom=header)
            except SourceMoved:
                raise
            except BadData as problem:
                of = whose(content, identities)
                refusal = file_refusal(problem, (content.digest(),), of.item if of else "")
                yield FileFacts(digest=UNREAD, whose=of, refusal=refusal)

    with paused():
        return Contents(files=tuple(facts()))
