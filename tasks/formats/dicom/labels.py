"""Which words of a DICOM header may leave it: names of regions and of machines, never those of people."""

from __future__ import annotations

import re
import unicodedata
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
_DAY, _MONTH = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:\d{4}|\d\d)"
_DATES = (rf"{_DAY}([./-]){_MONTH}\1{_YEAR}", rf"{_MONTH}([./-]){_DAY}\2{_YEAR}", rf"\d{{4}}([./-]){_MONTH}\3{_DAY}")
_DATE = re.compile(rf"(?<![\d.])(?:{'|'.join(_DATES)})(?!\d)")
_NUMBER = re.compile(r"\d{6}")
"""A date of birth without dots, a telephone, a record."""
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"})
_CODE = re.compile(r"[A-Z0-9_ ]{1,16}")


def identity_tokens(dataset: DataSet) -> frozenset[str]:
    """Return the words of the people a header names, in small letters."""
    words = (word for keyword in PEOPLE for word in re.split(r"[\W_]+", dataset.text(keyword).casefold()))
    return frozenset(spelt for word in words if len(word) >= MIN_TOKEN for spelt in _spelt(word))


def _spelt(word: str) -> set[str]:
    """Return a word in small letters, as it is and without marks: an umlaut as two letters, and as the bare one."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
    return {word, word.translate(_TWO_LETTERS), bare}


def is_anonymous(text: str, tokens: frozenset[str]) -> bool:
    """Say whether a text holds no word of the people named, no date, and no number long enough to be a person's."""
    if _DATE.search(text) or _NUMBER.search(text):
        return False
    return not any(token in spelt for spelt in _spelt(text.casefold()) for token in tokens)


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
