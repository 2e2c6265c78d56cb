"""Invented people: names, identifiers, addresses and telephone numbers that occur nowhere else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datetime import date

_STARTS = (
    "Quill", "Thistle", "Bramble", "Marrow", "Hollis", "Gossamer", "Fennel", "Larkin", "Umber", "Wintle", "Pepper",
    "Crickle", "Dapple", "Saffron", "Tansy", "Kestrel",
)  # fmt: skip
_ENDS = (
    "feather", "wick", "thorpe", "bottom", "shanks", "worthy", "combe", "berrow", "garth", "staithe", "mantle", "quist",
)  # fmt: skip
FAMILY_NAMES = tuple(start + end for end in _ENDS for start in _STARTS)
GIVEN_NAMES = (
    "Ottoline", "Peregrine", "Theodosia", "Barnaby", "Araminta", "Evander", "Philomena", "Lysander", "Clementia",
    "Erasmus", "Hephzibah", "Cornelis", "Isolde-Mae", "Montague", "Rosamund", "Thaddeus", "Wilhelmina", "Zebedee",
    "Euphemia", "Ignatius", "Marigold", "Octavius", "Persephone",
)  # fmt: skip
_STREETS = ("Foxglove Rise", "Candlewick Lane", "Old Ropewalk", "Juniper Steps", "Merganser Quay", "Tinderbox Row")

READER_PHYSICIANS = ("Pennywhistle^Sophronia", "Hollowbrook^Septimus")
"""Operators of readers A and B."""
REFERRING_PHYSICIANS = ("Brackenridge^Ludovica", "Applegarth^Cuthbert", "Tattersfield^Drusilla")
INSTITUTION = "Cloudberry Invented Infirmary"
INSTITUTION_ADDRESS = "1 Nowhere Crescent, Nimbusford"
_PHYSICIANS = (*READER_PHYSICIANS, *REFERRING_PHYSICIANS)
STAFF = (
    *_PHYSICIANS,
    *(part for name in _PHYSICIANS for part in name.split("^")),
    INSTITUTION,
    INSTITUTION_ADDRESS,
)
"""What names the hospital and those who work there."""

REGISTERED_AGAIN = 51 * len(FAMILY_NAMES) - 1
"""Number of the person under whose name a patient is registered a second time: the last family name."""


@dataclass(frozen=True)
class Person:
    """Name one invented patient as the headers, folders and tables do."""

    family: str
    given: str
    patient_id: str
    birth_date: date
    address: str
    phone: str
    referring: str
    accessions: tuple[str, str]

    @property
    def dicom_name(self) -> str:
        """The name as DICOM writes it."""
        return f"{self.family}^{self.given}"

    @property
    def folder(self) -> str:
        """The name of the patient's folder of scans."""
        return f"{self.family}_{self.given}_{self.patient_id}".upper()

    def identities(self) -> tuple[str, ...]:
        """Return every text that names this person in a header, a folder or a table."""
        names = (self.dicom_name, self.family, self.given, self.folder, self.family.upper(), self.given.upper())
        return (
            *names,
            self.patient_id,
            f"{self.birth_date:%Y%m%d}",
            self.address,
            self.phone,
            *self.accessions,
        )


def person(seed: int, number: int, birth_date: date) -> Person:
    """Return the person with a number in the cohort of a seed; no two numbers below 192 share a family name."""
    families = np.random.default_rng([seed, 1]).permutation(len(FAMILY_NAMES))
    tag = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:4].upper()
    return Person(
        family=FAMILY_NAMES[families[number % len(families)]],
        given=GIVEN_NAMES[(seed + 7 * number) % len(GIVEN_NAMES)],
        patient_id=f"MRN-{tag}-{number:04d}",
        birth_date=birth_date,
        address=f"{number + 1} {_STREETS[number % len(_STREETS)]}, Nimbusford",
        phone=f"+0-555-{int(tag, 16) % 10_000:04d}-{number:04d}",
        referring=REFERRING_PHYSICIANS[number % len(REFERRING_PHYSICIANS)],
        accessions=(f"ACC-{tag}-{number:04d}-1", f"ACC-{tag}-{number:04d}-2"),
    )
