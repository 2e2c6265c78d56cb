"""Sound as a source: recordings whose names say whose they are."""

from __future__ import annotations

from typing import Literal

from tasks.sources.named import FilesByName, Role
from tasks.sources.tables import Pattern


class SoundSource(FilesByName):
    """Take recordings in WAV (of the heart, the lung, the voice)."""

    method: Literal["sound"] = "sound"
    recordings: Pattern
    """Name of a recording, with {patient} and, where there are several, {visit} and {modality}."""
    modality: str = "sound"
    """What the recordings are of, as the columns of their features begin, where the name does not say it."""

    @property
    def patterns(self) -> tuple[tuple[Role, str], ...]:
        """What a file can be, and the pattern of its name."""
        return (("sound", self.recordings),)
