"""Text as a source: reports whose names say whose they are."""

from __future__ import annotations

from typing import Literal

from tasks.sources.named import FilesByName, Role
from tasks.sources.tables import Pattern


class TextSource(FilesByName):
    """Take reports in plain text; only what the plan's `findings` ask for is kept of them."""

    method: Literal["text"] = "text"
    reports: Pattern
    """Name of a report, with {patient} and, where there are several, {visit}."""
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    """How the files write letters."""

    @property
    def patterns(self) -> tuple[tuple[Role, str], ...]:
        """What a file can be, and the pattern of its name."""
        return (("text", self.reports),)
