"""What a report is made of before anything is looked for in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Status = Literal["present", "absent", "uncertain"]
FINDING = "text."
"""With what a finding's column in the study's table begins."""


@dataclass(frozen=True)
class TextItem:
    """Hold one stretch of a report; its representation shows nothing of the text.

    Parameters
    ----------
    text : str
        One or more sentences.
    status : str or None
        What a coded value says of all that the text names; None where the words alone decide.
    """

    text: str = field(repr=False)
    status: Status | None = None


@dataclass(frozen=True)
class Mention:
    """Hold one mention of a finding.

    Parameters
    ----------
    finding : str
        Name of the finding.
    status : str
        `present`, `absent` or `uncertain`.
    sentence : int
        Which sentence of the report names it, from 0.
    """

    finding: str
    status: Status
    sentence: int
