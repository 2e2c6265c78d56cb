"""Keyed names for patients, for other identifiers and for days: all that leaves a file in place of an identity."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError

if TYPE_CHECKING:
    from datetime import date

MIN_KEY_BYTES = 16
"""A shorter key could be guessed; 32 random bytes are right."""
KEYS = 16
"""Sub-keys that are kept at hand: three for each study."""
MAX_SHIFT_DAYS = 3650
"""Days are moved by up to ten years either way: far enough to hide a calendar date."""


@dataclass(frozen=True)
class Identities:
    """Replace identifiers by keyed names that are equal in every run and cannot be turned back.

    Each purpose has its own sub-key, so that names of different purposes cannot be compared.

    Parameters
    ----------
    key : bytes
        The study's secret, at least 16 bytes.
    site : str
        Where the patient ids were given; two sites may use one id for two patients.
    """

    key: bytes = field(repr=False)
    site: str = ""

    def __post_init__(self) -> None:
        if len(self.key) < MIN_KEY_BYTES:
            raise PlanError(
                f"The key of the study has at least {MIN_KEY_BYTES} bytes",
                f"it has {len(self.key)}",
                "Make one with `secrets.token_bytes(32)`.",
            )

    def pseudonym(self, patient_id: str) -> str:
        """Return `P-` and 12 hexadecimal digits; blanks around the id do not count."""
        return "P-" + self._mac("pseudonym", self._patient(patient_id)).hex()[:12]

    def opaque(self, identifier: str) -> str:
        """Return 16 hexadecimal digits for a UID, a station or a reader."""
        return self._mac("opaque", identifier.strip()).hex()[:16]

    def shifted_day(self, patient_id: str, day: date) -> int:
        """Return a day number moved by this patient's own whole number of days: intervals stay."""
        draw = int.from_bytes(self._mac("shift", self._patient(patient_id))[:8], "big")
        return day.toordinal() + draw % (2 * MAX_SHIFT_DAYS + 1) - MAX_SHIFT_DAYS

    def _patient(self, patient_id: str) -> str:
        return f"{self.site}\0{patient_id.strip()}"

    def _mac(self, purpose: str, text: str) -> bytes:
        mac = _keyed(self.key, purpose).copy()  # to begin with the key anew takes longer
        mac.update(text.encode(errors="surrogateescape"))
        return mac.digest()


@lru_cache(KEYS)
def _keyed(key: bytes, purpose: str) -> hmac.HMAC:
    """Return a code by the sub-key of a purpose that has taken in nothing yet."""
    return hmac.new(hmac.digest(key, f"voxmine {purpose}".encode(), "sha256"), digestmod="sha256")
