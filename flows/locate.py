"""Which file of a plan's sources a digest stands for: found anew, and told to whoever asks, never written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import BadData, PlanError
from tasks.formats.content import fingerprint, fingerprint_of
from tasks.formats.dicom.parse import parse_header
from tasks.sources.files import walk
from tasks.sources.refusals import place_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tasks.sources.files import SourceFile

SHORTEST = 6
"""Fewer digits than this would be those of many files by accident."""


def locate(roots: Iterable[Path], digests: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield name and place of each file below some folders whose SHA-256, or the name of its place, begins as asked.

    Every file is read, as the store knows files by their content alone. The place of a member of an archive is the
    archive's path, `!` and its name. A file that cannot be read goes by the name of its place, as messages give it.

    Raises
    ------
    PlanError
        When a digest is too short, or is none.
    """
    for digest in digests:
        if len(digest) < SHORTEST or not set(digest) <= set("0123456789abcdef"):
            raise PlanError(
                f"A digest is written in at least {SHORTEST} digits, 0 to 9 and a to f",
                f"{digest!r} is not",
                "Copy it from the report's list of what was refused, or from `voxmine why`.",
            )
    for root in roots:
        walked = walk(root)
        for file in walked.files:
            found = next((name for name in _names(file) if name.startswith(tuple(digests))), None)
            if found is not None:
                yield found, _place(file)
        for place in walked.places:
            if place_key(place).startswith(tuple(digests)):
                yield place_key(place), place


def _names(file: SourceFile) -> Iterator[str]:
    """Yield all that a message may call a file: its place, its content, or what it was known by at the scan."""
    yield file.key
    try:
        content = file.content()
        yield content.digest()
        yield fingerprint_of(content).digest
        yield fingerprint(parse_header(content).head, content.size).digest
    except BadData:  # it cannot be read, or is no DICOM: that may be why somebody looks for it
        return


def _place(file: SourceFile) -> str:
    return str(file.container) if file.member is None else f"{file.container}!{file.member}"
