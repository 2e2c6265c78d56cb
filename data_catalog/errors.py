"""Errors that say what was expected, what came and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


class VoxmineError(Exception):
    """Say what was expected, what came and what to do about it.

    Parameters
    ----------
    expected : str
        What the code needs, as a sentence without a full stop.
    came : str
        What it was given instead. Never a patient's name, id or path.
    remedy : str
        What the reader can do about it.
    """

    def __init__(self, expected: str, came: str, remedy: str) -> None:
        super().__init__(expected, came, remedy)
        self.expected = expected
        self.came = came
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.expected}: {self.came}. {self.remedy}"


class BadData(VoxmineError):
    """Refuse one item: it goes to quarantine, the others go on.

    Parameters
    ----------
    verdict : str
        Short name of the reason, the same for every item refused for it (`missing_slice`).
    expected, came, remedy : str
        As for every `VoxmineError`.

    Attributes
    ----------
    picture : ndarray or None
        A small plane (y, x) of 8-bit greys that shows what was refused; only where no one can be known by it.
    """

    picture: NDArray[Any] | None = None

    def __init__(self, verdict: str, expected: str, came: str, remedy: str) -> None:
        super().__init__(expected, came, remedy)
        self.args = (verdict, expected, came, remedy)
        self.verdict = verdict

    def showing(self, picture: NDArray[Any] | None) -> BadData:
        """Return the same refusal with a picture, unless it has one."""
        if self.picture is None:
            self.picture = picture
        return self


class PlanError(VoxmineError):
    """Refuse a plan before any work starts."""


class StoreError(VoxmineError):
    """Refuse an artefact that the store does not hold whole."""


class RunInterrupted(VoxmineError):
    """Say that a run cannot go on for want of room, a drive, workers or a server; run again, it goes on from there."""


class MissingExtra(VoxmineError):
    """Name the optional part that is not installed, and the command that installs it."""
