"""Which words of a DICOM header may leave it: names of regions and of machines, never those of people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet

PEOPLE = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "OtherPatientNames",
    "OtherPatientIDs",
    "AccessionNumber",
    "OperatorsName",
    "ReviewerName",
    "ReferringPhysicianName",
    "PhysiciansOfRecord",
    "PerformingPhysicianName",
    "ContentCreatorName",
)
"""Elements whose words must not show up in a label."""
MIN_TOKEN = 3
"""Shorter parts of a name are found in too many words to mean the person."""
_LABEL = re.compile(r"[A-Za-z0-9 _-]{1,32}")
_REGION = re.compile(r"[\w .,+()/-]{1,64}")
_CODE = re.compile(r"[A-Z0-9_ ]{1,16}")


def identity_tokens(dataset: DataSet) -> frozenset[str]:
    """Return the words of the people a header names, in small letters."""
    words = (word for keyword in PEOPLE for word in re.split(r"[\W_]+", dataset.text(keyword).casefold()))
    return frozenset(word for word in words if len(word) >= MIN_TOKEN)


def is_anonymous(text: str, tokens: frozenset[str]) -> bool:
    """Say whether a text holds no word of the people named."""
    return not any(token in text.casefold() for token in tokens)


def safe_label(text: str, tokens: frozenset[str]) -> str | None:
    """Return a short plain label, or None where it could hold an identity."""
    return text if _LABEL.fullmatch(text) and is_anonymous(text, tokens) else None


def region_name(number: int, name: str, tokens: frozenset[str]) -> str:
    """Return the name of a region, or `ROI` and its number where the name could hold an identity."""
    return name if _REGION.fullmatch(name) and is_anonymous(name, tokens) else f"ROI {number}"


def machine_name(text: str) -> str:
    """Return letters, digits and single blanks of a manufacturer's name, at most 64."""
    return re.sub(r"[^A-Za-z0-9]+", " ", text).strip()[:64]


def code(text: str) -> str:
    """Return a DICOM code string, or '' where it is none."""
    return text if _CODE.fullmatch(text) else ""
