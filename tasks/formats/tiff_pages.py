"""How many pages a TIFF file has: its list of directories, followed to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Of TIFF and BigTIFF, in both byte orders."""
BIG = (b"II+\0", b"MM\0+")
MAX_PAGES = 100_000


def page_count(data: bytes) -> int:
    """Return how many directories follow each other in a file.

    Raises `BadData`: `corrupt_file` where the list leaves the file or returns to itself, `unreasonable_header`
    beyond 100,000 directories.
    """
    seen: set[int] = set()
    for place in _places(data):
        if place in seen:
            raise corrupt("its list of pages returns to itself")
        seen.add(place)
        if len(seen) > MAX_PAGES:
            raise BadData(
                "unreasonable_header",
                f"A TIFF file has at most {MAX_PAGES} pages",
                "it has more",
                "Check where the file comes from.",
            )
    if not seen:
        raise corrupt("it has no page")
    return len(seen)


def _places(data: bytes) -> Iterator[int]:
    """Yield where each directory begins, until none follows."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    counts, entry, pointer, first = (8, 20, 8, 8) if data[:4] in BIG else (2, 12, 4, 4)

    def number(at: int, length: int) -> int:
        if at + length > len(data):
            raise corrupt("its list of pages leaves the file")
        return int.from_bytes(data[at : at + length], order)

    place = number(first, pointer)
    while place:
        yield place
        place = number(place + counts + entry * number(place, counts), pointer)


def corrupt(came: str) -> BadData:
    """Return the refusal of a TIFF file that is cut or broken."""
    return BadData("corrupt_file", "A TIFF file can be read", came, "Copy the file again.")
