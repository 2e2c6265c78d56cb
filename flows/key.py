"""The study's secret, from which pseudonyms and date shifts are made."""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import TYPE_CHECKING

from tasks.formats.identities import Identities

if TYPE_CHECKING:
    from flows.plan import Plan

VARIABLE = "VOXMINE_KEY"
FILE = "study.key"


def identities(plan: Plan) -> Identities:
    """Return what replaces the identities of a study, made from `VOXMINE_KEY` or the key file of its workspace.

    The file is made, for the owner alone, when neither is there. Whoever has the key can find out which
    pseudonym is whose; without it nobody can, and the same key gives the same pseudonyms on every machine.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return Identities(hashlib.sha256(given.encode()).digest(), site=plan.site)
    path = plan.workspace / FILE
    if not path.exists():
        plan.workspace.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{FILE}.{os.getpid()}")
        aside.touch(mode=0o600)
        aside.write_text(secrets.token_hex(32), encoding="ascii")
        aside.replace(path)
    return Identities(bytes.fromhex(path.read_text(encoding="ascii").strip()), site=plan.site)
