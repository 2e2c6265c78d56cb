"""Plain text: reports as they are written, of which no word leaves the reader in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from data_catalog.errors import BadData
from tasks.methods.text.item import TextItem

if TYPE_CHECKING:
    from tasks.formats.content import Content

MAX_BYTES = 1 << 20
"""No report is longer: it would be a book."""


def read_report(content: Content, encoding: Literal["utf-8", "latin-1"] = "utf-8") -> list[TextItem]:
    """Return a report as one item of text; it is empty where the file is.

    Raises `BadData`: `file_too_large` above 1 MiB, `not_text` where bytes are no letters of the encoding.
    """
    if content.size > MAX_BYTES:
        raise BadData("file_too_large", f"A report has at most {MAX_BYTES} bytes", "this one has more", "Split it.")
    try:
        text = content.read().decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise BadData(
            "not_text",
            f"A report is text in {encoding}",
            "it holds other bytes",
            "Correct `encoding` of the source, or convert the file to text.",
        )
    return [TextItem(text)]
