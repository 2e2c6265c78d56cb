"""Why a file of a source is not read, and the limits; a place is named by digits in the place of its path."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE_BYTES = 4 << 30
"""One file or member, unpacked."""
MAX_ARCHIVE_BYTES = 64 << 30
"""All members of one archive, unpacked."""
MAX_SPOOL_BYTES = 16 << 30
"""One compressed tar file, unpacked."""
MAX_MEMBERS = 1_000_000
"""Files of one archive."""
MAX_RATIO = 200
"""An archive or a member may be unpacked to so many times its size ..."""
RATIO_FLOOR = 16 << 20
"""... when it is larger than this: an empty slice or mask compresses well and is no bomb."""


class SourceMoved(BadData):
    """Refuse an item because its files are no longer what was scanned: they may be again, so it is not kept."""


def place_key(container: Path | str, member: str | None = None) -> str:
    """Return 12 hexadecimal digits for a path; `voxmine` shows them in place of it."""
    place = str(container) if member is None else f"{container}!{member}"
    return hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()[:12]


def changed(key: str) -> SourceMoved:
    """Return the refusal of a file that was written to."""
    return SourceMoved(
        "source_changed",
        "A source stays as it was while the study runs",
        f"the file {key} has other content now",
        "Run the plan again.",
    )


def gone() -> SourceMoved:
    """Return the refusal of a file that is not there any more."""
    return SourceMoved(
        "source_gone", "The source files stay where they were", "one is gone", "Restore it, or run again."
    )


def too_large(key: str) -> BadData:
    """Return the refusal of a file above the limit."""
    return BadData("file_too_large", f"A file has at most {MAX_FILE_BYTES} bytes", f"{key} has more", "Split it.")


def bomb(verdict: str, what: str, key: str, came: str) -> BadData:
    """Return the refusal of an archive that would fill the disk or the memory."""
    return BadData(
        verdict, f"A {what} unpacks to a reasonable size", f"{key} holds {came}", "Unpack it first if you trust it."
    )


def unreadable(what: str, key: str) -> BadData:
    """Return the refusal of a file, a folder or an archive that cannot be read."""
    return BadData("corrupt_file", f"A {what} of the source can be read", f"{key} cannot", "Copy it again.")


def leaves(key: str) -> BadData:
    """Return the refusal of a link that leads out of the source's folder."""
    return BadData(
        "link_leaves_root",
        "Links stay below the source's folder",
        f"{key} leads out of it",
        "Copy the files into the folder.",
    )
